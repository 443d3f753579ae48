"""Intake on both databases: the same history gives the same rows whatever the order, the batches and the duplicates."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers._decode import decode
from private_servers import PrivatePostgres
from service.events import Decoded, Event
from service.facts import LoanFact
from service.ledger import Ledger, LedgerAway, reading
from service.ledger.statement import INSTANT, Statement
from service.vault import generated_keys, parse_keys
from tests.lender import Lender, at
from tests.virtual import Virtual, opened, said

NOW = at("2026-06-21 12:00")
#: How often two workers meet on one loan; the acceptance run does it a thousand times.
MEETINGS = 200

_VAULT = parse_keys(generated_keys())
_LOANS = Statement(
    """
    SELECT loan_id, product, currency, timezone, borrower_id, method, account_last4, set_by, closings, pauses, visits, plans,
        cured_by, unscheduled_since IS NULL AS is_scheduled, replan
    FROM loans ORDER BY loan_id
    """
)
_PARTIES = Statement(
    """
    SELECT party_id, name, phone, email, phone_key, locale, timezone, jurisdiction, zone, set_by
    FROM parties ORDER BY party_id
    """
)
_DEADLINES = Statement(
    """
    SELECT loan_id, kind, ref, due_on, due_at, anchor, amount, currency, paid, state, reason, set_by, closed_by, stated,
        plan_from, request_id, payer_id, for_ref
    FROM deadlines ORDER BY loan_id, kind, ref
    """
)
_PAYMENTS = Statement(
    "SELECT loan_id, payment_id, amount, ref, covers, covered, set_by, reversed_by FROM payments ORDER BY loan_id, payment_id"
)
_NOTICES = Statement(
    "SELECT key, key_month, state, reason, party_id, needs, moment, expires_at, payment_id, kind, ref FROM notices ORDER BY key",
    returns={"moment": INSTANT, "expires_at": INSTANT},
)
_CONSENTS = Statement("SELECT party_id, purpose, granted, evidence, set_by FROM consents ORDER BY party_id, purpose")
_QUESTIONS = Statement("SELECT loan_id, operation_id, expires_at, set_by, answer FROM questions ORDER BY loan_id, operation_id")
_INBOX = Statement("SELECT hash, state FROM inbox ORDER BY hash")
_LETTERS = Statement("SELECT field, reason, state, times FROM dead_letters ORDER BY id")
_ALERTS = Statement("SELECT data FROM outbox WHERE type = 'alert.raised' ORDER BY id")
_FORGET = (
    "notices",
    "outbox",
    "attempts",
    "deadlines",
    "payments",
    "loans",
    "parties",
    "consents",
    "questions",
    "inbox",
    "dead_letters",
    "contacts",
    "sweeps",
)


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine over an empty database of either kind."""
    async with opened(NOW, url=any_database_url, vault=_VAULT) as virtual:
        yield virtual


