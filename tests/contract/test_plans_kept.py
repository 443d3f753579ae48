"""Negotiated plans on both databases: what they end, what they open, whom they tell, and what follows when one is broken."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.ledger.statement import Statement
from tests.lender import Lender, at
from tests.virtual import Virtual, opened, said

NOW = at("2026-10-08 12:00")
DUE = ((1, "2026-09-10", "100.00"), (2, "2026-10-10", "100.00"), (3, "2026-11-10", "100.00"))
PLAN = ((1, "2026-11-10", "60.00"), (2, "2026-12-10", "60.00"))
_ALERTS = Statement("SELECT data FROM outbox WHERE type = 'alert.raised' ORDER BY id")
_DEADLINES = Statement("SELECT kind, ref, state, reason, paid, stated, request_id FROM deadlines ORDER BY kind, ref")


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """A loan of three instalments, the first overdue, the second due in two days; planned."""
    async with opened(NOW, url=any_database_url) as virtual:
        await virtual.absorb(Lender().disbursed(at("2026-08-10 10:00"), *DUE))
        await virtual.plan()
        yield virtual


def lender() -> Lender:
    """Goes on with the loan's story."""
    other = Lender()
    other.disbursed(NOW, *DUE)  # its id is taken
    return other


async def alerts(world: Virtual) -> list[dict[str, Any]]:
    """What ops were told."""
    return [json.loads(row.data) for row in await world.rows(_ALERTS)]


async def test_old_reminders_end_in_the_transaction_that_opens_the_plan(world: Virtual) -> None:
    """When absorb returns, nothing waits for the old instalments, and the plan's own reminders can be planned."""
    waiting = {row.key for row in await world.notices() if row.key.startswith("stage") and row.state == "planned"}
    assert waiting
    await world.absorb(lender().agreed(NOW, *PLAN))
    assert {said(row) for row in await world.notices() if row.key in waiting} == {"cancelled replaced"}
    world.go(at("2026-11-09 12:00"))
    await world.plan()
    assert [row.template for row in await world.notices() if row.state == "planned" and ":1:" in row.key] == [
        "plan_due_soon", "plan_due_today",
    ]  # fmt: skip
    rows = {(row.kind, row.ref): (row.state, row.reason, row.request_id) for row in await world.rows(_DEADLINES)}
    assert rows["instalment", "2"] == ("closed", "replaced", None)
    assert rows["plan_instalment", "2"] == ("open", None, "N-1")


async def test_a_plans_year(world: Virtual) -> None:
    """Signing is reminded of until it is done; a plan's instalment is announced, due, late, at risk, and paid."""
    upstream = lender()
    world.go(at("2026-10-08 12:00"))
    await world.absorb(
        upstream.event("loan.negotiation.requested", NOW, request_id="N-1"), upstream.approved_plan(NOW, "2026-10-10")
    )
    await world.run_until(at("2026-10-10 15:00"))
    assert [name for name in world.sent if name.startswith(("negotiation", "agreement"))] == [
        "negotiation_received", "negotiation_approved", "agreement_reminder", "agreement_last_day",
    ]  # fmt: skip
    await world.absorb(upstream.agreed(at("2026-10-10 15:00"), *PLAN))
    world.sender.messages.clear()
    await world.run_until(at("2026-11-14 15:00"))
    assert world.sent == ["negotiation_agreed", "plan_due_soon", "plan_due_today", "plan_overdue", "plan_at_risk"]
    assert "60.00" in world.sender.messages[-1].body
    await world.absorb(upstream.paid(at("2026-11-14 15:00"), "60.00"))
    await world.run_until(at("2026-11-14 18:00"))
    assert "12月10日应还60.00元" in world.sender.messages[-1].body


async def test_a_debit_that_fails_under_a_plan_asks_for_the_plans_instalment(world: Virtual) -> None:
    """Whichever of the two events comes first."""
    upstream = lender()
    agreed = upstream.agreed(at("2026-10-01 12:00"), *PLAN, method="auto_debit")
    failed = upstream.debit_failed(NOW, 1)
    await world.absorb(failed)
    await world.absorb(agreed)
    await world.deliver()
    (text,) = [m.body for m in world.sender.messages if m.template == "auto_debit_failed"]
    assert "11月10日到期的借款扣款未成功，待还60.00元" in text


