"""`duebell timeline`: one loan's story."""

from typing import Annotated

import typer

from duebell.commands._ledger import opened, waited_for
from duebell.commands._terminal import AsJson, fail, lines, table, with_examples


@with_examples
def timeline(
    loan: Annotated[str, typer.Argument(help="The loan's id.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Tell a loan's story in time order: events, deadlines, each notice with its steps and why it did not go, hand-overs.

    Times are UTC; a deadline stands at the day it is due. No names, numbers or texts.

    Examples:
      duebell timeline L-1042
      duebell timeline L-1042 --json | jq -r 'select(.reason != null) | [.at, .key, .reason] | @tsv'
    """
    waited_for(_tell(loan, as_json))


async def _tell(loan: str, as_json: bool) -> None:
    from duebell.telling import in_words, story  # noqa: PLC0415 - heavy

    async with opened() as now_open, now_open.ledger.transaction() as tx:
        told = await story(tx, now_open.vault, loan)
    if not told:
        fail(f"there is no loan {loan!r}: no event, deadline or notice names it. Ids are as upstream writes them")
    if as_json:
        lines(told)
    else:
        table(("at", "", "what happened"), map(in_words, told))
