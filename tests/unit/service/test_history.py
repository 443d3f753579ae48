"""A loan's history: whatever the order in which its facts come, the same deadlines are open and the same money covers them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.covering import natural
from service.facts import (
    CollectionPaused,
    CollectionResumed,
    DeadlineClosed,
    DeadlineOpened,
    DeadlinesClosed,
    Kind,
    LoanChange,
    LoanCured,
    LoanFact,
    OverdueStated,
    PaymentReceived,
    PaymentReversed,
    PlanAgreed,
    PlanBroken,
    Version,
    VisitDecided,
    VisitMoved,
    VisitScheduled,
    version_of,
)
from service.history import LoanHistory
from service.money import Money

LOAN = "L-1"
START = datetime(2026, 6, 1, tzinfo=UTC)


def at(day: float) -> datetime:
    """The instant so many days after the start."""
    return START + timedelta(days=day)


def v(day: float) -> Version:
    """The version of an event that happened on a day."""
    return version_of(at(day), "test", f"{day:07.2f}")


def schedule(
    day: float, *lines: tuple[int, int, int], kind: Kind = Kind.INSTALMENT, replaces: bool = False
) -> list[LoanChange]:
    """The facts of a schedule: (number, day it is due, minor units) each."""
    opened = [
        DeadlineOpened(v(day), LOAN, kind, str(no), at(due).date(), amount=Money(minor), request_id="R-1")
        for no, due, minor in lines
    ]
    return [DeadlinesClosed(v(day), LOAN, Kind.INSTALMENT, "replaced"), *opened] if replaces else list(opened)


def paid(day: float, minor: int, name: str = "P-1", **how: Any) -> PaymentReceived:
    """Money that came in on a day."""
    return PaymentReceived(v(day), LOAN, name, Money(minor), how.pop("paid_at", at(day)), "manual", **how)


def folded(*changes: LoanChange | Iterable[LoanChange]) -> LoanHistory:
    """The history of these facts."""
    history = LoanHistory(LOAN)
    for change in changes:
        history.absorb([change] if isinstance(change, LoanChange) else change)
    history.derive()
    return history


def standing(history: LoanHistory) -> dict[str, tuple[str, str | None, int]]:
    """State, reason and money paid of each deadline, by its reference."""
    return {ref: (d.state, d.reason, d.paid) for (_, ref), d in history.deadlines.items()}


THREE = schedule(0, (1, 30, 100), (2, 60, 100), (3, 90, 100))
REPLACED = schedule(40, (2, 61, 50), (3, 90, 150), replaces=True)


@pytest.mark.parametrize(
    ("payment", "expected"),
    [
        (paid(30, 40, ref="1"), [("open", None, 40), ("open", None, 0), ("open", None, 0)]),
        (paid(3, 100, ref="1"), [("closed", "paid", 100), ("open", None, 0), ("open", None, 0)]),
        (paid(30, 130, ref="1"), [("closed", "paid", 100), ("open", None, 0), ("open", None, 0)]),
        (paid(30, 130), [("closed", "paid", 100), ("open", None, 30), ("open", None, 0)]),
        (paid(30, 400), [("closed", "paid", 100), ("closed", "paid", 100), ("closed", "paid", 100)]),
        (
            paid(30, 130, covers=(("3", Money(100)), ("1", Money(20)))),
            [("open", None, 20), ("open", None, 0), ("closed", "paid", 100)],
        ),
        (paid(30, 100, covers=(("1", Money(120)),)), [("closed", "paid", 120), ("open", None, 0), ("open", None, 0)]),
    ],
    ids=["partial", "early", "over: the surplus is credit", "oldest first", "more than all", "exact covers", "covers too much"],
)
def test_what_a_payment_covers(payment: PaymentReceived, expected: list[tuple[str, str | None, int]]) -> None:
    """A payment covers what it says, the one instalment it names, or the oldest first; what is left over covers nothing."""
    assert list(standing(folded(THREE, payment)).values()) == expected


def test_payments_count_in_the_order_they_were_made() -> None:
    """Of two payments without a target the one made first fills the oldest, whichever is known first."""
    early, late = paid(9, 60, "P-2", paid_at=at(1)), paid(8, 100, "P-1", paid_at=at(2))
    history = folded(THREE, late, early)
    assert history.payments["P-2"].covered == (("instalment", "1", 60),)
    assert history.payments["P-1"].covered == (("instalment", "1", 40), ("instalment", "2", 60))


def test_a_payment_twice_counts_once() -> None:
    """The same payment in two events is one payment, as the later event tells it."""
    history = folded(THREE, paid(11, 50, ref="1"), paid(10, 30, ref="1"), paid(11, 50, ref="1"))
    assert standing(history)["1"] == ("open", None, 50)


@pytest.mark.parametrize("target", [{"ref": "2"}, {"covers": (("2", Money(100)),)}, {}], ids=["ref", "covers", "oldest"])
def test_a_payment_before_its_schedule_waits_for_it(target: dict[str, Any]) -> None:
    """Money whose instalment is not known yet covers it once it is."""
    history = folded(paid(30, 100, **target))
    assert all(deadline.state == "stub" for deadline in history.deadlines.values())
    history.absorb(schedule(0, (2, 60, 100)))
    history.derive()
    assert standing(history) == {"2": ("closed", "paid", 100)}


def test_a_reversal_opens_what_the_payment_closed() -> None:
    """Money taken back covers nothing, known before the payment or after."""
    back = PaymentReversed(v(33), LOAN, "P-1")
    assert standing(folded(THREE, paid(30, 100), back)) == standing(folded(THREE))
    early = folded(THREE, back)
    assert early.payments["P-1"].set_by is None
    assert standing(early) == standing(folded(THREE))
    early.absorb([paid(30, 100)])
    early.derive()
    assert standing(early) == standing(folded(THREE))
    assert not early.payments["P-1"].counts


def test_of_two_reversals_the_later_is_kept() -> None:
    """A payment can be told as taken back twice; it is taken back."""
    history = folded(PaymentReversed(v(34), LOAN, "P-1"), PaymentReversed(v(33), LOAN, "P-1"))
    assert history.payments["P-1"].reversed_by == v(34)


def test_a_new_schedule_drops_moves_and_keeps() -> None:
    """What the new schedule does not name is replaced; what it names has its day and its amount."""
    history = folded(REPLACED, THREE)
    assert standing(history) == {"1": ("closed", "replaced", 0), "2": ("open", None, 0), "3": ("open", None, 0)}
    assert history.deadlines["instalment", "2"].due_on == at(61).date()
    assert history.deadlines["instalment", "3"].amount == 150
    assert {ref: d.anchor for (_, ref), d in history.deadlines.items()} == {
        "1": "2026-07-01",
        "2": "2026-08-01",
        "3": "2026-08-30",
    }


def test_money_goes_to_what_stood_when_it_was_paid() -> None:
    """A payment made before a replacement filled an instalment that the replacement drops; one made after does not."""
    before, after = paid(39, 100, "P-1"), paid(41, 60, "P-2")
    assert standing(folded(REPLACED, after, THREE, before)) == {
        "1": ("closed", "replaced", 100),
        "2": ("closed", "paid", 50),
        "3": ("open", None, 10),
    }


def test_three_schedules_in_any_order_are_the_newest() -> None:
    """An instalment that the second schedule dropped and the third names again is open."""
    third = schedule(50, (1, 31, 70), replaces=True)
    expected = {"1": ("open", None, 0), "2": ("closed", "replaced", 0), "3": ("closed", "replaced", 0)}
    assert standing(folded(THREE, REPLACED, third)) == expected
    assert standing(folded(third, REPLACED, THREE)) == expected
    assert standing(folded(REPLACED, third, THREE)) == expected


def test_settlement_closes_everything_opened_before() -> None:
    """Paid stays paid; the rest is settled; what is opened later is open."""
    settled = DeadlinesClosed(v(70), LOAN, None, "settled")
    history = folded(settled, THREE, paid(30, 100), schedule(80, (9, 120, 5)))
    assert standing(history) == {
        "1": ("closed", "paid", 100),
        "2": ("closed", "settled", 0),
        "3": ("closed", "settled", 0),
        "9": ("open", None, 0),
    }


def test_a_reversal_after_the_settlement_undoes_it() -> None:
    """Money taken back after the end opens the loan again, until it is settled once more."""
    settled, back = DeadlinesClosed(v(70), LOAN, None, "settled"), PaymentReversed(v(75), LOAN, "P-1")
    assert standing(folded(THREE, paid(30, 300), settled, back)) == standing(folded(THREE))
    again = DeadlinesClosed(v(78), LOAN, None, "settled")
    assert {state for state, *_ in standing(folded(again, back, settled, THREE, paid(30, 300))).values()} == {"closed"}
    older = PaymentReversed(v(60), LOAN, "P-1")
    assert {reason for _, reason, _ in standing(folded(older, settled, THREE, paid(30, 300))).values()} == {"settled"}


def promise(day: float, minor: int, pay_by: int, name: str = "PTP-1") -> DeadlineOpened:
    """A promise made on a day."""
    return DeadlineOpened(v(day), LOAN, Kind.PROMISE_TO_PAY, name, at(pay_by).date(), amount=Money(minor))


@pytest.mark.parametrize(
    ("payments", "expected"),
    [
        ([], ("open", None, 0)),
        ([paid(39, 60)], ("open", None, 0)),
        ([paid(41, 59)], ("open", None, 59)),
        ([paid(41, 60)], ("closed", "kept", 60)),
        ([paid(41, 30, "P-1", ref="3"), paid(44, 40, "P-2")], ("closed", "kept", 70)),
        ([paid(41, 60), PaymentReversed(v(42), LOAN, "P-1")], ("open", None, 0)),
        ([paid(39.5, 60, paid_at=at(40))], ("closed", "kept", 60)),
    ],
    ids=["nothing", "before it", "a part", "all", "in parts, whatever they are for", "taken back", "at the same instant"],
)
def test_a_promise_is_kept_by_what_was_paid_since(payments: list[LoanChange], expected: tuple[str, str | None, int]) -> None:
    """All payments made from the promise on count, those taken back do not."""
    assert standing(folded(payments, promise(40, 60, 50), THREE))["PTP-1"] == expected


def test_a_promise_may_miss_its_tolerance() -> None:
    """Kept when what came is its amount less the tolerance; nothing at all keeps no promise."""
    for minor, left_over, state in ((900, "1.00", "closed"), (899, "1.00", "open"), (0, "20.00", "open")):
        history = LoanHistory(LOAN)
        history.absorb([promise(40, 1000, 50), *([paid(41, minor)] if minor else [])])
        history.derive(Decimal(left_over))
        assert history.deadlines["promise_to_pay", "PTP-1"].state == state


def test_a_write_off_closes_what_is_open_and_money_still_counts() -> None:
    """What was paid stays paid, what is paid later is; a reversal does not undo it, a settlement follows it."""
    off, back = DeadlinesClosed(v(70), LOAN, None, "written_off"), PaymentReversed(v(75), LOAN, "P-1")
    history = folded(off, THREE, paid(30, 100), paid(80, 50, "P-2"))
    assert standing(history) == {
        "1": ("closed", "paid", 100),
        "2": ("closed", "written_off", 50),
        "3": ("closed", "written_off", 0),
    }
    assert {reason for _, reason, _ in standing(folded(off, THREE, paid(30, 100), back)).values()} == {"written_off"}
    settled = DeadlinesClosed(v(80), LOAN, None, "settled")
    assert {reason for _, reason, _ in standing(folded(off, THREE, settled)).values()} == {"settled"}


def visit(day: float, due: float, name: str = "V-1", visitors: int = 2) -> VisitScheduled:
    """A visit scheduled on a day."""
    return VisitScheduled(v(day), LOAN, name, at(due), visitors)


def moved(day: float, due: float, name: str = "V-1") -> VisitMoved:
    """A visit moved on a day."""
    return VisitMoved(v(day), LOAN, name, at(due))


def test_a_visit_is_where_the_newest_event_puts_it() -> None:
    """Scheduled and moved in any order; a visit that is only moved waits, one that is only decided is not there."""
    for events in permutations([visit(40, 50), moved(41, 52), visit(42, 54, visitors=3), moved(39, 60)]):
        history = folded(*events)
        appointment = history.deadlines["visit_appointment", "V-1"]
        assert (appointment.due_at, appointment.set_by, appointment.anchor) == (at(54), v(42), "20260725T0000Z")
        assert history.visits["V-1"].visitors == 3
    assert standing(folded(moved(41, 52))) == {"V-1": ("stub", None, 0)}
    assert standing(folded(VisitDecided(v(41), LOAN, "V-1", approved=True))) == {}


def test_what_should_have_gone_before_a_visit_had_its_time_is_not_planned() -> None:
    """Stages count from the event that set the time, or from the arrival of one that was backfilled."""
    history = folded(visit(40, 50), moved(41, 52))
    assert history.deadlines["visit_appointment", "V-1"].plan_from == at(41)
    history.absorb([moved(42, 53)], plan_from=at(45))
    assert history.deadlines["visit_appointment", "V-1"].plan_from == at(45)


_STATED = OverdueStated(v(125), LOAN, "9", 7, Money(5))


@pytest.mark.parametrize(
    ("facts", "late"),
    [
        ([], None),
        (THREE, 100),
        ([THREE, paid(40, 100)], 70),
        ([THREE, paid(129, 300)], 0),
        ([THREE, paid(131, 300)], 100),
        ([THREE, paid(40, 99)], 100),
        ([THREE, paid(40, 100), PaymentReversed(v(41), LOAN, "P-1")], 100),
        ([THREE, schedule(40, (2, 61, 50), replaces=True)], 69),
        ([THREE, DeadlinesClosed(v(120), LOAN, None, "settled")], 0),
        ([THREE, DeadlinesClosed(v(140), LOAN, None, "settled")], 100),
        ([THREE, DeadlinesClosed(v(120), LOAN, None, "written_off")], 100),
        ([THREE, DeadlinesClosed(v(120), LOAN, None, "settled"), DeadlinesClosed(v(125), LOAN, None, "written_off")], 0),
        ([THREE, LoanCured(v(70), LOAN)], 40),
        ([THREE, LoanCured(v(140), LOAN)], 100),
        ([THREE, LoanCured(v(70), LOAN), OverdueStated(v(71), LOAN, "1", 41, Money(100))], 100),
        ([_STATED], 12),
        ([_STATED, THREE], 100),
        ([paid(120, 5, ref="9")], None),
        ([schedule(0, (1, 140, 100))], 0),
        ([THREE, LoanFact(v(1), LOAN, timezone="America/Los_Angeles")], 99),
    ],
)
def test_days_past_due_at_the_time_of_a_visits_event(facts: list[Any], late: int | None) -> None:
    """Counted in the loan's zone on the day of the event, from the oldest instalment that was not paid or over then."""
    changes = [[fact] if isinstance(fact, LoanChange) else fact for fact in facts]
    assert folded(*changes, visit(130, 140)).visits["V-1"].days_past_due == late


