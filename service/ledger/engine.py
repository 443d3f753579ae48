"""Connections and transactions; nothing here knows what a loan is."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Executable, Row, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from service.ledger.errors import sorted_out
from service.ledger.statement import DialectName, Statement
from service.ledger.tables import metadata

_DRIVERS = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
#: Seconds to reach the database and to wait for a free connection.
_CONNECT_TIMEOUT = 5
T = TypeVar("T")


class DatabaseSettingError(ValueError):
    """The database URL cannot be used; the text is one readable line and holds no password."""


class Transaction:
    """One open transaction. Rows come back as SQLAlchemy rows; instants are aware."""

    def __init__(self, connection: AsyncConnection, dialect: DialectName) -> None:
        self._connection = connection
        self.dialect = dialect

    async def rows(self, statement: Statement, **values: Any) -> Sequence[Any]:
        """Runs a statement that yields rows."""
        result = await self._connection.exec_driver_sql(
            statement.compiled(self.dialect).sql, statement.arguments(self.dialect, values)
        )
        found = result.all()
        if self.dialect == "postgresql" or not statement.returns or not found:
            return found
        return _typed(found, statement)

    async def run(self, statement: Statement, **values: Any) -> int:
        """Runs a statement for its effect; gives the number of rows it touched."""
        result = await self._connection.exec_driver_sql(
            statement.compiled(self.dialect).sql, statement.arguments(self.dialect, values)
        )
        return result.rowcount

    async def select(self, query: Executable, values: Any = None) -> Sequence[Row[Any]]:
        """Runs a query or a statement of SQLAlchemy Core; gives its rows, if it yields any."""
        result = await self._connection.execute(query, values)
        return result.all() if result.returns_rows else []


def _typed(found: Sequence[Row[Any]], statement: Statement) -> list[Any]:
    """SQLite's rows with texts and integers turned into the types the statement promises."""
    fields = found[0]._fields
    convert = [statement.returns.get(name) for name in fields]
    make = _row_class(fields)
    return [make(*(f(cell) if f and cell is not None else cell for f, cell in zip(convert, row, strict=True))) for row in found]


_ROW_CLASSES: dict[tuple[str, ...], Any] = {}


def _row_class(fields: tuple[str, ...]) -> Any:
    """A named tuple for a result's columns, made once."""
    if fields not in _ROW_CLASSES:
        from collections import namedtuple  # noqa: PLC0415 - the columns are known at run time only

        _ROW_CLASSES[fields] = namedtuple("LedgerRow", fields)  # noqa: PYI024
    return _ROW_CLASSES[fields]


class Ledger:
    """The database behind one URL: `postgresql://…`, `sqlite:///path` or `sqlite://` (in memory, for simulate and tests)."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = _async_url(url)
        self.dialect = cast("DialectName", self.url.get_backend_name())
        self.in_memory = self.dialect == "sqlite" and self.url.database in {None, "", ":memory:"}
        self._engine = _engine(self.url, pool_size, in_memory=self.in_memory)
        self._one_writer = asyncio.Lock() if self.dialect == "sqlite" else None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction that commits at the end of the block, or rolls back on an exception.

        Raises:
            LedgerAway, LedgerConflict, LedgerRefused: see their docstrings.
        """
        async with self._connection() as connection:
            yield Transaction(connection, self.dialect)

    async def create_tables(self) -> None:
        """Makes all tables at once, for a database in memory; others are made by migrations."""
        await self.run_sync(metadata.create_all)

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """Runs synchronous work of SQLAlchemy (migrations) in a transaction; gives what it gives."""
        async with self._connection() as connection:
            return await connection.run_sync(work)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._one_writer or nullcontext(), self._engine.begin() as connection:
                yield connection
        except Exception as error:
            ours = sorted_out(error)
            if ours is error:
                raise
            raise ours from error

    async def close(self) -> None:
        """Closes every connection."""
        await self._engine.dispose()


def _async_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseSettingError(
            "DUEBELL_DATABASE_URL is not a URL, as in postgresql://user@host/name or sqlite:///var/duebell.db"
        ) from None
    backend = parsed.get_backend_name()
    if backend not in _DRIVERS:
        raise DatabaseSettingError(f"DUEBELL_DATABASE_URL: {backend} is not supported; use postgresql:// or sqlite:///")
    return parsed.set(drivername=_DRIVERS[backend])


def _engine(url: URL, pool_size: int, *, in_memory: bool) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        return create_async_engine(
            url, pool_size=pool_size, max_overflow=4, pool_timeout=30, hide_parameters=True, pool_pre_ping=False,
            connect_args={"timeout": _CONNECT_TIMEOUT, "server_settings": {"application_name": "duebell", "jit": "off"}},
        )  # fmt: skip
    if not in_memory:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    pool: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": pool_size, "max_overflow": 4}
    engine = create_async_engine(url, hide_parameters=True, connect_args={"timeout": 30, "isolation_level": None}, **pool)
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """WAL with a full sync at each commit: what was committed survives a power cut."""
    connection.create_function("unb64", 1, _unb64)
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _unb64(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def _begin_immediate(connection: Any) -> None:
    """Takes the write lock at once, so that a transaction never fails half way for want of it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
