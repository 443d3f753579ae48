"""Rotating keys on both databases: afterwards the new key alone opens everything."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

from duebell.opening import open_ledger
from service import rotation
from service.ledger import rekeying
from service.ledger.statement import Statement
from service.ledger.tables import metadata
from service.rotation import Rotated, rotate
from service.settings import Settings
from service.vault import KeySettingError, generated_key, generated_keys, parse_keys
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

NOW = at("2026-06-01 10:00")
OLD = generated_keys()
NEW = f"{generated_key('k2')},{OLD}"
ALONE = ",".join(part for part in NEW.split(",") if not part.startswith("k1:"))
_SPOIL = Statement("UPDATE parties SET name = phone_key")


def _keys_in_use(connection: Connection) -> set[bytes]:
    """The key ids with which the values of every column of ciphertext begin."""
    columns = [metadata.tables[one.table].c[one.column] for one in rekeying.COLUMNS]
    cells = [c for column in columns for c in connection.execute(column.table.select().with_only_columns(column)).scalars()]
    return {bytes(cell[1 : 1 + cell[0]]) for cell in cells if cell}


async def _lived(world: Virtual) -> None:
    lender = Lender(email="wang@example.com")
    await world.absorb(lender.disbursed(NOW, (1, "2026-06-03", "100.00")), lender.event("loan.disbursed", NOW))
    await world.operations.suppress("+8613800138000", "marketing", who="li", evidence="ticket", now=NOW)
    await world.run_until(at("2026-06-04 10:00"))


async def test_everything_is_put_under_the_new_key(any_database_url: str) -> None:
    """Page by page every value changes its key; the old one can be taken away, and hashes stay."""
    async with opened(NOW, url=any_database_url, vault=parse_keys(OLD)) as world:
        await _lived(world)
        assert await world.engine.ledger.run_sync(_keys_in_use) == {b"k1"}
        told: dict[str, int] = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rotation, "_PAGE", 2)
            done = await rotate(world.engine.ledger, parse_keys(NEW), who="li", now=NOW, told=told.__setitem__)
        assert done == Rotated(sum(told.values()), 0)
        assert {name for name, n in told.items() if n} == {
            "attempts.text", "dead_letters.payload", "inbox.payload", "notices.context", "parties.email", "parties.name",
            "parties.phone", "suppressions.phone",
        }  # fmt: skip
        assert await world.engine.ledger.run_sync(_keys_in_use) == {b"k2"}
        again = await rotate(world.engine.ledger, parse_keys(NEW), who="li", now=NOW, told=told.__setitem__)
        assert again == Rotated(0, 0)
    async with opened(NOW, url=any_database_url, vault=parse_keys(ALONE)) as world:
        world.go(at("2026-06-04 10:00"))
        await world.absorb(Lender().debit_failed(world.clock.at, 1))
        await world.deliver()
        assert world.sender.messages[-1].to == "+8613800138000"
        assert await world.operations.first_broken_audit_row() is None


async def test_a_value_nobody_can_read_keeps_the_old_keys(any_database_url: str) -> None:
    """It is counted and left as it is, the rest is changed, and the canaries stay."""
    async with opened(NOW, url=any_database_url, vault=parse_keys(OLD)) as world:
        await _lived(world)
        await world.run(_SPOIL)
        done = await rotate(world.engine.ledger, parse_keys(NEW), who="li", now=NOW, told=lambda *_: None)
        assert done.unreadable == 1
        assert done.changed > 5


async def test_an_old_key_may_go_after_a_rotation_and_not_before(any_database_url: str, tmp_path: Path) -> None:
    """Opening without the old key is refused while anything may need it; the key that hashes is always needed."""

    async def open_with(keys: str, *, rotated: bool = False) -> None:
        ledger, vault = await open_ledger(Settings(database_url=any_database_url, data_dir=tmp_path, keys=keys))
        if rotated:
            await rotate(ledger, vault, who="li", now=NOW, told=lambda *_: None)
        await ledger.close()

    await open_with(OLD)
    await open_with(NEW)
    with pytest.raises(KeySettingError, match="'k1'"):
        await open_with(ALONE)
    await open_with(NEW, rotated=True)
    await open_with(NEW)
    await open_with(ALONE)
    with pytest.raises(KeySettingError, match="hash"):
        await open_with(f"{ALONE.split(',', maxsplit=1)[0]},{generated_key('hash')}")


def test_every_column_of_ciphertext_is_known() -> None:
    """Bytes are walked in every table that holds words, and never a hash, by which rows are found."""
    walked = {one.name.partition(".")[2] for one in rekeying.COLUMNS}
    assert walked == {"context", "email", "name", "payload", "phone", "text"}
