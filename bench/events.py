"""The events that are measured with: a sample year squeezed into the minutes before the worker's clock starts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from consumers._decode import decode
from duebell.sample import retimed, stream
from service.events import Event
from service.facts import NoticeGiven
from service.notices import event_key

#: 10:00 in Shanghai: every window is open, and the sample's first instalment is a month away.
CLOCK_START: Final = datetime(2026, 1, 1, 2, tzinfo=UTC)
_SPAN: Final = timedelta(minutes=15)  # younger than half an hour, so that every notice is fresh
_SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Backlog:
    """Published messages in order, copies among them as a real broker brings them.

    Attributes:
        messages: (routing key, body).
        distinct: how many events they are.
        expected: the keys of the notices these events call for.
    """

    messages: Sequence[tuple[str, bytes]]
    distinct: int
    expected: frozenset[str]

    @classmethod
    def of(cls, events: int) -> Self:
        """At least so many messages, the same on every run: whole years of loans, so that no fact is missing in the end."""
        told = list(retimed(stream(events, _SEED), CLOCK_START - _SPAN, _SPAN))
        messages = [(event["type"], json.dumps(event, ensure_ascii=False).encode()) for event in told]
        return cls(messages, len({(event["source"], event["id"]) for event in told}), frozenset(_expected(messages)))


def _expected(messages: Sequence[tuple[str, bytes]]) -> set[str]:
    """The keys of the notices that messages call for, by the process models alone."""
    return {key for _, body in messages for key in _keys(decode(body))}


def _keys(message: Any) -> set[str]:
    if not isinstance(message, Event):
        raise TypeError("the sample holds an event that breaks the contract")
    given = [fact for fact in message.facts if isinstance(fact, NoticeGiven)]
    return {event_key(message.source, message.id, message.time, fact.template, fact.role).key for fact in given}
