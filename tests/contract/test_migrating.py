"""The migrations make exactly the tables that the statements are written for, on both databases."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from service.ledger import Ledger
from service.ledger.migrating import is_empty, status, upgrade
from service.ledger.tables import metadata


def _drift(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def _run(url: str, *work: Callable[[Connection], Any]) -> list[Any]:
    ledger = Ledger(url)
    try:
        return [await ledger.run_sync(each) for each in work]
    finally:
        await ledger.close()


async def test_migrations_make_the_tables_of_the_metadata(any_empty_database_url: str) -> None:
    """After an upgrade nothing differs from tables.py: no column, type, default, comment or index."""
    await upgrade(any_empty_database_url)
    assert await _run(any_empty_database_url, _drift) == [[]]


async def test_upgrading_twice_changes_nothing(any_empty_database_url: str) -> None:
    """An upgrade of what is up to date keeps the tables and their rows."""
    assert await is_empty(any_empty_database_url)
    await upgrade(any_empty_database_url)
    first = await status(any_empty_database_url)
    await upgrade(any_empty_database_url)
    assert await status(any_empty_database_url) == first
    assert first[0] == first[1]
    assert not await is_empty(any_empty_database_url)


async def test_processes_that_start_at_once_upgrade_once(any_empty_database_url: str) -> None:
    """Several upgrades of an empty database at the same moment all succeed."""
    await asyncio.gather(*(upgrade(any_empty_database_url) for _ in range(3)))
    current, newest = await status(any_empty_database_url)
    assert current == newest


@pytest.mark.integration
async def test_metadata_and_migrations_give_the_same_indexes(postgres_url: str) -> None:
    """Partial indexes keep their conditions: PostgreSQL shows the same definitions whichever way the tables were made."""
    await upgrade(postgres_url)
    migrated, _, _, made = await _run(postgres_url, _indexes, metadata.drop_all, metadata.create_all, _indexes)
    assert made == migrated


def _indexes(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    return sorted(row.indexdef for row in rows)
