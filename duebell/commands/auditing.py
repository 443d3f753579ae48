"""`duebell audit`: whether the record of who did what is whole."""

import typer

from duebell.commands._ledger import opened, waited_for
from duebell.commands._terminal import AsJson, fail, lines, moment, say

app = typer.Typer(no_args_is_help=True, help="The record of who did what.")


@app.callback()
def audit() -> None:
    """The record of who did what: operators' deeds, erasures, what retention deleted."""


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Walk the chain from its first row and say whether it holds; exit code 1 with the first row that does not.

    Each row is bound to the one before it by a keyed hash, so that a row that was changed, taken out or put in shows. Rows cut
    off at the end leave no gap: note the last number elsewhere from time to time, and compare.
    """
    from service.ledger import audit as chain  # noqa: PLC0415 - heavy

    async def work() -> None:
        async with opened() as now_open, now_open.ledger.transaction() as tx:
            broken = await chain.first_broken(tx, now_open.vault)
            last = await chain.last_row(tx)
        if as_json:
            lines([{"holds": broken is None, "first_broken": broken, "last": last and last[0]}])
            raise typer.Exit(0 if broken is None else 1)
        if broken is not None:
            fail(f"row {broken} is not what was written after the row before it: it, or one before it, was changed or removed")
        say(
            f"the chain holds, up to row {last[0]} of {moment(last[1])}" if last else "the chain is empty: nothing was done yet"
        )

    waited_for(work())
