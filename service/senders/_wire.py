"""The one form of our own: how a message is written down, and how replies are read."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from service.phones import PhoneError, normalise
from service.senders._port import Message, Reply, ReplyError

_ID: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")
#: Characters of one reply; ten parts of a long text have fewer.
_LONGEST: Final = 4_000


def as_json(message: Message) -> bytes:
    """`{key, loan_id, template, channel, lane, to, body, at}` as UTF-8 JSON on one line, without its end; `at` in UTC."""
    said = {
        "key": message.key,
        "loan_id": message.loan_id,
        "template": message.template,
        "channel": message.channel,
        "lane": str(message.lane),
        "to": message.to,
        "body": message.body,
        "at": message.at.astimezone(UTC).isoformat(),
    }
    try:
        return orjson.dumps(said)
    except orjson.JSONEncodeError:
        # A lone surrogate becomes \udXXX, which is its escape in JSON too.
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def replies_in(body: bytes) -> list[Reply]:
    """The replies of `{id, from, to?, text, at}`, one object or an array of them, in UTF-8.

    Raises:
        ReplyError: something else stands there; none of them counts.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ReplyError("body", "write JSON in UTF-8, one object or an array of objects") from None
    if isinstance(found, list):
        return [_reply(one, f"{i}.") for i, one in enumerate(found)]
    return [_reply(found, "")]


def _reply(found: Any, path: str) -> Reply:
    if not isinstance(found, dict):
        raise ReplyError(path.rstrip(".") or "body", "write an object with id, from, text and at")
    said: dict[str, Any] = found
    for name, reason in _wrong(said):
        raise ReplyError(f"{path}{name}", reason)
    text = said["text"].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Reply(said["id"], normalise(said["from"]), text, datetime.fromisoformat(said["at"]), said.get("to"))


def _wrong(said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields that cannot be used, and what to write."""
    if not isinstance(said.get("id"), str) or not _ID.fullmatch(said["id"]):
        yield "id", "write a string of 1 to 200 characters without control characters"
    if not _is_number(said.get("from")):
        yield "from", "write the number in E.164, with a plus and the country code"
    if not isinstance(said.get("text"), str) or len(said["text"]) > _LONGEST:
        yield "text", f"write a string of at most {_LONGEST} characters"
    if not isinstance(said.get("at"), str) or not _is_instant(said["at"]):
        yield "at", "write an RFC 3339 instant with an offset, like 2026-06-20T10:00:00+08:00"
    if said.get("to") is not None and (not isinstance(said["to"], str) or not _ID.fullmatch(said["to"])):
        yield "to", "write a string of 1 to 200 characters, or leave it out"


def _is_number(said: Any) -> bool:
    try:
        return isinstance(said, str) and bool(normalise(said))
    except PhoneError:
        return False


def _is_instant(said: str) -> bool:
    try:
        at = datetime.fromisoformat(said)
        return at.utcoffset() is not None and datetime(1970, 1, 2, tzinfo=UTC) <= at < datetime(2200, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return False
