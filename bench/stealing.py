"""How much of its processors' time a virtual machine did not get: others had it. No figure means much without it."""

from pathlib import Path
from typing import Final, NamedTuple

_STAT: Final = Path("/proc/stat")
#: user, nice, system, idle, iowait, irq, softirq, steal; what guests had is in user and nice already. Source: proc_stat(5).
_COUNTED: Final = 8


class Times(NamedTuple):
    """Ticks since the start of the machine, of all its processors: stolen, and in all."""

    stolen: int
    all: int


def now() -> Times:
    """The ticks so far."""
    ticks = [int(n) for n in _STAT.read_text().partition("\n")[0].split()[1 : 1 + _COUNTED]]
    return Times(ticks[-1], sum(ticks))


def share(before: Times, after: Times) -> float:
    """The share, 0 to 1, that others had of the processors' time between two moments."""
    return (after.stolen - before.stolen) / max(1, after.all - before.all)
