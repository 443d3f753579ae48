"""Brings a database's tables to the newest revision, and says which one they have."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import Connection, text

from service.ledger.engine import Ledger

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER: Final = Path(__file__).resolve().parent / "migrations"
#: Any number that nobody else locks by: whoever holds it upgrades, the others wait and then find nothing to do.
_LOCK: Final = 0x6475_6562_656C_6C
T = TypeVar("T")


async def upgrade(url: str) -> None:
    """Makes or changes the tables in one transaction; any number of processes may call it at once.

    Raises:
        DatabaseSettingError, LedgerAway: see their docstrings.
    """
    await _on(url, _upgrade)


async def status(url: str) -> tuple[str | None, str]:
    """The revision the tables have (None: there are none yet) and the one this version needs."""
    return await _on(url, _status)


def knows(revision: str) -> bool:
    """Whether this version has a revision that a database says it has; if not, a newer version made its tables."""
    return any(_FOLDER.glob(f"versions/{revision}_*.py"))


async def is_empty(url: str) -> bool:
    """Whether no tables have been made yet."""
    current, _ = await status(url)
    return current is None


async def _on(url: str, work: Callable[[Connection], T]) -> T:
    ledger = Ledger(url, pool_size=1)
    try:
        return await ledger.run_sync(work)
    finally:
        await ledger.close()


def _upgrade(connection: Connection) -> None:
    from alembic.command import upgrade as to  # noqa: PLC0415 - only who migrates pays for Alembic

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    to(_config(connection), "head")


def _status(connection: Connection) -> tuple[str | None, str]:
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    newest = ScriptDirectory.from_config(_config(connection)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision(), newest or ""


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
