"""How every command speaks: results on standard output as tables or JSON Lines, everything else on standard error."""

import codecs
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from inspect import getdoc
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="JSON Lines and nothing else on standard output.")]

C = TypeVar("C", bound=Callable[..., object])

FAILED = 1
MISUSED = 2
_UNWATCHED = 1000  #: columns, where the output goes to a file or another program


def take_any_letter() -> None:
    """A letter that the output's encoding lacks is printed as an escape, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def with_examples(command: C) -> C:
    """Keeps the lines of a docstring's examples as they stand, in the help."""
    command.__doc__ = (getdoc(command) or "").replace("\nExamples:", "\n\b\nExamples:")
    return command


def lines(rows: Iterable[dict[str, Any]]) -> None:
    """Prints one JSON object a line; its letters are escaped as JSON has it where the output does not take UTF-8."""
    escaped = codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8"
    for row in rows:
        sys.stdout.write(json.dumps(row, ensure_ascii=escaped) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Prints a table; None is an empty cell. Where nobody watches, nothing is cut to a width."""
    from rich.table import Table  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415

    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console().print(shown)


def console() -> "Console":
    """Standard output, for what rich prints; where nobody watches, nothing is cut or broken to a width."""
    from rich.console import Console  # noqa: PLC0415 - heavy

    watched = Console()
    return watched if watched.is_terminal else Console(width=_UNWATCHED)


def say(text: str) -> None:
    """Prints a line of the result."""
    sys.stdout.write(text + "\n")


def remark(text: str) -> None:
    """Prints a line beside the result, on standard error."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")


def fail(text: str, code: int = FAILED) -> NoReturn:
    """Ends the command with one line that says what to do."""
    remark(f"error: {text}")
    raise typer.Exit(code)


def moment(at: datetime | None) -> str | None:
    """An instant for people: UTC, to the second."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def span(seconds: int) -> str:
    """A length of time in its two largest units, as 2h 5m."""
    units = (("d", 86400, 10**9), ("h", 3600, 24), ("m", 60, 60), ("s", 1, 60))
    told = [f"{number}{unit}" for unit, size, limit in units if (number := seconds // size % limit)]
    return " ".join(told[:2]) or "0s"
