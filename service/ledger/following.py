"""Follows the outbox with a cursor: no row is skipped because it was committed after one with a greater number."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from service.ledger.engine import Ledger
from service.ledger.outbox import AFTER
from service.ledger.statement import Statement

_LAST = Statement("SELECT COALESCE(max(id), 0) AS id FROM outbox")
#: PostgreSQL only: the transactions that are writing to the outbox. A row's number is drawn under this lock.
_WRITERS = Statement(
    """
    SELECT virtualtransaction AS writer FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'outbox'::regclass AND mode = 'RowExclusiveLock' AND granted
    """
)
_LOOK_AGAIN: Final = 0.01
_LOOKS: Final = 100


async def page(ledger: Ledger, after: int, n: int) -> tuple[Sequence[Any], int]:
    """At most `n` status events numbered above `after`, by number, and the number to go on from.

    Every row up to that number is among them, or is none that upstream is told, or never comes. Empty also when somebody
    takes longer than a second to write; ask again.
    """
    async with ledger.transaction() as tx:
        until = (await tx.rows(_LAST))[0].id
    if until <= after or not await _written(ledger):
        return [], after
    async with ledger.transaction() as tx:
        rows = [row for row in await tx.rows(AFTER, after=after, n=n) if row.id <= until]
    return rows, rows[-1].id if len(rows) == n else until


async def _written(ledger: Ledger) -> bool:
    """Whether everybody who is writing now has finished. SQLite has one writer, whose numbers come in the order of commits."""
    if ledger.dialect == "sqlite":
        return True
    waited_for: set[str] | None = None
    for _ in range(_LOOKS):
        async with ledger.transaction() as tx:
            writing = {row.writer for row in await tx.rows(_WRITERS)}
        waited_for = writing if waited_for is None else waited_for & writing
        if not waited_for:
            return True
        await asyncio.sleep(_LOOK_AGAIN)
    return False