async def test_a_stated_figure_under_a_plan_is_told_of_the_plan(world: Virtual) -> None:
    """The late text of the plan names upstream's sum with its day."""
    upstream = lender()
    await world.absorb(upstream.agreed(NOW, *PLAN))
    world.go(at("2026-11-11 06:00"))
    await world.absorb(upstream.overdue(at("2026-11-11 06:00"), 1, "60.30"))
    await world.run_until(at("2026-11-11 12:00"))
    assert "截至11月11日应还逾期款项共60.30元" in world.sender.messages[-1].body


async def test_a_broken_plan_waits_for_a_schedule_and_says_so_once(world: Virtual) -> None:
    """Its instalments close; a day without a schedule raises one alert, by however many sweeps and schedulers."""
    upstream = lender()
    await world.absorb(upstream.agreed(NOW, *PLAN))
    broken_at = at("2026-11-20 12:00")
    await world.run_until(broken_at)
    await world.absorb(upstream.broke(broken_at))
    states = {row.reason for row in await world.rows(_DEADLINES) if row.kind == "plan_instalment"}
    assert states == {"plan_broken"}
    world.wait(24 * 3600 - 1)
    await world.sweep()
    assert await alerts(world) == []
    world.wait(1)
    for _ in range(3):
        await world.sweep()
    assert await alerts(world) == [{"alert": "no_schedule"}]


async def test_a_schedule_after_the_breach_is_enough(world: Virtual) -> None:
    """Whether it was published before or after the breach was: no alert, and money goes to it."""
    upstream = lender()
    await world.absorb(upstream.agreed(NOW, *PLAN))
    world.wait(60)
    broke, again = upstream.broke(world.clock.at), upstream.replaced(world.clock.at, (2, "2026-12-01", "150.00"))
    await world.absorb(broke)
    world.wait(3600)
    await world.absorb(again)
    world.wait(48 * 3600)
    await world.sweep()
    assert await alerts(world) == []
    await world.absorb(upstream.paid(world.clock.at, "150.00"))
    rows = {(row.kind, row.ref): (row.state, row.reason, row.paid) for row in await world.rows(_DEADLINES)}
    assert rows["instalment", "2"] == ("closed", "paid", 15_000)


async def test_an_unverified_account_is_announced_to_nobody(world: Virtual) -> None:
    """The notice is kept, suppressed, with its reason; ops are told once; a verified one goes out with the official number."""
    upstream = lender()
    refused = upstream.account(NOW, verified=False)
    await world.absorb(refused)
    await world.absorb(refused)
    await world.absorb(upstream.account(NOW, account_type="personal"))
    await world.deliver()
    held = [row for row in await world.notices() if row.template == "repayment_account_changed"]
    assert [said(row) for row in held] == ["suppressed unverified_account"] * 2
    assert [alert["alert"] for alert in await alerts(world)] == ["unverified_account"] * 2
    assert not any("8821" in message.body for message in world.sender.messages)
    await world.absorb(upstream.account(NOW))
    await world.deliver()
    assert "8821" in world.sender.messages[-1].body
    assert "95384" in world.sender.messages[-1].body


async def test_a_cure_by_a_plan_silences_what_was_overdue(world: Virtual) -> None:
    """Overdue texts end, the cure is told truly, and a plan's instalment missed later is asked for all the same."""
    upstream = lender()
    await world.absorb(upstream.agreed(NOW, *PLAN), upstream.cured(NOW))
    await world.run_until(at("2026-11-12 12:00"))
    assert "您的借款已无逾期款项" in next(m.body for m in world.sender.messages if m.template == "overdue_cured")
    assert "plan_overdue" in world.sent
    assert not [name for name in world.sent if name.startswith("repayment_overdue") or name == "repayment_due_tomorrow"]
