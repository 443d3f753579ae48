"""What can go wrong with the database, by what to do about it."""

import re
import sqlite3
from collections.abc import Callable
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class LedgerAway(Exception):  # noqa: N818 - the field's word, not an exception of the library kind
    """The database cannot be reached or cannot work now. Keep what you have and try again."""


class LedgerClosed(LedgerAway):
    """The database is there and does not let us in, or is not there under this name: an operator must look at the URL."""


class LedgerConflict(Exception):  # noqa: N818
    """Serialization failure, deadlock, or tables that have just changed: run the whole transaction again."""


class LedgerRefused(Exception):  # noqa: N818
    """The database refuses the data (a value it cannot hold, a broken constraint): trying again will not help."""


#: The database is not there, or its link is cut. `InternalClientError`: asyncpg, asked between a cut and the news of it
#: (https://github.com/MagicStack/asyncpg/issues/784); its pool throws such a connection away.
_LINK_LOST = (
    PoolTimeout, InterfaceError, ConnectionError, TimeoutError, OSError, asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip
#: SQLSTATE classes. Source: PostgreSQL manual, appendix A.
_REFUSED = re.compile(r"^(22|23)")
_CONFLICT = re.compile(r"^40")
_AWAY = re.compile(r"^(08|25006|53|55|57|58)")
#: The server is there and does not let us in, or has no such database: away too, and worth saying in its own words.
_CLOSED = re.compile(r"^(28|3D)")


def sorted_out(error: BaseException) -> BaseException:
    """The ledger's own error for a driver's, or the error itself if it is a programming mistake."""
    below = _below(error)
    for kinds, ours in _BY_KIND:
        if isinstance(below, kinds):
            return ours(below) or error
    return LedgerAway("connection lost") if isinstance(error, DBAPIError) and error.connection_invalidated else error


def _below(error: BaseException) -> BaseException:
    """The driver's own error, where SQLAlchemy has wrapped it: asyncpg's twice."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return error
    return error.orig.__cause__ or error.orig


def _by_state(error: Any) -> BaseException | None:
    state = error.sqlstate or ""
    if _CLOSED.match(state):
        return LedgerClosed(str(error))
    for pattern, ours in ((_AWAY, LedgerAway), (_CONFLICT, LedgerConflict)):
        if pattern.match(state):
            return ours(state)
    if error.severity_en == "FATAL":  # it lets nobody in with an option like this
        return LedgerClosed(f"DUEBELL_DATABASE_URL: {error}")
    return LedgerRefused(state) if _REFUSED.match(state) else None


def _from_sqlite(error: sqlite3.Error) -> BaseException | None:
    """SQLite has no SQLSTATE: locked and I/O errors mean away, constraint and data errors mean refused."""
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError)):
        return LedgerRefused("constraint")
    if isinstance(error, sqlite3.OperationalError) and re.search(
        r"locked|locking|busy|disk|I/O|unable to open|readonly", str(error)
    ):
        return LedgerAway("sqlite")
    return None


#: Of several that fit the first counts.
_BY_KIND: tuple[tuple[Any, Callable[[Any], BaseException | None]], ...] = (
    (asyncpg.ClientConfigurationError, lambda error: LedgerClosed(f"DUEBELL_DATABASE_URL: {error}")),
    (asyncpg.InvalidCachedStatementError, lambda _: LedgerConflict("prepared for other tables")),  # the driver prepares anew
    (asyncpg.PostgresError, _by_state),
    (OverflowError, lambda _: LedgerRefused("a value does not fit its column")),
    (sqlite3.Error, _from_sqlite),
    (_LINK_LOST, lambda error: LedgerAway(type(error).__name__)),
)
