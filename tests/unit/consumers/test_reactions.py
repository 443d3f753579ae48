"""What each event establishes."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from consumers._decode import MODELS
from service.events import Dead, Event
from service.facts import (
    AnswerAwaited,
    CollectionPaused,
    CollectionResumed,
    ConsentStated,
    DeadlineClosed,
    DeadlineOpened,
    DeadlinesClosed,
    Fact,
    Kind,
    LoanCured,
    LoanFact,
    NoticeGiven,
    OverdueStated,
    PartyErased,
    PartyFact,
    PaymentReceived,
    PaymentReversed,
    VisitDecided,
    VisitMoved,
    VisitScheduled,
)
from service.money import Money
from service.secret import Secret

EventOf = Callable[..., Event]

#: contract: the events of borrowing, repaying, being late, negotiating, visits, security, and people.
_TYPES = """
loan.application.approved loan.application.limit_assessed loan.application.rejected loan.application.submitted
loan.auto_debit.failed loan.collection.paused loan.collection.resumed
loan.contract.signed loan.disbursed loan.disbursement_failed
loan.negotiation.agreement_signed loan.negotiation.approved loan.negotiation.broken loan.negotiation.rejected
loan.negotiation.requested loan.overdue.cured loan.overdue.entered
loan.promise_to_pay.made loan.repayment.received loan.repayment.reversed loan.repayment_account.changed
loan.repayment_method.changed loan.schedule.replaced
loan.settled loan.visit.approved loan.visit.cancelled loan.visit.completed loan.visit.declined loan.visit.requested
loan.visit.rescheduled loan.visit.scheduled loan.written_off party.updated
loan.operation.confirmation_requested loan.security.anomaly_detected party.consent_changed party.erased
"""
TYPES = _TYPES.split()
#: These speak to two people; see test_delegation.py.
DELEGATION = [f"loan.delegation.{what}" for what in ("authorised", "completed", "failed", "revoked")]


def said(event: Event) -> list[Fact]:
    """The facts but those that every event gives."""
    return [fact for fact in event.facts if not isinstance(fact, LoanFact | PartyFact)]


def loan_fact(event: Event) -> LoanFact:
    """What the event says about the loan."""
    (fact,) = [fact for fact in event.facts if isinstance(fact, LoanFact)]
    return fact


def test_the_types_are_those_of_the_contract() -> None:
    """No event of these processes is missing, and none is there that the contract does not know."""
    assert sorted(MODELS) == sorted([*TYPES, *DELEGATION])


@pytest.mark.parametrize("event_type", [*TYPES, *DELEGATION])
def test_every_example_is_valid(event_of: EventOf, event_type: str) -> None:
    """Each model's example decodes, and all its facts carry the event's version."""
    event = event_of(event_type)
    assert event.type == event_type
    assert event.facts
    assert {fact.version for fact in event.facts} == {event.version}


NOTICES: list[tuple[str, str, dict[str, Any]]] = [
    ("loan.application.submitted", "application_received", {"amount": Money(1200000)}),
    ("loan.application.limit_assessed", "credit_limit_assessed", {"credit_limit": Money(3000000)}),
    ("loan.application.approved", "application_approved", {"amount": Money(1200000), "sign_by": date(2026, 6, 8)}),
    ("loan.application.rejected", "application_rejected", {"reason_public": "资料不完整"}),
    (
        "loan.contract.signed",
        "contract_signed",
        {"contract_no": "C-2026-001001", "signed_at": datetime(2026, 6, 2, 7, 4, 5, tzinfo=UTC)},
    ),
    (
        "loan.disbursed",
        "loan_disbursed",
        {
            "amount": Money(1200000),
            "disbursed_at": datetime(2026, 6, 3, 2, 30, tzinfo=UTC),
            "account_last4": "6789",
            "method": "auto_debit",
            "instalment_count": 3,
            "first_due_on": date(2026, 7, 3),
            "first_amount": Money(408000),
        },
    ),
    ("loan.disbursement_failed", "disbursement_failed", {"reason_public": "收款账户状态异常"}),
    (
        "loan.schedule.replaced",
        "schedule_replaced",
        {"instalment_count": 2, "first_due_on": date(2026, 8, 10), "first_amount": Money(204000)},
    ),
    (
        "loan.repayment.received",
        "repayment_received",
        {"amount": Money(408000), "paid_at": datetime(2026, 7, 3, 1, 12, tzinfo=UTC), "method": "auto_debit"},
    ),
    ("loan.repayment.reversed", "repayment_reversed", {"reason_public": "银行退回"}),
    (
        "loan.auto_debit.failed",
        "auto_debit_failed",
        {"attempt": 1, "reason_public": "余额不足", "next_attempt_at": datetime(2026, 8, 3, 10, tzinfo=UTC)},
    ),
    ("loan.repayment_method.changed", "repayment_method_changed", {"method": "manual"}),
    ("loan.settled", "loan_settled", {"settled_at": datetime(2026, 9, 3, 1, tzinfo=UTC)}),
    (
        "loan.operation.confirmation_requested",
        "operation_code",
        {"operation": "更换还款账户", "expires_at": datetime(2026, 6, 1, 2, 5, tzinfo=UTC), "code": Secret("482913")},
    ),
    (
        "loan.security.anomaly_detected",
        "security_alert",
        {"what": "异地登录", "at": datetime(2026, 6, 1, 1, 58, tzinfo=UTC), "hotline": "95384"},
    ),
    ("loan.negotiation.requested", "negotiation_received", {}),
    ("loan.negotiation.approved", "negotiation_approved", {"sign_by": date(2026, 10, 20)}),
    ("loan.negotiation.rejected", "negotiation_rejected", {"reason_public": "资料不完整"}),
    (
        "loan.negotiation.agreement_signed",
        "negotiation_agreed",
        {
            "agreement_no": "X-2026-003001",
            "method": "manual",
            "instalment_count": 3,
            "total": Money(408000),
            "first_due_on": date(2026, 11, 10),
            "first_amount": Money(136000),
            "last_due_on": date(2027, 1, 10),
            "last_amount": Money(136000),
        },
    ),
    ("loan.negotiation.broken", "negotiation_broken", {"reason_public": "连续两期未还"}),
    (
        "loan.repayment_account.changed",
        "repayment_account_changed",
        {"account_name": "星河小额贷款有限公司", "bank": "中国银行", "account_last4": "8821"},
    ),
    ("loan.overdue.cured", "overdue_cured", {"cured_at": datetime(2026, 8, 12, 3, 20, tzinfo=UTC)}),
    ("loan.promise_to_pay.made", "promise_recorded", {"amount": Money(200000), "pay_by": date(2026, 8, 20)}),
    (
        "loan.visit.scheduled",
        "visit_notice",
        {
            "purpose": "商谈还款安排",
            "visitors": [{"name": "李强", "badge_no": "C-1024"}, {"name": "周敏", "badge_no": "C-1031"}],
            "verification_code": "4829",
        },
    ),
    ("loan.visit.rescheduled", "visit_rescheduled", {}),
    ("loan.visit.cancelled", "visit_cancelled", {}),
    ("loan.visit.completed", "visit_follow_up", {"outcome": "agreed", "follow_up": "三日内签署协商协议"}),
]


@pytest.mark.parametrize(("event_type", "template", "values"), NOTICES, ids=[row[0] for row in NOTICES])
def test_the_notice_and_its_values(event_of: EventOf, event_type: str, template: str, values: dict[str, Any]) -> None:
    """Each event gives the borrower one notice, with the values its texts rely on and no others."""
    (notice,) = [fact for fact in event_of(event_type).facts if isinstance(fact, NoticeGiven)]
    assert (notice.template, notice.role, notice.party_id, notice.loan_id) == (template, "borrower", None, "L-1001")
    assert notice.values == values


@pytest.mark.parametrize("event_type", sorted(set(TYPES) - {row[0] for row in NOTICES}))
def test_events_without_a_notice(event_of: EventOf, event_type: str) -> None:
    """A figure, a pause, a write-off, what is decided of a visit, a change of contact data or consent, and an erasure give none."""
    assert not [fact for fact in event_of(event_type).facts if isinstance(fact, NoticeGiven)]


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("loan.application.rejected", "reason_public"),
        ("loan.repayment.reversed", "reason_public"),
        ("loan.auto_debit.failed", "reason_public"),
        ("loan.auto_debit.failed", "next_attempt_at"),
    ],
)
def test_what_is_not_said_is_not_a_value(event_of: EventOf, gone: object, event_type: str, name: str) -> None:
    """A field that was left out is absent from the notice's values, not empty."""
    notice = said(event_of(event_type, {f"data.{name}": gone}))[-1]
    assert isinstance(notice, NoticeGiven)
    assert name not in notice.values


