"""May a claimed notice still go? Each thing that can have happened to it has its own answer."""

import json
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from duebell.engine import LADDERS
from service.facts import version_of
from service.gate import Contacts, Counter
from service.ladders import Ladders
from service.notices import State
from service.pauses import PauseWord, as_json
from service.rulebook import Rulebook, read_rules
from service.standing import PutBack, Standing
from service.visits import Visit
from service.visits import as_json as visits_json
from tests.lender import at

NOON = at("2026-06-20 12:00")
STANDING = Standing(Ladders.load(LADDERS), Rulebook.load())


def row(**changes: Any) -> SimpleNamespace:
    """A claimed reminder of an open instalment due today, that may go at noon."""
    return SimpleNamespace(
        **{
            "template": "repayment_due_today", "plans": "[]",
            "purpose": "reminder", "deadline_payer": "B-1", "asks": True, "kind": "instalment",
            "stage": "due_today", "needs": "deadline", "receipt": False, "only_to": None, "ref": "1",
            "anchor": "2026-06-20", "deadline_anchor": "2026-06-20", "deadline_state": "open", "deadline_reason": None,
            "deadline_set_by": "v", "payment_set_by": None, "payment_reversed_by": None, "phone": b"sealed",
            "phone_key": b"\x01",
            "due_on": date(2026, 6, 20), "zone": "Asia/Shanghai", "party_zone": "Asia/Shanghai", "jurisdiction": "cn",
            "amount": 10_000, "paid": 0, "currency": "CNY", "event_time": None, "suppressed": False, "overtaken": False,
            "said_anew": False, "undone": False, "answered": False, "erased": False,
            "role": "borrower", "party_id": "B-1", "party_set_by": None, "consented": False,
            "cured_by": None, "stated_by": None, "pauses": "[]", "visits": "[]", "announced": None,
            "moment": at("2026-06-20 09:00"), "expires_at": at("2026-06-21 00:00"),
            **changes,
        }
    )  # fmt: skip


def judged(count: int = 0, older_open: bool = False, now: Any = NOON, **changes: Any) -> PutBack | None:
    """The verdict on such a reminder; None: it may go."""
    verdict = STANDING.judge(row(**changes), (), {"cn-cap-1": Contacts(count)}, older_open=older_open, now=now)
    return verdict if isinstance(verdict, PutBack) else None


def _breach(*words: tuple[str, str, str]) -> dict[str, Any]:
    said = [(version_of(at(time), "test", what), request, what) for time, request, what in words]
    return {
        "template": "negotiation_broken", "plans": json.dumps(said), "event_time": at("2026-06-20 11:00"), "needs": None,
        "stage": None, "kind": None, "asks": False,
    }  # fmt: skip


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
        (_breach(("2026-06-01 10:00", "N-1", "agreed"), ("2026-06-20 11:00", "N-1", "broken")), None),
        (_breach(("2026-06-20 11:00", "N-1", "broken")), None),
        (
            _breach(
                ("2026-06-01 10:00", "N-1", "agreed"),
                ("2026-06-02 10:00", "N-2", "agreed"),
                ("2026-06-20 11:00", "N-1", "broken"),
            ),
            (State.SUPPRESSED, "replaced"),
        ),
        (
            {
                **_breach(("2026-06-01 10:00", "N-1", "agreed"), ("2026-06-20 12:05", "N-1", "broken")),
                "event_time": at("2026-06-20 12:05"),
            },
            None,
        ),
        ({"phone": None}, (State.HELD, "no_contact")),
        ({"phone": None, "erased": True}, (State.SUPPRESSED, "erased")),
        ({"phone": None, "answered": True}, (State.CANCELLED, "answered")),
        ({"only_to": b"\x01"}, None),
        ({"only_to": b"\x02"}, (State.SUPPRESSED, "number_changed")),
        ({"deadline_state": "closed", "deadline_reason": "paid"}, (State.CANCELLED, "paid")),
        ({"role": "payer", "deadline_payer": "X-1"}, (State.CANCELLED, "replaced")),
        ({"deadline_state": "closed"}, (State.CANCELLED, "closed")),
        ({"deadline_anchor": "2026-06-25"}, (State.CANCELLED, "moved")),
        ({"deadline_anchor": "2026-06-25", "stage": None}, None),
        ({"asks": False, "deadline_state": "closed"}, None),
        ({"receipt": True, "payment_reversed_by": "v"}, (State.SUPPRESSED, "reversed")),
        ({"receipt": True}, None),
        ({"overtaken": True}, (State.SUPERSEDED, "later_stage")),
        ({"said_anew": True}, (State.SUPERSEDED, "newer_notice")),
        ({"undone": True}, (State.SUPERSEDED, "later_reply")),
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
    full = {"cn-cap-1": Contacts(5)}
    assert [
        found and (found.reason, found.not_before) for found in (judged(count=5), STANDING.over_cap(row(), full, (), NOON))
    ] == [("daily_cap", tomorrow)] * 2
    assert STANDING.over_cap(row(purpose="service"), full, (), NOON).not_before == row().expires_at