def test_a_deadline_can_be_closed_alone() -> None:
    """The first closing after the event that set it counts; an earlier one, or one known before it, does not."""
    signing = DeadlineOpened(v(0), LOAN, Kind.CONTRACT_SIGNING, "A-1", date(2026, 6, 8))
    closed = DeadlineClosed(v(3), LOAN, Kind.CONTRACT_SIGNING, "A-1", "closed")
    assert standing(folded(closed)) == {"A-1": ("stub", None, 0)}
    assert standing(folded(closed, signing)) == {"A-1": ("closed", "closed", 0)}
    older = DeadlineClosed(v(2), LOAN, Kind.CONTRACT_SIGNING, "A-1", "moved")
    assert standing(folded(closed, signing, older)) == {"A-1": ("closed", "closed", 0)}
    again = DeadlineOpened(v(5), LOAN, Kind.CONTRACT_SIGNING, "A-1", date(2026, 6, 9))
    assert standing(folded(again, closed, signing)) == {"A-1": ("open", None, 0)}


def test_a_deadline_at_an_instant_has_it_as_its_anchor() -> None:
    """A delegation window ends at an instant; an amount is not needed to be open."""
    history = folded(DeadlineOpened(v(0), LOAN, Kind.DELEGATION, "D-1", due_at=datetime(2026, 6, 20, 7, tzinfo=UTC)))
    assert history.deadlines["delegation", "D-1"].anchor == "20260620T0700Z"
    assert standing(history) == {"D-1": ("open", None, 0)}


