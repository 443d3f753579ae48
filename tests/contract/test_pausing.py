"""Pauses and promises on both databases: what is silent, what goes on after it, and what a late word changes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.ledger.statement import TEXT, Statement
from service.notices import Lane
from service.senders._port import Unknown
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

START = at("2026-06-01 10:00")
ONE = (1, "2026-06-20", "912.50")  # overdue_3 on 23 June, overdue_7 on 27 June, overdue_15 on 5 July
_STEPS = Statement("SELECT state, reason FROM outbox WHERE key LIKE :key ORDER BY id", key=TEXT)


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine on either database, with one loan on it."""
    async with opened(START, url=any_database_url) as engine:
        await engine.absorb(LENDER.disbursed(START, ONE))
        yield engine


LENDER = Lender()


async def _collected(world: Virtual) -> dict[str, str]:
    """State and reason of each collection stage and stage of a promise there is, by its name."""
    states = {key.split(":")[5]: state for key, state in (await world.states()).items() if key.startswith("stage:")}
    return {name: state for name, state in states.items() if name.startswith(("overdue", "promise"))}


async def test_the_ladder_goes_on_after_a_pause(world: Virtual) -> None:
    """What lies in the pause ends, what comes after it goes; the pause ends by itself."""
    await world.absorb(LENDER.paused(at("2026-06-22 12:00"), until=at("2026-06-27 10:00")))
    await world.run_until(at("2026-06-28 00:00"))
    assert await _collected(world) == {"overdue_3": "suppressed paused", "overdue_7": "sent"}


async def test_reminders_go_on_in_most_pauses(world: Virtual) -> None:
    """A dispute silences collection only; with a death nothing asks any more."""
    await world.absorb(LENDER.paused(at("2026-06-16 12:00")))
    await world.run_until(at("2026-06-18 00:00"))
    assert await world.state("due_soon") == "sent"
    world.go(at("2026-06-18 12:00"))
    await world.absorb(LENDER.paused(at("2026-06-18 12:00"), "deceased"), LENDER.debit_failed(at("2026-06-18 12:00"), 1))
    await world.run_until(at("2026-06-22 00:00"))
    states = await world.states()
    assert [state for key, state in states.items() if "stage:" in key] == ["sent", *["suppressed paused"] * 4]
    assert await world.state("auto_debit_failed") == "suppressed paused"


async def test_a_pause_ends_what_was_held_before_it(world: Virtual) -> None:
    """A stage that waits for a number when the pause begins does not ask while it holds."""
    lender = Lender("L-2", phone=None)
    await world.absorb(lender.disbursed(START, ONE))
    world.go(at("2026-06-23 10:00"))
    await world.run_until(at("2026-06-23 12:00"))
    held = [row for row in await world.notices() if row.loan_id == "L-2" and "overdue_3" in row.key]
    assert [(row.state, row.reason) for row in held] == [("held", "no_contact")]
    await world.absorb(lender.paused(at("2026-06-23 12:00")), lender.party(at("2026-06-23 12:00"), phone="+8613900139000"))
    await world.deliver()
    assert (await world.states())[held[0].key] == "suppressed paused"


async def test_a_word_that_comes_late_revives_what_was_never_paused(world: Virtual) -> None:
    """The pause had been lifted before the stage's moment, and Duebell hears of it afterwards: the stage goes."""
    await world.absorb(LENDER.paused(at("2026-06-22 12:00")))
    await world.run_until(at("2026-06-24 00:00"))
    assert await _collected(world) == {"overdue_3": "suppressed paused"}
    world.go(at("2026-06-24 09:00"))
    await world.absorb(LENDER.resumed(at("2026-06-23 09:00")))
    await world.deliver()
    assert await _collected(world) == {"overdue_3": "sent"}
    steps = [tuple(row) for row in await world.rows(_STEPS, key="%overdue_3%")]
    assert steps == [("suppressed", "paused"), ("planned", None), ("sent", None)]


async def test_a_resumption_leaves_ended_what_lay_in_the_pause(world: Virtual) -> None:
    """What the pause has ended stays ended when collection goes on."""
    await world.absorb(LENDER.paused(at("2026-06-22 12:00")))
    await world.run_until(at("2026-06-24 09:00"))
    await world.absorb(LENDER.resumed(at("2026-06-24 09:00")))
    await world.run_until(at("2026-06-28 00:00"))
    assert await _collected(world) == {"overdue_3": "suppressed paused", "overdue_7": "sent"}


async def test_a_pause_that_comes_under_a_claim(world: Virtual) -> None:
    """It was claimed and judged, then the pause came: there is no intent, and the next look ends it."""
    world.go(at("2026-06-23 10:00"))
    await world.plan()
    await world.engine.settling.expire(world.clock.at)
    delivery = world.engine.delivery
    claim = await delivery._claim(Lane.BULK)
    assert claim is not None
    _, ready = delivery._judged(claim, world.clock.at)
    await world.absorb(LENDER.paused(at("2026-06-23 10:00")))
    intended, _ = await delivery._intents.write(delivery._couriers[0].name, claim, ready)
    assert intended == []
    world.wait(2)
    await world.deliver()
    assert await _collected(world) == {"overdue_3": "suppressed paused"}


