"""May a claimed notice still go? Each thing that can have happened to it has its own answer."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from duebell.engine import LADDERS
from service.facts import version_of
from service.ladders import Ladders
from service.notices import State
from service.rulebook import Rulebook
from service.standing import Counter, PutBack, Standing
from tests.lender import at

NOON = at("2026-06-20 12:00")
STANDING = Standing(Ladders.load(LADDERS), Rulebook.load())


def row(**changes: Any) -> SimpleNamespace:
    """A claimed reminder of an open instalment due today, that may go at noon."""
    return SimpleNamespace(
        **{
            "purpose": "reminder", "asks": True, "kind": "instalment", "stage": "due_today", "needs": "deadline",
            "receipt": False,
            "anchor": "2026-06-20", "deadline_anchor": "2026-06-20", "deadline_state": "open", "deadline_reason": None,
            "deadline_set_by": "v", "payment_set_by": None, "payment_reversed_by": None, "phone": b"sealed",
            "phone_key": b"\x01",
            "due_on": date(2026, 6, 20), "zone": "Asia/Shanghai", "party_zone": "Asia/Shanghai", "jurisdiction": "cn",
            "amount": 10_000, "paid": 0, "currency": "CNY", "event_time": None, "suppressed": False, "overtaken": False, "erased": False,
            "cured_by": None, "stated_by": None, "pauses": "[]", "moment": at("2026-06-20 09:00"), "expires_at": at("2026-06-21 00:00"),
            **changes,
        }
    )  # fmt: skip


def judged(count: int = 0, older_open: bool = False, now: Any = NOON, **changes: Any) -> PutBack | None:
    """The verdict on such a reminder."""
    return STANDING.judge(row(**changes), (), count, older_open=older_open, now=now)


def _collection(**changes: Any) -> dict[str, Any]:
    return {"purpose": "collection", "stage": "overdue_3", "due_on": date(2026, 6, 17), "zone": "Asia/Shanghai", **changes}


def _cured(text: str) -> str:
    return version_of(at(text), "test", "c")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, None),
        ({"deadline_set_by": None}, (State.HELD, "awaiting_facts")),
        ({"needs": "payment"}, (State.HELD, "awaiting_facts")),
        ({"needs": None, "stage": None, "kind": None, "asks": False}, None),
        ({"phone": None}, (State.HELD, "no_contact")),
        ({"phone": None, "erased": True}, (State.SUPPRESSED, "erased")),
        ({"deadline_state": "closed", "deadline_reason": "paid"}, (State.CANCELLED, "paid")),
        ({"deadline_state": "closed"}, (State.CANCELLED, "closed")),
        ({"deadline_anchor": "2026-06-25"}, (State.CANCELLED, "moved")),
        ({"deadline_anchor": "2026-06-25", "stage": None}, None),
        ({"asks": False, "deadline_state": "closed"}, None),
        ({"receipt": True, "payment_reversed_by": "v"}, (State.SUPPRESSED, "reversed")),
        ({"receipt": True}, None),
        ({"overtaken": True}, (State.SUPERSEDED, "later_stage")),
        ({"suppressed": True}, (State.SUPPRESSED, "opted_out")),
        ({"kind": "promise_to_pay", "stage": "nobody_knows_it"}, None),
        ({"stage": "gone_from_the_ladder"}, None),
        (_collection(), None),
        (_collection(amount=999), (State.SUPPRESSED, "min_amount")),
        (_collection(amount=None), None),
        (_collection(cured_by=_cured("2026-06-18 10:00")), (State.CANCELLED, "cured")),
        (_collection(cured_by=_cured("2026-06-17 10:00")), None),
        (_collection(cured_by=_cured("2026-06-18 10:00"), stated_by=_cured("2026-06-19 10:00")), None),
        (_collection(cured_by=_cured("2026-06-18 10:00"), due_on=None), None),
    ],
)
def test_each_fact_has_its_answer(changes: dict[str, Any], verdict: tuple[State, str] | None) -> None:
    """Missing facts hold, what is over ends, and what is open goes."""
    found = judged(**changes)
    assert (found and (found.state, found.reason)) == verdict


def test_what_waits_for_facts_waits_until_its_end() -> None:
    """Held for facts or a number it comes back when intake frees it, not by the clock."""
    for changes in ({"deadline_set_by": None}, {"phone": None}):
        found = judged(**changes)
        assert found
        assert found.not_before == at("2026-06-21 00:00")


def test_collection_speaks_for_the_oldest() -> None:
    """A stage is superseded while an older instalment is open; an event notice and a reminder are not."""
    assert judged(older_open=True, **_collection()) == PutBack(State.SUPERSEDED, "older_instalment")
    assert judged(older_open=True) is None
    assert judged(older_open=True, **_collection(stage=None)) is None


def test_a_stage_keeps_the_hour_of_where_the_party_is() -> None:
    """Its hour lies ahead in the new zone: held until then."""
    found = judged(now=at("2026-06-20 09:30"), zone="Europe/Berlin", party_zone="Europe/Berlin")
    assert found == PutBack(State.HELD, "zone_changed", at("2026-06-20 09:00", "Europe/Berlin"))


def test_outside_the_window_it_is_held_with_its_rule() -> None:
    """At 23:00 in China a reminder waits for 08:00, and says by which rule."""
    found = judged(now=at("2026-06-20 23:00"))
    assert found
    assert (found.state, found.reason, found.not_before) == (State.HELD, "window", at("2026-06-21 08:00"))
    assert found.rule
    assert found.rule.count("@") == 1


def test_a_full_counter_holds_until_the_next_window() -> None:
    """Also where another worker filled it after it was judged; where its limit is gone by then, until its end."""
    tomorrow = at("2026-06-21 08:00")
    assert [found and (found.reason, found.not_before) for found in (judged(count=5), STANDING.over_cap(row(), NOON))] == [
        ("daily_cap", tomorrow)
    ] * 2
    assert STANDING.over_cap(row(purpose="service"), NOON).not_before == row().expires_at


def test_the_counter_is_the_numbers_day() -> None:
    """Five a day in the party's zone, or the UTC day where no zone is known; none for news, or without a number."""
    counter = STANDING.counter(row(), at("2026-06-20 00:30"))
    assert isinstance(counter, Counter)
    assert (counter.day, counter.most, counter.name.endswith(":01")) == (date(2026, 6, 20), 5, True)
    abroad = STANDING.counter(row(jurisdiction="us", party_zone=None), at("2026-06-20 00:30"))
    assert abroad
    assert abroad.day == date(2026, 6, 19)
    assert STANDING.counter(row(jurisdiction=None), NOON)
    assert STANDING.counter(row(purpose="service"), NOON) is None
    assert STANDING.counter(row(phone_key=None), NOON) is None