def story() -> list[bytes]:
    """A loan's history with everything in it that has to do with another event."""
    lender = Lender(phone=None)
    return [
        lender.submitted(at("2026-06-01 09:00"), borrower=lender.borrower),
        lender.event("loan.application.approved", at("2026-06-01 10:00"), application_id="A-1", amount="1.00",
            sign_by="2026-06-08"),
        lender.disbursed(at("2026-06-02 10:00"), (1, "2026-06-20", "100.00"), (2, "2026-07-20", "100.00"), method="auto_debit"),
        lender.party(at("2026-06-03 10:00"), phone="+8613800138000", timezone="Asia/Shanghai"),
        lender.paid(at("2026-06-18 10:00"), "130.00", "PAY-1"),
        lender.replaced(at("2026-06-19 10:00"), (2, "2026-07-25", "60.00"), (3, "2026-08-25", "60.00")),
        lender.debit_failed(at("2026-06-20 08:00"), 2),
        lender.took_back(at("2026-06-20 09:00"), "PAY-1"),
        lender.paid(at("2026-06-20 10:00"), "60.00", "PAY-2", instalment_no=3),
        lender.overdue(at("2026-06-20 11:00"), 2, "61.00"),
        lender.paused(at("2026-06-20 11:10"), "deceased"),
        lender.promised(at("2026-06-20 09:30"), "60.00", "2026-07-01"),
        lender.resumed(at("2026-06-20 11:20")),
        lender.scheduled(at("2026-06-20 11:30"), at("2026-07-01 10:00")),
        lender.visit("rescheduled", at("2026-06-20 11:40"), at=at("2026-07-02 10:00").isoformat()),
        lender.visit("approved", at("2026-06-20 11:20")),
        lender.about_party(
            "party.consent_changed", at("2026-06-05 10:00"), purpose="marketing", granted=True, evidence_id="C-1"
        ),
        lender.about_party(
            "party.consent_changed", at("2026-06-06 10:00"), purpose="marketing", granted=False, evidence_id="C-2"
        ),
        lender.operation(at("2026-06-20 10:00"), at("2026-06-22 10:00")),
        lender.operation(at("2026-06-20 11:00"), at("2026-06-23 10:00")),
        lender.party(at("2026-06-20 12:00"), locale="en", phone="+8613900139000"),
    ]  # fmt: skip


async def _rows(world: Virtual) -> dict[str, Any]:
    """Everything that must not depend on the order; contact data in clear, stubs and times of arrival left out."""
    parties = [
        [*row[:1], *(_VAULT.text(cell) if cell else None for cell in row[1:4]), *row[4:]]
        for row in map(tuple, await world.rows(_PARTIES))
    ]
    found = {"parties": parties}
    for name, statement in (
        ("loans", _LOANS),
        ("deadlines", _DEADLINES),
        ("payments", _PAYMENTS),
        ("notices", _NOTICES),
        ("consents", _CONSENTS),
        ("questions", _QUESTIONS),
    ):
        found[name] = [list(row) for row in await world.rows(statement)]
    return found


async def _forget(world: Virtual) -> None:
    """Empties the tables."""
    for table in _FORGET:
        await world.run(Statement(f"DELETE FROM {table}"))  # noqa: S608 - our own names


async def _arrive(world: Virtual, bodies: Sequence[bytes], cuts: Sequence[int]) -> None:
    """Absorbs bodies in batches that end at these places; each at its own moment, notices looked at in between."""
    edges = sorted({0, len(bodies), *(cut for cut in cuts if cut < len(bodies))})
    for start, end in pairwise(edges):
        world.wait(1)
        await world.absorb(*bodies[start:end])


def negotiated() -> list[bytes]:
    """A loan whose plan is agreed, agreed anew and broken, and for which somebody else is to repay, and another one."""
    lender, start = Lender(), at("2026-06-19 12:00")

    def hour(n: float) -> datetime:
        return start + timedelta(hours=n)

    plan = ((1, "2026-07-10", "60.00"), (2, "2026-08-10", "60.00"))
    return [
        lender.disbursed(hour(1), (1, "2026-06-20", "100.00"), (2, "2026-07-20", "100.00"), method="auto_debit"),
        lender.authorised(hour(2), "100.00", at("2026-06-25 18:00"), instalment_no=1),
        lender.failed(hour(3)),
        lender.debit_failed(hour(4), 1),
        lender.approved_plan(hour(5), "2026-06-30"),
        lender.agreed(hour(6), *plan),
        lender.debit_failed(hour(7), 1),
        lender.overdue(hour(8), 1, "61.00"),
        lender.authorised(hour(9), "60.00", at("2026-06-25 18:00"), instalment_no=1, delegation_id="D-2"),
        lender.authorised(
            hour(10), "60.00", at("2026-06-26 18:00"), instalment_no=1, delegation_id="D-2", payer={"party_id": "X-2"}
        ),
        lender.paid(hour(11), "60.00", "PAY-1", instalment_no=1, payer_id="X-2"),
        lender.completed(hour(11.1), "60.00", "D-2"),
        lender.agreed(hour(12), *plan[:1], request_id="N-2"),
        lender.paid(hour(13), "20.00", "PAY-2"),
        lender.took_back(hour(14), "PAY-1"),
        lender.broke(hour(15)),
        lender.broke(hour(16), "N-2"),
        lender.debit_failed(hour(17), 2),
        lender.replaced(hour(18), (2, "2026-08-20", "140.00")),
        lender.revoked(hour(19)),
        lender.account(hour(20), verified=False),
    ]  # fmt: skip


