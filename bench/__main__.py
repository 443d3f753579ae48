"""Measures everything on private servers: `make bench`, or `PYTHONPATH=scripts python -m bench`."""

import os
import sys
from pathlib import Path
from statistics import median

from rich.console import Console

from bench import stealing
from bench.checking import WrongTextsError
from bench.events import Backlog
from bench.filling import NotFilledError
from bench.pipeline import end_to_end, intake
from bench.planning import planning
from bench.race import celery
from bench.raw import raw_consume
from bench.report import Round, machine, medians, show, write
from bench.sizes import SizeError, Sizes
from bench.worker import WorkerError
from private_servers import MissingServerError, PrivatePostgres, PrivateRabbit, ServerFailedError

#: Where the figures go, unless BENCH_OUT says otherwise.
LATEST = Path(__file__).parent / "out" / "latest.json"


def main() -> int:
    """Runs the benchmark; 1 when there is nothing to report, with the reason on standard error."""
    try:
        sizes = Sizes.from_environment()
        with PrivateRabbit() as rabbit, PrivatePostgres() as postgres:
            measure(rabbit, postgres, sizes, Console())
    except (SizeError, MissingServerError, ServerFailedError, NotFilledError, WorkerError, WrongTextsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measure(rabbit: PrivateRabbit, postgres: PrivatePostgres, sizes: Sizes, console: Console) -> None:
    """Measures on servers that nobody else uses meanwhile; prints the figures, and writes them where BENCH_OUT says.

    Raises:
        NotFilledError, WorkerError, WrongTextsError: there is nothing to report.
    """
    backlog, for_rival = Backlog.of(sizes.events), Backlog.of(sizes.rival_events)
    counted = f"{len(backlog.messages):,} events, {len(for_rival.messages):,} for Celery"
    console.print(f"{counted}, {sizes.instalments:,} instalments; {sizes.rounds} rounds, of which the medians count")
    about = machine(rabbit, postgres) | {"workers": sizes.workers, "rounds": sizes.rounds}
    rounds = []
    for number in range(1, sizes.rounds + 1):
        rounds.append(_round(rabbit, postgres, backlog, for_rival, sizes))
        console.print(f"round {number}: {rounds[-1]}")
    console.print("planning …")
    plan = planning(postgres, sizes.instalments)
    figures = medians(rounds, plan.seconds, plan.planned)
    about |= {"stolen": round(median(r.stolen for r in rounds), 3)}
    write(Path(os.environ.get("BENCH_OUT", LATEST)), figures, about)
    show(console, figures, rounds[-1].checked, about)


def _round(rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog, for_rival: Backlog, sizes: Sizes) -> Round:
    """Everything that is compared, one after the other: the machine's own speed changes from one minute to the next."""
    before = stealing.now()
    raw = raw_consume(rabbit.url, backlog)
    absorbed = intake(rabbit, postgres, backlog, sizes)
    whole = end_to_end(rabbit, postgres, backlog, sizes)
    rival = celery(rabbit, postgres, for_rival)
    stolen = stealing.share(before, stealing.now())
    return Round(raw, absorbed, whole.per_second, rival, whole.rss_mb, whole.checked, stolen)


if __name__ == "__main__":
    sys.exit(main())
