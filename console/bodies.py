"""Request bodies: read up to a limit, and taken apart into the events they hold."""

import json
import re
from collections.abc import Iterator
from typing import Final

from fastapi import HTTPException, Request

EVENT_LIMIT: Final = 256 * 1024  #: bytes of one event
BATCH_LIMIT: Final = 16 * 1024 * 1024  #: bytes of a batch
MOST_EVENTS: Final = 50_000  #: in a batch

_SINGLE: Final = "application/cloudevents+json"
_ARRAY: Final = "application/cloudevents-batch+json"
_LINES: Final = "application/x-ndjson"
_ANY: Final = "application/json"

_OPENS: Final = re.compile(r"[ \t\r\n]*\[[ \t\r\n]*(\][ \t\r\n]*)?")
_AFTER: Final = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")


class BatchError(HTTPException):
    """The body cannot be taken apart, so none of its events was taken."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(status, reason)


def _nothing(_read: object) -> None:
    """Finds where a value ends without making it."""


_SCANNER: Final = json.JSONDecoder(
    object_pairs_hook=_nothing, parse_float=_nothing, parse_int=_nothing, parse_constant=_nothing, strict=False
)


async def read(request: Request) -> bytes:
    """The whole body.

    Raises:
        BatchError: 413 over the limit of a batch, as soon as that is known; 415 for an encoding.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BatchError("send the body as it is, without Content-Encoding", 415)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BATCH_LIMIT:
            raise BatchError(f"send at most {BATCH_LIMIT >> 20} MiB in one request", 413)
        parts.append(part)
    return b"".join(parts)


def events_in(body: bytes, content_type: str) -> list[bytes] | None:
    """The events of a batch, each as it was written; None: the body is one event.

    Raises:
        BatchError: 415 for another content type, 400 for an array that cannot be read, 413 for too many events.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media == _SINGLE or (media == _ANY and not body.lstrip().startswith(b"[")):
        return None
    if media in {_ARRAY, _ANY}:
        return _limited(_elements(body))
    if media == _LINES:
        return _limited(line for line in body.split(b"\n") if line.strip())
    raise BatchError(f"send {_SINGLE}, {_ARRAY}, {_ANY} or {_LINES}", 415)


def _limited(events: Iterator[bytes]) -> list[bytes]:
    found: list[bytes] = []
    for event in events:
        if len(found) == MOST_EVENTS:
            raise BatchError(f"send at most {MOST_EVENTS} events in one request", 413)
        found.append(event)
    return found


def _elements(body: bytes) -> Iterator[bytes]:
    """The elements of a JSON array, as they stand there."""
    text = _text(body)
    opened = _OPENS.match(text)
    if opened is None:
        raise BatchError("a batch is a JSON array of events")
    at, closed = opened.end(), bool(opened[1])
    while not closed:
        end = _end_of_value(text, at)
        yield text[at:end].encode()
        after = _AFTER.match(text, end)
        if after is None:
            raise BatchError(f"the JSON array breaks off at character {end}")
        at, closed = after.end(), after[1] == "]"
    if at < len(text):
        raise BatchError("something follows the JSON array")


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BatchError(f"write UTF-8; byte {error.start} is not") from None


def _end_of_value(text: str, at: int) -> int:
    try:
        return _SCANNER.raw_decode(text, at)[1]
    except (ValueError, StopIteration):
        raise BatchError(f"the value at character {at} of the JSON array cannot be read") from None
    except RecursionError:
        raise BatchError(f"the value at character {at} of the JSON array is nested too deeply") from None