def test_the_counter_is_the_numbers_day() -> None:
    """Five a day in the party's zone, or the UTC day where no zone is known; none for news, or without a number."""
    (counter,) = STANDING.counters(row(), at("2026-06-20 00:30"))
    assert counter == Counter("cn-cap-1:01", date(2026, 6, 20), 5)
    (abroad,) = STANDING.counters(row(jurisdiction="us", party_zone=None), at("2026-06-20 00:30"))
    assert abroad.day == date(2026, 6, 19)
    assert STANDING.counters(row(jurisdiction=None), NOON) == (Counter("cn-cap-1:01", date(2026, 6, 20), 5),)
    assert STANDING.counters(row(purpose="service"), NOON) == ()
    assert STANDING.counters(row(phone_key=None), NOON) == ()


def test_a_payer_is_not_told_of_the_debt() -> None:
    """A reminder to a payer is dropped by the rule that says who may be told."""
    found = judged(role="payer")
    assert found == PutBack(State.SUPPRESSED, "not_for_role", rule="cn-recipient-1@1")


def test_the_age_of_a_number_is_that_of_the_event_that_named_it() -> None:
    """Looked up only where a rule asks for it."""
    book = Rulebook({"other": read_rules(
        """
        jurisdiction: other
        rules:
          - {id: w, version: 1, kind: window, purposes: [service, reminder, collection, payer, visit, marketing],
             opens: "08:00", closes: "20:00", source: s}
          - {id: r, version: 1, kind: recipient, purposes: [reminder], number_seen_within: 60 days, source: s}
        """, "other.yaml")})  # fmt: skip
    standing = Standing(STANDING.ladders, book)
    for day, stale in (("2026-04-21", False), ("2026-04-20", True)):
        named = json.dumps({"phone": version_of(at(f"{day} 12:00"), "test", "p")})
        verdict = standing.judge(row(party_set_by=named), (), {}, older_open=False, now=NOON)
        assert (verdict == PutBack(State.SUPPRESSED, "stale_number", rule="r@1")) is stale
        assert judged(party_set_by=named) is None


@pytest.mark.parametrize(
    ("changes", "text", "reason"),
    [
        ({}, "您的借款今天到期", None),
        ({}, "否则将向法院起诉", "content_forbidden cn-content-1@1"),
        ({"purpose": "service"}, "已向法院提交", None),
        ({"purpose": "service", "role": "payer"}, "该笔借款已逾期3天", "content_forbidden cn-content-3@1"),
        (
            {"purpose": "payer", "role": "payer", "jurisdiction": "gb"},
            "The loan is overdue",
            "content_forbidden gb-content-2@1",
        ),
        ({"purpose": "marketing"}, "新产品上线", "content_missing cn-content-2@1"),
        ({"purpose": "marketing"}, "新产品上线，拒收请回复R", None),
    ],
)
def test_what_a_text_may_say(changes: dict[str, Any], text: str, reason: str | None) -> None:
    """Threats nowhere, the debt not to a payer, and the way out in advertising."""
    found = STANDING.refused_text(row(**changes), text, NOON)
    assert (found and f"{found.reason} {found.rule}") == reason
    assert found is None or found.state is State.SUPPRESSED


def _paused(reason: str, text: str, until: str | None = None) -> str:
    """What a loan keeps of one pause."""
    return as_json([PauseWord(_cured(text), "paused", reason, until and at(until).isoformat())])


