"""What can go wrong with the database, by what to do about it."""

import re
import sqlite3

import asyncpg
import orjson
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
    if isinstance(error, (asyncpg.exceptions.DataError, OverflowError, orjson.JSONEncodeError)):
        return LedgerRefused("a value does not fit its column")
    if isinstance(error, asyncpg.InvalidCachedStatementError):  # a migration changed a table; the driver prepares anew
        return LedgerConflict("prepared for other tables")
    if isinstance(error, (asyncpg.PostgresError, DBAPIError)):
        return _by_state(error)
    if isinstance(error, sqlite3.Error):
        return _from_sqlite(error) or error
    if isinstance(error, _LINK_LOST):
        return LedgerAway(type(error).__name__)
    return error


def _by_state(error: asyncpg.PostgresError | DBAPIError) -> BaseException:
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None) or ""
    if _CLOSED.match(state):
        return LedgerClosed(str(cause).partition(": ")[2] or str(cause))
    if _AWAY.match(state):
        return LedgerAway(state)
    for pattern, ours in ((_CONFLICT, LedgerConflict), (_REFUSED, LedgerRefused)):
        if pattern.match(state):
            return ours(state)
    return _from_sqlalchemy(error) if isinstance(error, DBAPIError) else error


def _from_sqlalchemy(error: DBAPIError) -> BaseException:
    if error.connection_invalidated:
        return LedgerAway("connection lost")
    return (isinstance(error.orig, sqlite3.Error) and _from_sqlite(error.orig)) or error


def _from_sqlite(error: sqlite3.Error) -> BaseException | None:
    """SQLite has no SQLSTATE: locked and I/O errors mean away, constraint and data errors mean refused."""
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError)):
        return LedgerRefused("constraint")
    if isinstance(error, sqlite3.OperationalError) and re.search(
        r"locked|locking|busy|disk|I/O|unable to open|readonly", str(error)
    ):
        return LedgerAway("sqlite")
    return None
