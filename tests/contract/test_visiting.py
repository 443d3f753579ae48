"""Visits on both databases: announced where they may take place, refused with a reason and an alert where not."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.ledger.statement import Statement
from service.notices import Lane
from service.senders._port import Unknown
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

START = at("2026-06-01 10:00")
ONE = (1, "2026-06-20", "912.50")
CALLED = at("2026-09-20 12:00")  # 92 days past due
VISIT_AT = at("2026-09-23 15:00")
HOUR = timedelta(hours=1)
LENDER = Lender()
_ALERTS = Statement("SELECT data, loan_id FROM outbox WHERE type = 'alert.raised' ORDER BY id")
_CONTEXTS = Statement("SELECT key FROM notices WHERE context IS NOT NULL AND purpose = 'visit'")
_CLOSED = Statement("SELECT state, reason FROM deadlines WHERE kind = 'visit_appointment'")


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine on either database, three months after an instalment was due."""
    async with opened(CALLED, url=any_database_url) as engine:
        await engine.absorb(LENDER.disbursed(START, ONE))
        await engine.sweep()
        yield engine


async def _visits(world: Virtual) -> dict[str, str]:
    """State and reason of each notice about a visit, by its stage or template."""
    found = {key: state for key, state in (await world.states()).items() if ":visit_" in key}
    return {next(part for part in key.split(":") if part.startswith("visit_") and part != "visit_appointment"): state
            for key, state in found.items()}  # fmt: skip


async def _alerts(world: Virtual) -> list[dict[str, Any]]:
    return [json.loads(row.data) for row in await world.rows(_ALERTS)]


def _texts(world: Virtual) -> dict[str, str]:
    return {message.template: message.body for message in world.sender.messages}


async def test_a_visit_that_may_take_place(world: Virtual) -> None:
    """Announced with time, purpose, people and code, reminded of a day and two hours before, and followed up."""
    await world.absorb(LENDER.visit("requested", CALLED), LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, VISIT_AT))
    await world.run_until(VISIT_AT + HOUR)
    told = {"visit_notice": "sent", "visit_reminder_24h": "sent", "visit_reminder_2h": "sent"}
    assert await _visits(world) == told
    for words in ("9月23日15:00", "商谈还款安排", "李强（工号C-0）、李敏（工号C-1）", "验证码4829", "95384"):
        assert words in _texts(world)["visit_notice"]
    assert "9月23日15:00" in _texts(world)["visit_reminder"]
    assert "验证码4829" in _texts(world)["visit_reminder"]
    await world.absorb(LENDER.visit("completed", VISIT_AT + HOUR, outcome="not_home"))
    await world.deliver()
    assert await _visits(world) == {**told, "visit_follow_up": "sent"}
    assert "未能与您见面" in _texts(world)["visit_follow_up"]
    assert await _alerts(world) == []


@pytest.mark.parametrize(
    ("visit_at", "visitors", "approved", "reason"),
    [
        (VISIT_AT, 2, False, "visit_not_allowed"),
        (VISIT_AT, 1, True, "visit_visitors"),
        (at("2026-09-23 22:00"), 2, True, "visit_window"),
        (at("2026-09-23 07:59"), 2, True, "visit_window"),
        (CALLED + 23 * HOUR, 2, True, "visit_lead_time"),
        (CALLED - HOUR, 2, True, "visit_lead_time"),
    ],
    ids=["not approved", "alone", "too late in the day", "too early in the day", "too near", "past"],
)
async def test_a_visit_that_may_not(world: Virtual, visit_at: datetime, visitors: int, approved: bool, reason: str) -> None:
    """Refused with its reason, one alert for ops, and no ladder."""
    await world.absorb(
        LENDER.visit("approved" if approved else "declined", CALLED), LENDER.scheduled(CALLED, visit_at, visitors)
    )
    await world.run_until(CALLED + 80 * HOUR)
    found = await _visits(world)
    assert found.pop("visit_notice") == f"suppressed {reason}"
    assert set(found.values()) <= {f"cancelled {reason}"}
    (alert,) = await _alerts(world)
    assert (alert["alert"], alert["visit_id"], alert["bucket"]) == (reason, "V-1", "90+")
    assert [tuple(row) for row in await world.rows(_CLOSED)] == [("closed", reason)]


async def test_a_loan_that_is_not_late_enough(any_database_url: str) -> None:
    """Days past due are counted at the event's time: 89 are too few, at once."""
    called = at("2026-09-17 12:00")
    async with opened(called, url=any_database_url) as world:
        await world.absorb(LENDER.disbursed(START, ONE), LENDER.visit("approved", called))
        await world.absorb(LENDER.scheduled(called, at("2026-09-20 12:00")))
        await world.deliver()
        assert await _visits(world) == {"visit_notice": "suppressed visit_not_allowed"}
        (alert,) = await _alerts(world)
        assert (alert["days_past_due"], alert["bucket"]) == (89, "61-90")