def test_the_borrower_and_the_loan(event_of: EventOf) -> None:
    """Every loan event tells of its borrower and of the loan what it says, and nothing else."""
    event = event_of(
        "loan.application.submitted", {"data.timezone": "Europe/Berlin", "data.product": "car", "data.currency": "EUR"}
    )
    person, loan = event.facts[:2]
    assert person == PartyFact(event.version, "P-1001", "王小雨", "+8613800138000", None, "zh-CN", "Asia/Shanghai", "cn")
    assert loan == LoanFact(event.version, "L-1001", "car", "EUR", "Europe/Berlin", "P-1001")
    assert event.party_ids == ("P-1001",)
    assert loan_fact(event_of("loan.settled")) == LoanFact(event_of("loan.settled").version, "L-1001")


def test_amounts_are_in_the_currency_of_the_event(event_of: EventOf) -> None:
    """Yen have no digits after the point, dinars three; the event's currency decides, CNY where it says none."""
    yen = said(event_of("loan.application.submitted", {"data.currency": "JPY", "data.amount": "12000"}))
    dinar = said(event_of("loan.application.submitted", {"data.currency": "KWD", "data.amount": "1.5"}))
    assert [yen[0].values, dinar[0].values] == [{"amount": Money(12000, "JPY")}, {"amount": Money(1500, "KWD")}]  # type: ignore[union-attr]


