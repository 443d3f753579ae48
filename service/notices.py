"""What a notice is: its purposes, lanes and states, which state may follow which, and its permanent key."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from service.zones import in_utc


class Purpose(StrEnum):
    """Why we contact someone; windows, caps and the treatment of unknown outcomes depend on it."""

    SECURITY = "security"  #: codes and alerts
    SERVICE = "service"  #: tells a party what has just happened
    REMINDER = "reminder"  #: asks for money until the grace days end
    COLLECTION = "collection"  #: asks for money after them
    PAYER = "payer"  #: asks someone who agreed to repay for the borrower
    VISIT = "visit"  #: announces a collector at the door
    MARKETING = "marketing"


#: What must arrive: said twice is better than not at all.
SAID_AGAIN: Final = frozenset({Purpose.SECURITY, Purpose.VISIT})


class Lane(StrEnum):
    """Notices of one lane are claimed together; a flood in one does not delay another."""

    CRITICAL = "critical"
    NORMAL = "normal"
    BULK = "bulk"


class State(StrEnum):
    """Where a notice is on its way."""

    PLANNED = "planned"
    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


WAITING = frozenset({State.PLANNED, State.HELD})

#: What may follow what; `sending` may only be cancelled before its intent. What waits becomes unknown by a declared restore, and at its
#: end where it may have gone.
TRANSITIONS: dict[State, frozenset[State]] = {
    **dict.fromkeys(
        (State.PLANNED, State.HELD),
        frozenset(
            {
                State.PLANNED,
                State.HELD,
                State.SENDING,
                State.CANCELLED,
                State.SUPERSEDED,
                State.EXPIRED,
                State.SUPPRESSED,
                State.UNKNOWN,
            }
        ),
    ),
    State.SENDING: frozenset(
        {
            State.PLANNED,
            State.HELD,
            State.SENT,
            State.FAILED,
            State.UNKNOWN,
            State.CANCELLED,
            State.SUPERSEDED,
            State.EXPIRED,
            State.SUPPRESSED,
        }
    ),
    State.UNKNOWN: frozenset({State.SENT, State.FAILED, State.PLANNED, State.SUPERSEDED}),
    State.SENT: frozenset({State.DELIVERED, State.UNDELIVERED, State.PLANNED}),
    State.CANCELLED: frozenset({State.PLANNED, State.UNKNOWN}),  #: revival; a declared restore
    State.SUPPRESSED: frozenset({State.PLANNED, State.UNKNOWN}),  #: its pause is void; a declared restore
    State.SUPERSEDED: frozenset({State.PLANNED}),  #: the digest that was to list it was not said
    **dict.fromkeys((State.DELIVERED, State.UNDELIVERED, State.FAILED, State.EXPIRED), frozenset()),
}

#: States that carry no reason; every other state has one from service/reasons.py.
WITHOUT_REASON = frozenset({State.PLANNED, State.SENDING, State.SENT, State.DELIVERED})


def lane_of(purpose: Purpose, *, is_stage: bool) -> Lane:
    """The lane a notice travels in: security first, events next, ladders last."""
    if purpose is Purpose.SECURITY:
        return Lane.CRITICAL
    return Lane.BULK if is_stage else Lane.NORMAL


def digest_template(digest: str) -> str:
    """The template of the text that lists several stages of this digest name."""
    return f"digest_{digest}"


def quoted(part: str) -> str:
    """A part of a key with ':' and '%' percent-encoded, so that parts cannot run into each other."""
    return part.replace("%", "%25").replace(":", "%3A")


def anchor_of(due_on: date | None, due_at: datetime | None) -> str:
    """The anchor of a deadline: its day, or its instant to the minute in UTC (20260620T0700Z).

    Raises:
        ValueError: neither is known.
    """
    if due_on is not None:
        return due_on.isoformat()
    if due_at is not None:
        return f"{in_utc(due_at):%Y%m%dT%H%MZ}"
    raise ValueError("a deadline without a day or an instant has no anchor")


@dataclass(frozen=True, slots=True)
class NoticeKey:
    """The permanent key of a notice and the month it belongs to (yyyymm), a function of the key alone."""

    key: str
    month: int


def event_key(source: str, event_id: str, time: datetime, template: str, role: str) -> NoticeKey:
    """The key of a notice that an event calls for; `time` is the event's."""
    at = in_utc(time)
    return NoticeKey(f"event:{quoted(source)}:{quoted(event_id)}:{template}:{role}", at.year * 100 + at.month)


def reply_key(reply: bytes, at: datetime, template: str) -> NoticeKey:
    """The key of a notice that answers what somebody wrote; `reply` is its hash, `at` when it was written."""
    when = in_utc(at)
    return NoticeKey(f"reply:{reply.hex()}:{template}", when.year * 100 + when.month)


def stage_key(loan_id: str, kind: str, ref: str, anchor: str, stage: str, role: str) -> NoticeKey:
    """The key of a reminder: one rung of a ladder for one anchor of one deadline."""
    month = int(anchor.replace("-", "")[:6])
    return NoticeKey(f"stage:{quoted(loan_id)}:{kind}:{quoted(ref)}:{anchor}:{stage}:{role}", month)
