"""What every test can ask for: private servers, started once and only when wanted, and empty databases."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from private_servers import MissingServerError, PrivatePostgres, PrivateRabbit, PrivateServer
from service.ledger.migrating import upgrade
from tests.databases import Databases
from tests.shipped import read_shipped_once

IS_CI = bool(os.environ.get("CI"))

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if IS_CI else "dev")
read_shipped_once()

_KINDS = ("sqlite", pytest.param("postgres", marks=pytest.mark.integration))
_database_numbers = count(1)
S = TypeVar("S", bound=PrivateServer)


def _started(server: type[S]) -> Iterator[S]:
    """The server while it runs. Where it is not installed: skips, with the reason; fails in CI."""
    try:
        private = server()
    except MissingServerError as error:
        (pytest.fail if IS_CI else pytest.skip)(str(error))
    with private:
        yield private


@pytest.fixture(scope="session")
def rabbit() -> Iterator[PrivateRabbit]:
    """A private RabbitMQ for the whole run; name your exchanges and queues so that tests do not meet."""
    yield from _started(PrivateRabbit)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """A private PostgreSQL for the whole run."""
    yield from _started(PrivatePostgres)


@pytest.fixture
def postgres_url(postgres: PrivatePostgres) -> str:
    """The URL of an empty PostgreSQL database of the test's own."""
    return postgres.create_database(f"test_{next(_database_numbers)}")


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables, to be copied."""
    file = tmp_path_factory.mktemp("tables") / "duebell.db"
    asyncio.run(upgrade(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def postgres_databases(postgres: PrivatePostgres) -> Databases:
    """PostgreSQL databases with our tables."""
    return Databases(postgres)


@pytest.fixture(params=_KINDS)
def any_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own with tables and no rows; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        copy = shutil.copyfile(request.getfixturevalue("sqlite_tables"), tmp_path / "duebell.db")
        yield f"sqlite:///{copy}"
        return
    with request.getfixturevalue("postgres_databases").one() as url:
        yield url


@pytest.fixture(params=_KINDS)
def any_empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'duebell.db'}"
    return str(request.getfixturevalue("postgres_url"))