async def test_an_approval_that_comes_behind(world: Virtual) -> None:
    """The announcement waits ten minutes for it, and goes when it is there."""
    await world.absorb(LENDER.scheduled(CALLED, VISIT_AT))
    await world.deliver()
    assert await _visits(world) == {"visit_notice": "held awaiting_facts"}
    world.wait(9 * 60)
    await world.absorb(LENDER.visit("approved", CALLED))
    await world.deliver()
    assert await _visits(world) == {"visit_notice": "sent"}


async def test_an_approval_that_does_not_come(world: Virtual) -> None:
    """After ten minutes the visit is refused, and an approval does not bring it back."""
    await world.absorb(LENDER.scheduled(CALLED, VISIT_AT))
    await world.deliver()
    world.wait(600)
    await world.deliver()
    await world.absorb(LENDER.visit("approved", CALLED))
    await world.run_until(VISIT_AT)
    assert await _visits(world) == {"visit_notice": "suppressed visit_not_allowed"}


async def test_an_approval_that_comes_under_a_claim(world: Virtual) -> None:
    """The claim found none, it comes, then the announcement is put back: it goes."""
    await world.absorb(LENDER.scheduled(CALLED, VISIT_AT))
    claim = await world.engine.delivery._claim(Lane.NORMAL)
    assert claim is not None
    back, _ = world.engine.delivery._judged(claim, world.clock.at)
    await world.absorb(LENDER.visit("approved", CALLED))
    await world.engine.delivery._withholding.put_back(claim, back)
    world.wait(2)
    await world.deliver()
    assert await _visits(world) == {"visit_notice": "sent"}


@pytest.mark.parametrize(("back_at", "state"), [("08:00", "sent"), ("08:01", "suppressed visit_lead_time")])
async def test_the_lead_time_counts_at_the_hand_over(world: Virtual, back_at: str, state: str) -> None:
    """Scheduled at night it waits for the morning; there the visit is a day ahead, or too near by a minute."""
    night = at("2026-09-20 23:00")
    world.go(night)
    await world.absorb(LENDER.visit("approved", night), LENDER.scheduled(night, at("2026-09-22 08:00")))
    await world.deliver()
    assert await _visits(world) == {"visit_notice": "held window"}
    world.go(at(f"2026-09-21 {back_at}"))
    await world.deliver()
    assert await _visits(world) == {"visit_notice": state}


async def test_a_visit_moves(world: Virtual) -> None:
    """The text says the new time and again who comes; reminders follow the new time."""
    await world.absorb(LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, VISIT_AT))
    await world.run_until(at("2026-09-22 14:00"))
    moved = at("2026-09-24 10:00")
    await world.absorb(LENDER.visit("rescheduled", at("2026-09-22 14:00"), at=moved.isoformat()))
    await world.run_until(moved)
    states = await world.states()
    reminders = {key.split(":")[4]: state for key, state in states.items() if "visit_reminder_24h" in key}
    assert reminders == {"20260923T0700Z": "cancelled moved", "20260924T0200Z": "sent"}
    assert await world.state("visit_rescheduled") == "sent"
    for words in ("9月24日10:00", "李强（工号C-0）", "验证码4829"):
        assert words in _texts(world)["visit_rescheduled"]


async def test_a_refused_visit_may_be_moved_to_a_better_time(world: Virtual) -> None:
    """The new time is judged by itself; its text tells all that the refused announcement would have told."""
    await world.absorb(LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, at("2026-09-23 22:30")))
    await world.deliver()
    await world.absorb(LENDER.visit("rescheduled", CALLED + HOUR, at=VISIT_AT.isoformat()))
    await world.run_until(VISIT_AT)
    assert await _visits(world) == {
        "visit_notice": "suppressed visit_window",
        "visit_rescheduled": "sent",
        "visit_reminder_24h": "sent",
        "visit_reminder_2h": "sent",
    }
    assert "李强（工号C-0）" in _texts(world)["visit_rescheduled"]


async def test_a_move_to_a_bad_time_is_refused(world: Virtual) -> None:
    """Same conditions: suppressed with an alert, and the ladder ends."""
    await world.absorb(LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, VISIT_AT))
    await world.run_until(at("2026-09-22 14:00"))
    await world.plan()
    await world.absorb(LENDER.visit("rescheduled", at("2026-09-22 14:00"), at=at("2026-09-23 10:00").isoformat()))
    await world.run_until(at("2026-09-24 14:00"))
    found = await _visits(world)
    assert (found["visit_notice"], found["visit_rescheduled"]) == ("sent", "suppressed visit_lead_time")
    assert "sent" not in {state for name, state in found.items() if name.startswith("visit_reminder")}
    assert [alert["alert"] for alert in await _alerts(world)] == ["visit_lead_time"]


