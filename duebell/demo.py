"""`duebell demo`: invented borrowers, a year on a virtual clock, every text as it would arrive, and totals that add up."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from duebell.sample import generate, malformed
from duebell.showing import local
from duebell.simulation import Simulation, arrivals
from service.phones import mask
from service.reasons import REASONS
from service.senders._port import Message
from service.settings import load_settings

_START: Final = date(2026, 1, 5)
_DAYS: Final = 365
_BROKEN: Final = 3  #: bodies that break the contract, to show what becomes of them
_GLYPHS: Final = {"cancelled": "✕", "superseded": "↷", "held": "…", "planned": "…", "expired": "⌛", "suppressed": "⊘"}
Line = dict[str, Any]


@dataclass(slots=True)
class _Year:
    """What happened: the lines of all notices, the events' counts by verdict, and where each text went."""

    published: int
    verdicts: Counter[str]
    lines: Sequence[Line]
    zones: dict[str, str]
    to: dict[str, str] = field(default_factory=dict)


async def play(borrowers: int, seed: int, console: Console | None = None) -> None:
    """Plays a year of so many borrowers and prints it."""
    console = console or Console()
    with console.status(f"{borrowers} borrowers live through a year …"):
        year = await _lived(borrowers, seed)
    console.print(
        f"[bold]A year of {borrowers} invented borrowers, {len(year.lines)} notices. Times are the borrower's own.[/]\n"
    )
    for line in year.lines:
        _print(console, line, year)
    _totals(console, year)
    console.print("\nNext: [bold]duebell simulate FILE --until DATE[/] says the same of your own events,")
    console.print(
        "and [bold]duebell publish FILE && duebell run[/] is the real thing, with texts on the console until you name a sender."
    )


async def _lived(borrowers: int, seed: int) -> _Year:
    events = list(generate(borrowers, seed, _START, _DAYS))
    bodies = [json.dumps(event, ensure_ascii=False).encode() for event in events] + list(malformed(_BROKEN, seed))
    planned, refused = arrivals(bodies)
    to: dict[str, str] = {}

    def remember(message: Message) -> None:
        to[message.key] = message.to

    simulation = Simulation(load_settings(), remember)
    try:
        await simulation.run(planned, datetime.combine(_START, datetime.min.time(), UTC) + timedelta(days=_DAYS))
        lines = await simulation.lines()
        told = simulation.engine.metrics.registry.get_sample_value
        verdicts = Counter(
            {v: int(told("duebell_events_total", {"verdict": v}) or 0) for v in ("accepted", "duplicate", "ignored")}
        )
    finally:
        await simulation.close()
    verdicts["refused"] = len(refused)
    return _Year(len(bodies), verdicts, lines, _zones(events), to)


def _zones(events: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Loan → its borrower's zone."""
    found = {}
    for event in events:
        zone = event["data"].get("borrower", {}).get("timezone")
        if zone:
            found[event["subject"]] = zone
    return found


def _print(console: Console, line: Line, year: _Year) -> None:
    """A text like a message on a phone; what never went as one dim line."""
    at = local(line["at"], year.zones.get(line["loan_id"], "Asia/Shanghai"))
    if line["body"] is not None:
        console.print(
            Text.assemble(
                (at, "cyan"), "  ", (mask(year.to.get(line["key"], "")), "green"), f"  {line['template']}", style="dim"
            )
        )
        console.print(Padding(Text(line["body"]), (0, 0, 0, 4), expand=False))
        console.print()
        return
    glyph = _GLYPHS.get(line["state"], "·")
    why = f"{line['state']}: {line['reason']}" if line["reason"] else line["state"]
    console.print(Text(f"{at}  {glyph} {line['template']} for {line['loan_id']}, {why}\n", style="dim"))


def _totals(console: Console, year: _Year) -> None:
    states = Counter(line["state"] for line in year.lines)
    texts = sum(line["body"] is not None for line in year.lines)
    reasons = Counter((line["state"], line["reason"]) for line in year.lines if line["reason"])
    table = Table(title="Totals", title_justify="left", title_style="bold", box=None, show_header=False)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_row(f"{year.published}", "events published")
    for verdict, number in year.verdicts.items():
        if number:
            table.add_row(f"{number}", f"  {verdict}", style="dim")
    table.add_row(f"{len(year.lines)}", "notices")
    for state, number in sorted(states.items(), key=lambda one: -one[1]):
        table.add_row(f"{number}", f"  {state}", style="dim")
        for (of, reason), n in sorted(reasons.items()):
            if of == state:
                table.add_row("", f"    {n} {reason}: {REASONS[reason]}", style="dim")
    table.add_row(f"{texts}", "texts printed above")
    console.print(table)
