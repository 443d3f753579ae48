"""What the tests on real servers share."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from duebell.engine import Engine
from duebell.opening import open_engine
from private_servers import PrivateRabbit
from service.settings import Settings
from tests.databases import Databases
from tests.integration.rig import BASE, Rig


@pytest.fixture
def postgres_url(postgres_databases: Databases) -> Iterator[str]:
    """The URL of a PostgreSQL database of the test's own, with tables and no rows."""
    with postgres_databases.one() as url:
        yield url


@pytest.fixture
def rig(rabbit: PrivateRabbit, postgres_url: str, tmp_path: Path) -> Iterator[Rig]:
    """A Duebell with an empty database and no queues, so that none holds what another test left."""
    rig = Rig(rabbit, postgres_url, tmp_path)
    rig.forget_queues()
    yield rig
    rig.close()
    print(rig.log_end())  # noqa: T201 - pytest shows it where the test has failed


@pytest.fixture
async def engines(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[Engine]]:
    """Two engines over one database, each with connections of its own."""
    settings = Settings(database_url=postgres_url, data_dir=tmp_path, senders="memory://?pace=400/s")
    begun = time.monotonic()

    def clock() -> datetime:
        return BASE.astimezone(UTC) + timedelta(seconds=time.monotonic() - begun)

    async with AsyncExitStack() as open_now:
        opened = []
        for _ in range(2):
            opened.append(await open_engine(settings, clock=clock))
            open_now.push_async_callback(opened[-1].close)
        yield opened
