"""The dialect module: SQL statements written once, run on PostgreSQL (asyncpg) and on SQLite.

A statement names its parameters as `:name` and its sets of rows as `{name}`, as in

    Statement("UPDATE loans SET replan = true FROM {touched} WHERE loans.loan_id = touched.loan_id", touched=Rows(loan_id=TEXT))

Both databases get a set of rows as one JSON text, so a statement's text never depends on how many rows it is given. PostgreSQL gets
bytes beside it, all in one value: in JSON they would be hexadecimal digits, which cost it more than all the rest.
`{for_update}`, `{for_share}` and `{skip_locked}` are row locks on PostgreSQL and nothing on SQLite, where every writing
transaction is BEGIN IMMEDIATE. `{where_true}` is what SQLite's INSERT … SELECT … ON CONFLICT needs.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import orjson

from service.ledger.errors import LedgerRefused

DialectName = Literal["postgresql", "sqlite"]


@dataclass(frozen=True, slots=True)
class SqlType:
    """A column type: its PostgreSQL name, how SQLite stores it, and how to read it back from SQLite."""

    postgres: str
    to_sqlite: Callable[[Any], Any] | None = None
    from_sqlite: Callable[[Any], Any] | None = None


def instant_text(at: datetime) -> str:
    """An instant as SQLite keeps it: UTC, fixed width, so that text order is time order."""
    return f"{at.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def _int64(value: int) -> int:
    """The number itself; SQLite would keep a greater one as a float, and lose its end."""
    if not -(2**63) <= value < 2**63:
        raise OverflowError("a number of more than 64 bits")
    return value


TEXT = SqlType("text")
INT = SqlType("bigint", _int64)
FLOAT = SqlType("double precision")
BOOL = SqlType("boolean", int, bool)
BYTES = SqlType("bytea")
DATE = SqlType("date", date.isoformat, date.fromisoformat)
INSTANT = SqlType("timestamptz", instant_text, datetime.fromisoformat)


def _bytes_of(name: str) -> str:
    """The parameter with all bytes of a set of rows."""
    return f"{name} bytes"


def _cut(all_bytes: str, column: str) -> str:
    """The bytes of a cell that says where they begin, counted from 1, in its upper half, and how many they are in its lower."""
    return f"substring({all_bytes}::bytea, (r.{column} >> 32)::int, (r.{column} & {2**32 - 1})::int) AS {column}"


class Rows:
    """A set of rows given to a statement: column names and types, in the order of the tuples.

    Attributes:
        few: PostgreSQL shall expect a few, and go by keys.
    """

    few = True

    def __init__(self, **columns: SqlType) -> None:
        self.columns = columns
        self._names = tuple(columns)
        self._bytes = [column for column, kind in columns.items() if kind is BYTES]
        self._write = tuple(_base64 if kind is BYTES else kind.to_sqlite for kind in columns.values())

    def source(self, name: str, dialect: DialectName, place: Callable[[str], str]) -> str:
        """The FROM item that yields the rows; `place` gives the placeholder of a parameter."""
        if dialect == "postgresql":
            return self._from_recordset(name, place)
        cells = ", ".join(
            f"unb64(json_extract(value, '$[{i}]')) AS {column}"
            if kind is BYTES
            else f"json_extract(value, '$[{i}]') AS {column}"
            for i, (column, kind) in enumerate(self.columns.items())
        )
        return f"(SELECT {cells} FROM json_each({place(name)})) AS {name}"

    def _from_recordset(self, name: str, place: Callable[[str], str]) -> str:
        all_bytes = place(_bytes_of(name)) if self._bytes else ""
        given = ", ".join(
            f"{column} {INT.postgres if kind is BYTES else kind.postgres}" for column, kind in self.columns.items()
        )
        cells = ", ".join(_cut(all_bytes, column) if kind is BYTES else f"r.{column}" for column, kind in self.columns.items())
        always = f"num_nulls(r.{self._names[0]}) IN (0, 1)" if self.few else "true"  # the planner takes the first for rare
        return f"(SELECT {cells} FROM json_to_recordset({place(name)}::json) AS r({given}) WHERE {always}) AS {name}"

    def for_postgres(self, name: str, rows: Sequence[tuple[Any, ...]]) -> dict[str, str | bytes]:
        """The parameters: the rows as one JSON text of objects without what is null, and beside it their bytes, if they have any."""
        names = self._names
        cells = [{name: cell for name, cell in zip(names, row, strict=True) if cell is not None} for row in rows]
        if not self._bytes:
            return {name: _json(cells)}
        return {_bytes_of(name): self._taken_out(cells), name: _json(cells)}

    def _taken_out(self, cells: Sequence[dict[str, Any]]) -> bytes:
        """All bytes in one, and in place of them in the objects where they are; see _cut."""
        parts, begin = [], 1
        for column in self._bytes:
            for row in cells:
                if (part := row.get(column)) is not None:
                    parts.append(part)
                    row[column] = begin << 32 | len(part)
                    begin += len(part)
        return b"".join(parts)

    def for_sqlite(self, rows: Sequence[tuple[Any, ...]]) -> str:
        """The rows as one JSON text of lists."""
        write = self._write
        return _json(
            [[cell if f is None or cell is None else f(cell) for f, cell in zip(write, row, strict=True)] for row in rows]
        )


class ManyRows(Rows):
    """Rows that are joined with whole tables, in a transaction that lets PostgreSQL do so."""

    few = False


def _json(rows: list[Any]) -> str:
    """One JSON text.

    Raises:
        LedgerRefused: a number of more than 64 bits, or half a surrogate pair.
    """
    try:
        return orjson.dumps(rows).decode()
    except TypeError as error:  # which is what orjson raises, and what a mistake of ours would
        raise LedgerRefused("a value does not fit its column") from error


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


#: The advisory lock of service/ledger/orders.py; any number that nothing else locks.
_ORDERS = 7203
_LOCKS = {
    "postgresql": {
        "read_only": "current_setting('transaction_read_only') = 'on'",
        "heed": f"pg_advisory_xact_lock_shared({_ORDERS})",
        "forbid": f"pg_advisory_xact_lock({_ORDERS})",
        "for_update": "FOR UPDATE",
        "for_share": "FOR SHARE",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
        "where_true": "",
        "greatest": "GREATEST",
    },
    "sqlite": {
        "read_only": "false",
        "heed": "1",
        "forbid": "1",
        "for_update": "",
        "for_share": "",
        "skip_locked": "",
        "where_true": "WHERE true",
        "greatest": "max",
    },
}


def hidden(column: str) -> str:
    """A column as an expression, so that no partial index can be chosen for it.

    A statement that looks up a few hundred keys must go by the key: with the state in plain sight PostgreSQL may walk
    everything that is waiting, once for each key.
    """
    return f"({column} || '')"


#: In a statement: `{notice_state}`, `{deadline_state}`.
_HIDDEN = {"notice_state": hidden("notices.state"), "deadline_state": hidden("d.state")}
#: A text given to SQLite, which would prepare the statement anew for each other value that a partial index speaks of.
_HIDDEN_TEXT = "CAST({} AS TEXT)"
_NAMES = re.compile(r"\{(\w+)\}|(?<![:\w]):(\w+)")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement in one dialect's words and the order in which it wants its parameters."""

    sql: str
    order: tuple[str, ...]