async def test_a_cancelled_visit_is_not_reminded_of(world: Virtual) -> None:
    """The text says so, and what waited ends."""
    await world.absorb(LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, VISIT_AT))
    await world.run_until(at("2026-09-22 14:00"))
    await world.plan()
    await world.absorb(LENDER.visit("cancelled", at("2026-09-22 14:00")))
    await world.run_until(VISIT_AT)
    assert await _visits(world) == {
        "visit_notice": "sent",
        "visit_cancelled": "sent",
        "visit_reminder_24h": "cancelled closed",
        "visit_reminder_2h": "cancelled closed",
    }
    assert "9月23日15:00的上门拜访已取消" in _texts(world)["visit_cancelled"]


async def test_a_move_of_a_visit_nobody_knows_waits(world: Virtual) -> None:
    """It goes when the visit is known, and ops hear of it after a day."""
    await world.absorb(LENDER.visit("rescheduled", CALLED, at=VISIT_AT.isoformat()), LENDER.visit("approved", CALLED))
    await world.deliver()
    assert await _visits(world) == {"visit_rescheduled": "held awaiting_facts"}
    day_later = CALLED + 24 * HOUR
    assert await world.engine.settling.missing(day_later + HOUR) == 1
    await world.absorb(LENDER.scheduled(CALLED - HOUR, at("2026-09-25 10:00")))
    await world.deliver()
    assert await _visits(world) == {"visit_rescheduled": "sent", "visit_notice": "sent"}
    assert "9月23日15:00" in _texts(world)["visit_notice"]


async def test_a_visit_that_was_not_announced_is_not_reminded_of(world: Virtual) -> None:
    """A pause ended the announcement; the ladder of the visit has no point then, even when the pause is over."""
    await world.absorb(LENDER.paused(CALLED, "deceased"), LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, VISIT_AT))
    await world.deliver()
    await world.absorb(LENDER.resumed(CALLED + HOUR))
    await world.run_until(VISIT_AT)
    assert await _visits(world) == {
        "visit_notice": "suppressed paused",
        "visit_reminder_24h": "suppressed not_announced",
        "visit_reminder_2h": "suppressed not_announced",
    }


async def test_a_reminder_waits_for_the_announcement(world: Virtual) -> None:
    """A stage that is due while the announcement still waits does not overtake it."""
    await world.absorb(LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, CALLED + 24 * HOUR))
    await world.plan()
    await world.engine.delivery.step(Lane.BULK)
    assert (await _visits(world))["visit_reminder_24h"] == "held awaiting_facts"
    await world.deliver()
    world.wait(61)
    await world.deliver()
    assert await _visits(world) == {"visit_notice": "sent", "visit_reminder_24h": "sent", "visit_reminder_2h": "planned"}


async def test_the_code_is_forgotten_after_the_visit(world: Virtual) -> None:
    """A day after its time nothing that a notice keeps tells who came or by which code."""
    await world.absorb(LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, VISIT_AT))
    await world.run_until(VISIT_AT)
    assert await world.engine.settling.forget_visits(VISIT_AT + 23 * HOUR) == 0
    assert len(await world.rows(_CONTEXTS)) == 1
    assert await world.engine.settling.forget_visits(VISIT_AT + 24 * HOUR) == 1
    assert await world.rows(_CONTEXTS) == []


async def test_a_reminder_waits_until_it_is_known_what_became_of_the_announcement(world: Virtual) -> None:
    """It may not have arrived: then it is said again or refused, and nobody has been reminded of what they were not told."""
    world.sender.script(Unknown("timeout"))
    await world.absorb(LENDER.visit("approved", CALLED), LENDER.scheduled(CALLED, CALLED + 24 * HOUR))
    await world.plan()
    await world.deliver()
    found = await _visits(world)
    assert (found["visit_notice"], found["visit_reminder_24h"]) == ("unknown timeout", "held awaiting_facts")
    world.wait(61)
    await world.sweep()
    await world.deliver()
    found = await _visits(world)
    assert (found["visit_notice"], found["visit_reminder_24h"]) == ("suppressed visit_lead_time", "cancelled visit_lead_time")
    assert "visit_reminder" not in world.sent


async def test_a_settled_loan_is_not_late_though_its_rest_is_written_off(world: Virtual) -> None:
    """The write-off behind a settlement ends no debt, and brings none back: nobody calls."""
    await world.absorb(
        LENDER.settled(CALLED), LENDER.event("loan.written_off", CALLED + HOUR), LENDER.visit("approved", CALLED)
    )
    await world.absorb(LENDER.scheduled(CALLED + 2 * HOUR, VISIT_AT))
    await world.run_until(CALLED + 3 * HOUR)
    assert await _visits(world) == {"visit_notice": "suppressed visit_not_allowed"}
