"""Pauses by an operator: the emergency stop that the claim and the intent read."""

from datetime import datetime

from service.ledger.engine import Transaction
from service.ledger.statement import INSTANT, TEXT, Statement

ACTIVE = Statement(
    "SELECT scope, name, who, why, since, until FROM controls WHERE until IS NULL OR until > :now ORDER BY scope, name",
    returns={"since": INSTANT, "until": INSTANT},
    now=INSTANT,
)

PAUSE = Statement(
    """
    INSERT INTO controls (scope, name, who, why, since, until) VALUES (:scope, :name, :who, :why, :now, :until)
    ON CONFLICT (scope, name) DO UPDATE SET who = excluded.who, why = excluded.why, until = excluded.until,
        since = CASE WHEN controls.until <= excluded.since THEN excluded.since ELSE controls.since END
    """,
    scope=TEXT,
    name=TEXT,
    who=TEXT,
    why=TEXT,
    now=INSTANT,
    until=INSTANT,
)

RESUME = Statement("DELETE FROM controls WHERE scope = :scope AND name = :name", scope=TEXT, name=TEXT)

_HOLD_LANE = Statement(
    """
    INSERT INTO controls (scope, name, who, why, since) VALUES ('lane', :lane, :who, :why, :now)
    ON CONFLICT (scope, name) DO UPDATE SET who = excluded.who, why = excluded.why, since = excluded.since, until = NULL
    WHERE controls.until <= excluded.since
    """,
    lane=TEXT,
    who=TEXT,
    why=TEXT,
    now=INSTANT,
)


async def paused(tx: Transaction, now: datetime) -> list[tuple[str, str]]:
    """Scope and name of everything that an operator has paused."""
    return [(row.scope, row.name) for row in await tx.rows(ACTIVE, now=now)]


async def hold_lane(tx: Transaction, lane: str, who: str, why: str, now: datetime) -> bool:
    """Pauses a lane until someone resumes it; whether it was not paused already."""
    return await tx.run(_HOLD_LANE, lane=lane, who=who, why=why, now=now) == 1
