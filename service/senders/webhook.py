"""webhook+http(s)://host/path posts each message as JSON to a gateway of the lender's own."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from json import loads
from typing import ClassVar, Self
from urllib.parse import quote, unquote

import httpx

from service.senders._port import (
    Accepted,
    Answer,
    Message,
    NotSent,
    Outcome,
    Rejected,
    Reply,
    Sender,
    SenderSettingError,
    Throttled,
    Unknown,
)
from service.senders._url import parts_of, positive, take_options
from service.senders._wire import as_json, replies_in

#: Refusals of this one message: malformed, key in use, too large, not processable. Every other 4xx (401, 402, 403: account;
#: 404, 405, 410: address) is the same for all messages, so it is the sender's own trouble and another sender may take them.
#: 409 and 422 are how a gateway answers a repeated key it still works on, or saw with another text: no reason to fail over.
_ABOUT_THE_MESSAGE = frozenset({400, 409, 413, 422})

#: Nothing of the request had left: no address, no connection, no TLS, no proxy, none free.
_NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

_RETRY_AFTER, _RETRY_AFTER_MOST = 5.0, 86400.0  # seconds, where the gateway does not say; and however much it says
_PRINTABLE = "".join(map(chr, range(33, 127)))

# httpx logs each URL it calls, and a gateway's query may hold a token.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class WebhookSender(Sender):
    """Posts with `Idempotency-Key`, so a message may be handed over again.

    A kept connection that the gateway closes at the very moment of a request looks like one closed after it: unknown, the
    safe side, though most often nothing was processed.

    Each place in the window is a client with one connection: a pool of twenty takes twice the time per message, one of fifty
    seven times, since httpcore looks through all its connections at every step.
    """

    schemes: ClassVar[tuple[str, ...]] = ("webhook+http", "webhook+https")

    def __init__(self, url: httpx.URL, *, window: int = 20, timeout: float = 10.0) -> None:
        self.name = f"webhook+{url.copy_with(userinfo=b'', query=None, fragment=None)}"
        self.window = window
        self.idempotent = True
        self._url = url.copy_with(userinfo=b"", fragment=None)
        self._patience = timeout
        self._free = asyncio.Semaphore(window)
        self._auth = (unquote(url.username), unquote(url.password)) if url.userinfo else None
        self._tls = httpx.create_ssl_context()
        self._idle: list[httpx.AsyncClient] = []

    @classmethod
    def from_url(cls, url: str) -> Self:
        """`webhook+https://user:password@host/path?window=20&timeout=10`; other options stay in the URL called.

        Raises:
            SenderSettingError: no host, or an option that is not a number; the text repeats no part that may be secret.
        """
        rest, options = take_options(url, ("window", "timeout"))
        if not parts_of(rest).hostname:
            raise SenderSettingError("it has no host; write webhook+https://host/path")
        window = positive("window", options.get("window", "20"))
        timeout = positive("timeout", options.get("timeout", "10"))
        if window != int(window):
            raise SenderSettingError("the option window must be a whole number, as window=20")
        try:
            target = httpx.URL(rest[len("webhook+") :])
        except (httpx.InvalidURL, ValueError):
            raise SenderSettingError("it is not a URL that can be called") from None
        return cls(target, window=int(window), timeout=timeout)

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """One request per message, no more than the window at a time."""
        return list(await asyncio.gather(*map(self._post, messages)))

    async def query(self, keys: Sequence[str]) -> list[Answer]:
        """A gateway has no common way to ask; it is handed the message again where the purpose allows it."""
        return ["cannot_tell"] * len(keys)

    def parse_replies(self, body: bytes) -> list[Reply]:
        """Replies in our own form."""
        return replies_in(body)

    async def close(self) -> None:
        """Closes the kept connections."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _post(self, message: Message) -> Outcome:
        async with self._free:
            client = self._idle.pop() if self._idle else self._new_client()
            try:
                # httpx counts each phase by itself: connect, TLS, write and every single read. This bounds the whole.
                async with asyncio.timeout(3 * self._patience):
                    answer = await client.post(self._url, content=as_json(message), headers=_key_header(message.key))
            except _NOTHING_LEFT as error:
                return NotSent(_code(error))
            except (httpx.HTTPError, TimeoutError) as error:
                return Unknown(_code(error))
            finally:
                self._idle.append(client)
        return outcome_of(answer)

    def _new_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            auth=self._auth,
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "duebell"},
            timeout=self._patience,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            verify=self._tls,
        )


def outcome_of(answer: httpx.Response) -> Outcome:
    """What a whole answer means: 2xx accepted, 429 throttled, other 4xx rejected, 3xx and 5xx unknown."""
    status = answer.status_code
    if answer.is_success:
        return Accepted(_provider_id(answer))
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Throttled(_retry_after(answer.headers))
    if answer.is_client_error:
        return Rejected("content" if status in _ABOUT_THE_MESSAGE else "sender", f"http_{status}")
    return Unknown(f"http_{status}")


def _key_header(key: str) -> dict[str, str]:
    """The key, what is not printable ASCII percent-encoded as UTF-8; keys have no bare '%', so it stays unique."""
    return {"Idempotency-Key": quote(key, safe=_PRINTABLE, errors="replace")}


def _provider_id(answer: httpx.Response) -> str | None:
    try:
        body = loads(answer.content)
    except (ValueError, RecursionError):
        return None
    found = body.get("id") if isinstance(body, dict) else None
    return str(found)[:200] if isinstance(found, str | int) and not isinstance(found, bool) and found != "" else None


def _retry_after(headers: httpx.Headers) -> float:
    """Seconds to wait. A date is measured against the answer's own Date, so that no clock of ours is needed."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:6]), _RETRY_AFTER_MOST)
    until, sent_at = _date(said), _date(headers.get("Date", ""))
    if until is None or sent_at is None:
        return _RETRY_AFTER
    return min(max((until - sent_at).total_seconds(), 0.0), _RETRY_AFTER_MOST)


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return at if at.tzinfo else None


def _code(error: Exception) -> str:
    """`ConnectError` → connect_error: the class only, since an error's text may name the host or what was sent."""
    name = type(error).__name__
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
