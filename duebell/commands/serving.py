"""`duebell run`: the service; `duebell demo`: the same engine with invented borrowers."""

from typing import Annotated, Final, cast

import typer

from duebell.commands._ledger import waited_for
from duebell.commands._terminal import MISUSED, console, fail, with_examples

_ROLES: Final = ("consume", "schedule", "deliver", "console")


@with_examples
def run(
    roles: Annotated[
        str, typer.Option(help=f"What this process does, separated by commas: {', '.join(_ROLES)}.", metavar="ROLES")
    ] = ",".join(_ROLES),
) -> None:
    """Run the service until SIGTERM: it finishes what it has begun, acknowledges it, and leaves nothing half done.

    Any number of processes may run any roles side by side; they share the work. An empty database gets its tables; one
    of another version is refused with the command that helps.

    Examples:
      duebell run
      duebell run --roles deliver
      DUEBELL_SENDERS="webhook+https://sms.example/send" duebell run --roles consume,schedule,deliver
    """
    wanted = frozenset(filter(None, (role.strip() for role in roles.split(","))))
    if unknown := sorted(wanted - set(_ROLES)):
        fail(f"--roles: there is no role {unknown[0]!r}; there are: {', '.join(_ROLES)}", MISUSED)
    if not wanted:
        fail(f"--roles: name at least one of {', '.join(_ROLES)}", MISUSED)
    from duebell import running  # noqa: PLC0415 - heavy
    from service import logs  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    logs.set_up(settings.log_level, cast("logs.Format", settings.log_format))
    waited_for(running.run(settings, wanted))


def demo(
    borrowers: Annotated[int, typer.Option(help="How many.", min=1, max=200)] = 8,
    seed: Annotated[int, typer.Option(help="Another number, other stories.")] = 8,
) -> None:
    """Watch a year of invented borrowers: every text as it would arrive, what never went and why, and the totals.

    Nothing is stored and nothing leaves this machine.
    """
    from duebell.demo import play  # noqa: PLC0415 - heavy

    waited_for(play(borrowers, seed, console()))
