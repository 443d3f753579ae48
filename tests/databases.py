"""PostgreSQL databases with our tables and no rows, one for a test at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from private_servers import PrivatePostgres
from service.ledger.migrating import upgrade
from service.ledger.tables import metadata

#: Clients that a test has left, a worker that was killed for one, are gone before the next test begins.
_ALONE = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
#: Nobody counts what is in them, or PostgreSQL would plan a test by what the one before it had left or deleted.
_AS_NEW = "".join(f"ALTER TABLE {table} SET (autovacuum_enabled = false); " for table in metadata.tables)
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_EMPTY = "".join(f"DELETE FROM {table.name}; " for table in reversed(metadata.sorted_tables))  # noqa: S608 - our own names
_FROM_ONE = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
WHERE last_value IS NOT NULL
"""


class Databases:
    """Copies of one database with our tables. To empty a used one costs a hundredth of what a copy costs."""

    def __init__(self, server: PrivatePostgres) -> None:
        self._server, self._made = server, 0
        self._used: list[str] = []
        url = server.create_database("tables")
        asyncio.run(upgrade(url))
        with psycopg.connect(url) as connection:
            connection.execute(_AS_NEW)

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of one that nobody else has meanwhile."""
        url = self._emptied() or self._copy()
        yield url
        self._used.append(url)

    def _copy(self) -> str:
        self._made += 1
        return self._server.create_database(f"copy_{self._made}", "tables")

    def _emptied(self) -> str | None:
        """A used one without its rows; none where a test has changed its tables or ended with the server away."""
        while self._used:
            url = self._used.pop()
            with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as connection:
                connection.execute(_ALONE)
                if {name for (name,) in connection.execute(_TABLES)} == metadata.tables.keys():
                    connection.execute(_EMPTY)
                    connection.execute(_FROM_ONE)
                    return url
        return None
