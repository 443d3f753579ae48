"""The `duebell` command: every command by its name. Nothing heavy is imported before a command runs."""

import sys

import typer

from duebell.commands import (
    answers,
    auditing,
    contracting,
    database,
    dead,
    doctor,
    erasing,
    keys,
    notices,
    publishing,
    queues,
    rules,
    serving,
    simulating,
    stopping,
    timeline,
    topology,
    words,
)
from duebell.commands._mistakes import ReadableErrors
from duebell.commands._terminal import take_any_letter

_HELP = """Tells borrowers what is happening to their loan: once, at a decent hour, never after they have paid.

\b
Try first:
  duebell demo                     a year of invented borrowers
  duebell simulate FILE --until D  what your own events would say
  duebell publish FILE             for real, and then:
  duebell run

Settings are DUEBELL_* in the environment or duebell.toml; `duebell doctor` says what is set and what is wrong.
"""
_RUN, _LOOK, _STOP, _KEEP = "Run", "Look", "Stop and repair", "Set up and check"

app = typer.Typer(
    cls=ReadableErrors,
    help=_HELP,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(rich_help_panel=_RUN)(serving.run)
app.command(rich_help_panel=_RUN)(serving.demo)
app.command(rich_help_panel=_RUN)(publishing.publish)
app.command(rich_help_panel=_RUN)(simulating.simulate)
app.add_typer(notices.app, name="notices", rich_help_panel=_LOOK)
app.command(rich_help_panel=_LOOK)(timeline.timeline)
app.command(rich_help_panel=_LOOK)(answers.replies)
app.command(rich_help_panel=_LOOK)(queues.queues)
app.command(rich_help_panel=_STOP)(stopping.pause)
app.command(rich_help_panel=_STOP)(stopping.resume)
app.command(rich_help_panel=_STOP)(stopping.suppress)
app.command(rich_help_panel=_STOP)(stopping.unsuppress)
app.add_typer(dead.app, name="dead", rich_help_panel=_STOP)
app.command(rich_help_panel=_STOP)(erasing.erase)
app.add_typer(words.templates, name="templates", rich_help_panel=_KEEP)
app.add_typer(words.ladders, name="ladders", rich_help_panel=_KEEP)
app.add_typer(rules.app, name="rules", rich_help_panel=_KEEP)
app.add_typer(auditing.app, name="audit", rich_help_panel=_KEEP)
app.add_typer(contracting.app, name="contract", rich_help_panel=_KEEP)
app.add_typer(database.app, name="db", rich_help_panel=_KEEP)
app.add_typer(keys.app, name="keys", rich_help_panel=_KEEP)
app.add_typer(topology.app, name="topology", rich_help_panel=_KEEP)
app.command(rich_help_panel=_KEEP)(doctor.doctor)


def main() -> None:
    """Runs the command line; without a command it shows the help."""
    take_any_letter()
    app(args=sys.argv[1:] or ["--help"], prog_name="duebell")


if __name__ == "__main__":
    main()