STORIES = pytest.mark.parametrize("bodies", [story(), negotiated()], ids=["repaid", "negotiated"])


async def _same_rows(world: Virtual, data: st.DataObject, bodies: list[bytes]) -> None:
    await _forget(world)
    await _arrive(world, bodies, range(len(bodies)))
    expected = await _rows(world)
    twice = data.draw(st.lists(st.sampled_from(bodies), max_size=3))
    arrivals = data.draw(st.permutations([*bodies, *twice]))
    cuts = data.draw(st.lists(st.integers(1, len(arrivals)), max_size=len(arrivals)))
    await _forget(world)
    await _arrive(world, arrivals, cuts)
    assert await _rows(world) == expected


@STORIES
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_order_gives_the_same_rows(data: st.DataObject, bodies: list[bytes]) -> None:
    """Every permutation, batching and duplication of a history gives the same parties, loans, notices and what hangs on them."""
    async with opened(NOW, vault=_VAULT) as world:
        await _same_rows(world, data, bodies)


@STORIES
async def test_reversed_order_gives_the_same_rows(world: Virtual, bodies: list[bytes]) -> None:
    """The last event first, one by one, on both databases."""
    await _arrive(world, bodies, range(len(bodies)))
    expected = await _rows(world)
    for arrivals, cuts in ((bodies[::-1], range(99)), (bodies[::-1], []), (bodies[5:] + bodies[:5] + bodies[3:6], [2, 5, 9])):
        await _forget(world)
        await _arrive(world, arrivals, cuts)
        assert await _rows(world) == expected


async def test_an_event_is_absorbed_once(world: Virtual) -> None:
    """Twice in one batch and once more later: one acceptance, one notice, and no alert."""
    body = Lender().disbursed(NOW, (1, "2026-06-20", "100.00"))
    assert await world.absorb(body, body) == ["accepted", "duplicate"]
    spaced = json.dumps(json.loads(body), indent=2, sort_keys=True).encode()
    assert await world.absorb(spaced) == ["duplicate"]
    assert len(await world.notices()) == 1
    assert await world.rows(_ALERTS) == []


async def test_the_same_id_with_another_payload_is_told(world: Virtual) -> None:
    """The first payload stands; the other raises duplicate_mismatch, in a later batch and in the same one."""
    lender = Lender()
    first, other = (lender.paid(NOW, amount, id_="one-id") for amount in ("100.00", "200.00"))
    await world.absorb(first)
    assert await world.absorb(other) == ["duplicate"]
    assert len(await world.rows(_ALERTS)) == 1
    await world.absorb(*(lender.paid(NOW, amount, "PAY-9", id_="two") for amount in ("1.00", "2.00")))
    alerts = await world.rows(_ALERTS)
    assert [json.loads(row.data)["alert"] for row in alerts] == ["duplicate_mismatch"] * 2
    assert [row.amount for row in await world.rows(_PAYMENTS)] == [10_000, 100]


async def test_a_type_learnt_later_is_absorbed_then(world: Virtual) -> None:
    """An unknown type is kept and counted; the same event, once its type is known, is new."""
    body = Lender().submitted(NOW)
    unknown = body.replace(b"loan.application.submitted", b"loan.something.new")
    assert await world.absorb(unknown) == ["ignored"]
    assert await world.absorb(unknown) == ["ignored"]
    assert await world.notices() == []
    assert await world.absorb(body) == ["accepted"]
    assert [row.state for row in await world.rows(_INBOX)] == ["absorbed"]
    assert len(await world.notices()) == 1


