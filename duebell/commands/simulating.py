"""`duebell simulate`: the real engine on a virtual clock, over a file of events or a scenario."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from duebell.commands._ledger import waited_for
from duebell.commands._terminal import FAILED, MISUSED, AsJson, fail, lines, remark, say, table, with_examples

if TYPE_CHECKING:
    from duebell.scenario import Difference, Told
    from duebell.simulation import Arrival

_ZONE = "Asia/Shanghai"
_SCENARIO = (".yaml", ".yml")


@with_examples
def simulate(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(help="JSON Lines, one CloudEvent each, or a scenario (.yaml); - is standard input."),
    ],
    until: Annotated[str | None, typer.Option(help="The last day, as 2027-06-30; it is included. A scenario says it.")] = None,
    timezone: Annotated[str | None, typer.Option(help="The zone of that day, and of the times in the table.")] = None,
    expect: Annotated[
        Path | None, typer.Option(help="A scenario that says what must happen; exit code 1 where it does not.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a picture too: one page that needs no internet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that would be sent, held and cancelled, and why. Nothing leaves this machine, nothing is stored.

    Each event arrives at its `time`, or at `arrivesat` where it has one. Refused lines go to standard error.

    Examples:
      duebell simulate loan.jsonl --until 2027-06-30
      duebell simulate loan.jsonl --until 2027-06-30 --json | jq -r 'select(.state == "sent") | [.at, .body] | @tsv'
      duebell simulate loan.jsonl --until 2027-06-30 --html loan.html
      duebell simulate loan.jsonl --expect what-must-happen.yaml
      duebell simulate tests/scenarios/repayment/paid_on_the_due_day.yaml
    """
    name = str(getattr(file, "name", "-"))
    told, planned = _read(file, name, expect)
    last, zone = _end(until, timezone, told)
    if html is not None and not html.parent.is_dir():
        fail(f"--html: there is no folder {html.parent}", MISUSED)
    outcome = waited_for(_run(planned, last, zone, told, name, draws=html is not None))
    if html is not None:
        html.write_text(outcome.page, "utf-8")
        remark(f"the picture is in {html}")
    if as_json:
        lines(outcome.lines)
    else:
        _show(outcome.lines, zone)
    if told:
        _compare(told, outcome.wrong, as_json)


def _read(file: BinaryIO, name: str, expect: Path | None) -> "tuple[Told | None, list[Arrival]]":
    """The scenario, if there is one, and the events of a file that is none."""
    from duebell.scenario import opened  # noqa: PLC0415 - heavy
    from duebell.simulation import arrivals  # noqa: PLC0415

    if name.endswith(_SCENARIO):
        if expect:
            fail("--expect: the file is a scenario already; it says itself what must happen", MISUSED)
        return opened(_text(file.read()), name), []
    told = opened(_text(expect.read_bytes()), str(expect)) if expect else None
    planned, refused = arrivals(line.strip() for line in file)
    for one in refused:
        remark(f"line {one.line}: {one.field}: {one.reason}")
    return told, planned


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        fail("a scenario is written in UTF-8")


def _end(until: str | None, timezone: str | None, told: "Told | None") -> tuple[date, str]:
    """The last day and its zone: as asked for, else as the scenario says."""
    from service.zones import is_zone  # noqa: PLC0415 - heavy

    zone = timezone or (told.scenario.zone if told else _ZONE)
    if not is_zone(zone):
        fail(f"--timezone: there is no zone {zone!r}; write an IANA name, as Europe/Berlin", MISUSED)
    if until is None:
        if told is None:
            fail("--until: say the last day, as 2027-06-30", MISUSED)
        return told.scenario.until, zone
    try:
        last = date.fromisoformat(until)
    except ValueError:
        fail("--until: write a day, as 2027-06-30", MISUSED)
    if last == date.max:
        fail("--until: no day comes after this one; write an earlier one, as 2027-06-30", MISUSED)
    return last, zone


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of it: a line for each notice, what differs from the scenario, and the picture's page, if one is wanted."""

    lines: list[dict[str, Any]]
    wrong: "Sequence[Difference]"
    page: str


async def _run(planned: "list[Arrival]", last: date, zone: str, told: "Told | None", name: str, *, draws: bool) -> _Outcome:
    from duebell.picture import lives, page  # noqa: PLC0415 - heavy
    from duebell.scenario import played  # noqa: PLC0415
    from duebell.simulation import Simulation  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415
    from service.zones import end_of_day  # noqa: PLC0415

    simulation = Simulation(load_settings())
    until = end_of_day(last, zone) - timedelta.resolution
    try:
        wrong: Sequence[Difference] = []
        if told:
            wrong = await played(told, simulation, planned, until)
        else:
            await simulation.run(planned, until)
        title, story = (told.scenario.title, told.scenario.story) if told else (Path(name).name, "")
        drawn = page(await lives(simulation, zone, until), zone, title, story) if draws else ""
        return _Outcome(await simulation.lines(), wrong, drawn)
    finally:
        await simulation.close()


def _show(found: list[dict[str, Any]], timezone: str) -> None:
    """A row for each notice, without the columns that would say the same everywhere, and the totals with their reasons."""
    from duebell.showing import local  # noqa: PLC0415 - beside the others

    loans, roles = ({x[name] for x in found} for name in ("loan_id", "to_role"))
    columns: dict[str, Callable[[dict[str, Any]], object]] = {
        f"at ({timezone})": lambda x: local(x["at"], timezone),
        **({"loan": lambda x: x["loan_id"]} if len(loans) > 1 else {}),
        **({"to": lambda x: x["to_role"]} if len(roles) > 1 else {}),
        "state": lambda x: f"{x['state']}: {x['reason']}" if x["reason"] else x["state"],
        "template": lambda x: x["template"],
        "text": lambda x: x["body"],
    }
    table(tuple(columns), (tuple(cell(line) for cell in columns.values()) for line in found))
    counts = Counter(f"{line['state']} ({line['reason']})" if line["reason"] else line["state"] for line in found)
    say("\n" + (", ".join(f"{number} {what}" for what, number in sorted(counts.items())) or "nothing would happen"))


def _compare(told: "Told", wrong: "Sequence[Difference]", as_json: bool) -> None:
    """Says whether everything is as the scenario wants it; ends with exit code 1 where it is not."""
    scenario, number = told.scenario, len(told.scenario.then)
    if not wrong:
        if not as_json:
            say(f"\nas expected: {scenario.title} ({number} {'line' if number == 1 else 'lines'})")
        return
    rows = [(each.line and f"{told.document.name}:{each.line}", each.told, each.expected, each.happened) for each in wrong]
    if as_json:
        for place, what, expected, happened in rows:
            remark(f"{place or told.document.name}: {what}: expected {expected or 'nothing'}; happened {happened or 'nothing'}")
    else:
        say("")
        table(("where", "what is wrong", "expected", "happened"), rows, title=f"Not as expected: {scenario.title}")
    raise typer.Exit(FAILED)