def agreed(day: float, *lines: tuple[int, int, int], request: str = "R-1") -> list[LoanChange]:
    """The facts of a signed agreement: (number, day it is due, minor units) each."""
    opened = schedule(day, *lines, kind=Kind.PLAN_INSTALMENT)
    return [PlanAgreed(v(day), LOAN, request), *(replace(one, request_id=request) for one in opened)]  # type: ignore[type-var]


PLAN = agreed(40, (1, 70, 60), (2, 100, 60))
BROKEN = PlanBroken(v(80), LOAN, "R-1")


def covered(history: LoanHistory) -> dict[str, tuple[tuple[str, str, int], ...]]:
    """What each payment covers."""
    return {payment.payment_id: payment.covered for payment in history.payments.values()}


def test_an_agreement_ends_what_was_due() -> None:
    """The loan's instalments and every agreement that waits to be signed are over; the plan's are open and keep its request."""
    signing = DeadlineOpened(v(35), LOAN, Kind.AGREEMENT_SIGNING, "R-1", date(2026, 7, 20))
    history = folded(PLAN, THREE, signing)
    assert {key: (d.state, d.reason) for key, d in history.deadlines.items() if d.kind != "plan_instalment"} == {
        ("instalment", "1"): ("closed", "replaced"),
        ("instalment", "2"): ("closed", "replaced"),
        ("instalment", "3"): ("closed", "replaced"),
        ("agreement_signing", "R-1"): ("closed", "closed"),
    }
    assert {(d.ref, d.state, d.request_id) for d in history.deadlines.values() if d.kind == "plan_instalment"} == {
        ("1", "open", "R-1"),
        ("2", "open", "R-1"),
    }


