"""Delegations on both databases: a payer of their own, asked and told until it is paid, revoked or over, and never of the debt."""

import json
from collections.abc import AsyncIterator

import pytest

from service.ledger.statement import Statement
from tests.lender import Lender, at
from tests.virtual import Virtual, opened, said

NOW = at("2026-06-17 12:00")
PAY_BY = at("2026-06-19 18:00")
PAYER = "+8613900139000"
_ALERTS = Statement("SELECT data FROM outbox WHERE type = 'alert.raised' ORDER BY id")
_STATUS = Statement("SELECT key, role, party_id FROM notices WHERE role = 'payer' ORDER BY key")


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """A loan with one instalment due in three days."""
    async with opened(NOW, url=any_database_url) as virtual:
        await virtual.absorb(Lender(timezone="Asia/Shanghai").disbursed(at("2026-06-01 10:00"), (1, "2026-06-20", "100.00")))
        await virtual.run_until(NOW)
        virtual.sender.messages.clear()
        yield virtual


@pytest.fixture
def lender() -> Lender:
    """Goes on with the loan's story."""
    other = Lender()
    other.disbursed(NOW, (1, "2026-06-20", "100.00"))  # its id is taken
    return other


def told(world: Virtual, number: str) -> list[str]:
    """The templates of what a number was sent, in order."""
    return [message.template for message in world.sender.messages if message.to == number]


def delegation(world: Virtual) -> list[str]:
    """What the borrower was told of the delegation."""
    return [name for name in told(world, "+8613800138000") if name.startswith("delegation")]


async def test_an_unpaid_window_is_told_to_both_until_it_is_over(world: Virtual, lender: Lender) -> None:
    """Request, 24 and 2 hours before the end, the end; the payer is told who asks, and nothing of the debt."""
    await world.absorb(lender.authorised(NOW, "100.00", PAY_BY))
    await world.run_until(at("2026-06-22 12:00"))
    closing = ["delegation_closing", "delegation_closing", "delegation_expired"]
    assert told(world, PAYER) == ["delegation_request", *closing]
    assert delegation(world) == ["delegation_authorised", *closing]
    request, *rest = [message.body for message in world.sender.messages if message.to == PAYER]
    assert "王**请您" in request
    assert "编号末四位0042" in request
    for body in (request, *rest):
        assert "王小雨" not in body
        assert "6月20日" not in body
        assert "逾期" not in body


async def test_the_payer_has_a_zone_a_language_and_hours_of_their_own(world: Virtual, lender: Lender) -> None:
    """A payer in New York is asked in English, in their morning, with the end on their clock."""
    payer = {"phone": "+12125550123", "locale": "en-US", "timezone": "America/New_York", "jurisdiction": "us"}
    await world.absorb(lender.authorised(NOW, "100.00", PAY_BY, payer=payer))
    await world.deliver()
    assert told(world, "+12125550123") == []
    await world.run_until(at("2026-06-17 20:30"))
    (message,) = [m for m in world.sender.messages if m.to == "+12125550123"]
    assert message.at == at("2026-06-17 08:00", "America/New_York")
    assert "by 19 Jun 2026 06:00" in message.body


@pytest.mark.parametrize(
    ("amount", "expected"), [("100.00", "cancelled paid"), ("99.99", "planned")], ids=["enough", "too little"]
)
async def test_the_payers_own_payment_closes_it(world: Virtual, lender: Lender, amount: str, expected: str) -> None:
    """In the transaction that records it."""
    await world.absorb(lender.authorised(NOW, "100.00", PAY_BY))
    world.go(at("2026-06-18 12:00"))
    await world.plan()
    await world.absorb(lender.paid(world.clock.at, amount, payer_id="X-1", method="delegated"))
    stages = [row for row in await world.notices() if row.key.startswith("stage:L-1:delegation")]
    assert {said(row) for row in stages} == {expected}
    assert len(stages) == 2


async def test_the_borrowers_payment_closes_it_through_the_instalment(world: Virtual, lender: Lender) -> None:
    """And its reversal opens it again: what had not gone goes."""
    await world.absorb(lender.authorised(NOW, "100.00", PAY_BY, instalment_no=1))
    world.go(at("2026-06-18 12:00"))
    await world.plan()
    await world.absorb(lender.paid(world.clock.at, "100.00", instalment_no=1))
    stages = [row.key for row in await world.notices() if row.key.startswith("stage:L-1:delegation")]
    assert {state for key, state in (await world.states()).items() if key in stages} == {"cancelled paid"}
    world.wait(60)
    await world.absorb(lender.took_back(world.clock.at))
    assert {state for key, state in (await world.states()).items() if key in stages} == {"planned"}