class Statement:
    """One SQL statement for both dialects.

    Args:
        sql: its text; see the module's docstring.
        returns: the types of the result's columns that SQLite would give back as plain text or integers.
        params: a type for each `:name`, a `Rows` for each `{name}`.
    """

    def __init__(self, sql: str, returns: Mapping[str, SqlType] | None = None, **params: SqlType | Rows) -> None:
        self.sql = sql
        self.returns = {name: kind.from_sqlite for name, kind in (returns or {}).items() if kind.from_sqlite}
        self.params = params
        self._compiled: dict[DialectName, Compiled] = {}

    def compiled(self, dialect: DialectName) -> Compiled:
        """The text for a dialect, made once."""
        if dialect not in self._compiled:
            self._compiled[dialect] = self._compile(dialect)
        return self._compiled[dialect]

    def _compile(self, dialect: DialectName) -> Compiled:
        order: list[str] = []

        def place(name: str) -> str:
            if dialect == "sqlite":
                order.append(name)
                return "?"
            if name not in order:
                order.append(name)
            return f"${order.index(name) + 1}"

        def replaced(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if match[1] and name in _HIDDEN:
                return _HIDDEN[name]
            if match[1] and name in _LOCKS[dialect]:
                return _LOCKS[dialect][name]
            kind = self.params[name]
            if isinstance(kind, Rows):
                return kind.source(name, dialect, place)
            if dialect == "sqlite":
                return _HIDDEN_TEXT.format(place(name)) if kind is TEXT else place(name)
            return f"{place(name)}::{kind.postgres}"

        return Compiled(_NAMES.sub(replaced, self.sql), tuple(order))

    def arguments(self, dialect: DialectName, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The driver's positional parameters."""
        order = self.compiled(dialect).order
        if dialect == "sqlite":
            return tuple(self._for_sqlite(name, values) for name in order)
        given: dict[str, Any] = {}
        for name, value in values.items():
            kind = self.params[name]
            given |= kind.for_postgres(name, value) if isinstance(kind, Rows) else {name: value}
        return tuple(given[name] for name in order)

    def _for_sqlite(self, name: str, values: Mapping[str, Any]) -> Any:
        kind, value = self.params[name], values[name]
        if isinstance(kind, Rows):
            return kind.for_sqlite(value)
        return kind.to_sqlite(value) if kind.to_sqlite and value is not None else value