def test_payments_are_for_the_plan_while_one_is_in_force() -> None:
    """From the agreement until it is broken money goes to the plan's instalments, before and after to the loan's."""
    again = schedule(81, (2, 90, 100), (3, 120, 100), replaces=True)
    history = folded(
        PLAN,
        THREE,
        BROKEN,
        again,
        paid(39, 100, "P-1"),
        paid(41, 60, "P-2"),
        paid(82, 100, "P-3"),
        paid(42, 30, "P-4", ref="2"),
    )
    assert covered(history) == {
        "P-1": (("instalment", "1", 100),),
        "P-2": (("plan_instalment", "1", 60),),
        "P-3": (("instalment", "2", 100),),
        "P-4": (("plan_instalment", "2", 30),),
    }
    exact = folded(PLAN, THREE, paid(41, 60, covers=(("1", Money(20)), ("2", Money(40)))))
    assert covered(exact)["P-1"] == (("plan_instalment", "1", 20), ("plan_instalment", "2", 40))


def test_a_newer_agreement_takes_the_place_of_the_older() -> None:
    """What it does not name is replaced, what it names is its own; money paid under the older one is not paid again."""
    newer = agreed(60, (1, 90, 50), request="R-2")
    history = folded(newer, PLAN, THREE, paid(50, 60, ref="1"), paid(51, 5, "P-2"), paid(61, 20, "P-3"))
    plan = {
        ref: (d.state, d.reason, d.paid, d.request_id)
        for (kind, ref), d in history.deadlines.items()
        if kind == "plan_instalment"
    }
    assert plan == {"1": ("open", None, 20, "R-2"), "2": ("closed", "replaced", 5, "R-1")}
    assert covered(history)["P-1"] == ()


