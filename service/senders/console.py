"""console:// prints each text to standard output, for a person to read."""

import sys
from collections.abc import Sequence
from datetime import UTC
from typing import ClassVar, Self

from service.senders._port import Accepted, Answer, Message, NotSent, Outcome, Reply, Sender, SenderSettingError, Unknown
from service.senders._url import parts_of, refuse_options
from service.senders._wire import replies_in

#: A name or a text must not steer the terminal: control characters but the line's end are shown as a mark.
_VISIBLE = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


class ConsoleSender(Sender):
    """Prints; what is printed counts as accepted. Standard output is looked up at each call."""

    schemes: ClassVar[tuple[str, ...]] = ("console",)

    def __init__(self) -> None:
        self.name = "console://"
        self.window = 10_000  # nobody waits for an answer here
        self.idempotent = False

    @classmethod
    def from_url(cls, url: str) -> Self:
        """`console://` and nothing more.

        Raises:
            SenderSettingError: something follows.
        """
        refuse_options(url)
        parts = parts_of(url)
        if parts.netloc or parts.path.strip("/"):
            raise SenderSettingError("write console:// and nothing after it")
        return cls()

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """Accepted, all of them, once flushed."""
        out = sys.stdout
        encoding = getattr(out, "encoding", None) or "utf-8"
        text = "".join(map(_readable, messages)).encode(encoding, "replace").decode(encoding)
        try:
            out.write(text)
            out.flush()
        except OSError:
            return [Unknown("stdout_broken")] * len(messages)
        except ValueError:
            return [NotSent("stdout_closed")] * len(messages)
        return [Accepted()] * len(messages)

    async def query(self, keys: Sequence[str]) -> list[Answer]:
        """A terminal does not remember."""
        return ["cannot_tell"] * len(keys)

    def parse_replies(self, body: bytes) -> list[Reply]:
        """Replies in our own form."""
        return replies_in(body)

    async def close(self) -> None:
        """Nothing to give back."""


def masked(number: str) -> str:
    """A phone number without its middle: +86138****8000. A short one keeps its last two digits only."""
    if len(number) < len("+12345678"):
        return "****" + number[-2:]
    return number[:-8] + "****" + number[-4:]


def _readable(message: Message) -> str:
    head = f"{message.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC  {masked(message.to)}  {message.lane}/{message.template}"
    return f"{head.translate(_VISIBLE)}\n{message.body.translate(_VISIBLE)}\n\n"
