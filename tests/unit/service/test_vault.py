"""The vault: what it seals it opens again, with the right keys only, and it never makes new ones over old data."""

import stat
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.vault import KeySettingError, Vault, generated_keys, open_vault, parse_keys, sealed_json

KEY = b64encode(bytes(32)).decode()
VAULT = parse_keys(generated_keys())


@given(plain=st.one_of(st.binary(), st.text()))
def test_what_is_sealed_opens(plain: str | bytes) -> None:
    """Any text or bytes come back; the same value is never sealed the same way twice."""
    sealed = VAULT.encrypt(plain)
    assert VAULT.decrypt(sealed) == (plain.encode() if isinstance(plain, str) else plain)
    assert VAULT.encrypt(plain) != sealed
    assert plain == "" or isinstance(plain, bytes) or VAULT.text(sealed) == plain


def test_the_first_key_encrypts_and_any_decrypts() -> None:
    """After a rotation old values open with the old key, which stands behind the new one."""
    old, new = generated_keys(), generated_keys().replace("k1:", "k2:")
    sealed = parse_keys(old).encrypt("x")
    both = parse_keys(f"{new.split(',')[0]},{old}")
    assert both.key_ids == ("k2", "k1")
    assert both.text(sealed) == "x"
    assert both.encrypt("y")[1:3] == b"k2"
    assert both.decrypt(both.canary("k1")) == b"canary"


def test_a_missing_or_another_key_says_so() -> None:
    """A key that is not there, another of the same id, and a changed value are readable errors."""
    sealed = VAULT.encrypt("x")
    with pytest.raises(KeySettingError, match="does not hold"):
        parse_keys(generated_keys().replace("k1:", "k9:")).decrypt(sealed)
    with pytest.raises(KeySettingError, match="another key"):
        parse_keys(generated_keys()).decrypt(sealed)
    with pytest.raises(KeySettingError, match="cannot be decrypted"):
        VAULT.decrypt(sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_hashes_depend_on_the_hash_key_alone() -> None:
    """Equal values, equal hashes; other keys encrypting do not change them, another hash key does."""
    first, second = Vault({"a": bytes(32)}, bytes(32)), Vault({"b": b"1" * 32}, bytes(32))
    assert first.keyed_hash("x") == second.keyed_hash("x") != first.keyed_hash("y")
    assert len(first.keyed_hash("x")) == 16
    assert Vault({"a": bytes(32)}, b"1" * 32).keyed_hash("x") != first.keyed_hash("x")


@pytest.mark.parametrize(
    "setting",
    [
        "",
        f"k1:{KEY}",
        f"hash:{KEY}",
        f"k1:short,hash:{KEY}",
        f"k1:{KEY[:-4]},hash:{KEY}",
        f":{KEY},hash:{KEY}",
        f"{'k' * 33}:{KEY},hash:{KEY}",
        f"k1:{KEY}!,hash:{KEY}",
    ],
)
def test_a_setting_of_another_form_is_refused(setting: str) -> None:
    """A key that is missing, too short, not base64 or without an id; the error holds no key."""
    with pytest.raises(KeySettingError) as caught:
        parse_keys(setting)
    assert KEY[:8] not in str(caught.value)


def test_a_key_file_is_made_once(tmp_path: Path) -> None:
    """Only its owner may read it; it stays as it is; where there is data and no file, none is made."""
    folder = tmp_path / "data"
    sealed = open_vault(None, folder, has_data=False).encrypt("x")
    assert stat.S_IMODE((folder / "keys").stat().st_mode) == 0o600
    assert open_vault(None, folder, has_data=True).text(sealed) == "x"
    assert [file.name for file in folder.iterdir()] == ["keys"]
    with pytest.raises(KeySettingError, match="restore the keys"):
        open_vault(None, tmp_path / "other", has_data=True)


def test_two_processes_that_start_at_once_get_the_same_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file that another process has made in the same moment is taken, not replaced."""
    other = generated_keys()
    monkeypatch.setattr("service.vault.generated_keys", lambda: (tmp_path / "keys").write_text(other) and generated_keys())
    assert open_vault(None, tmp_path, has_data=False).keyed_hash("x") == parse_keys(other).keyed_hash("x")
    assert (tmp_path / "keys").read_text() == other


def test_the_setting_wins_over_the_file(tmp_path: Path) -> None:
    """With DUEBELL_KEYS set no file is looked for or made."""
    setting = generated_keys()
    assert open_vault(setting, tmp_path, has_data=True).keyed_hash("x") == parse_keys(setting).keyed_hash("x")
    assert list(tmp_path.iterdir()) == []


def test_json_is_sealed_compactly() -> None:
    """A JSON value comes back as its shortest text."""
    assert VAULT.text(sealed_json(VAULT, {"名": [1, 2]})) == '{"名":[1,2]}'