def test_only_the_broken_plan_is_over() -> None:
    """A breach closes the instalments of its own negotiation; a later word on an older plan closes nothing of the newer."""
    history = folded(PLAN, THREE, BROKEN)
    assert {d.reason for d in history.deadlines.values() if d.kind == "plan_instalment"} == {"plan_broken"}
    newer = agreed(60, (1, 90, 50), request="R-2")
    standing_now = folded(PLAN, THREE, newer, BROKEN)
    assert standing_now.deadlines["plan_instalment", "1"].state == "open"
    assert covered(folded(PLAN, THREE, newer, BROKEN, paid(85, 50)))["P-1"] == (("plan_instalment", "1", 50),)


def test_after_a_plan_money_goes_to_the_schedule_that_follows() -> None:
    """Where upstream goes on with a schedule and nobody broke the plan, the newest word on a number says what it means."""
    onwards = schedule(90, (1, 120, 100), replaces=True)
    history = folded(PLAN, THREE, paid(69, 120), onwards, paid(110, 40, "P-2"), paid(111, 60, "P-3", ref="1"))
    assert covered(history)["P-2"] == (("instalment", "1", 40),)
    assert covered(history)["P-3"] == (("instalment", "1", 60),)


def test_money_for_a_number_the_plan_lacks_waits() -> None:
    """Under a plan an unknown number is the plan's."""
    history = folded(PLAN, THREE, paid(50, 60, ref="9"))
    assert (history.deadlines["plan_instalment", "9"].state, covered(history)["P-1"]) == ("stub", ())


