"""What operators say beside a deed: who they are, why, and until when."""

import re
from datetime import datetime, timedelta
from getpass import getuser
from typing import Annotated

import typer

from duebell.commands._terminal import MISUSED, fail

_SPAN = re.compile(r"([1-9]\d{0,3})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _me() -> str:
    try:
        return getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


Who = Annotated[str, typer.Option(default_factory=_me, help="Who does it, for the audit.", show_default="your user name")]
Why = Annotated[str, typer.Option(help="Why, for the audit and for whoever looks next. No personal data.")]
Until = Annotated[str | None, typer.Option(help="An instant (2026-06-17T09:00+08:00) or a span from now (30m, 2h, 3d).")]


def given(why: str) -> str:
    """A reason that says something."""
    if not why.strip():
        fail("--why: say why in a few words", MISUSED)
    return why.strip()


def instant(text: str, option: str) -> datetime:
    """An instant of RFC 3339; ends the command where it is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        fail(f"{option}: write an instant with its offset, as 2026-06-17T09:00+08:00", MISUSED)
    return at


def end(text: str | None, now: datetime) -> datetime | None:
    """The end of a pause: none, an instant, or a span from now."""
    if text is None:
        return None
    span = _SPAN.fullmatch(text)
    return now + timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else instant(text, "--until")
