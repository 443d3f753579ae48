"""`duebell db`: the tables, and what to do after a restore."""

from typing import Annotated

import typer

from duebell.commands._ledger import opened, operations, waited_for
from duebell.commands._people import Who, instant
from duebell.commands._terminal import FAILED, AsJson, fail, lines, say

app = typer.Typer(no_args_is_help=True, help="The database: its tables, and what to do after a restore.")


@app.command()
def upgrade() -> None:
    """Make the tables, or bring them to this version. Safe to run twice, and from two machines at once."""
    from duebell.opening import unfit  # noqa: PLC0415 - heavy
    from service.ledger import migrating  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    url = load_settings().database_url
    current, needed = waited_for(migrating.status(url))
    if current is not None and not migrating.knows(current):
        fail(unfit(current, needed))
    waited_for(migrating.upgrade(url))
    current, _ = waited_for(migrating.status(url))
    say(f"the tables are at revision {current}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say which revision the tables have and which this version needs; exit code 1 where they differ."""
    from duebell.opening import unfit  # noqa: PLC0415 - heavy
    from service.ledger import migrating  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    current, needed = waited_for(migrating.status(load_settings().database_url))
    if as_json:
        lines([{"current": current, "needed": needed}])
    elif current == needed:
        say(f"the tables are at revision {current}, as they should be")
    elif current is None:
        say(f"there are no tables yet; this version needs revision {needed}: run `duebell db upgrade`")
    else:
        say(unfit(current, needed))
    raise typer.Exit(0 if current == needed else FAILED)


@app.command()
def recovered(
    as_of: Annotated[str, typer.Option(help="The moment of the backup, as 2026-06-17T09:00+08:00.")],
    who: Who,
) -> None:
    """Declare that the database was restored. Run it before anything else works on the restored database.

    What may have gone since the backup becomes unknown: the senders are asked, and where they cannot tell, the purpose
    decides whether it goes again. Collection texts never do.
    """

    async def work() -> None:
        async with opened() as now_open:
            marked = await operations(now_open).recovered(instant(as_of, "--as-of"), who=who, now=now_open.clock())
        say(f"{marked} {'notice' if marked == 1 else 'notices'} may have gone since and will be settled as unknown")

    waited_for(work())
