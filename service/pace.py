"""How fast a sender may be given messages: a bucket of tokens, a tenth of it kept for the critical lane."""

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate
from typing import Literal, Self

from service.notices import Lane

_WRITTEN = re.compile(r"([1-9]\d{0,6})(parts)?/(s|min)")

LEAST_REST = 1.0  #: seconds a throttled sender rests at least, so that the answers to one batch count once
LEAST_SHARE = 1 / 64  #: of its pace, however often it is throttled
DOUBLES_IN = 30.0  #: seconds in which a slowed sender gets back to twice its speed
CRITICAL_GRACE = 0.5  #: seconds in which a waiting critical message must ask again to keep its turn


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `count` messages, or parts of messages, in any `period` seconds."""

    count: int
    period: float = 1.0
    unit: Literal["messages", "parts"] = "messages"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`50/s`, `90/min`, `50parts/s`.

        Raises:
            ValueError: it is none of these.
        """
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise ValueError("a pace is written 50/s, 90/min or 50parts/s")
        return cls(int(found[1]), 60.0 if found[3] == "min" else 1.0, "parts" if found[2] else "messages")


class Bucket:
    """Grants messages to one sender. `now` is monotonic seconds and never goes back.

    A token comes back one period after it was taken, so no period ever sees more than the pace. The other lanes share nine
    tenths, and none of them is served while a critical message waits. A throttled sender rests as long as it asked to, then
    starts at half its speed and gains it back; one without a pace is slowed from what it was given in its last second.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace
        self._observed = 1  # what a sender without a pace took in the second before it was throttled
        self._share = 1.0
        self._rests_until = -math.inf
        self._critical_until = -math.inf
        self._taken = {True: 0, False: 0}  # tokens away, by "is critical"
        self._back: list[tuple[float, bool, int]] = []  # a heap: when, is critical, how many

    def take(self, wanted: int, lane: str, now: float) -> int:
        """How many of `wanted` messages of one part each may go now; their tokens are taken."""
        return self.take_messages([1] * wanted, lane, now)

    def take_messages(self, parts: Sequence[int], lane: str, now: float) -> int:
        """How many messages from the front may go now, `parts` being the segments of each; their tokens are taken.

        A message with more parts than its lane may ever have goes once the lane has all of them, and is paid for afterwards.
        """
        self._collect(now)
        critical, costs = lane == Lane.CRITICAL, self._costs(parts)
        granted = 0
        if now >= self._rests_until and (critical or now >= self._critical_until):
            granted = self._grant(costs, critical, now)
        if critical:
            waits = granted < len(costs)
            self._critical_until = self.ready_at(lane, now, parts[granted]) + CRITICAL_GRACE if waits else -math.inf
        return granted

    def ready_at(self, lane: str, now: float, parts: int = 1) -> float:
        """The first moment at which a message of so many parts can go, if nothing else goes; `now` where it can go now."""
        self._collect(now)
        critical, cost = lane == Lane.CRITICAL, self._costs([parts])[0]
        at = max(now, self._rests_until, -math.inf if critical else self._critical_until)
        taken = dict(self._taken)
        for back_at, of_critical, n in sorted(self._back):
            if self._fits(cost, critical, taken, now):
                break
            at = max(at, back_at)
            taken[of_critical] -= n
        return at

    def throttled(self, retry_after: float, now: float) -> None:
        """The provider wants a slower pace: rest for `retry_after` seconds, then go on at half speed."""
        self._collect(now)
        if now >= self._rests_until:
            if self._share_at(now) >= 1:
                self._observed = max(1, sum(self._taken.values()))
            self._share = max(LEAST_SHARE, self._share_at(now) / 2)
        self._rests_until = max(self._rests_until, now + max(retry_after, LEAST_REST))

    def _costs(self, parts: Sequence[int]) -> Sequence[int]:
        by_part = self._pace is not None and self._pace.unit == "parts"
        return [max(1, n) for n in parts] if by_part else [1] * len(parts)

    def _grant(self, costs: Sequence[int], critical: bool, now: float) -> int:
        if costs and costs[0] > self._limit(critical, now)[0]:
            granted = int(self._fits(costs[0], critical, self._taken, now))
        else:
            granted = bisect_right(list(accumulate(costs)), self._free(critical, self._taken, now))
        self._spend(sum(costs[:granted]), critical, now)
        return granted

    def _fits(self, cost: int, critical: bool, taken: dict[bool, int], now: float) -> bool:
        return self._free(critical, taken, now) >= min(cost, self._limit(critical, now)[0])

    def _spend(self, cost: int, critical: bool, now: float) -> None:
        """Takes tokens; those beyond the lane's limit come back a further period later each."""
        limit, period = self._limit(critical, now)
        self._taken[critical] += cost
        at = now
        while cost > 0:
            at += period
            n = int(min(cost, limit))
            heappush(self._back, (at, critical, n))
            cost -= n

    def _free(self, critical: bool, taken: dict[bool, int], now: float) -> float:
        """Tokens that a lane may take; a debt of the other lanes never reaches into the tenth that is kept."""
        whole, _ = self._limit(critical=True, now=now)
        others, _ = self._limit(critical=False, now=now)
        if critical:
            return whole - taken[True] - min(taken[False], others)
        return min(whole - taken[True] - taken[False], others - taken[False])

    def _limit(self, critical: bool, now: float) -> tuple[float, float]:
        """The most tokens a lane may have out, and the seconds until one comes back, at the present speed."""
        share = self._share_at(now)
        if self._pace is None and share >= 1:
            return math.inf, 1.0
        count, period = (self._pace.count, self._pace.period) if self._pace else (self._observed, 1.0)
        whole = max(1, int(count * share))
        return (whole if critical else whole - whole // 10), period * max(1.0, 1 / (count * share))

    def _share_at(self, now: float) -> float:
        rested = max(0.0, now - self._rests_until)
        return min(1.0, self._share * 2 ** min(rested / DOUBLES_IN, 10.0)) if self._share < 1 else 1.0

    def _collect(self, now: float) -> None:
        while self._back and self._back[0][0] <= now:
            _, critical, n = heappop(self._back)
            self._taken[critical] -= n
