"""The circuit breaker: takes a sender out when its error rate says it is down, at ten messages a minute as at thousands."""

from collections import deque
from dataclasses import dataclass

from service.senders._port import NotSent, Outcome, Rejected, Throttled, Unknown


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a breaker opens and when it tries again; ours, not a provider's. Times in seconds.

    Ten messages a minute give ten outcomes to judge by: a provider that is down is out after five of them. At a thousand a
    second the last hundred outcomes decide, so it is out within a tenth of a second.
    """

    window: float = 60.0  #: older outcomes say nothing
    outcomes: int = 100  #: nor do those before the last hundred
    minimum: int = 5  #: fewer outcomes than this never open it
    error_rate: float = 0.5  #: at this rate it opens
    cool_down: float = 30.0  #: until the first probe; doubles with each probe that fails
    longest: float = 300.0  #: where the doubling ends


class Breaker:
    """One sender's breaker. `now` is monotonic seconds and never goes back.

    Closed, it lets everything through. Open, nothing; after the cool-down one probe, whose outcome closes it or opens it
    again. A probe that never reports is followed by another after a further cool-down.
    """

    def __init__(self, rules: BreakerRules | None = None) -> None:
        self._rules = rules or BreakerRules()
        self._recent: deque[tuple[float, bool]] = deque()
        self._errors = 0
        self._cool_down = self._rules.cool_down
        self._probe_at: float | None = None  # None: closed; otherwise the moment of the next probe
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether the sender is out; a probe may be under way."""
        return self._probe_at is not None

    def admit(self, wanted: int, now: float) -> int:
        """How many of `wanted` messages may go: all, none, or one probe."""
        if self._probe_at is None:
            return wanted
        if now < self._probe_at or wanted < 1:
            return 0
        self._probing = True
        self._probe_at = now + self._cool_down
        return 1

    def ready_at(self, now: float) -> float:
        """The moment from which a message may go; `now` while it is closed."""
        return now if self._probe_at is None else max(now, self._probe_at)

    def record(self, outcome: Outcome, now: float) -> bool:
        """Learns an outcome; True: this one took the sender out, which is worth one alert."""
        if self._probe_at is not None:
            self._after_probe(outcome, now)
            return False
        if isinstance(outcome, Throttled):
            return False  # a provider that asks for patience is alive; the pace answers it
        self._note(is_error(outcome), now)
        if len(self._recent) < self._rules.minimum or self._errors < self._rules.error_rate * len(self._recent):
            return False
        self._open(now)
        return True

    def _after_probe(self, outcome: Outcome, now: float) -> None:
        if not self._probing:
            return  # an answer to something that went before it opened
        self._probing = False
        if is_error(outcome):
            self._cool_down = min(self._cool_down * 2, self._rules.longest)
            self._open(now)
        else:
            self._cool_down = self._rules.cool_down
            self._probe_at = None

    def _open(self, now: float) -> None:
        self._probe_at = now + self._cool_down
        self._recent.clear()
        self._errors = 0

    def _note(self, error: bool, now: float) -> None:
        self._recent.append((now, error))
        self._errors += error
        while len(self._recent) > self._rules.outcomes or self._recent[0][0] <= now - self._rules.window:
            self._errors -= self._recent.popleft()[1]


def is_error(outcome: Outcome) -> bool:
    """Whether an outcome speaks against its sender; a refused number or text does not."""
    return isinstance(outcome, NotSent | Unknown) or (isinstance(outcome, Rejected) and outcome.kind == "sender")
