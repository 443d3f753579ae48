"""The database as commands open it: settings, clock and keys checked, tables there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from service.ledger import Ledger
    from service.operations import Operations
    from service.settings import Settings
    from service.vault import Vault

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with."""

    settings: "Settings"
    ledger: "Ledger"
    vault: "Vault"
    clock: Callable[[], datetime]

    @property
    def broker_url(self) -> str | None:
        """None where there is no broker: embedded."""
        url = self.settings.broker_url
        return None if url is None else url.get_secret_value()


@asynccontextmanager
async def opened() -> AsyncIterator[Opened]:
    """The ledger while the block runs; an empty database gets its tables first.

    Raises:
        SettingError and its kin, SchemaError, LedgerAway: each with one readable line.
    """
    from duebell.clock import door_clock  # noqa: PLC0415 - heavy
    from duebell.opening import open_ledger  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    clock = door_clock(settings)
    ledger, vault = await open_ledger(settings)
    try:
        yield Opened(settings, ledger, vault, clock)
    finally:
        await ledger.close()


def waited_for(work: Coroutine[Any, Any, T]) -> T:
    """The result of a command's asynchronous part."""
    return asyncio.run(work)


def operations(open_: Opened, senders: Sequence[str] = ()) -> "Operations":
    """What operators do, on an open ledger; `senders` are the names that a pause can name."""
    from consumers._decode import decode  # noqa: PLC0415 - heavy
    from duebell.engine import load_ladders  # noqa: PLC0415
    from service.catalogue import TEMPLATES, Catalogue  # noqa: PLC0415
    from service.intake import Intake  # noqa: PLC0415
    from service.metrics import Metrics  # noqa: PLC0415
    from service.operations import Operations  # noqa: PLC0415

    catalogue = Catalogue.load(open_.settings.templates or TEMPLATES)
    promises = load_ladders(open_.settings, catalogue).promise_terms
    intake = Intake(open_.ledger, open_.vault, catalogue, open_.clock, Metrics(), promises)
    return Operations(open_.ledger, open_.vault, catalogue, intake, decode, senders)
