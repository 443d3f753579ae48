"""Digests: stages of one borrower that go as one text. Its head alone is claimed, the others are taken along with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from service.ledger.engine import Transaction
from service.ledger.statement import INSTANT, INT, TEXT, Rows, Statement, hidden

PAUSED = Rows(scope=TEXT, name=TEXT)
_KEYS = Rows(key=TEXT, month=INT)


def ready(row: str) -> str:
    """The SQL for whether a waiting notice may be claimed now; `row` is its alias, its state is looked at elsewhere."""
    return (
        f"{row}.not_before <= :now AND {row}.expires_at > :now AND NOT EXISTS (SELECT 1 FROM {{paused}} "
        f"WHERE (paused.scope = 'template' AND paused.name = {row}.template) "
        f"OR (paused.scope = 'channel' AND paused.name = {row}.channel) OR (paused.scope = 'loan' AND paused.name = {row}.loan_id))"
    )


#: `m`: stages of the digest that `n` belongs to, of the same borrower, whoever that is by now.
_THEIRS = """
    JOIN loans theirs ON theirs.borrower_id = mine.borrower_id
    JOIN notices m ON m.loan_id = theirs.loan_id AND m.moment = n.moment
"""
_SAME = "m.digest = n.digest AND m.purpose = n.purpose AND m.channel = n.channel AND m.party_id IS NULL"
_MATES = f"FROM loans mine {_THEIRS} WHERE mine.loan_id = n.loan_id AND {_SAME}"
_WAITING = f"{hidden('m.state')} IN ('planned', 'held')"

#: Whether `n` may be claimed as far as digests go: it belongs to none, or it is the one with the smallest key.
IS_HEAD = f"(n.digest IS NULL OR NOT EXISTS (SELECT 1 {_MATES} AND m.key < n.key AND {_WAITING} AND {ready('m')}))"

#: Whether `n` lists others, whether its digest has others at all, and the key of one that has gone.
LISTS = "EXISTS (SELECT 1 FROM notices m WHERE m.head = n.key)"
HAS_MATES = f"EXISTS (SELECT 1 {_MATES} AND m.key <> n.key)"
MATE_TOLD = f"(SELECT min(m.key) {_MATES} AND m.key <> n.key AND {hidden('m.state')} IN ('sent', 'delivered', 'undelivered'))"

_NEXT = f"(SELECT min(m.key) {_MATES} AND m.key > {{after}} AND {_WAITING} AND {ready('m')})"
#: What waits beside these heads, key by key: one look-up for a head that is alone, and no plan that walks the table.
_MEMBERS = Statement(
    f"""
    WITH RECURSIVE walk(head, key) AS (
        SELECT n.key, {_NEXT.replace("{after}", "n.key")} FROM {{h}} JOIN notices n ON n.key = h.key AND n.key_month = h.month
        UNION ALL SELECT n.key, {_NEXT.replace("{after}", "walk.key")} FROM walk JOIN notices n ON n.key = walk.head
        WHERE walk.key IS NOT NULL)
    SELECT key FROM walk WHERE key IS NOT NULL
    """,
    h=_KEYS,
    paused=PAUSED,
    now=INSTANT,
)
_TAKE = Statement(
    f"""
    WITH ready AS MATERIALIZED (
        SELECT m.key, m.key_month FROM notices m JOIN {{k}} ON m.key = k.key
        WHERE {_WAITING} ORDER BY m.key {{skip_locked}}
    )
    UPDATE notices SET state = 'sending', token = :token, lease_until = :lease_until, handed_at = NULL
    FROM ready
    WHERE notices.key = ready.key AND notices.key_month = ready.key_month
    RETURNING notices.key, notices.key_month
    """,
    k=Rows(key=TEXT),
    token=TEXT,
    lease_until=INSTANT,
)

#: Names the text that lists a notice. From the intent on both share its fate.
NAME_HEAD = Statement(
    "UPDATE notices SET head = p.head FROM {p} WHERE notices.key = p.key AND notices.key_month = p.month",
    p=Rows(key=TEXT, month=INT, head=TEXT),
)

#: Brings back what was listed by a text that was not said after all; a token: only what that claim had taken along.
BRING_BACK = Statement(
    f"""
    UPDATE notices SET state = 'planned', reason = NULL, head = NULL, token = NULL, handed_at = NULL, sender = NULL,
        not_before = notices.moment, seq = notices.seq + 1
    FROM {{h}} WHERE notices.head = h.key AND {hidden("notices.state")} = 'superseded' AND notices.reason = 'in_digest'
    AND (:token IS NULL OR notices.token = :token)
    RETURNING notices.key, notices.loan_id, notices.seq, notices.state, notices.reason
    """,
    h=Rows(key=TEXT),
    token=TEXT,
)


async def take_along(
    tx: Transaction,
    heads: Sequence[Any],
    *,
    token: str,
    lease_until: datetime,
    now: datetime,
    paused: Sequence[tuple[str, str]],
) -> Sequence[Any]:
    """Claims what goes with these claimed rows (key, key_month, digest); gives the keys."""
    asked = [(row.key, row.key_month) for row in heads if row.digest is not None]
    found = await tx.rows(_MEMBERS, h=asked, now=now, paused=paused) if asked else ()
    if not found:
        return ()
    return await tx.rows(_TAKE, k=[(row.key,) for row in found], token=token, lease_until=lease_until)
