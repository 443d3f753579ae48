"""Re-encrypting what is stored: every column of ciphertext, found in the tables themselves, a page of rows at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Date, Integer, LargeBinary, Text
from sqlalchemy.types import TypeEngine

from service.ledger.engine import Transaction
from service.ledger.statement import BYTES, DATE, INSTANT, INT, TEXT, Rows, SqlType, Statement
from service.ledger.tables import metadata
from service.ledger.types import Instant
from service.vault import KeySettingError, Vault

_TYPES: Final[tuple[tuple[type[TypeEngine[Any]], SqlType], ...]] = (
    (Text, TEXT), (LargeBinary, BYTES), (Integer, INT), (BigInteger, INT), (Date, DATE)
)  # fmt: skip
_CANARIES: Final = "vault"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of ciphertext, and the statements that walk it by the table's key."""

    table: str
    column: str
    first: Statement
    following: Statement
    change: Statement

    @property
    def name(self) -> str:
        """As people call it."""
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Page:
    """What a page did: values under the new key now, values nobody can read, and the last row it saw; none: the end."""

    changed: int
    unreadable: int
    last: tuple[Any, ...] | None


def _type_of(kind: TypeEngine[Any]) -> SqlType:
    return INSTANT if isinstance(kind, Instant) else next(ours for theirs, ours in _TYPES if isinstance(kind, theirs))


def _sealed(table: str, column: str, keys: dict[str, SqlType]) -> Sealed:
    names, after = ", ".join(keys), ", ".join(f":after_{key}" for key in keys)
    select = (
        f"SELECT {names}, {column} AS sealed FROM {table} WHERE {column} IS NOT NULL AND substr({column}, 1, length(:prefix)) <> :prefix "
        f"{{}}ORDER BY {names} LIMIT :page"
    )
    of_row: dict[str, Any] = {f"after_{key}": kind for key, kind in keys.items()}
    same = " AND ".join(f"{table}.{key} = r.{key}" for key in keys)
    return Sealed(
        table,
        column,
        Statement(select.format(""), prefix=BYTES, page=INT),
        Statement(select.format(f"AND ({names}) > ({after}) "), None, prefix=BYTES, page=INT, **of_row),
        Statement(
            f"UPDATE {table} SET {column} = r.new FROM {{r}} WHERE {same} AND {table}.{column} = r.old",
            r=Rows(**keys, old=BYTES, new=BYTES),
        ),
    )


#: Bytes hold ciphertext unless their comment says hash (service/ledger/tables.py).
COLUMNS: Final = tuple(
    _sealed(str(table.name), str(column.name), {str(key.name): _type_of(key.type) for key in table.primary_key})
    for table in metadata.sorted_tables
    for column in table.c
    if isinstance(column.type, LargeBinary) and "hash" not in (column.comment or "") and table.name != _CANARIES
)

FORGET_OTHER_KEYS = Statement("DELETE FROM vault WHERE key_id NOT IN (:key_id, 'hash')", key_id=TEXT)


async def page(tx: Transaction, vault: Vault, column: Sealed, after: Sequence[Any] | None, n: int) -> Page:
    """Puts at most `n` values that other keys sealed under the first key; what changes meanwhile is left as it is then."""
    given = {"prefix": vault.prefix, "page": n}
    keys = column.change.params["r"].columns  # type: ignore[union-attr]
    names = [name for name in keys if name not in {"old", "new"}]
    if after is None:
        rows = await tx.rows(column.first, **given)
    else:
        rows = await tx.rows(column.following, **given, **{f"after_{k}": v for k, v in zip(names, after, strict=True)})
    changes, unreadable = [], 0
    for row in rows:
        try:
            opened = vault.decrypt(row.sealed)
        except KeySettingError:
            unreadable += 1
        else:
            changes.append((*(getattr(row, name) for name in names), row.sealed, vault.encrypt(opened)))
    changed = await tx.run(column.change, r=changes) if changes else 0
    return Page(changed, unreadable, tuple(getattr(rows[-1], name) for name in names) if rows else None)
