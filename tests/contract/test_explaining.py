"""`duebell rules explain`: an answer for every state a notice can have, and for everyone it can address."""

import json
from typing import Any

import pytest

from duebell.explaining import explained
from service.ledger.statement import TEXT, Statement
from service.notices import WITHOUT_REASON, State
from service.reasons import REASONS
from service.senders._port import Unknown
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

START = at("2026-06-01 10:00")
DUE = (1, "2026-06-20", "912.50")
_SET = Statement("UPDATE notices SET state = :state, reason = :reason WHERE key = :key", state=TEXT, reason=TEXT, key=TEXT)
_LET_PAY = Statement("UPDATE deadlines SET payer_id = (SELECT borrower_id FROM loans WHERE loans.loan_id = deadlines.loan_id)")
_TURN = Statement(
    "UPDATE notices SET role = 'payer', purpose = :purpose, "
    "party_id = (SELECT borrower_id FROM loans WHERE loans.loan_id = notices.loan_id) WHERE key = :key",
    purpose=TEXT,
    key=TEXT,
)


async def _explained(world: Virtual, key: str) -> Any:
    async with world.engine.ledger.transaction() as tx:
        told = await explained(tx, world.engine.vault, world.engine.delivery._standing, key, world.clock.at)
    assert told is None or "138001" not in json.dumps(told).replace(key, "")
    return told


async def _ready(world: Virtual, lender: Lender, *, moment: str = "2026-06-20 09:00") -> str:
    """A loan due today, with its reminder ready; gives the reminder's key."""
    await world.absorb(lender.disbursed(START, DUE))
    await world.deliver()
    world.go(at(moment))
    await world.plan()
    await world.engine.settling.expire(world.clock.at)
    return str((await world.notice("due_today")).key)


def _now(told: dict[str, Any], kind: str) -> str:
    """What the first rule of a kind says now."""
    return str(next(rule["now"] for rule in told["rules"] if rule["kind"] == kind))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("of", ["stage", "event"])
async def test_every_state_is_explained(any_database_url: str, state: State, of: str) -> None:
    """Whatever state a notice is in, there is an answer in words, with the reason of the catalogue."""
    async with opened(START, url=any_database_url) as world:
        key = await _ready(world, Lender())
        key = key if of == "stage" else (await world.notice("loan_disbursed")).key
        reason = None if state in WITHOUT_REASON else "restored" if state is State.UNKNOWN else "by_operator"
        await world.run(_SET, state=state.value, reason=reason, key=key)
        told = await _explained(world, key)
        assert (told["state"], told["reason"], told["because"]) == (state, reason, reason and REASONS[reason])
        assert told["now"]["words"]
        assert told["steps"][0]["because"]
        assert {rule["kind"] for rule in told["rules"]} >= {"window", "retain"}
        assert all(rule["now"] and rule["says"] and rule["source"] for rule in told["rules"])


async def test_an_unknown_key_has_no_answer(any_database_url: str) -> None:
    """There is nothing to explain."""
    async with opened(START, url=any_database_url) as world:
        assert await _explained(world, "stage:nobody") is None


async def test_what_waits_says_what_would_be_decided_now(any_database_url: str) -> None:
    """Ready: it goes; at night: held by the window's rule until it opens; a full cap says how much was counted."""
    async with opened(START, url=any_database_url) as world:
        key = await _ready(world, Lender())
        told = await _explained(world, key)
        assert told["now"]["verdict"] == "goes"
        assert _now(told, "window") == "open, closes 2026-06-20 22:00 (Asia/Shanghai)"
        assert _now(told, "cap") == "0 of 5 counted"
        assert _now(told, "content") == "looked at when the text is made"
        assert _now(told, "recipient") == "the borrower may be told"
        evening = (await world.notice("due_today_evening")).key
        told = await _explained(world, evening)
        assert told["now"]["words"] == "waits until 2026-06-20 17:30 (Asia/Shanghai), and is judged then"
        world.go(at("2026-06-20 23:00"))
        assert (await _explained(world, key))["now"]["reason"] == "later_stage"
        told = await _explained(world, evening)
        assert (told["now"]["verdict"], told["now"]["rule"]) == ("held", "cn-window-1@1")
        assert told["now"]["words"].startswith("held until 2026-06-21 08:00 (Asia/Shanghai): outside the hours")
        assert _now(told, "window") == "closed, opens 2026-06-21 08:00 (Asia/Shanghai)"
        world.go(at("2026-06-21 08:00"))
        assert (await _explained(world, key))["now"]["reason"] == "too_late"


