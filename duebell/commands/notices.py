"""`duebell notices` and `duebell notices cancel`: what was sent, what waits, and why not."""

from typing import Annotated

import typer

from duebell.commands._ledger import opened, operations, waited_for
from duebell.commands._people import Who, Why, given
from duebell.commands._terminal import AsJson, fail, lines, moment, remark, say, table, with_examples
from service.notices import State

app = typer.Typer(invoke_without_command=True)
_ALL = 10_000_000
_SHOWN = 200


@app.callback()
@with_examples
def notices(
    ctx: typer.Context,
    loan: Annotated[str | None, typer.Option(help="Only this loan's.")] = None,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    as_json: AsJson = False,
) -> None:
    """What was sent, what waits and what never went, with the reason.

    Examples:
      duebell notices --loan L-1042
      duebell notices --state held
      duebell notices --state failed --json | jq -r .key
      duebell notices cancel KEY --why "wrong amount upstream"
    """
    if ctx.invoked_subcommand is None:
        waited_for(_show(loan, state, as_json))


async def _show(loan: str | None, state: State | None, as_json: bool) -> None:
    from duebell.showing import notice_line  # noqa: PLC0415 - heavy
    from service.ledger import reading  # noqa: PLC0415

    most = _ALL if as_json else _SHOWN + 1
    async with opened() as now_open, now_open.ledger.transaction() as tx:
        rows = await tx.rows(reading.NOTICES, loan=loan, state=state and state.value, key=None, n=most)
    if as_json:
        return lines(notice_line(row) for row in rows)
    if not rows:
        return remark("no such notices")
    cells = (
        (
            row.loan_id,
            row.template,
            row.purpose,
            row.role,
            row.state,
            row.reason,
            moment(row.sent_at or row.not_before),
            row.key,
        )
        for row in rows[:_SHOWN]
    )
    table(("loan", "template", "purpose", "to", "state", "reason", "sent, or not before", "key"), cells)
    if len(rows) > _SHOWN:
        remark(f"… and more: narrow it with --loan or --state, or take all with --json (shown: {_SHOWN})")
    return None


@app.command()
def cancel(
    keys: Annotated[list[str], typer.Argument(help="Keys, as `duebell notices` shows them.", metavar="KEY...")],
    why: Why,
    who: Who,
) -> None:
    """Cancel notices that have not been handed over. They never revive."""

    async def work() -> None:
        async with opened() as now_open:
            done = await operations(now_open).cancel(keys, who=who, why=given(why), now=now_open.clock())
        for key in done:
            say(f"cancelled {key}")
        left = sorted(set(keys) - set(done))
        if left:
            fail(f"not cancelled, because there is no such notice or it has gone or ended: {', '.join(left)}")

    waited_for(work())