async def test_after_a_revocation_the_payer_hears_of_it_and_of_nothing_else(world: Virtual, lender: Lender) -> None:
    """A request that waits for the morning ends, and so do the closing texts and a failure that was not told yet."""
    night = at("2026-06-17 23:30")
    world.go(night)
    await world.absorb(lender.authorised(night, "100.00", PAY_BY))
    await world.plan()
    await world.deliver()
    world.wait(3600)
    await world.absorb(lender.failed(night))
    await world.deliver()
    await world.absorb(lender.revoked(world.clock.at))
    await world.run_until(at("2026-06-22 12:00"))
    assert told(world, PAYER) == ["delegation_revoked"]
    assert delegation(world)[-1] == "delegation_revoked"
    assert await world.state("delegation_request") == "cancelled revoked"


async def test_who_paid_is_thanked_and_the_borrower_is_told(world: Virtual, lender: Lender) -> None:
    """The event names no payer: the delegation does."""
    await world.absorb(lender.authorised(NOW, "100.00", PAY_BY))
    await world.deliver()
    world.wait(3600)
    await world.absorb(
        lender.paid(world.clock.at, "100.00", payer_id="X-1", method="delegated"), lender.completed(world.clock.at, "100.00")
    )
    await world.run_until(at("2026-06-22 12:00"))
    assert told(world, PAYER) == ["delegation_request", "delegation_completed"]
    assert delegation(world) == ["delegation_authorised", "delegation_completed"]


async def test_a_completion_waits_for_its_delegation(world: Virtual, lender: Lender) -> None:
    """Nothing goes to anybody, least of all to the borrower in the payer's place; when it is known, both are told."""
    await world.absorb(lender.completed(at("2026-06-17 11:50"), "100.00"))
    await world.deliver()
    waiting = [row for row in await world.notices() if row.template == "delegation_completed"]
    assert {said(row) for row in waiting} == {"held awaiting_facts"}
    await world.absorb(lender.authorised(at("2026-06-17 11:00"), "100.00", PAY_BY))
    await world.deliver()
    assert told(world, PAYER) == ["delegation_completed"]
    assert delegation(world) == ["delegation_authorised", "delegation_completed"]
    assert {row.party_id for row in await world.rows(_STATUS)} == {"X-1"}


async def test_a_payer_without_a_number_is_asked_when_it_is_known(world: Virtual, lender: Lender) -> None:
    """Held as no_contact meanwhile, and never sent to the borrower."""
    silent = json.loads(lender.authorised(NOW, "100.00", PAY_BY))
    del silent["data"]["payer"]["phone"]
    await world.absorb(json.dumps(silent).encode())
    await world.deliver()
    assert await world.state("delegation_request") == "held no_contact"
    payer = Lender(loan_id="other", party_id="X-1").party(NOW, phone=PAYER)
    await world.absorb(payer)
    await world.deliver()
    assert told(world, PAYER) == ["delegation_request"]


async def test_a_payer_who_opted_out_is_not_asked(world: Virtual, lender: Lender) -> None:
    """Their number, their wish; the borrower hears what the borrower hears."""
    await world.operations.suppress(PAYER, "*", who="test", evidence="asked", now=NOW)
    await world.absorb(lender.authorised(NOW, "100.00", PAY_BY))
    await world.run_until(at("2026-06-22 12:00"))
    assert told(world, PAYER) == []
    assert await world.state("delegation_request") == "suppressed opted_out"
    assert delegation(world)[0] == "delegation_authorised"


async def test_another_payer_takes_the_place_of_the_first(world: Virtual, lender: Lender) -> None:
    """A newer authorisation of the same delegation: what had not gone to the first payer goes to the second, once."""
    night = at("2026-06-17 23:30")
    world.go(night)
    await world.absorb(lender.authorised(night, "100.00", PAY_BY))
    await world.plan()
    world.wait(60)
    await world.absorb(
        lender.authorised(world.clock.at, "100.00", PAY_BY, payer={"party_id": "X-2", "phone": "+8613700137000"})
    )
    await world.run_until(at("2026-06-22 12:00"))
    assert told(world, PAYER) == []
    assert told(world, "+8613700137000") == ["delegation_request", *["delegation_closing"] * 2, "delegation_expired"]


async def test_references_that_nobody_explains_are_told_once(world: Virtual, lender: Lender) -> None:
    """A payment for an instalment, a reversal of a payment, a completion of a delegation; a closed signing is none."""
    await world.absorb(
        lender.paid(NOW, "5.00", "PAY-7", instalment_no=77), lender.took_back(NOW, "PAY-8"), lender.completed(NOW, "1.00", "D-9"),
        lender.event("loan.application.rejected", NOW, application_id="A-9"),
        lender.event("loan.negotiation.rejected", NOW, request_id="N-9", reason_public="资料不完整"),
    )  # fmt: skip
    world.wait(24 * 3600)
    for _ in range(2):
        await world.sweep()
    world.wait(48 * 3600)
    await world.sweep()
    alerts = [json.loads(row.data) for row in await world.rows(_ALERTS)]
    assert sorted((alert["alert"], alert["kind"], alert["ref"]) for alert in alerts) == [
        ("unmatched_reference", "delegation", "D-9"),
        ("unmatched_reference", "instalment", "77"),
        ("unmatched_reference", "payment", "PAY-8"),
    ]
