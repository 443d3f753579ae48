"""Stages that a pause has ended: those for which a later word says that there was none go again."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from service.ledger.engine import Transaction
from service.ledger.notices import STEP
from service.ledger.planning import ZONE
from service.ledger.statement import INSTANT, INT, TEXT, Rows, Statement, hidden
from service.notices import Purpose
from service.pauses import is_silent, words_in

_ENDED = f"{hidden('notices.state')} = 'suppressed' AND notices.reason = 'paused' AND notices.handed_at IS NULL"

#: What pauses have ended on these loans and is still worth sending; `not_before` is when it ended.
ENDED = Statement(
    f"""
    SELECT notices.key, notices.key_month, notices.purpose, notices.kind, notices.stage, notices.moment, notices.not_before,
        l.pauses, {ZONE} AS zone
    FROM {{ids}} JOIN notices ON notices.loan_id = ids.loan_id AND {_ENDED} AND notices.expires_at > :now
    JOIN loans l ON l.loan_id = notices.loan_id LEFT JOIN parties p ON p.party_id = COALESCE(notices.party_id, l.borrower_id)
    """,
    returns={"moment": INSTANT, "not_before": INSTANT},
    ids=Rows(loan_id=TEXT),
    now=INSTANT,
)

REVIVE = Statement(
    f"""
    UPDATE notices SET state = 'planned', reason = NULL, not_before = notices.moment, seq = notices.seq + 1 FROM {{k}}
    WHERE notices.key = k.key AND notices.key_month = k.month AND {_ENDED} {STEP}
    """,
    k=Rows(key=TEXT, month=INT),
)


async def revive(tx: Transaction, loan_ids: Collection[str], grace_days: int, now: datetime) -> Sequence[Any]:
    """Plans anew what was ended for a pause that is void, on loans whose words have changed; gives the rows it changed."""
    ended = await tx.rows(ENDED, ids=[(loan_id,) for loan_id in sorted(loan_ids)], now=now)
    void = sorted((row.key, row.key_month) for row in ended if not _was_paused(row, grace_days))
    return await tx.rows(REVIVE, k=void) if void else []


def _was_paused(row: Any, grace_days: int) -> bool:
    """Whether a stage's moment, or the instant at which it ended, lies in a pause as the words now stand."""
    words, purpose = words_in(row.pauses), Purpose(row.purpose)
    moments = (row.moment, row.not_before) if row.stage else (row.not_before,)
    return any(is_silent(words, purpose, row.kind, at, zone=row.zone, grace_days=grace_days) for at in moments)
