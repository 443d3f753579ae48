"""Handing over: what a claim holds, a text as a sender gets it, and an outcome as rows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.composing import Ready
from service.couriers import Courier, word_for
from service.gate import Contacts
from service.ledger.contacts import Place
from service.notices import SAID_AGAIN, Lane, State
from service.phones import zones_of
from service.senders._port import Accepted, Message, Outcome, Rejected, Unknown
from service.vault import Vault
from service.wording import Around


@dataclass(frozen=True, slots=True)
class Claim:
    """What one step works on; nobody else may touch it until the lease is over."""

    lane: Lane
    token: str
    until: float  #: monotonic seconds
    rows: Sequence[Any]
    around: Around
    contacts: dict[Place, Contacts]
    couriers: Sequence[Courier]  #: those whose sender nobody has paused


def place(row: Any) -> tuple[str, int]:
    """The key of a row."""
    return row.key, row.key_month


def ends(r: Ready, end: tuple[str, str | None, datetime | None]) -> list[tuple[Any, ...]]:
    """How a text's own notice ends, and what it lists."""
    return [(*place(r.row), *end), *((*place(row), State.SUPERSEDED.value, "in_digest", None) for row in r.others)]


def message_of(r: Ready, lane: Lane, at: datetime) -> Message:
    """What a sender gets of a text."""
    return Message(
        key=r.row.key, loan_id=r.row.loan_id, template=r.template, channel=r.row.channel, lane=lane.value, purpose=r.row.purpose,
        to=r.to, body=r.text.text, at=at, expires_at=min(row.expires_at for row in r.rows), segments=r.text.segments,
    )  # fmt: skip


def ending(outcome: Outcome, now: datetime) -> tuple[str, str | None, datetime | None] | None:
    """State, reason and hand-over time that an outcome ends in; None where it ends nothing."""
    match outcome:
        case Accepted():
            return "sent", None, now
        case Rejected(kind, _) if kind != "sender":
            return "failed", "rejected", None
        case Unknown():
            return "unknown", "timeout", None
    return None


def attempt_end(r: Ready, outcome: Outcome) -> tuple[str, str, str | None, str | None]:
    """Attempt, outcome, the provider's code and its id, as a row of claims.END_ATTEMPTS."""
    provider_id = outcome.provider_id if isinstance(outcome, Accepted) else None
    return r.attempt, word_for(outcome), getattr(outcome, "code", None), provider_id


def is_bound_elsewhere(row: Any, sender: str) -> bool:
    """Whether another sender may have said it and would know its key again: this one would say it twice. Not what must arrive."""
    return row.doubted_by not in {None, sender} and row.purpose not in SAID_AGAIN


def zones(row: Any, vault: Vault) -> tuple[str, ...]:
    """The zones of a number's country, where the party's own is not known."""
    return zones_of(vault.text(row.phone)) if row.phone and row.party_zone is None else ()
