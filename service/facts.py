"""Facts: what an event establishes, as small frozen values. A reaction returns them; intake folds them into the ledger.

Every fact carries `version`, the order of its event among all events: event time, then source, then id. Where two facts
speak of the same thing the greater version wins, so the order of arrival does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Literal

from service.money import Money

Version = str  #: sorts like (event time, source, id)


def version_of(time: datetime, source: str, event_id: str) -> Version:
    """The order of an event among all events; `time` is aware."""
    return f"{time.astimezone(UTC).isoformat(timespec='microseconds')[:26]}\x1f{source}\x1f{event_id}"


def version_time(version: Version) -> datetime:
    """The event time a version was made from, in UTC."""
    return datetime.fromisoformat(version[:26]).replace(tzinfo=UTC)


class Kind(StrEnum):
    """What can be due on a loan."""

    INSTALMENT = "instalment"
    PLAN_INSTALMENT = "plan_instalment"
    CONTRACT_SIGNING = "contract_signing"
    AGREEMENT_SIGNING = "agreement_signing"
    DELEGATION = "delegation"
    PROMISE_TO_PAY = "promise_to_pay"
    VISIT_APPOINTMENT = "visit_appointment"


Role = Literal["borrower", "payer"]


@dataclass(frozen=True, slots=True)
class PartyFact:
    """Contact data of a person; None means the event did not say."""

    version: Version
    party_id: str
    name: str | None = None
    phone: str | None = None  #: E.164
    email: str | None = None
    locale: str | None = None  #: BCP 47
    timezone: str | None = None  #: IANA
    jurisdiction: str | None = None  #: lower-case code, as cn


@dataclass(frozen=True, slots=True)
class PartyErased:
    """The person is to be forgotten, for good: what earlier and later events say of them is not kept."""

    version: Version
    party_id: str


@dataclass(frozen=True, slots=True)
class LoanFact:
    """What an event says about the loan itself; None means the event did not say."""

    version: Version
    loan_id: str
    product: str | None = None
    currency: str | None = None
    timezone: str | None = None
    borrower_id: str | None = None
    method: Literal["auto_debit", "manual"] | None = None
    account_last4: str | None = None


@dataclass(frozen=True, slots=True)
class DeadlineOpened:
    """Something is due: a day (in the loan's zone) or an instant, never both."""

    version: Version
    loan_id: str
    kind: Kind
    ref: str
    due_on: date | None = None
    due_at: datetime | None = None
    amount: Money | None = None
    request_id: str | None = None  #: the negotiation a plan instalment belongs to
    payer_id: str | None = None  #: who is asked to pay, where it is not the borrower
    for_ref: str | None = None  #: the instalment that a delegation is for


@dataclass(frozen=True, slots=True)
class DeadlineClosed:
    """One deadline is over."""

    version: Version
    loan_id: str
    kind: Kind
    ref: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeadlinesClosed:
    """Every deadline of a kind (None: of the loan) that an earlier event opened is over; `reason` from service/reasons.py."""

    version: Version
    loan_id: str
    kind: Kind | None
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentReceived:
    """Money came in. At most one of `covers` and `ref` is given; neither means the oldest open first."""

    version: Version
    loan_id: str
    payment_id: str
    amount: Money
    paid_at: datetime
    method: str  #: auto_debit, manual, delegated
    payer_id: str | None = None
    covers: tuple[tuple[str, Money], ...] | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentReversed:
    """The money was taken back."""

    version: Version
    loan_id: str
    payment_id: str


@dataclass(frozen=True, slots=True)
class OverdueStated:
    """The upstream's own figure of what is due on an overdue instalment, penalty interest included."""

    version: Version
    loan_id: str
    ref: str
    days_past_due: int
    amount_due: Money


@dataclass(frozen=True, slots=True)
class LoanCured:
    """Everything past due has been cleared."""

    version: Version
    loan_id: str


@dataclass(frozen=True, slots=True)
class CollectionPaused:
    """Collection keeps silent from this event on, until an instant or until it is resumed."""

    version: Version
    loan_id: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CollectionResumed:
    """The pauses that began before are over: those of one reason, or all."""

    version: Version
    loan_id: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class VisitDecided:
    """A collector may call, or may not."""

    version: Version
    loan_id: str
    visit_id: str
    approved: bool


@dataclass(frozen=True, slots=True)
class VisitScheduled:
    """When a collector calls, and how many come."""

    version: Version
    loan_id: str
    visit_id: str
    at: datetime
    visitors: int


@dataclass(frozen=True, slots=True)
class VisitMoved:
    """A visit has another time; the visit itself may not be known yet."""

    version: Version
    loan_id: str
    visit_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PlanAgreed:
    """A negotiated plan is in force: what was due before is over, and so is every older plan."""

    version: Version
    loan_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class PlanBroken:
    """The plan of this negotiation is over."""

    version: Version
    loan_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class NoticeGiven:
    """A notice to give because of this event.

    Attributes:
        template: folder name under templates/.
        role: whom it addresses.
        party_id: the addressee where it is not the loan's borrower; a payer whom the event does not name is that of its deadline.
        values: what the text needs from the event: str, int, Decimal, bool, date, aware datetime, Money, Secret, or lists of
            mappings of them.
        kind, ref: the deadline it speaks of, if any. A notice that asks ends when that deadline closes.
            Without a kind, ref is the operation it asks about.
        payment_id: the payment it speaks of, if any.
        is_receipt: it confirms that payment, and has no point once the payment was taken back.
        not_later_than: end of its validity, where that is not what notice.yaml says.
        refused: why it must not go (from service/reasons.py); it is kept as suppressed, and ops are told.
    """

    version: Version
    loan_id: str | None
    template: str
    role: Role = "borrower"
    party_id: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    kind: Kind | None = None
    ref: str | None = None
    payment_id: str | None = None
    is_receipt: bool = False
    not_later_than: datetime | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerAwaited:
    """The borrower is asked to confirm an operation by text; when `until` comes without an answer, that is the answer."""

    version: Version
    loan_id: str
    operation_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class ConsentStated:
    """A person has agreed to be told of a purpose, or has taken that back."""

    version: Version
    party_id: str
    purpose: str  #: one of service.notices.Purpose
    granted: bool
    evidence: str


LoanChange = (
    LoanFact
    | DeadlineOpened
    | DeadlineClosed
    | DeadlinesClosed
    | PaymentReceived
    | PaymentReversed
    | OverdueStated
    | LoanCured
    | CollectionPaused
    | CollectionResumed
    | VisitDecided
    | VisitScheduled
    | VisitMoved
    | PlanAgreed
    | PlanBroken
)
Fact = PartyFact | PartyErased | ConsentStated | LoanChange | NoticeGiven | AnswerAwaited
