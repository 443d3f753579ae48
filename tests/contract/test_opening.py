"""Opening the engine: an empty database is set up, and nothing that does not fit is touched."""

import stat
from pathlib import Path
from typing import Any

import pytest

from duebell.opening import SchemaError, open_engine, open_ledger
from service.ledger import LedgerAway, canaries, migrating
from service.ledger.engine import DatabaseSettingError
from service.ledger.statement import Statement
from service.senders._port import SenderSettingError
from service.settings import Settings
from service.vault import KeySettingError, generated_keys

KEYS, OTHER_KEYS = generated_keys(), generated_keys()


def _settings(url: str, tmp_path: Path, **more: Any) -> Settings:
    return Settings(database_url=url, data_dir=tmp_path / "data", senders="memory://", **more)


async def _open_and_close(settings: Settings) -> None:
    engine = await open_engine(settings)
    await engine.close()


async def test_an_empty_database_is_set_up(any_empty_database_url: str, tmp_path: Path) -> None:
    """The first start makes the tables, a key file that only its owner can read, and a canary; the second finds them."""
    settings = _settings(any_empty_database_url, tmp_path)
    await _open_and_close(settings)
    current, newest = await migrating.status(any_empty_database_url)
    assert current == newest
    key_file = settings.data_dir / "keys"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    kept = key_file.read_text()
    await _open_and_close(settings)
    assert key_file.read_text() == kept


async def test_a_database_in_memory_needs_no_migration(tmp_path: Path) -> None:
    """`sqlite://` has its tables at once."""
    engine = await open_engine(_settings("sqlite://", tmp_path))
    async with engine.ledger.transaction() as tx:
        assert await canaries.has_data(tx)
    await engine.close()


async def test_lost_keys_are_an_error_and_never_replaced(any_empty_database_url: str, tmp_path: Path) -> None:
    """Where the key file is gone and the database is not, no new key is made."""
    settings = _settings(any_empty_database_url, tmp_path)
    await _open_and_close(settings)
    (settings.data_dir / "keys").unlink()
    with pytest.raises(KeySettingError, match="restore the keys"):
        await open_ledger(settings)
    assert not (settings.data_dir / "keys").exists()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (OTHER_KEYS, "another key under its id|named hash"),
        (OTHER_KEYS.replace("k1:", "k2:"), "was written with"),
        (",".join([KEYS.split(",")[0], OTHER_KEYS.split(",")[1]]), "named hash"),
        (",".join([OTHER_KEYS.split(",")[0], KEYS.split(",")[1]]), "another key under its id"),
    ],
    ids=["all other", "another id", "another hash key", "another encrypting key"],
)
async def test_wrong_keys_are_refused(tmp_path: Path, keys: str, said: str) -> None:
    """Keys that are not those of the data stop the start, each with a line that holds no key."""
    url = f"sqlite:///{tmp_path / 'duebell.db'}"
    await _open_and_close(_settings(url, tmp_path, keys=KEYS))
    with pytest.raises(KeySettingError, match=said) as caught:
        await open_ledger(_settings(url, tmp_path, keys=keys))
    assert not any(key.split(":")[1] in str(caught.value) for key in keys.split(","))


async def test_a_further_key_gets_a_canary(tmp_path: Path) -> None:
    """A key put before the old one encrypts from now on; leaving out the old one is refused."""
    url = f"sqlite:///{tmp_path / 'duebell.db'}"
    await _open_and_close(_settings(url, tmp_path, keys=KEYS))
    newer = OTHER_KEYS.split(",")[0].replace("k1:", "k2:")
    await _open_and_close(_settings(url, tmp_path, keys=f"{newer},{KEYS}"))
    with pytest.raises(KeySettingError, match="'k1'"):
        await open_ledger(_settings(url, tmp_path, keys=f"{newer},{KEYS.split(',')[1]}"))


async def test_tables_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    """A revision that this version does not know is not touched."""
    settings = _settings(f"sqlite:///{tmp_path / 'duebell.db'}", tmp_path)
    await _open_and_close(settings)
    ledger, _ = await open_ledger(settings)
    async with ledger.transaction() as tx:
        await tx.run(Statement("UPDATE alembic_version SET version_num = '9999'"))
    await ledger.close()
    with pytest.raises(SchemaError, match="newer Duebell"):
        await open_engine(settings)


async def test_tables_that_are_behind_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of an older revision are upgraded by `duebell db upgrade` and by nothing else."""
    settings = _settings(f"sqlite:///{tmp_path / 'duebell.db'}", tmp_path)
    await _open_and_close(settings)

    async def behind(url: str) -> tuple[str, str]:
        current, _ = await unchanged(url)
        return current or "", "0002"

    unchanged = migrating.status
    monkeypatch.setattr(migrating, "status", behind)
    with pytest.raises(SchemaError, match="run `duebell db upgrade`"):
        await open_engine(settings)


async def test_a_wrong_sender_or_database_url_is_one_line(tmp_path: Path) -> None:
    """Mistakes in the settings are said before anything is opened."""
    with pytest.raises(SenderSettingError):
        await open_engine(Settings(database_url="sqlite://", data_dir=tmp_path, senders="nonsense://"))
    with pytest.raises(DatabaseSettingError, match="/proc/none"):
        await open_engine(_settings("sqlite:////proc/none/duebell.db", tmp_path))
    with pytest.raises(DatabaseSettingError, match="mysql"):
        await open_engine(_settings("mysql://localhost/x", tmp_path))


@pytest.mark.integration
async def test_a_database_that_does_not_exist_is_said_so(postgres_url: str, tmp_path: Path) -> None:
    """The server's own words name the database or the role that is not there."""
    with pytest.raises(LedgerAway, match='"nowhere" does not exist'):
        await open_engine(_settings(f"{postgres_url.rsplit('/', 1)[0]}/nowhere", tmp_path))