async def test_what_breaks_the_contract_is_buried_and_the_rest_absorbed(world: Virtual) -> None:
    """A body that is not JSON, one without an amount, one twice: dead letters, counted; the good one goes through."""
    lender = Lender()
    broken = lender.event("loan.repayment.received", NOW, payment_id="P", paid_at=NOW.isoformat(), method="manual")
    assert await world.absorb(b"{", broken, lender.submitted(NOW), broken) == ["dead", "dead", "accepted", "dead"]
    letters = await world.rows(_LETTERS)
    assert sorted((row.field, row.times) for row in letters) == [("body", 1), ("data.amount", 1)]
    await world.absorb(broken)
    assert {row.times for row in await world.rows(_LETTERS)} == {1, 2}


def _refusable(body: bytes) -> Decoded:
    """An event with a text that PostgreSQL cannot hold; no decoded event has one, so the fact is changed by hand."""
    event = decode(body)
    assert isinstance(event, Event)
    facts = (*event.facts, LoanFact(event.version, event.loan_id or "", product="a\0b"))
    return Event(**{name: getattr(event, name) for name in Event.__slots__} | {"facts": facts})


def test_no_control_character_gets_past_decoding() -> None:
    """NUL in any text of an event breaks the contract."""
    body = Lender("L-1").submitted(NOW, product="x").replace(b'"x"', rb'"a\u0000b"')
    assert not isinstance(decode(body), Event)


@pytest.mark.integration
async def test_a_batch_with_one_refused_event_is_halved_until_it_is_alone(postgres_url: str) -> None:
    """What the database refuses becomes a dead letter; every other event of the batch is absorbed once."""
    async with opened(NOW, url=postgres_url, vault=_VAULT, empty=True) as world:
        bodies = [Lender(f"L-{i}").submitted(NOW) for i in range(11)]
        batch = [_refusable(body) if i == 4 else decode(body) for i, body in enumerate(bodies)]
        verdicts = await world.engine.intake.absorb(batch, origin="test")
        assert verdicts == ["dead" if i == 4 else "accepted" for i in range(11)]
        (letter,) = await world.rows(_LETTERS)
        assert (letter.field, letter.state) == ("data", "open")
        assert letter.reason.startswith("the database refuses a value")
        assert len(await world.notices()) == 10
        assert sorted(row.state for row in await world.rows(_INBOX)) == ["absorbed"] * 10 + ["dead"]
        assert await world.absorb(bodies[4]) == ["accepted"]


async def test_a_payment_ends_what_waits_in_its_own_transaction(world: Virtual) -> None:
    """When absorb returns, the reminders of the paid instalment are cancelled and told so in the outbox."""
    lender = Lender()
    await world.absorb(lender.disbursed(at("2026-06-15 10:00"), (1, "2026-06-22", "100.00"), (2, "2026-07-22", "100.00")))
    await world.plan()
    assert {said(row) for row in await world.notices() if row.key.startswith("stage")} == {"planned"}
    await world.absorb(lender.paid(NOW, "100.00"))
    stages = [row for row in await world.notices() if row.key.startswith("stage")]
    assert {said(row) for row in stages} == {"cancelled paid"}
    steps = await world.rows(reading.STEPS, loan="L-1")
    assert {(row.key, row.state) for row in steps if row.state == "cancelled"} == {(row.key, "cancelled") for row in stages}


async def test_backfill_gives_facts_and_no_notices(world: Virtual) -> None:
    """A running loan comes aboard silently: no event notice, and of its stages only those whose moment lies ahead."""
    lender = Lender()
    body = json.loads(lender.disbursed(at("2026-05-01 10:00"), (1, "2026-06-20", "100.00"), (2, "2026-06-22", "100.00")))
    await world.absorb(json.dumps(body | {"duebellmode": "backfill"}).encode())
    await world.plan()
    assert {row.key.split(":")[5] for row in await world.notices()} == {"due_today"}
    assert {row.moment >= NOW for row in await world.notices()} == {True}


