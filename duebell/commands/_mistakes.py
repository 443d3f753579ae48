"""Turns the mistakes that are to be expected into one readable line; whatever else is raised is a defect and shows where."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from duebell.commands._terminal import FAILED, MISUSED, remark

_OURS = frozenset({"console", "consumers", "duebell", "schedules", "service"})
#: Our own errors say in their text what to do; these do not, because they are meant for loops that try again.
_WORDS = {
    "LedgerAway": "the database cannot be used now ({}): see that it runs and that DUEBELL_DATABASE_URL is right",
    "LedgerConflict": "others work on the same rows ({}): try again",
    "LedgerRefused": "the database refuses a value ({})",
}


def in_words(error: BaseException) -> str | None:
    """One line for an error that is somebody's mistake or a machine's absence; None for a defect of ours."""
    kind = type(error)
    if kind.__module__.partition(".")[0] in _OURS:
        return _WORDS.get(kind.__name__, "{}").format(str(error).replace("\n", "; "))
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return None


class ReadableErrors(TyperGroup):
    """The group of all commands: one place where a mistake becomes a line and an exit code."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the command line; 2 for words that make no sense, 1 for what failed."""
        try:
            code = super().main(*args, **options | {"standalone_mode": False})
        except TyperException as error:
            context = getattr(error, "ctx", None)
            if told := error.format_message().removesuffix(".").replace("Value error, ", ""):
                remark(f"error: {told}; see: {context.command_path if context else 'duebell'} --help")
            sys.exit(getattr(error, "exit_code", MISUSED))
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            line = in_words(error)
            if line is None:
                raise
        remark(f"error: {line}")
        raise typer.Exit(FAILED)