@pytest.mark.parametrize(
    ("changes", "silent"),
    [
        (_collection(pauses=_paused("dispute", "2026-06-20 08:00")), True),
        (_collection(pauses=_paused("dispute", "2026-06-20 08:00", "2026-06-20 10:00")), True),
        (_collection(pauses=_paused("dispute", "2026-06-20 11:00")), True),
        (_collection(pauses=_paused("dispute", "2026-06-20 09:30", "2026-06-20 11:00")), False),
        (_collection(pauses=_paused("dispute", "2026-06-20 13:00")), False),
        (_collection(pauses=_paused("dispute", "2026-06-20 08:00", "2026-06-20 10:00"), stage=None), False),
        (_collection(pauses=_paused("dispute", "2026-06-20 08:00"), stage=None, asks=False), False),
        (_collection(pauses=None), False),
        ({"pauses": _paused("dispute", "2026-06-20 08:00")}, False),
        ({"pauses": _paused("bankruptcy", "2026-06-20 08:00")}, True),
        (_collection(pauses=_paused("dispute", "2026-06-20 08:00"), deadline_state="closed"), False),
    ],
    ids=[
        "holds", "held at its moment", "holds by now", "fell between", "not yet", "an event's is asked now", "tells", "no loan",
        "a reminder", "nobody to remind", "over anyway",
    ],
)  # fmt: skip
def test_a_pause_ends_what_asks(changes: dict[str, Any], silent: bool) -> None:
    """A stage whose moment lies in a pause for its purpose, and whatever asks while one holds; what is over is over first."""
    found = judged(**changes)
    assert (found == PutBack(State.SUPPRESSED, "paused", NOON)) is silent


VISIT = Visit("V-1", "v", approved=True, scheduled_by="v", visitors=2, days_past_due=95)


def _visit(visit: Visit = VISIT, **changes: Any) -> dict[str, Any]:
    """A claimed announcement of a visit in two days."""
    return {
        "purpose": "visit", "kind": "visit_appointment", "ref": "V-1", "stage": None, "due_on": None, "due_at": at("2026-06-22 15:00"),
        "visits": visits_json([visit]), "created_at": NOON, "event_time": NOON, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        (_visit(), None),
        (_visit(replace(VISIT, approved=False)), (State.HELD, "awaiting_facts")),
        (_visit(replace(VISIT, approved=False), created_at=at("2026-06-20 11:50")), (State.SUPPRESSED, "visit_not_allowed")),
        (_visit(replace(VISIT, days_past_due=20)), (State.SUPPRESSED, "visit_not_allowed")),
        (_visit(replace(VISIT, visitors=1)), (State.SUPPRESSED, "visit_visitors")),
        (_visit(due_at=at("2026-06-22 23:00")), (State.SUPPRESSED, "visit_window")),
        (_visit(due_at=at("2026-06-21 11:00")), (State.SUPPRESSED, "visit_lead_time")),
        (_visit(visits="[]"), (State.HELD, "awaiting_facts")),
        (_visit(purpose="service", due_at=at("2026-06-21 11:00")), None),
        (_visit(stage="visit_reminder_24h", announced="yes", due_at=at("2026-06-21 11:00")), None),
        (_visit(stage="visit_reminder_24h", announced="soon"), (State.HELD, "awaiting_facts")),
        (_visit(stage="visit_reminder_24h", announced="never"), (State.SUPPRESSED, "not_announced")),
        (_visit(stage=None, purpose="service", asks=False, announced="never"), (State.SUPPRESSED, "not_announced")),
        (_visit(stage=None, purpose="service", asks=False, announced="yes"), None),
        (
            _visit(replace(VISIT, approved=False), stage="visit_reminder_24h", announced="yes"),
            (State.SUPPRESSED, "visit_not_allowed"),
        ),
        (_visit(deadline_state="closed", deadline_reason="visit_window"), (State.SUPPRESSED, "visit_window")),
        (
            _visit(deadline_state="closed", deadline_reason="visit_window", stage="visit_reminder_24h"),
            (State.CANCELLED, "visit_window"),
        ),
    ],
)
def test_a_visit_is_announced_only_where_it_may_take_place(changes: dict[str, Any], verdict: tuple[State, str] | None) -> None:
    """Each condition has its refusal; an approval is waited for; a reminder needs an announcement."""
    found = judged(**changes)
    assert (found and (found.state, found.reason)) == verdict
    if found and found.reason in {"visit_window", "visit_lead_time"} and "deadline_state" not in changes:
        assert found.rule
        assert found.alert


def test_a_refusal_tells_ops_what_there_is() -> None:
    """The visit, what was decided, how many come, and how late the loan is."""
    found = judged(**_visit(replace(VISIT, visitors=1)))
    assert found
    assert found.alert == {"visit_id": "V-1", "approved": 1, "visitors": 1, "days_past_due": 95, "bucket": "90+"}
    unknown = judged(**_visit(Visit("V-1"), created_at=at("2026-06-20 11:00")))
    assert unknown
    assert unknown.alert == {"visit_id": "V-1", "approved": 0, "visitors": 0}
