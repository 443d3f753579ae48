"""The audit chain: who did what, each row bound to the one before it by a keyed hash."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from service.ledger.engine import Transaction
from service.ledger.statement import BYTES, INSTANT, INT, TEXT, Rows, Statement
from service.vault import Vault

_PAGE: Final = 1_000

#: The first row is always the same; whoever appends locks it.
_BEGIN = Statement(
    """
    INSERT INTO audit (at, who, action, subject, chain) VALUES (:now, 'duebell', 'began', '', :chain)
    ON CONFLICT (chain) DO NOTHING
    """,
    now=INSTANT,
    chain=BYTES,
)
_LOCK = Statement("SELECT id FROM audit WHERE chain = :chain {for_update}", chain=BYTES)
_LAST = Statement("SELECT chain FROM audit ORDER BY id DESC LIMIT 1")
_NEWEST = Statement("SELECT id, at FROM audit ORDER BY id DESC LIMIT 1", returns={"at": INSTANT})
_ADD = Statement(
    """
    INSERT INTO audit (at, who, action, subject, why, chain)
    SELECT :now, a.who, a.action, a.subject, a.why, a.chain FROM {a} ORDER BY a.place
    """,
    a=Rows(place=INT, who=TEXT, action=TEXT, subject=TEXT, why=TEXT, chain=BYTES),
    now=INSTANT,
)
_READ = Statement(
    "SELECT id, at, who, action, subject, why, chain FROM audit WHERE id > :after ORDER BY id LIMIT :n",
    returns={"at": INSTANT},
    after=INT,
    n=INT,
)


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did; the subject holds no personal data (a phone number stands there as its keyed hash)."""

    who: str
    action: str
    subject: str
    why: str | None = None


async def append(tx: Transaction, vault: Vault, deeds: Sequence[Deed], now: datetime) -> None:
    """Adds deeds to the end of the chain; two writers take turns."""
    if not deeds:
        return
    first = vault.keyed_hash("audit")
    if not await tx.rows(_LOCK, chain=first):
        await tx.run(_BEGIN, now=now, chain=first)
        await tx.rows(_LOCK, chain=first)
    chain = (await tx.rows(_LAST))[0].chain
    rows = []
    for place, deed in enumerate(deeds):
        chain = _link(vault, chain, deed, now)
        rows.append((place, deed.who, deed.action, deed.subject, deed.why, chain))
    await tx.run(_ADD, a=rows, now=now)


async def last_row(tx: Transaction) -> tuple[int, datetime] | None:
    """Id and time of the newest row, to be noted elsewhere; None: nothing has been done yet."""
    rows = await tx.rows(_NEWEST)
    return (rows[0].id, rows[0].at) if rows else None


async def first_broken(tx: Transaction, vault: Vault) -> int | None:
    """The id of the first row that is not what was written after the one before it; None: the chain holds.

    Rows cut off at the end leave no gap: compare the last id with one you noted elsewhere.
    """
    chain, after = None, 0
    while rows := await tx.rows(_READ, after=after, n=_PAGE):
        for row in rows:
            deed = Deed(row.who, row.action, row.subject, row.why)
            chain = vault.keyed_hash("audit") if chain is None else _link(vault, chain, deed, row.at)
            if row.chain != chain:
                return int(row.id)
        after = rows[-1].id
    return None


def _link(vault: Vault, before: bytes, deed: Deed, at: datetime) -> bytes:
    said: list[Any] = [before.hex(), at.astimezone(UTC).isoformat(), deed.who, deed.action, deed.subject, deed.why]
    return vault.keyed_hash(json.dumps(said))
