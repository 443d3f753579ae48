"""A courier stands before one sender: its pace, its breaker and its window of unanswered messages."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from service.breaker import Breaker
from service.metrics import Metrics
from service.notices import Lane
from service.pace import Bucket
from service.senders._port import Accepted, Message, NotSent, Outcome, Rejected, Sender, Throttled, Unknown

#: Waits of a notice after a round in which no sender took it, or whose outcome nobody knows, the next one longer each time.
TROUBLE_WAITS: Final = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))


@dataclass(frozen=True, slots=True)
class Admitted:
    """How many messages may go now; where none may, whether another sender should be asked, or a place of this one waited for."""

    n: int
    elsewhere: bool = False
    is_full: bool = False


class Courier:
    """Hands messages to one sender and learns from its outcomes. `monotonic` gives seconds that never go back.

    Who may send holds places in the sender's window, from before the intent until the outcomes are there: what has an intent
    waits for nothing. A tenth of the places is kept for the critical lane.
    """

    def __init__(self, sender: Sender, monotonic: Callable[[], float], metrics: Metrics) -> None:
        self.sender = sender
        self._monotonic, self._metrics = monotonic, metrics
        self._bucket, self._breaker = Bucket(sender.pace), Breaker()
        self._held, self._left = 0, asyncio.Event()

    @property
    def name(self) -> str:
        """The sender's."""
        return self.sender.name

    def admit(self, parts: Sequence[int], lane: str) -> Admitted:
        """How many messages from the front, `parts` being the segments of each, may go now; each holds a place until `leave`."""
        now = self._monotonic()
        if self._bucket.ready_at(lane, now, parts[0]) > now:
            self._bucket.take_messages(parts, lane, now)  # takes nothing, but tells the pace that this lane waits
            return Admitted(0)
        places = self._places(lane)
        if places <= 0 and not self._breaker.is_open:
            return Admitted(0, is_full=True)
        through = self._breaker.admit(min(len(parts), places), now)
        if through <= 0:
            return Admitted(0, elsewhere=True)
        n = self._bucket.take_messages(parts[:through], lane, now)
        self._held += n
        return Admitted(n)

    def leave(self, n: int) -> None:
        """Gives back places that `admit` granted."""
        self._held -= n
        self._left.set()

    async def place(self) -> None:
        """Returns when somebody has left; call it where `admit` found no place."""
        self._left.clear()
        await self._left.wait()

    def _places(self, lane: str) -> int:
        window = self.sender.window
        return (window if lane == Lane.CRITICAL else window - window // 10) - self._held

    def wait(self, lane: str, parts: int) -> float:
        """Seconds until the pace lets a message of so many parts go in this lane."""
        now = self._monotonic()
        return max(self._bucket.ready_at(lane, now, parts) - now, 0.0)

    async def send(self, messages: Sequence[Message]) -> tuple[list[Outcome], bool]:
        """One outcome per message, and whether these outcomes took the sender out (worth one alert)."""
        started = self._monotonic()
        try:
            outcomes = await self.sender.send(messages)
        except Exception as error:  # noqa: BLE001 - a sender's bug must not lose what may have been said
            outcomes = [Unknown(type(error).__name__)] * len(messages)
        now = self._monotonic()
        self._metrics.send_seconds.labels(self.name).observe(now - started)
        broke = [self._breaker.record(outcome, now) for outcome in outcomes]
        for name, n in Counter(word_for(outcome) for outcome in outcomes).items():
            self._metrics.sends.labels(self.name, name).inc(n)
        for outcome in outcomes:
            if isinstance(outcome, Throttled):
                self._bucket.throttled(outcome.retry_after, now)
        return outcomes, any(broke)


_WORDS: Final = {Accepted: "accepted", Rejected: "rejected", Throttled: "throttled", NotSent: "not_sent", Unknown: "unknown"}


def word_for(outcome: Outcome) -> str:
    """The word for an outcome in attempts and metrics."""
    return _WORDS[type(outcome)]


def tries_next(outcome: Outcome) -> bool:
    """Whether another sender may take it: this one had its own trouble and nothing was said."""
    return isinstance(outcome, NotSent) or (isinstance(outcome, Rejected) and outcome.kind == "sender")
