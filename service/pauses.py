"""Pauses: when a loan's collection keeps silent, as upstream's words and the borrower's promises say.

Words are kept for ever, and what holds at an instant is worked out from all of them; so their order does not matter.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from service.facts import Kind, Version, version_time
from service.notices import Purpose
from service.zones import local_date

NO_PAUSES: Final = "[]"  #: what the ledger keeps of a loan without any
#: Purposes a pause silences: collection, and where there is nobody to remind, reminders and visits too.
_SILENCES: Final = frozenset({Purpose.COLLECTION})
_SILENCES_MORE: Final = {
    reason: frozenset({Purpose.COLLECTION, Purpose.REMINDER, Purpose.VISIT}) for reason in ("deceased", "bankruptcy")
}
#: A promise silences the collection of these; what asks about the promise itself goes on.
_PROMISED: Final = frozenset({Kind.INSTALMENT.value, Kind.PLAN_INSTALMENT.value})


@dataclass(frozen=True, slots=True)
class PauseWord:
    """One word about pauses.

    Attributes:
        about: the reason of a pause; the reason whose pauses a resumption ends, None: all; the id of a promise.
        until: a pause's end, an instant in ISO form; a promise's last day, an ISO date.
    """

    version: Version
    said: Literal["paused", "resumed", "promised"]
    about: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class PromiseTerms:
    """How a promise to pay is judged.

    Attributes:
        grace_days: days after its last day on which collection still keeps silent.
        tolerance: what may be missing when it counts as kept, in major units of its currency.
    """

    grace_days: int = 1
    tolerance: Decimal = Decimal(0)


def as_json(words: Iterable[PauseWord]) -> str:
    """The words as the ledger keeps them, in their order."""
    return json.dumps(sorted((astuple(word) for word in words), key=lambda cells: cells[:2]), separators=(",", ":"))


@lru_cache(maxsize=4096)
def words_in(text: str) -> tuple[PauseWord, ...]:
    """The words that `as_json` wrote."""
    return tuple(PauseWord(*cells) for cells in json.loads(text))


def is_silent(
    words: Collection[PauseWord], purpose: Purpose, kind: str | None, at: datetime, *, zone: str, grace_days: int
) -> bool:
    """Whether a text of this purpose about a deadline of this kind falls into a pause at an instant.

    The days of a promise are counted in `zone`, the party's; `grace_days` as in `PromiseTerms`.
    """
    if any(_holds(word, words, at) for word in words if word.said == "paused" and purpose in _silenced_by(word)):
        return True
    return purpose is Purpose.COLLECTION and kind in _PROMISED and _is_promised(words, at, zone, grace_days)


def _silenced_by(pause: PauseWord) -> frozenset[Purpose]:
    return _SILENCES_MORE.get(pause.about or "", _SILENCES)


def _holds(pause: PauseWord, words: Collection[PauseWord], at: datetime) -> bool:
    """Whether a pause has begun and has not ended, by itself or by a later word."""
    if at < version_time(pause.version) or (pause.until is not None and at >= datetime.fromisoformat(pause.until)):
        return False
    return not any(
        word.said == "resumed" and word.about in {None, pause.about} and pause.version < word.version
        and version_time(word.version) <= at
        for word in words
    )  # fmt: skip


def _is_promised(words: Collection[PauseWord], at: datetime, zone: str, grace_days: int) -> bool:
    """Whether a promise is waited for; of several words about one promise the newest at that instant counts."""
    made = sorted((w for w in words if w.said == "promised" and version_time(w.version) <= at), key=lambda w: w.version)
    last_days = {word.about: date.fromisoformat(word.until or "") for word in made}
    return any(local_date(at, zone) <= last + timedelta(days=grace_days) for last in last_days.values())
