"""Who may call: bearer tokens, kept as their SHA-256; where there are none, programs on this machine only."""

import hmac
import re
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

from fastapi import HTTPException, Request

from service.settings import SettingError, Settings

_HASHED: Final = re.compile(r"sha256:([0-9a-fA-F]{64})")
_HERE: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: A proxy says by these for whom it asks; behind one, the peer's address says nothing.
_PROXIED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


class Tokens:
    """The tokens of DUEBELL_API_TOKENS, separated by blanks: each in clear, or as `sha256:` and its hash in hex.

    Raises:
        SettingError: a hash that is none.
    """

    def __init__(self, setting: str) -> None:
        self._hashes = tuple(_hash_of(token) for token in setting.split())

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._hashes)

    def know(self, token: str) -> bool:
        """Whether it is one of them; takes the same time whichever it is."""
        presented = sha256(token.encode()).digest()
        return sum(hmac.compare_digest(presented, known) for known in self._hashes) > 0


def _hash_of(token: str) -> bytes:
    if not token.startswith("sha256:"):
        return sha256(token.encode()).digest()
    found = _HASHED.fullmatch(token)
    if found is None:
        raise SettingError("DUEBELL_API_TOKENS: after sha256: write the 64 hexadecimal digits of a token's SHA-256")
    return bytes.fromhex(found[1])


def tokens_of(settings: Settings, host: str) -> Tokens:
    """The tokens in force for a door that listens on `host`.

    Raises:
        SettingError: there are none, and others than this machine could reach it; or one is written wrongly.
    """
    tokens = Tokens(settings.api_tokens.get_secret_value() if settings.api_tokens else "")
    if not tokens and not is_loopback(host):
        raise SettingError(
            "DUEBELL_HTTP: without tokens anybody who reaches this address could publish events; "
            "set DUEBELL_API_TOKENS, or listen on 127.0.0.1"
        )
    return tokens


def is_loopback(host: str) -> bool:
    """Whether an address, or `localhost`, is this machine's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Lets a request through, or answers 401 or 403."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def __call__(self, request: Request) -> None:
        """Returns where the request may go on.

        Raises:
            HTTPException: 401 without a token we know; 403 where there are no tokens and the caller is not on this machine.
        """
        if not self._tokens:
            return _local_only(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._tokens.know(token.strip()):
            raise HTTPException(
                401, "send a token that DUEBELL_API_TOKENS knows, as Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
            )
        return None


def _local_only(request: Request) -> None:
    """A browser can be led here under a foreign name, a proxy brings strangers: neither is a program on this machine."""
    here = request.client is not None and is_loopback(request.client.host)
    name = re.sub(r":\d+$", "", request.headers.get("host", ""))
    if not here or name not in _HERE or any(header in request.headers for header in _PROXIED):
        raise HTTPException(403, "without DUEBELL_API_TOKENS only programs on this machine may call, directly")
