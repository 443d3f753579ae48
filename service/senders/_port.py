"""The sender port: what every sender takes and answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, Protocol, Self

from service.pace import Pace


@dataclass(frozen=True, slots=True)
class Message:
    """One text for one person, ready to be handed over.

    Attributes:
        key: the notice's permanent key; the same key is the same message for ever (idempotency key).
        to: phone number, E.164.
        body: the rendered text, signature included.
        at: the instant of the intent, UTC.
    """

    key: str
    loan_id: str | None
    template: str
    channel: str
    lane: str
    purpose: str
    to: str
    body: str
    at: datetime
    expires_at: datetime
    segments: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it."""

    provider_id: str | None = None
    parts: int | None = None


RejectClass = Literal["recipient", "content", "sender"]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refused it. `sender`: its own trouble (balance, template, auth), another sender may take it."""

    kind: RejectClass
    code: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """The provider wants a slower pace; nothing was sent."""

    retry_after: float  #: seconds


@dataclass(frozen=True, slots=True)
class NotSent:
    """Refused before any byte left (connection refused, breaker open): another sender may take it at once."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left and the answer did not come: it may or may not have been accepted."""

    code: str


Outcome = Accepted | Rejected | Throttled | NotSent | Unknown
Answer = Literal["accepted", "never_arrived", "cannot_tell"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person wrote back.

    Attributes:
        id: the provider's own, the same whenever it tells us of this reply again.
        number: who wrote, E.164.
        to: what they wrote to, as the provider names it.
        at: when, by the provider's clock; aware.
    """

    id: str
    number: str = field(repr=False)
    text: str = field(repr=False)
    at: datetime
    to: str | None = None


class ReplyError(ValueError):
    """What a provider sent is not in its form: `name` is the path of the field, `reason` what should stand there, never what did."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


class Sender(Protocol):
    """Hands messages to one provider.

    Attributes:
        name: shown to operators; unique among the configured senders; without secrets.
        window: how many unanswered messages it may have at once.
        idempotent: the provider honours our key, so the same message may be handed over again.
        pace: the most it may be given; None: no limit. `?pace=` in its URL sets it.
    """

    schemes: ClassVar[tuple[str, ...]]
    name: str
    window: int
    idempotent: bool
    pace: Pace | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The sender that a URL describes, with `?pace=` already taken out of it; opens nothing.

        Raises:
            SenderSettingError: the URL is wrong.
        """
        ...

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """One outcome per message, in order. Never raises for a provider's or a network's trouble."""
        ...

    async def query(self, keys: Sequence[str]) -> list[Answer]:
        """What became of messages whose outcome is unknown, in order."""
        ...

    def parse_replies(self, body: bytes) -> list[Reply]:  # noqa: ARG002 - most providers' senders have some
        """What people wrote back, from a body that the provider posts to us; in order.

        Raises:
            ReplyError: it is not in the provider's form, or this provider has none.
        """
        raise ReplyError("body", "this sender takes no replies")

    async def close(self) -> None:
        """Gives back connections and files."""
        ...


class SenderSettingError(ValueError):
    """A sender URL is wrong; the text is one readable line and names no secret."""