def test_approval_opens_the_signing_deadline(event_of: EventOf) -> None:
    """The contract must be signed by a day; the deadline is named after the application."""
    event = event_of("loan.application.approved")
    opened, notice = said(event)
    assert opened == DeadlineOpened(event.version, "L-1001", Kind.CONTRACT_SIGNING, "A-1001", date(2026, 6, 8))
    assert isinstance(notice, NoticeGiven)
    assert (notice.kind, notice.ref) == (Kind.CONTRACT_SIGNING, "A-1001")


def test_rejection_closes_the_signing_deadline_of_its_application(event_of: EventOf) -> None:
    """Only the application that was rejected is over."""
    event = event_of("loan.application.rejected")
    assert said(event)[0] == DeadlineClosed(event.version, "L-1001", Kind.CONTRACT_SIGNING, "A-1001", "closed")


def test_signing_closes_the_signing_deadlines(event_of: EventOf) -> None:
    """A signature ends every signing deadline of the loan."""
    event = event_of("loan.contract.signed")
    assert said(event)[0] == DeadlinesClosed(event.version, "L-1001", Kind.CONTRACT_SIGNING, "closed")


def test_disbursement_opens_every_instalment(event_of: EventOf) -> None:
    """One deadline an instalment, named by its number, with its day and amount."""
    event = event_of("loan.disbursed")
    assert said(event)[:3] == [
        DeadlineOpened(event.version, "L-1001", Kind.INSTALMENT, str(no), date(2026, 6 + no, 3), amount=Money(408000))
        for no in (1, 2, 3)
    ]


