"""`duebell simulate`: the real engine on a virtual clock, over a file of events."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duebell.commands._ledger import waited_for
from duebell.commands._terminal import MISUSED, AsJson, fail, lines, remark, say, table, with_examples

if TYPE_CHECKING:
    from duebell.simulation import Arrival


@with_examples
def simulate(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON Lines, one CloudEvent each; - is standard input.")],
    until: Annotated[str, typer.Option(help="The last day, as 2027-06-30; it is included.")],
    timezone: Annotated[str, typer.Option(help="The zone of that day, and of the times in the table.")] = "Asia/Shanghai",
    as_json: AsJson = False,
) -> None:
    """Show everything that would be sent, held and cancelled, and why. Nothing leaves this machine, nothing is stored.

    Each event arrives at its `time`, or at `arrivesat` where it has one. Refused lines go to standard error.

    Examples:
      duebell simulate loan.jsonl --until 2027-06-30
      duebell simulate loan.jsonl --until 2027-06-30 --json | jq -r 'select(.state == "sent") | [.at, .body] | @tsv'
    """
    from duebell.simulation import arrivals  # noqa: PLC0415 - heavy
    from service.zones import is_zone  # noqa: PLC0415

    last = _day(until)
    if not is_zone(timezone):
        fail(f"--timezone: there is no zone {timezone!r}; write an IANA name, as Europe/Berlin", MISUSED)
    planned, refused = arrivals(line.strip() for line in file)
    for one in refused:
        remark(f"line {one.line}: {one.field}: {one.reason}")
    found = waited_for(_run(planned, last, timezone))
    if as_json:
        return lines(found)
    return _show(found, timezone)


async def _run(planned: "list[Arrival]", last: date, timezone: str) -> list[dict[str, Any]]:
    from duebell.simulation import Simulation  # noqa: PLC0415 - heavy
    from service.settings import load_settings  # noqa: PLC0415
    from service.zones import end_of_day  # noqa: PLC0415

    simulation = Simulation(load_settings())
    try:
        await simulation.run(planned, end_of_day(last, timezone) - timedelta.resolution)
        return await simulation.lines()
    finally:
        await simulation.close()


def _show(found: list[dict[str, Any]], timezone: str) -> None:
    from duebell.showing import local  # noqa: PLC0415 - beside the others

    cells = ((local(x["at"], timezone), x["loan_id"], x["state"], x["reason"], x["template"], x["body"]) for x in found)
    table((f"at ({timezone})", "loan", "state", "reason", "template", "text"), cells)
    counts: dict[str, int] = {}
    for line in found:
        counts[line["state"]] = counts.get(line["state"], 0) + 1
    say("\n" + (", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "nothing would happen"))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail("--until: write a day, as 2027-06-30", MISUSED)