async def test_a_resumption_that_comes_under_a_claim(world: Virtual) -> None:
    """The claim found a pause, the word that it was over came, then the stage is put back: it goes."""
    world.go(at("2026-06-23 10:00"))
    await world.plan()
    await world.engine.settling.expire(world.clock.at)
    await world.absorb(LENDER.paused(at("2026-06-22 10:00")))
    claim = await world.engine.delivery._claim(Lane.BULK)
    assert claim is not None
    back, _ = world.engine.delivery._judged(claim, world.clock.at)
    await world.absorb(LENDER.resumed(at("2026-06-23 09:00")))
    await world.engine.delivery._withholding.put_back(claim, back)
    world.wait(2)
    await world.deliver()
    assert await _collected(world) == {"overdue_3": "sent"}


async def test_an_unknown_is_not_said_again_in_a_pause(world: Virtual) -> None:
    """A reminder whose outcome nobody knows is planned again by its sender's word, and ends in the pause that came meanwhile."""
    world.go(at("2026-06-17 10:00"))
    await world.plan()
    world.sender.script(Unknown("timeout"), arrived=False)
    await world.deliver()
    await world.absorb(LENDER.paused(world.clock.at, "bankruptcy"))
    world.wait(5)
    await world.sweep()
    await world.deliver()
    assert await world.state("due_soon") == "suppressed paused"


# ---------------------------------------------------------------- promises


def _text(world: Virtual, template: str) -> str:
    """What was said with a template."""
    (message,) = [message for message in world.sender.messages if message.template == template]
    return str(message.body)


async def test_a_promise_that_is_not_kept(world: Virtual) -> None:
    """Recorded, silence until a day after it, reminded of on its day, asked about two days later; then the ladder goes on."""
    await world.absorb(LENDER.promised(at("2026-06-22 12:00"), "500.00", "2026-06-26"))
    await world.run_until(at("2026-07-06 00:00"))
    assert await _collected(world) == {
        "overdue_3": "suppressed paused",
        "overdue_7": "suppressed paused",
        "overdue_15": "sent",
        "promise_due": "sent",
        "promise_broken": "sent",
    }
    assert "最晚6月26日还款500.00元" in _text(world, "promise_recorded")
    assert "今天（6月26日）还款500.00元。" in _text(world, "promise_due")
    assert "尚未收到" in _text(world, "promise_broken")


async def test_a_promise_that_is_kept_in_part(world: Virtual) -> None:
    """The texts say how much came in and what is left."""
    await world.absorb(LENDER.promised(at("2026-06-22 12:00"), "500.00", "2026-06-26"))
    await world.run_until(at("2026-06-25 12:00"))
    await world.absorb(LENDER.paid(at("2026-06-25 12:00"), "200.00"))
    await world.run_until(at("2026-06-29 00:00"))
    for template in ("promise_due", "promise_broken"):
        assert "已收到200.00元，还差300.00元" in _text(world, template)


async def test_a_promise_that_is_kept_until_the_money_goes_back(world: Virtual) -> None:
    """Kept it is asked about no more; when the payment is taken back it is open again."""
    await world.absorb(LENDER.promised(at("2026-06-22 12:00"), "500.00", "2026-06-26"))
    await world.run_until(at("2026-06-25 12:00"))
    await world.plan()
    await world.absorb(LENDER.paid(at("2026-06-25 12:00"), "500.00"))
    assert (await _collected(world))["promise_due"] == "cancelled kept"
    await world.run_until(at("2026-06-27 12:00"))
    await world.absorb(LENDER.took_back(at("2026-06-27 12:00")))
    await world.run_until(at("2026-06-29 00:00"))
    assert (await _collected(world))["promise_broken"] == "sent"


async def test_a_write_off_ends_the_reminders(world: Virtual) -> None:
    """What waits ends, and nothing is planned any more."""
    world.go(at("2026-06-22 12:00"))
    await world.plan()
    await world.absorb(LENDER.event("loan.written_off", at("2026-06-22 12:00")))
    await world.run_until(at("2026-07-30 00:00"))
    assert await _collected(world) == {"overdue_3": "cancelled written_off"}


async def test_a_custom_ladder_sets_grace_and_tolerance(any_database_url: str, tmp_path: Any) -> None:
    """The days of silence after a promise and what may be missing are the ladder's own."""
    (tmp_path / "promise_to_pay.yaml").write_text(
        'kind: promise_to_pay\ngrace_days: 3\ntolerance: "5"\nstages:\n  - {name: promise_broken, day: 4, template: promise_broken}\n'
    )
    (tmp_path / "instalment.yaml").write_text(
        "kind: instalment\nstages:\n  - {name: overdue_7, day: 7, template: repayment_overdue, purpose: collection}\n"
    )
    async with opened(START, url=any_database_url, ladders=tmp_path) as world:
        await world.absorb(
            LENDER.disbursed(START, ONE), LENDER.promised(at("2026-06-22 12:00"), "500.00", "2026-06-24"),
            LENDER.promised(at("2026-06-22 12:00"), "600.00", "2026-06-24", "PTP-2"), LENDER.paid(at("2026-06-23 12:00"), "495.00"),
        )  # fmt: skip
        await world.run_until(at("2026-06-29 00:00"))
        assert (await world.state("overdue_7"), await world.state("PTP-2")) == ("suppressed paused", "sent")
        assert [key for key in await world.states() if "PTP-1" in key] == []
