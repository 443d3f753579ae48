"""How much is measured: BENCH_EVENTS, BENCH_INSTALMENTS, BENCH_WORKERS and BENCH_ROUNDS, or the sizes the targets speak of."""

import os
from dataclasses import dataclass
from typing import Final, Self

#: The rival is an order of magnitude slower, and no faster for being given more.
_RIVAL_MOST: Final = 3_000
#: The service's own default.
_BATCH: Final = 1000


class SizeError(ValueError):
    """A size is not a positive number; the text is one readable line."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Events published, events the rival gets, events in a batch of a worker, open instalments, workers, rounds."""

    events: int
    rival_events: int
    batch: int
    instalments: int
    workers: int
    rounds: int

    @classmethod
    def from_environment(cls) -> Self:
        """The sizes in force.

        Raises:
            SizeError: one of them is not a positive number.
        """
        events = _positive("BENCH_EVENTS", 20_000)
        batch = min(_BATCH, max(1, events // 10))
        workers = _positive("BENCH_WORKERS", len(os.sched_getaffinity(0)))
        instalments, rounds = _positive("BENCH_INSTALMENTS", 1_000_000), _positive("BENCH_ROUNDS", 3)
        return cls(events, min(events, _RIVAL_MOST), batch, instalments, workers, rounds)


def _positive(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise SizeError(f"{name} is {text!r}; it should be a number, 1 or more")
    return int(text)
