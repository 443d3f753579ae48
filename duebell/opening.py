"""Opens the engine over the configured database: tables, keys and senders fit, or one readable line says why not."""

import time
from collections.abc import Callable
from datetime import datetime

from duebell.engine import Engine, build, system_clock
from service.ledger import Ledger, canaries, migrating
from service.ledger.engine import DatabaseSettingError
from service.senders import open_senders
from service.settings import Settings
from service.vault import Vault, open_vault


class SchemaError(RuntimeError):
    """The database's tables are not those of this version; the text names the command that helps."""


async def open_engine(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Engine:
    """Opens everything that works on one ledger; an empty database gets its tables first. Close what it gives.

    Raises:
        SchemaError, DatabaseSettingError, KeySettingError, SenderSettingError, CatalogueError, LadderError, RuleError: an
            operator's mistake, one readable line each.
        LedgerAway: the database cannot be reached.
    """
    senders = open_senders(settings.senders)
    ledger, vault = await open_ledger(settings)
    try:
        return build(settings, ledger, vault, senders, clock=clock, monotonic=monotonic)
    except BaseException:
        await ledger.close()
        raise


async def open_ledger(settings: Settings) -> tuple[Ledger, Vault]:
    """Opens the database and the keys it was written with, for commands that send nothing.

    Raises:
        SchemaError, DatabaseSettingError, KeySettingError: as above.
        LedgerAway: the database cannot be reached.
    """
    try:
        ledger = Ledger(settings.database_url)
    except OSError as error:
        raise DatabaseSettingError(f"DUEBELL_DATABASE_URL: {error.filename}: {error.strerror}") from None
    try:
        await _fit(ledger, settings.database_url)
        return ledger, await _opened_vault(ledger, settings)
    except BaseException:
        await ledger.close()
        raise


async def _fit(ledger: Ledger, url: str) -> None:
    """Makes the tables where there are none; refuses those of another version."""
    if ledger.in_memory:
        return await ledger.create_tables()
    current, newest = await migrating.status(url)
    if current is None:
        await migrating.upgrade(url)
    elif current != newest:
        raise SchemaError(unfit(current, newest))
    return None


def unfit(current: str, newest: str) -> str:
    """Why tables of another revision do not fit, and what helps."""
    if migrating.knows(current):
        return f"the database's tables are at revision {current} and this version needs {newest}: run `duebell db upgrade`"
    return f"the database's tables are at revision {current}, which this version does not know: run a newer Duebell"


async def _opened_vault(ledger: Ledger, settings: Settings) -> Vault:
    async with ledger.transaction() as tx:
        found = await canaries.has_data(tx)
    keys = settings.keys.get_secret_value() if settings.keys else None
    vault = open_vault(keys, settings.data_dir, has_data=found)
    async with ledger.transaction() as tx:
        await canaries.check_keys(tx, vault)
    return vault
