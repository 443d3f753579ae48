"""The figures as people read them, and as bench/out/latest.json keeps them."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

import pika
import psycopg
from rich.console import Console
from rich.table import Table

from bench.asking import one
from bench.checking import Checked
from private_servers import PrivatePostgres, PrivateRabbit

_LIBRARIES: Final = ("aio-pika", "aiormq", "asyncpg", "celery", "kombu", "psycopg", "sqlalchemy")


@dataclass(frozen=True, slots=True)
class Round:
    """One round: events per second of each, and what went with them.

    Attributes:
        rss_mb: a worker's peak memory, MB.
        checked: what became of the notices.
        stolen: the share of the processors' time that others had, 0 to 1.
    """

    raw_consume: float
    intake: float
    end_to_end: float
    celery: float
    rss_mb: float
    checked: Checked
    stolen: float

    def __str__(self) -> str:
        return (
            f"raw {self.raw_consume:,.0f}/s, intake {self.intake:,.0f}/s ({self.intake / self.raw_consume:.0%}), "
            f"end to end {self.end_to_end:,.0f}/s, Celery {self.celery:,.0f}/s ({self.end_to_end / self.celery:.1f} x); "
            f"others had {self.stolen:.0%} of the processors"
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured: events per second, seconds, rows, MB."""

    raw_consume: float
    intake: float
    end_to_end: float
    celery: float
    plan_seconds: float
    planned: int
    rss_mb: float


def medians(rounds: Sequence[Round], plan_seconds: float, planned: int) -> Figures:
    """The median of each speed, and the greatest memory."""
    return Figures(
        median(r.raw_consume for r in rounds), median(r.intake for r in rounds), median(r.end_to_end for r in rounds),
        median(r.celery for r in rounds), plan_seconds, planned, max(r.rss_mb for r in rounds),
    )  # fmt: skip


def machine(rabbit: PrivateRabbit, postgres: PrivatePostgres) -> dict[str, Any]:
    """The cores we may use, and what ran on them."""
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        broker = connection._impl.server_properties["version"]  # noqa: SLF001 - pika has no other way to ask
    with psycopg.connect(postgres.url) as ledger:
        database = one(ledger, "SHOW server_version")
    servers = {"rabbitmq": str(broker), "postgresql": str(database).split()[0]}
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"cores": len(os.sched_getaffinity(0)), "versions": {"python": platform.python_version(), **servers, **libraries}}


def write(path: Path, figures: Figures, about: dict[str, Any]) -> None:
    """Writes the figures and the machine as one JSON object."""
    path.parent.mkdir(exist_ok=True)
    measured = {name: _rounded(getattr(figures, name)) for name in Figures.__slots__}
    path.write_text(json.dumps({**measured, **about}, indent=2) + "\n")


def show(console: Console, figures: Figures, checked: Checked, about: dict[str, Any]) -> None:
    """Prints the table of figures and ratios with the targets, which hold for two cores of one's own."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    taken = f"Others had {about['stolen']:.0%} of the processors' time; the targets hold where nobody else has any."
    title = "Duebell on {cores} cores, {workers} of our workers, medians of {rounds} rounds".format(**about)
    table = Table(title=title, caption=f"{taken}\n{versions}")
    for heading in ("", "measured", "target"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in _rows(figures):
        table.add_row(*row)
    console.print(table)
    console.print(told(checked))


def told(checked: Checked) -> str:
    """What became of the notices, in one sentence."""
    kept = ", ".join(f"{n} {why}" for why, n in sorted(checked.kept_back.items()))
    return (
        f"End to end: {checked.called_for} notices called for, {checked.in_file} texts in the file, each once; "
        f"not in it, as the ledger says why: {kept or 'none'}; missing: none."
    )


def _rows(f: Figures) -> list[tuple[str, str, str]]:
    return [
        ("raw aio-pika consuming", f"{f.raw_consume:,.0f}/s", ""),
        ("intake", f"{f.intake:,.0f}/s", ""),
        ("  of raw consuming", f"{f.intake / f.raw_consume:.0%}", "40%"),
        ("end to end", f"{f.end_to_end:,.0f}/s", "1,500/s"),
        ("Celery, same work", f"{f.celery:,.0f}/s", ""),
        ("  end to end against it", f"{f.end_to_end / f.celery:.1f} x", "6 x"),
        ("planning", f"{f.plan_seconds:.2f} s", "15 s"),
        ("  reminders planned", f"{f.planned:,}", ""),
        ("worker's peak memory", f"{f.rss_mb:,.0f} MB", "250 MB"),
    ]


def _rounded(figure: float) -> float:
    return figure if isinstance(figure, int) else round(figure, 3)