def test_what_is_stated_under_a_plan_is_about_the_plan() -> None:
    """The plan's instalment takes the figure while the plan is in force; it is kept with the loan's own number."""
    said = OverdueStated(v(71), LOAN, "1", 1, Money(61))
    history = folded(said, PLAN)
    plan, own = history.deadlines["plan_instalment", "1"], history.deadlines["instalment", "1"]
    assert (plan.stated, plan.stated_by, plan.stated_dpd) == (61, v(71), 1)
    assert (own.state, own.stated) == ("stub", 61)
    before = folded(OverdueStated(v(31), LOAN, "1", 1, Money(61)), THREE, PLAN)
    assert before.deadlines["plan_instalment", "1"].stated is None
    stub = folded(OverdueStated(v(31), LOAN, "7", 1, Money(61)), PLAN)
    assert stub.deadlines["instalment", "7"].state == "stub"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], True),
        (schedule(79, (1, 90, 100), replaces=True), False),
        (schedule(81, (1, 90, 100), replaces=True), False),
        (agreed(85, (1, 120, 10), request="R-2"), False),
        ([DeadlinesClosed(v(90), LOAN, None, "settled")], False),
    ],
    ids=["nothing", "a schedule before it", "a schedule after it", "another plan", "settled"],
)
def test_after_a_breach_a_schedule_is_waited_for(more: list[LoanChange], expected: bool) -> None:
    """Until somebody says what is owed now, or nothing is owed any more."""
    assert folded(THREE, PLAN, BROKEN, more).is_unscheduled is expected
    assert not folded(THREE, PLAN, more).is_unscheduled


def delegation(day: float, ref: str, minor: int, until: float, **more: Any) -> DeadlineOpened:
    """Somebody is asked to repay until an instant."""
    return DeadlineOpened(
        v(day), LOAN, Kind.DELEGATION, ref, due_at=at(until), amount=Money(minor), **{"payer_id": "X-1", **more}
    )


@pytest.mark.parametrize(
    ("payments", "expected"),
    [
        ([paid(50, 100, payer_id="X-1")], ("closed", "paid")),
        ([paid(50, 99, payer_id="X-1")], ("open", None)),
        ([paid(50, 60, "P-1", payer_id="X-1"), paid(51, 60, "P-2", payer_id="X-1")], ("open", None)),
        ([paid(50, 100, payer_id="X-2")], ("open", None)),
        ([paid(50, 100)], ("open", None)),
        ([paid(39, 100, payer_id="X-1")], ("open", None)),
        ([paid(70, 100, payer_id="X-1")], ("closed", "paid")),
        ([paid(50, 100, payer_id="X-1"), PaymentReversed(v(51), LOAN, "P-1")], ("open", None)),
    ],
    ids=["enough", "too little", "twice too little", "somebody else", "nobody", "before", "late", "taken back"],
)
def test_a_payer_who_paid_enough_has_done_what_was_asked(payments: list[LoanChange], expected: tuple[str, str | None]) -> None:
    """One payment by the payer of at least the amount, made since the delegation, closes it."""
    history = folded(delegation(40, "D-1", 100, 60), payments)
    assert (history.deadlines["delegation", "D-1"].state, history.deadlines["delegation", "D-1"].reason) == expected


def test_a_payment_serves_the_delegation_it_was_for() -> None:
    """The one for an instalment that it covers, then the one that ends first; as far as it reaches, each once."""
    asked = [
        delegation(40, "D-1", 50, 60, for_ref="1"),
        delegation(40, "D-2", 50, 61, for_ref="2"),
        delegation(40, "D-3", 50, 62),
    ]
    one = folded(THREE, asked, paid(50, 50, ref="2", payer_id="X-1"))
    assert [standing(one)[ref][0] for ref in ("D-1", "D-2", "D-3")] == ["open", "closed", "open"]
    two = folded(THREE, asked, paid(50, 120, ref="2", payer_id="X-1"))
    assert [standing(two)[ref][1] for ref in ("D-1", "D-2", "D-3")] == ["paid", "paid", None]


def test_a_delegation_ends_with_its_instalment() -> None:
    """Paid by whomever, replaced by a plan, opened again; one whose instalment nobody knows waits with it, and is open."""
    asked = delegation(35, "D-1", 50, 60, for_ref="1")
    assert standing(folded(THREE, asked))["D-1"] == ("open", None, 0)
    paid_by_borrower = [*THREE, asked, paid(36, 100, ref="1")]
    assert standing(folded(paid_by_borrower))["D-1"][:2] == ("closed", "paid")
    assert standing(folded(paid_by_borrower, PaymentReversed(v(37), LOAN, "P-1")))["D-1"][:2] == ("open", None)
    by_plan = folded(THREE, asked, PLAN)
    assert by_plan.deadlines["delegation", "D-1"].reason == "replaced"
    waiting = folded(asked)
    assert {key: d.state for key, d in waiting.deadlines.items()} == {
        ("delegation", "D-1"): "open",
        ("instalment", "1"): "stub",
    }
    of_plan = folded(THREE, PLAN, delegation(45, "D-1", 50, 60, for_ref="1"), paid(46, 60, ref="1"))
    assert of_plan.deadlines["delegation", "D-1"].reason == "paid"
    by_newer_plan = folded(THREE, PLAN, delegation(45, "D-1", 50, 60, for_ref="1"), agreed(50, (1, 120, 10), request="R-2"))
    assert by_newer_plan.deadlines["delegation", "D-1"].reason == "replaced"


