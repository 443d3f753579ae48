"""The vault's canaries: a value under each key, to tell at the start whether the keys are those of the data."""

from hmac import compare_digest
from typing import Final

from service.ledger.engine import Transaction
from service.ledger.statement import BYTES, TEXT, Rows, Statement
from service.vault import KeySettingError, Vault

_HASHED: Final = "canary"
#: The hash key has no id of its own; no encrypting key can be called so (service.vault.parse_keys).
_HASH: Final = "hash"

_STORED = Statement("SELECT key_id, canary FROM vault ORDER BY key_id")
_ADD = Statement(
    "INSERT INTO vault (key_id, canary) SELECT v.key_id, v.canary FROM {v} {where_true} ON CONFLICT DO NOTHING",
    v=Rows(key_id=TEXT, canary=BYTES),
)
_HAS_DATA = Statement(
    "SELECT EXISTS (SELECT 1 FROM vault) OR EXISTS (SELECT 1 FROM inbox) OR EXISTS (SELECT 1 FROM parties) AS found"
)


async def has_data(tx: Transaction) -> bool:
    """Whether anything was ever written under keys, so that new ones would be the wrong ones."""
    return bool((await tx.rows(_HAS_DATA))[0].found)


async def check_keys(tx: Transaction, vault: Vault) -> None:
    """Leaves a canary for the key that encrypts and the one that hashes, and tries those that are there.

    A key that only decrypts leaves none: once nothing is sealed with it (service.rotation) it may be taken away.

    Raises:
        KeySettingError: a key is missing, or is not the one the data was written with.
    """
    await tx.run(_ADD, v=sorted([(vault.key_id, vault.canary(vault.key_id)), (_HASH, vault.keyed_hash(_HASHED))]))
    for row in await tx.rows(_STORED):
        if row.key_id == _HASH:
            if not compare_digest(row.canary, vault.keyed_hash(_HASHED)):
                raise KeySettingError("the key named hash in DUEBELL_KEYS is not the one the database was written with")
        elif row.key_id not in vault.key_ids:
            raise KeySettingError(f"the database was written with the key {row.key_id!r}, which DUEBELL_KEYS does not hold")
        else:
            vault.decrypt(row.canary)