def test_the_account_debited_is_not_the_account_paid_to(event_of: EventOf) -> None:
    """The loan keeps the account of the repayment method, the text names the one the money went to."""
    event = event_of("loan.disbursed", {"data.account_last4": "1111", "data.repayment.account_last4": "2222"})
    assert (loan_fact(event).method, loan_fact(event).account_last4) == ("auto_debit", "2222")
    notice = said(event)[-1]
    assert isinstance(notice, NoticeGiven)
    assert notice.values["account_last4"] == "1111"


def test_the_account_paid_to_is_never_debited(event_of: EventOf, gone: object) -> None:
    """Where the repayment method names no account, the loan learns of none."""
    event = event_of("loan.disbursed", {"data.repayment.account_last4": gone})
    assert loan_fact(event).account_last4 is None


def test_the_first_instalment_is_the_earliest(event_of: EventOf) -> None:
    """A schedule may come in any order; the text speaks of the earliest day."""
    notice = said(event_of("loan.disbursed", {"data.instalments.2.due_on": "2026-06-20", "data.instalments.2.amount": "1.00"}))[
        -1
    ]
    assert isinstance(notice, NoticeGiven)
    assert (notice.values["first_due_on"], notice.values["first_amount"]) == (date(2026, 6, 20), Money(100))


def test_a_new_schedule_closes_the_old(event_of: EventOf) -> None:
    """What the new schedule does not name closes as replaced; the rest opens or moves."""
    event = event_of("loan.schedule.replaced")
    closed, *opened, _ = said(event)
    assert closed == DeadlinesClosed(event.version, "L-1001", Kind.INSTALMENT, "replaced")
    assert [(one.ref, one.due_on, one.amount) for one in opened if isinstance(one, DeadlineOpened)] == [
        ("2", date(2026, 8, 10), Money(204000)),
        ("3", date(2026, 9, 10), Money(204000)),
    ]


PAYMENTS: list[tuple[dict[str, Any], str | None, tuple[tuple[str, Money], ...] | None]] = [
    ({"instalment_no": 2}, "2", None),
    ({}, None, None),
    (
        {"covers": [{"no": 1, "amount": "4000.00"}, {"no": 2, "amount": "80.00"}]},
        None,
        (("1", Money(400000)), ("2", Money(8000))),
    ),
]


@pytest.mark.parametrize(("said_of_it", "ref", "covers"), PAYMENTS)
def test_a_payment_and_what_it_is_for(
    event_of: EventOf, gone: object, said_of_it: dict[str, Any], ref: str | None, covers: tuple[tuple[str, Money], ...] | None
) -> None:
    """A payment is for one instalment, for those it covers, or for the oldest open; its receipt names it."""
    changes = (
        {"data.instalment_no": gone} | {f"data.{name}": value for name, value in said_of_it.items()} | {"data.payer_id": "P-7"}
    )
    event = event_of("loan.repayment.received", {"data.instalment_no": 1} | changes)
    paid, receipt = said(event)
    at = datetime(2026, 7, 3, 1, 12, tzinfo=UTC)
    assert paid == PaymentReceived(event.version, "L-1001", "PAY-5001", Money(408000), at, "auto_debit", "P-7", covers, ref)
    assert isinstance(receipt, NoticeGiven)
    assert (receipt.payment_id, receipt.is_receipt) == ("PAY-5001", True)
    assert event.party_ids == ("P-7",)


def test_a_reversal(event_of: EventOf) -> None:
    """A payment is taken back, and the text about it is not a receipt."""
    event = event_of("loan.repayment.reversed")
    taken_back, notice = said(event)
    assert taken_back == PaymentReversed(event.version, "L-1001", "PAY-5001")
    assert isinstance(notice, NoticeGiven)
    assert (notice.payment_id, notice.is_receipt) == ("PAY-5001", False)


