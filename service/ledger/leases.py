"""Leases: work that one process does at a time."""

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