async def test_two_workers_with_two_payments_of_one_loan(world: Virtual) -> None:
    """Both halves of an instalment arrive at two workers at once: it is closed and nothing is lost, every time."""
    lender = [Lender(f"L-{i:04}") for i in range(MEETINGS)]
    await world.absorb(*(each.disbursed(at("2026-06-15 10:00"), (1, "2026-06-22", "100.00")) for each in lender))
    async with opened(NOW, url=str(world.engine.settings.database_url), vault=_VAULT) as other:
        for each in lender:
            halves = each.paid(NOW, "60.00", "PAY-1"), each.paid(NOW, "40.00", "PAY-2")
            await asyncio.gather(world.absorb(halves[0]), other.absorb(halves[1]))
    deadlines = await world.rows(_DEADLINES)
    assert {(row.state, row.reason, row.paid) for row in deadlines} == {("closed", "paid", 10_000)}
    assert len(deadlines) == MEETINGS


async def test_workers_whose_batches_share_loans_do_not_lock_each_other_out(world: Virtual) -> None:
    """Batches that hold the same loans in another order are all absorbed, once."""
    lenders = [Lender(f"L-{i}") for i in range(12)]
    bodies = [each.disbursed(NOW, (1, "2026-06-22", "100.00")) for each in lenders]
    bodies += [each.paid(NOW, "10.00", f"PAY-{n}") for n in range(3) for each in lenders]
    async with opened(NOW, url=str(world.engine.settings.database_url), vault=_VAULT) as other:
        told = await asyncio.gather(
            world.absorb(*bodies), other.absorb(*bodies[::-1]), world.absorb(*bodies[::-1]), other.absorb(*bodies)
        )
    assert sum(verdicts.count("accepted") for verdicts in told) == len(bodies)
    assert {row.paid for row in await world.rows(_DEADLINES)} == {3_000}


@pytest.mark.integration
async def test_a_database_that_is_killed_comes_back() -> None:
    """While it is away nothing is absorbed and LedgerAway says so; the same batch succeeds when it is back, once."""
    with PrivatePostgres() as server:
        async with opened(NOW, url=server.create_database("killed"), vault=_VAULT, empty=True) as world:
            lender = Lender()
            await world.absorb(lender.submitted(NOW))
            later = [lender.submitted(NOW), lender.paid(NOW, "1.00")]
            server.kill()
            for _ in range(3):
                with pytest.raises(LedgerAway):
                    await world.absorb(*later)
            server.start()
            for _ in range(20):
                try:
                    told = await world.absorb(*later)
                    break
                except LedgerAway:
                    await asyncio.sleep(0.1)
            assert told == ["accepted", "accepted"]
            assert len(await world.notices()) == 3


async def test_a_closed_ledger_can_be_closed_again(any_database_url: str) -> None:
    """Closing is not an error, however often."""
    ledger = Ledger(any_database_url)
    await ledger.close()
    await ledger.close()


async def test_an_amount_beyond_the_column_is_buried_alone(world: Virtual) -> None:
    """An amount that no 64-bit column can hold is refused with its field; the rest is absorbed."""
    lender = Lender()
    huge = lender.paid(NOW, "999999999999999.9999", "PAY-1", currency="CLF")
    most = lender.paid(NOW, "900000000000000.0000", "PAY-2", currency="CLF")
    assert await world.absorb(lender.submitted(NOW), huge, most) == ["accepted", "dead", "accepted"]
    assert [row.amount for row in await world.rows(_PAYMENTS)] == [9_000_000_000_000_000_000]
    (letter,) = await world.rows(_LETTERS)
    assert (letter.field, letter.reason) == ("data.amount", "an amount in CLF is at most 922337203685477.5807; this is more")