def test_a_revoked_delegation_takes_no_more_money() -> None:
    """What the payer pays after that is for the loan."""
    revoked = DeadlineClosed(v(45), LOAN, Kind.DELEGATION, "D-1", "revoked")
    history = folded(revoked, delegation(40, "D-1", 50, 60), paid(46, 50, payer_id="X-1"))
    assert standing(history)["D-1"] == ("closed", "revoked", 0)
    assert standing(folded(revoked))["D-1"] == ("stub", None, 0)


def test_fields_follow_the_newest_event_one_by_one() -> None:
    """An omitted field changes nothing, an older event neither."""
    history = folded(
        LoanFact(v(5), LOAN, method="manual", borrower_id="B-2"),
        LoanFact(v(3), LOAN, method="auto_debit", account_last4="1234", borrower_id="B-1"),
        LoanFact(v(9), LOAN, product="cash"),
    )
    assert history.fields == {"method": "manual", "borrower_id": "B-2", "account_last4": "1234", "product": "cash"}


def test_the_upstreams_own_figure_is_the_newest() -> None:
    """What is stated of an instalment follows the newest word, also before the instalment is known."""
    newer, older = OverdueStated(v(33), LOAN, "1", 3, Money(104)), OverdueStated(v(32), LOAN, "1", 2, Money(103))
    history = folded(newer, older)
    stub = history.deadlines["instalment", "1"]
    assert (stub.state, stub.stated, stub.stated_dpd) == ("stub", 104, 3)
    history.absorb(THREE)
    history.derive()
    assert history.deadlines["instalment", "1"].stated == 104


def test_the_newest_cure_is_kept() -> None:
    """Two cures: the later one says until when nothing was past due."""
    assert folded(LoanCured(v(8), LOAN), LoanCured(v(7), LOAN)).cured_by == v(8)


def test_backfill_marks_only_what_it_set() -> None:
    """A backfilled event says from when stages are decided, unless a newer event has set the deadline."""
    history = LoanHistory(LOAN)
    history.absorb(REPLACED)
    history.absorb(THREE, plan_from=at(100))
    assert [history.deadlines["instalment", ref].plan_from for ref in "123"] == [at(100), None, None]


def test_numbers_in_references_sort_as_numbers() -> None:
    """Instalment 10 comes after instalment 2, and before none that has letters."""
    assert sorted(["10", "2", "a2", "a10", "1"], key=natural) == ["1", "2", "10", "a2", "a10"]


# ---------------------------------------------------------------- any order

_DAYS = st.integers(0, 99)
_REFS = st.sampled_from(["1", "2", "3", "10"])
_MINOR = st.integers(1, 150)


@st.composite
def _events(draw: st.DrawFn) -> list[list[LoanChange]]:
    """Events of one loan, each with a version of its own."""
    makers = draw(st.lists(st.sampled_from(_MAKERS), min_size=1, max_size=7))
    return [maker(draw, 100 * place / 7 + place / 100) for place, maker in enumerate(makers)]


def _a_schedule(draw: st.DrawFn, day: float) -> list[LoanChange]:
    numbers = draw(st.lists(st.sampled_from([1, 2, 3, 10]), min_size=1, max_size=4, unique=True))
    lines = [(no, draw(_DAYS), draw(_MINOR)) for no in numbers]
    return schedule(day, *lines, replaces=draw(st.booleans()))


def _a_plan(draw: st.DrawFn, day: float) -> list[LoanChange]:
    request = draw(st.sampled_from(["R-1", "R-2"]))
    if draw(st.booleans()):
        return [PlanBroken(v(day), LOAN, request)]
    return agreed(day, *[(no, draw(_DAYS), draw(_MINOR)) for no in (1, 2)], request=request)


def _a_delegation(draw: st.DrawFn, day: float) -> list[LoanChange]:
    ref = draw(st.sampled_from(["D-1", "D-2"]))
    if draw(st.booleans()):
        return [DeadlineClosed(v(day), LOAN, Kind.DELEGATION, ref, draw(st.sampled_from(["paid", "revoked"])))]
    payer = draw(st.sampled_from(["X-1", "X-2"]))
    return [delegation(day, ref, draw(_MINOR), draw(_DAYS), payer_id=payer, for_ref=draw(st.one_of(st.none(), _REFS)))]


