"""Rotating keys: everything that older keys sealed is put under the first one, so that they can be taken away."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.ledger import Ledger, LedgerConflict, audit, rekeying
from service.ledger.audit import Deed
from service.ledger.rekeying import Page, Sealed
from service.vault import Vault

_PAGE: Final = 1_000
_CONFLICT_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many values were put under the first key, and how many nobody can read."""

    changed: int
    unreadable: int


async def rotate(ledger: Ledger, vault: Vault, *, who: str, now: datetime, told: Callable[[str, int], None]) -> Rotated:
    """Re-encrypts page by page; may be broken off at any moment and run again, beside everything else.

    When all can be read, the canaries of the other keys go: nothing needs those keys any more.
    `told` is given each column's name and how many of its values were changed.
    """
    changed = unreadable = 0
    for column in rekeying.COLUMNS:
        done = await _column(ledger, vault, column)
        told(column.name, done.changed)
        changed, unreadable = changed + done.changed, unreadable + done.unreadable
    async with ledger.transaction() as tx:
        if not unreadable:
            await tx.run(rekeying.FORGET_OTHER_KEYS, key_id=vault.key_id)
        await audit.append(tx, vault, [Deed(who, "rotate", f"key:{vault.key_id}", f"{changed} values")], now)
    return Rotated(changed, unreadable)


async def _column(ledger: Ledger, vault: Vault, column: Sealed) -> Rotated:
    changed = unreadable = 0
    after = None
    while (page := await _page(ledger, vault, column, after)).last is not None:
        changed, unreadable, after = changed + page.changed, unreadable + page.unreadable, page.last
    return Rotated(changed, unreadable)


async def _page(ledger: Ledger, vault: Vault, column: Sealed, after: tuple[object, ...] | None) -> Page:
    for attempt in range(1, _CONFLICT_TRIES + 1):
        try:
            async with ledger.transaction() as tx:
                return await rekeying.page(tx, vault, column, after, _PAGE)
        except LedgerConflict:
            if attempt == _CONFLICT_TRIES:
                raise
    raise AssertionError