def test_a_failed_debit_speaks_of_its_instalment(event_of: EventOf) -> None:
    """The notice ends when the instalment closes, so it names it."""
    (notice,) = said(event_of("loan.auto_debit.failed"))
    assert isinstance(notice, NoticeGiven)
    assert (notice.kind, notice.ref) == (Kind.INSTALMENT, "2")


def test_a_new_method_names_the_account_where_there_is_one(event_of: EventOf) -> None:
    """The loan learns the method and the account it debits."""
    event = event_of("loan.repayment_method.changed", {"data.repayment": {"method": "auto_debit", "account_last4": "4321"}})
    assert (loan_fact(event).method, loan_fact(event).account_last4) == ("auto_debit", "4321")
    (notice,) = said(event)
    assert isinstance(notice, NoticeGiven)
    assert notice.values == {"method": "auto_debit", "account_last4": "4321"}


def test_settlement_closes_everything(event_of: EventOf) -> None:
    """Deadlines of every kind are over."""
    event = event_of("loan.settled")
    assert said(event)[0] == DeadlinesClosed(event.version, "L-1001", None, "settled")


def test_being_late(event_of: EventOf) -> None:
    """The lender's figure is recorded for its instalment; a cure is a fact of the loan."""
    entered, cured = event_of("loan.overdue.entered"), event_of("loan.overdue.cured")
    assert said(entered) == [OverdueStated(entered.version, "L-1001", "2", 3, Money(409224))]
    assert said(cured)[0] == LoanCured(cured.version, "L-1001")


def test_pauses_and_what_ends_them(event_of: EventOf, gone: object) -> None:
    """A pause has a reason and perhaps an end; a resumption may be for one reason or for all."""
    paused, resumed = event_of("loan.collection.paused"), event_of("loan.collection.resumed")
    until = datetime(2026, 8, 31, 16, tzinfo=UTC)
    assert said(paused) == [CollectionPaused(paused.version, "L-1001", "hardship", until)]
    assert said(resumed) == [CollectionResumed(resumed.version, "L-1001", "hardship")]
    for event_type, field in (("loan.collection.paused", "until"), ("loan.collection.resumed", "reason")):
        (fact,) = said(event_of(event_type, {f"data.{field}": gone}))
        assert getattr(fact, field) is None


def test_a_promise_is_waited_for(event_of: EventOf) -> None:
    """It opens a deadline of its own, named after the promise."""
    event = event_of("loan.promise_to_pay.made")
    amount = Money(200000)
    assert said(event)[0] == DeadlineOpened(
        event.version, "L-1001", Kind.PROMISE_TO_PAY, "PTP-1", date(2026, 8, 20), amount=amount
    )


def test_what_is_decided_of_a_visit(event_of: EventOf) -> None:
    """A request is only kept; approval and refusal are facts of the visit."""
    approved, declined = event_of("loan.visit.approved"), event_of("loan.visit.declined")
    assert said(event_of("loan.visit.requested")) == []
    assert said(approved) == [VisitDecided(approved.version, "L-1001", "V-1", approved=True)]
    assert said(declined) == [VisitDecided(declined.version, "L-1001", "V-1", approved=False)]


def test_a_visit_has_a_time(event_of: EventOf) -> None:
    """Scheduled with the number of those who come, moved to another time; its texts speak of its appointment."""
    scheduled, moved = event_of("loan.visit.scheduled"), event_of("loan.visit.rescheduled")
    at, later = datetime(2026, 12, 10, 2, tzinfo=UTC), datetime(2026, 12, 12, 7, tzinfo=UTC)
    assert said(scheduled)[0] == VisitScheduled(scheduled.version, "L-1001", "V-1", at, 2)
    assert said(moved)[0] == VisitMoved(moved.version, "L-1001", "V-1", later)
    for event in (scheduled, moved):
        notice = said(event)[1]
        assert isinstance(notice, NoticeGiven)
        assert (notice.kind, notice.ref) == (Kind.VISIT_APPOINTMENT, "V-1")