def _a_payment(draw: st.DrawFn, day: float) -> list[LoanChange]:
    target: dict[str, Any] = draw(
        st.one_of(st.just({}), _REFS.map(lambda ref: {"ref": ref}), _REFS.map(lambda ref: {"covers": ((ref, Money(40)),)}))
    )
    name = draw(st.sampled_from(["P-1", "P-2", "P-3"]))
    return [paid(day, draw(_MINOR), name, paid_at=at(draw(_DAYS)), payer_id=draw(st.sampled_from([None, "X-1"])), **target)]


def _a_reversal(draw: st.DrawFn, day: float) -> list[LoanChange]:
    return [PaymentReversed(v(day), LOAN, draw(st.sampled_from(["P-1", "P-2", "P-3"])))]


def _an_end(draw: st.DrawFn, day: float) -> list[LoanChange]:
    kind = draw(st.sampled_from([None, Kind.INSTALMENT, Kind.PLAN_INSTALMENT]))
    reason = draw(st.sampled_from(["settled", "written_off"])) if kind is None else "closed"
    return [DeadlinesClosed(v(day), LOAN, kind, reason)]


def _a_pause(draw: st.DrawFn, day: float) -> list[LoanChange]:
    until = draw(st.one_of(st.none(), _DAYS.map(at)))
    reason = draw(st.sampled_from(["dispute", "deceased"]))
    return [
        draw(st.sampled_from([CollectionPaused(v(day), LOAN, reason, until), CollectionResumed(v(day), LOAN, reason)])),
        promise(day, draw(_MINOR), draw(_DAYS), draw(st.sampled_from(["PTP-1", "PTP-2"]))),
    ]


def _a_visit(draw: st.DrawFn, day: float) -> list[LoanChange]:
    name = draw(st.sampled_from(["V-1", "V-2"]))
    facts = (
        visit(day, draw(_DAYS), name, draw(st.integers(0, 3))),
        moved(day, draw(_DAYS), name),
        VisitDecided(v(day), LOAN, name, approved=draw(st.booleans())),
        DeadlineClosed(v(day), LOAN, Kind.VISIT_APPOINTMENT, name, "closed"),
    )
    return [draw(st.sampled_from(facts))]


def _a_word(draw: st.DrawFn, day: float) -> list[LoanChange]:
    ref = draw(_REFS)
    return [
        OverdueStated(v(day), LOAN, ref, 3, Money(draw(_MINOR))),
        LoanCured(v(day), LOAN),
        LoanFact(v(day), LOAN, method=draw(st.sampled_from(["manual", "auto_debit", None]))),
        DeadlineClosed(v(day), LOAN, Kind.INSTALMENT, ref, "closed"),
    ]


_MAKERS = [
    _a_schedule,
    _a_schedule,
    _a_plan,
    _a_plan,
    _a_delegation,
    _a_payment,
    _a_payment,
    _a_payment,
    _a_reversal,
    _an_end,
    _a_pause,
    _a_visit,
    _a_visit,
    _a_word,
]


@given(events=_events(), data=st.data())
def test_any_order_and_any_repetition_give_the_same_rows(events: list[list[LoanChange]], data: st.DataObject) -> None:
    """Every permutation of a history, with events twice and with a look after any of them, ends in the same rows."""
    expected = folded(*events)
    arrivals = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=3))]))
    history = LoanHistory(LOAN)
    for event in arrivals:
        history.absorb(event)
        if data.draw(st.booleans()):
            history.derive()
    history.derive()
    assert history.deadlines == expected.deadlines
    assert history.payments == expected.payments
    assert (history.fields, history.cured_by, history.closings) == (expected.fields, expected.cured_by, expected.closings)
    assert (history.pauses, history.visits, history.plans) == (expected.pauses, expected.visits, expected.plans)


@given(events=_events())
def test_no_payment_covers_more_than_there_was(events: list[list[LoanChange]]) -> None:
    """What payments cover never exceeds what they brought, nor, where they do not say exactly, what was due."""
    history = folded(*events)
    for payment in history.payments.values():
        if payment.covers is None:
            assert sum(amount for *_, amount in payment.covered) <= (payment.amount or 0)
        if not payment.counts:
            assert payment.covered == ()
    for deadline in history.deadlines.values():
        assert deadline.state != "open" or deadline.amount is None or deadline.left > 0
