"""The stage that histories are played on."""

import asyncio
from collections.abc import Iterator

import pytest

from service.ledger import Ledger


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[asyncio.Runner, Ledger]]:
    """One database in memory for all histories of a module; each begins by emptying it."""
    with asyncio.Runner() as runner:
        ledger = Ledger("sqlite://")
        runner.run(ledger.create_tables())
        yield runner, ledger
        runner.run(ledger.close())