@pytest.mark.parametrize("event_type", ["loan.visit.cancelled", "loan.visit.completed"])
def test_a_visit_is_over(event_of: EventOf, event_type: str) -> None:
    """Its appointment closes."""
    event = event_of(event_type)
    assert said(event)[0] == DeadlineClosed(event.version, "L-1001", Kind.VISIT_APPOINTMENT, "V-1", "closed")


def test_a_write_off_closes_everything(event_of: EventOf) -> None:
    """The reminders end, and nothing is said."""
    event = event_of("loan.written_off")
    assert said(event) == [DeadlinesClosed(event.version, "L-1001", None, "written_off")]


def test_a_person_changes(event_of: EventOf) -> None:
    """A national number becomes international; what was left out is not said; there is no loan."""
    event = event_of("party.updated")
    assert event.facts == (PartyFact(event.version, "P-1001", phone="+8613800138000", locale="zh-CN"),)
    assert (event.loan_id, event.subject, event.party_ids) == (None, "P-1001", ("P-1001",))


SECURITY = "loan.operation.confirmation_requested"


def test_a_question_awaits_an_answer(event_of: EventOf, gone: object) -> None:
    """By text, until the operation expires; the text and the answer name the same operation, and hold no code."""
    event = event_of(SECURITY, {"data.mode": "reply", "data.code": gone})
    awaited, notice = said(event)
    until = datetime(2026, 6, 1, 2, 5, tzinfo=UTC)
    assert awaited == AnswerAwaited(event.version, "L-1001", "OP-7001", until)
    assert isinstance(notice, NoticeGiven)
    assert (notice.template, notice.ref, notice.not_later_than) == ("operation_reply", "OP-7001", until)
    assert set(notice.values) == {"operation", "expires_at"}


def test_a_code_is_hidden_from_whoever_prints_it(event_of: EventOf) -> None:
    """No answer is awaited by text; neither the fact nor what is kept of the event shows the code."""
    event = event_of(SECURITY)
    (notice,) = said(event)
    assert isinstance(notice, NoticeGiven)
    assert "482913" not in repr(notice) + f"{notice.values['code']}" + event.kept.decode() + repr(event)
    assert b"482913" in event.body


@pytest.mark.parametrize(
    "changes",
    [{"data.code": None}, {"data.code": "123"}, {"data.code": "12345678x"}, {"data.code": "12 34"}, {"data.code": 4829}],
)
def test_a_code_must_be_one(outcome_of: Callable[..., Any], changes: dict[str, Any]) -> None:
    """In the mode code, 4 to 8 letters and digits."""
    outcome = outcome_of(SECURITY, changes)
    assert isinstance(outcome, Dead)
    assert outcome.field == "data.code"


@pytest.mark.parametrize("hotline", ["call me", "1", "95384\n", "+", "9" * 40])
def test_a_hotline_can_be_dialled(outcome_of: Callable[..., Any], hotline: str) -> None:
    """Nothing else gets into a text that tells people whom to call."""
    outcome = outcome_of("loan.security.anomaly_detected", {"data.hotline": hotline})
    assert isinstance(outcome, Dead)
    assert outcome.field == "data.hotline"


def test_consent_and_erasure_are_of_the_person(event_of: EventOf) -> None:
    """Each is one fact; both name whom they are about, so that the payload can be forgotten too."""
    consent, erasure = event_of("party.consent_changed"), event_of("party.erased")
    assert consent.facts == (ConsentStated(consent.version, "P-1001", "marketing", True, "CONSENT-9001"),)
    assert erasure.facts == (PartyErased(erasure.version, "P-1001"),)
    assert consent.party_ids == erasure.party_ids == ("P-1001",)


@pytest.mark.parametrize("event_type", ["party.consent_changed", "party.erased"])
def test_a_person_event_names_one_person(outcome_of: Callable[..., Any], event_type: str) -> None:
    """The subject and the data must agree."""
    outcome = outcome_of(event_type, {"subject": "P-2"})
    assert isinstance(outcome, Dead)
    assert outcome.field == "data.party_id"
