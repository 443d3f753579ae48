"""Who may call."""

from hashlib import sha256

import pytest

from console.tokens import Tokens, is_loopback, tokens_of
from service.settings import SettingError, Settings

_HASH = sha256(b"second").hexdigest()


def test_tokens_are_known_in_clear_and_by_their_hash() -> None:
    """An operator may give either, several separated by blanks; a hash itself is no token."""
    tokens = Tokens(f"first\n  sha256:{_HASH.upper()} ")
    assert [tokens.know(word) for word in ("first", "second", f"sha256:{_HASH}", _HASH, "", "first ")] == [
        True,
        True,
        *[False] * 4,
    ]


def test_no_token_in_clear_is_kept() -> None:
    """What is in memory cannot be presented."""
    assert b"first" not in repr(vars(Tokens("first"))).encode()


def test_without_tokens_nothing_is_known() -> None:
    """An empty setting is no token, and the empty word is none either."""
    assert not Tokens(" ")
    assert not Tokens("").know("")


@pytest.mark.parametrize("wrong", ["sha256:", "sha256:abc", f"sha256:{_HASH}0"])
def test_a_hash_that_is_none_stops_the_start(wrong: str) -> None:
    """The error does not repeat it."""
    with pytest.raises(SettingError, match="64 hexadecimal digits") as error:
        Tokens(wrong)
    assert wrong not in str(error.value) or wrong == "sha256:"


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("127.8.8.8", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("example.org", False),
    ],
)
def test_without_tokens_the_door_opens_on_this_machine_only(host: str, here: bool) -> None:
    """Any other address is refused with a line that says what to set; with tokens it may be any."""
    assert is_loopback(host) is here
    assert tokens_of(Settings(api_tokens="t"), host)  # type: ignore[arg-type]
    if here:
        assert not tokens_of(Settings(), host)
    else:
        with pytest.raises(SettingError, match="DUEBELL_API_TOKENS"):
            tokens_of(Settings(), host)
