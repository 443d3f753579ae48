"""Leases: work that one process does at a time."""

from datetime import datetime

from service.ledger.engine import Transaction
from service.ledger.statement import INSTANT, TEXT, Statement

ADD = Statement("INSERT INTO sweeps (name) VALUES (:name) ON CONFLICT DO NOTHING", name=TEXT)

#: Takes or prolongs a lease; touches one row if it is ours now.
HOLD = Statement(
    """
    UPDATE sweeps SET holder = :me, lease_until = :until
    WHERE name = :name AND (holder IS NULL OR holder = :me OR lease_until <= :now)
    """,
    name=TEXT,
    me=TEXT,
    now=INSTANT,
    until=INSTANT,
)


async def held(tx: Transaction, name: str, me: str, now: datetime, until: datetime) -> bool:
    """Whether the lease of a name is ours from now on; the first to ask for it makes its row."""
    if await tx.run(HOLD, name=name, me=me, now=now, until=until):
        return True
    await tx.run(ADD, name=name)
    return bool(await tx.run(HOLD, name=name, me=me, now=now, until=until))
