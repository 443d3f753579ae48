"""Connections and transactions; nothing here knows what a loan is.

Both databases are reached through their drivers themselves, several times faster for a statement than through SQLAlchemy,
which keeps the tables and the migrations. SQLite is called in the event loop: its statements take microseconds, a hop to
another thread takes more; only the wait for its write lock yields.
"""

import asyncio
import socket
import sqlite3
from base64 import b64decode
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import asyncpg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from service.ledger.errors import sorted_out
from service.ledger.statement import DialectName, Statement
from service.ledger.tables import metadata

_DRIVERS = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+pysqlite"}
#: Seconds to reach the database, to wait for a free connection, to wait for SQLite's write lock.
_CONNECT_TIMEOUT, _POOL_TIMEOUT, _LOCK_TIMEOUT = 5, 30, 30.0
#: A host that vanishes says nothing, and who waits for its answer would wait for ever: Linux asks whether it is still there
#: after so many seconds of silence, so often, so many times, and gives up what was not taken after so many milliseconds.
_SIGNS_OF_LIFE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
_LOCK_POLL = 0.005
_STATEMENTS_KEPT = 1000  #: prepared by SQLite, all of ours
#: Our statements look up a few hundred keys in tables of millions: an index look-up per key is right however little the
#: planner knows of a table yet (a plan made while a table was empty is kept), and compiling a statement never pays.
_POSTGRES_SETTINGS = {
    "application_name": "duebell",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
T = TypeVar("T")


class DatabaseSettingError(ValueError):
    """The database URL cannot be used; the text is one readable line and holds no password."""


class Transaction:
    """One open transaction. Columns of rows are attributes; instants are aware."""

    def __init__(self, connection: Any, dialect: DialectName) -> None:
        self._connection = connection
        self.dialect = dialect

    async def rows(self, statement: Statement, **values: Any) -> Sequence[Any]:
        """Runs a statement that yields rows."""
        sql, arguments = statement.compiled(self.dialect).sql, statement.arguments(self.dialect, values)
        if self.dialect == "postgresql":
            return _named(await self._connection.fetch(sql, *arguments))
        cursor = self._connection.execute(sql, arguments)
        found = cursor.fetchall()
        return _typed(found, tuple(column[0] for column in cursor.description), statement) if found else found

    async def run(self, statement: Statement, **values: Any) -> int:
        """Runs a statement for its effect; gives the number of rows it touched."""
        sql, arguments = statement.compiled(self.dialect).sql, statement.arguments(self.dialect, values)
        if self.dialect == "postgresql":
            status: str = await self._connection.execute(sql, *arguments)  # as "UPDATE 5"
            return int(status.rpartition(" ")[2])
        touched = cast("int", self._connection.execute(sql, arguments).rowcount)
        if touched < 0:  # Python does not count what a statement that begins with WITH has changed
            touched = int(self._connection.execute("SELECT changes()").fetchone()[0])
        return touched


def _named(found: Sequence[Any]) -> list[Any]:
    """PostgreSQL's rows as named tuples: their cells are read many times."""
    return list(map(_row_class(tuple(found[0].keys()))._make, found)) if found else []


def _typed(found: Sequence[Any], fields: tuple[str, ...], statement: Statement) -> list[Any]:
    """SQLite's rows as named tuples, with texts and integers turned into the types the statement promises."""
    make = _row_class(fields)._make
    convert = [(i, f) for i, name in enumerate(fields) if (f := statement.returns.get(name))]
    return [make(_converted(row, convert)) for row in found] if convert else list(map(make, found))


def _converted(row: Sequence[Any], convert: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    cells = list(row)
    for i, f in convert:
        if cells[i] is not None:
            cells[i] = f(cells[i])
    return cells


_ROW_CLASSES: dict[tuple[str, ...], Any] = {}


def _row_class(fields: tuple[str, ...]) -> Any:
    """A named tuple for a result's columns, made once."""
    if fields not in _ROW_CLASSES:
        _ROW_CLASSES[fields] = namedtuple("LedgerRow", fields)  # noqa: PYI024 - the columns are known at run time only
    return _ROW_CLASSES[fields]


class Ledger:
    """The database behind one URL: `postgresql://…`, `sqlite:///path` or `sqlite://` (in memory, for simulate and tests)."""

    def __init__(self, url: str, *, pool_size: int = 12) -> None:
        self.url = _driver_url(url)
        self.dialect = cast("DialectName", self.url.get_backend_name())
        self.in_memory = self.dialect == "sqlite" and self.url.database in {None, "", ":memory:"}
        self._pool_size = pool_size
        self._pool: Any = None
        self._sqlite = _sqlite(self.url, in_memory=self.in_memory) if self.dialect == "sqlite" else None
        self._local: sqlite3.Connection | None = None
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction that commits at the end of the block, or rolls back on an exception.

        Raises:
            LedgerAway, LedgerConflict, LedgerRefused: see their docstrings.
        """
        try:
            async with self._begun() as connection:
                yield Transaction(connection, self.dialect)
        except Exception as error:
            ours = sorted_out(error)
            if ours is error:
                raise
            raise ours from error

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[Any]:
        if self._sqlite is not None:
            async with self._one_at_a_time:
                self._local = self._local or _driver_of(self._sqlite)
                await _begin(self._local)
                with self._local:
                    yield self._local
        else:
            pool = self._pool or await self._opened_pool()
            async with pool.acquire(timeout=_POOL_TIMEOUT) as connection, connection.transaction():
                yield connection

    async def _opened_pool(self) -> Any:
        async with self._one_at_a_time:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn(), min_size=0, max_size=self._pool_size, timeout=_CONNECT_TIMEOUT,
                    server_settings=_POSTGRES_SETTINGS, init=_watched, reset=_as_it_is,
                )  # fmt: skip
        return self._pool

    def _dsn(self) -> str:
        """The URL as asyncpg reads it, with its options (`sslmode`, `target_session_attrs` …)."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """Runs synchronous work of SQLAlchemy (migrations) in a transaction of its own; gives what it gives."""
        try:
            if self._sqlite is not None:
                async with self._begun():
                    with self._sqlite.begin() as local:  # on the same connection of the driver
                        return work(local)
            engine = create_async_engine(
                self.url.set(query={}), hide_parameters=True,
                async_creator=lambda: asyncpg.connect(self._dsn(), timeout=_CONNECT_TIMEOUT),
            )  # fmt: skip
            try:
                async with engine.begin() as connection:
                    return await connection.run_sync(work)
            finally:
                await engine.dispose()
        except Exception as error:
            ours = sorted_out(error)
            if ours is error:
                raise
            raise ours from error

    async def create_tables(self) -> None:
        """Makes all tables at once, for a database in memory; others are made by migrations."""
        await self.run_sync(metadata.create_all)

    async def close(self) -> None:
        """Closes every connection."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()
        if self._sqlite is not None:
            self._local = None
            self._sqlite.dispose()


async def _watched(connection: Any) -> None:
    """Has the system notice when the other end is gone."""
    link = connection._transport.get_extra_info("socket")  # noqa: SLF001 - the driver has no setting for it
    if link.family == socket.AF_UNIX:
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SIGNS_OF_LIFE.items():
        if hasattr(socket, name):  # other systems have other names, and a silence of their own
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def _as_it_is(_connection: Any) -> None:
    """Nothing of ours outlives a transaction, so a connection needs no clearing between two."""


def _driver_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseSettingError(
            "DUEBELL_DATABASE_URL is not a URL, as in postgresql://user@host/name or sqlite:///var/duebell.db"
        ) from None
    backend = parsed.get_backend_name()
    if backend not in _DRIVERS:
        raise DatabaseSettingError(f"DUEBELL_DATABASE_URL: {backend} is not supported; use postgresql:// or sqlite:///")
    return parsed.set(drivername=_DRIVERS[backend])


def _sqlite(url: URL, *, in_memory: bool) -> Engine:
    if not in_memory:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, hide_parameters=True, poolclass=StaticPool,
        connect_args={"timeout": 0, "isolation_level": None, "check_same_thread": False, "cached_statements": _STATEMENTS_KEPT},
    )  # fmt: skip
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """WAL with a full sync at each commit: what was committed survives a power cut."""
    connection.create_function("unb64", 1, _unb64, deterministic=True)
    cursor = connection.cursor()
    for pragma in ("busy_timeout = 2000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 0"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _unb64(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def _driver_of(engine: Engine) -> sqlite3.Connection:
    """The one connection that the engine has."""
    with engine.connect() as connection:
        return cast("sqlite3.Connection", connection.connection.driver_connection)


async def _begin(connection: sqlite3.Connection) -> None:
    """Takes the write lock at once, so that a transaction never fails half way for want of it.

    Waits, without blocking the loop, while another process writes.
    """
    deadline = asyncio.get_running_loop().time() + _LOCK_TIMEOUT
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(_LOCK_POLL)
        else:
            return
