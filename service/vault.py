"""Encryption of personal fields (AES-256-GCM) and keyed hashes for search.

A ciphertext is one byte of key-id length, the key id, a 12-byte nonce, then AES-GCM's output. The hash key is apart and
is not rotated with the others: hashes are what suppressions and caps are found by.
"""

import hmac
import json
import os
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_HASH_KEY = "hash"
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class KeySettingError(ValueError):
    """The encryption keys are missing or wrong; the text is one readable line and holds no key."""


class Vault:
    """Encrypts with the first key, decrypts with any, hashes with the hash key.

    Args:
        keys: key id → 32 bytes; the first one encrypts.
        hash_key: 32 bytes.

    Attributes:
        prefix: what everything begins with that the first key has sealed.
    """

    def __init__(self, keys: dict[str, bytes], hash_key: bytes) -> None:
        self.key_id = next(iter(keys))
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._cipher = self._ciphers[self.key_id]
        self.prefix = _prefix(self.key_id)
        self._hash_key = hash_key

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys, the encrypting one first."""
        return tuple(self._ciphers)

    def encrypt(self, plain: str | bytes) -> bytes:
        """The ciphertext of a text or of bytes."""
        nonce = os.urandom(_NONCE_BYTES)
        data = plain.encode() if isinstance(plain, str) else plain
        return self.prefix + nonce + self._cipher.encrypt(nonce, data, None)

    def canary(self, key_id: str) -> bytes:
        """A ciphertext under one of the keys, by which it can be told from another key of the same id."""
        nonce = os.urandom(_NONCE_BYTES)
        return _prefix(key_id) + nonce + self._ciphers[key_id].encrypt(nonce, b"canary", None)

    def decrypt(self, sealed: bytes) -> bytes:
        """The bytes behind a ciphertext.

        Raises:
            KeySettingError: the key is not among the configured ones, or is another key of the same id.
        """
        start = 1 + sealed[0]
        cipher = self._ciphers.get(sealed[1:start].decode(errors="replace"))
        if cipher is None:
            raise KeySettingError("a stored value was encrypted with a key that DUEBELL_KEYS does not hold; add that key")
        try:
            return cipher.decrypt(sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :], None)
        except InvalidTag:
            raise KeySettingError("a stored value cannot be decrypted: DUEBELL_KEYS holds another key under its id") from None

    def text(self, sealed: bytes) -> str:
        """The text behind a ciphertext."""
        return self.decrypt(sealed).decode()

    def keyed_hash(self, value: str) -> bytes:
        """16 bytes that stand for a value: equal values, equal bytes; nothing can be read from them."""
        return hmac.digest(self._hash_key, value.encode(), sha256)[:16]


def _prefix(key_id: str) -> bytes:
    return bytes([len(key_id.encode())]) + key_id.encode()


def parse_keys(setting: str) -> Vault:
    """The vault of DUEBELL_KEYS: `id:base64,…,hash:base64`, each key 32 bytes, the first one encrypts.

    Raises:
        KeySettingError: it is not of that form.
    """
    keys: dict[str, bytes] = {}
    for part in filter(None, (p.strip() for p in setting.split(","))):
        key_id, _, encoded = part.partition(":")
        try:
            key = b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES or not 0 < len(key_id.encode()) <= 32:  # noqa: PLR2004
            raise KeySettingError("DUEBELL_KEYS: each key is id:base64 of 32 bytes, separated by commas, as in k1:…,hash:…")
        keys[key_id] = key
    hash_key = keys.pop(_HASH_KEY, None)
    if not keys or hash_key is None:
        raise KeySettingError("DUEBELL_KEYS needs at least one encrypting key and one named hash")
    return Vault(keys, hash_key)


def generated_keys() -> str:
    """A fresh setting for DUEBELL_KEYS."""
    return f"{generated_key('k1')},{generated_key(_HASH_KEY)}"


def generated_key(key_id: str) -> str:
    """A fresh key, to stand in front of those that DUEBELL_KEYS holds.

    Raises:
        KeySettingError: a key cannot be called so.
    """
    if not _KEY_ID.fullmatch(key_id):
        raise KeySettingError("a key's id is 1 to 32 letters, digits, - and _")
    return f"{key_id}:{b64encode(os.urandom(_KEY_BYTES)).decode()}"


def open_vault(setting: str | None, data_dir: Path, *, has_data: bool) -> Vault:
    """The vault of the setting, or of the key file in the data directory, made (0600) when there is no data yet.

    Raises:
        KeySettingError: there is data but no key.
    """
    if setting:
        return parse_keys(setting)
    path = data_dir / "keys"
    if path.exists():
        return parse_keys(path.read_text())
    if has_data:
        raise KeySettingError(
            f"the database holds encrypted data but {path} is missing and DUEBELL_KEYS is not set: "
            "restore the keys it was written with"
        )
    data_dir.mkdir(parents=True, exist_ok=True)
    _write_once(path, generated_keys())
    return parse_keys(path.read_text())


def _write_once(path: Path, text: str) -> None:
    """Makes a file that only its owner may read, whole or not at all; one that another process made first stays."""
    descriptor, draft = mkstemp(dir=path.parent, prefix="keys-")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


def sealed_json(vault: Vault, value: object) -> bytes:
    """The ciphertext of a JSON value."""
    return vault.encrypt(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