async def test_a_full_cap_says_who_decided_and_when_there_is_room(any_database_url: str) -> None:
    """Six loans of one number: the sixth reminder is held by the cap, and says so with rule and count."""
    async with opened(START, url=any_database_url) as world:
        lenders = [Lender(f"L-{n}") for n in range(6)]
        await world.absorb(*(lender.disbursed(START, DUE) for lender in lenders))
        await world.deliver()
        world.go(at("2026-06-20 09:00"))
        await world.plan()
        await world.engine.settling.expire(world.clock.at)
        await world.deliver()
        (held,) = [row.key for row in await world.notices() if row.reason == "daily_cap"]
        told = await _explained(world, held)
        assert [(step["state"], step["reason"], step["rule"]) for step in told["steps"]] == [
            ("planned", None, None),
            ("held", "daily_cap", "cn-cap-1@1"),
        ]
        assert told["steps"][1]["rule_says"] == "at most 5 texts per number in a natural day"
        assert _now(told, "cap") == "5 of 5 counted, full; goes from 2026-06-21 08:00 (Asia/Shanghai)"
        assert [rule["rule"] for rule in told["rules"] if rule["objects"]] == ["cn-cap-1@1"]


async def test_what_went_says_through_whom_and_that_its_text_kept_to_the_rules(any_database_url: str) -> None:
    """A sent text has its step and its hand-over; news is explained as news; a lost outcome says what is done about it."""
    async with opened(START, url=any_database_url) as world:
        await world.absorb(Lender().disbursed(START, DUE))
        key = (await world.notice("loan_disbursed")).key
        assert _now(await _explained(world, key), "window") == "news may go at any hour until 2026-06-01 10:30 (Asia/Shanghai)"
        world.sender.script(Unknown("timeout"))
        await world.deliver()
        told = await _explained(world, key)
        assert (told["steps"][-1]["state"], told["attempts"][0]["outcome"]) == ("unknown", "unknown")
        assert "the sender is asked" in told["now"]["words"]
        world.wait(5)
        await world.sweep()
        await world.deliver()
        told = await _explained(world, key)
        assert [step["state"] for step in told["steps"]] == ["planned", "unknown", "planned", "sent"]
        assert [attempt["outcome"] for attempt in told["attempts"]] == ["not_sent", "accepted"]
        assert {rule["now"] for rule in told["rules"] if rule["kind"] == "content"} <= {"the text last handed over keeps to it"}


async def test_a_payer_is_explained_by_the_rules_for_payers(any_database_url: str) -> None:
    """A payer's text is allowed and its words are looked at; a reminder to a payer would end, by the rule that says who is told."""
    async with opened(START, url=any_database_url) as world:
        key = await _ready(world, Lender())
        await world.run(_LET_PAY)
        await world.run(_TURN, purpose="payer", key=key)
        told = await _explained(world, key)
        assert told["now"]["verdict"] == "goes"
        assert "cn-content-3@1" in {rule["rule"] for rule in told["rules"]}
        await world.run(_TURN, purpose="reminder", key=key)
        told = await _explained(world, key)
        assert (told["now"]["verdict"], told["now"]["reason"], told["now"]["rule"]) == (
            "ends",
            "not_for_role",
            "cn-recipient-1@1",
        )
        assert _now(told, "recipient") == REASONS["not_for_role"]


async def test_an_operators_pause_is_named(any_database_url: str) -> None:
    """What an operator has stopped says who wanted it stopped, before any rule."""
    async with opened(START, url=any_database_url) as world:
        key = await _ready(world, Lender())
        await world.operations.pause("lane", "bulk", who="ops", why="wrong amounts", until=None, now=world.clock.at)
        await world.operations.pause("template", "loan_settled", who="ops", why="other", until=None, now=world.clock.at)
        told = await _explained(world, key)
        assert told["now"]["words"] == "an operator has stopped it: wrong amounts"
        assert [one["scope"] for one in told["paused_by_operator"]] == ["lane"]


async def test_a_notice_without_a_number_or_a_zone_is_explained(any_database_url: str) -> None:
    """Nothing is counted without a number; where the zone is not known, the hours are those of the number's country."""
    async with opened(START, url=any_database_url) as world:
        lender = Lender(phone=None, jurisdiction="us")
        key = await _ready(world, lender, moment="2026-06-20 18:00")
        told = await _explained(world, key)
        assert (told["now"]["reason"], told["zone"], told["rules_of"]) == ("no_contact", None, "us")
        assert _now(told, "cap") == "nothing is counted: no number is known yet"
        await world.absorb(lender.party(world.clock.at, phone="+12125550123"))
        told = await _explained(world, key)
        assert _now(told, "window") == "closed, opens 2026-06-20 18:00 (UTC), in every zone the number may be in"


async def test_an_opt_out_is_explained(any_database_url: str) -> None:
    """A reminder that it ended, and the text that answers it and goes all the same."""
    async with opened(START, url=any_database_url) as world:
        key = await _ready(world, Lender())
        assert _now(await _explained(world, key), "opt_out") == "the number has not opted out"
        await world.reply("TD")
        ended = await _explained(world, key)
        assert (ended["reason"], _now(ended, "opt_out")) == ("opted_out", "the number is suppressed")
        assert [rule["kind"] for rule in ended["rules"] if rule["objects"]] == ["opt_out"]
        answer = await _explained(world, (await world.notice("opt_out_confirmed")).key)
        assert answer["steps"][0]["because"].startswith("the person has written")
        assert answer["now"]["verdict"] == "goes"
