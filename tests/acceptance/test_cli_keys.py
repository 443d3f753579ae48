"""`duebell keys` as an operator uses it."""

from typing import Any

import pytest

from tests.acceptance.commandline import Cli


def test_keys_are_made_and_rotated(duebell: Cli, disbursed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting is printed, used, and replaced by a new key; then the old one is not needed."""
    old = duebell("keys", "new").stdout.strip()
    monkeypatch.setenv("DUEBELL_KEYS", old)
    duebell("publish", duebell.file(disbursed))
    duebell.work()
    new = duebell("keys", "new", "--id", "k2").stdout.strip()
    monkeypatch.setenv("DUEBELL_KEYS", f"{new},{old}")
    told = duebell("keys", "rotate", "--who", "li")
    assert told.stdout.splitlines() == [
        "5 values are under the key k2 now", "nothing needs k1 any more: take it out of DUEBELL_KEYS"
    ]  # fmt: skip
    assert "parties.phone: 1" in told.stderr.splitlines()
    monkeypatch.setenv("DUEBELL_KEYS", f"{new},{old.partition(',')[2]}")
    assert duebell("timeline", "L-1").exit_code == 0
    assert duebell("keys", "rotate", "--who", "li").stdout.splitlines()[1] == "there is no other key"


def test_a_key_has_a_plain_name(duebell: Cli) -> None:
    """An id with a separator in it is refused in one line."""
    assert "a key's id" in duebell.mistake("keys", "new", "--id", "k,2")
