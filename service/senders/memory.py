"""memory:// keeps messages in a list: the in-memory twin of every sender, and the one that simulate uses."""

from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Self

from service.senders._port import Accepted, Answer, Message, Outcome, Reply, Sender
from service.senders._url import parts_of, refuse_options
from service.senders._wire import replies_in


class MemorySender(Sender):
    """Accepts everything, unless scripted.

    Attributes:
        messages: what it accepted, in order; what the borrowers would hold.
        attempts: everything handed over, whatever came of it.
        tells: whether `query` knows; otherwise it cannot tell.
    """

    schemes: ClassVar[tuple[str, ...]] = ("memory",)

    def __init__(self, name: str = "memory://", *, idempotent: bool = False, tells: bool = True) -> None:
        self.name = name
        self.window = 1000
        self.idempotent = idempotent
        self.tells = tells
        self.messages: list[Message] = []
        self.attempts: list[Message] = []
        self._keys: set[str] = set()
        self._script: deque[tuple[Outcome, bool]] = deque()
        self._always: Outcome | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """`memory://`, or `memory://name` where there are several.

        Raises:
            SenderSettingError: an option that it does not know.
        """
        refuse_options(url)
        return cls(f"memory://{parts_of(url).netloc}")

    def script(self, *outcomes: Outcome, arrived: bool = False) -> None:
        """The next messages get these outcomes, one each; `arrived`: it takes them all the same and only the answer is lost."""
        self._script.extend((outcome, arrived) for outcome in outcomes)

    def answers(self, outcome: Outcome | None) -> None:
        """Every message gets this outcome and none arrives, until it is told otherwise; None: it accepts again."""
        self._always = outcome

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """The scripted outcomes first, then what it always answers, else Accepted."""
        return [self._take(message) for message in messages]

    async def query(self, keys: Sequence[str]) -> list[Answer]:
        """What it accepted, it knows."""
        if not self.tells:
            return ["cannot_tell"] * len(keys)
        return ["accepted" if key in self._keys else "never_arrived" for key in keys]

    def parse_replies(self, body: bytes) -> list[Reply]:
        """Replies in our own form."""
        return replies_in(body)

    async def close(self) -> None:
        """Nothing to give back; the messages stay."""

    def _take(self, message: Message) -> Outcome:
        self.attempts.append(message)
        usual = self._always or Accepted(f"memory-{len(self.attempts)}")
        outcome, arrived = self._script.popleft() if self._script else (usual, isinstance(usual, Accepted))
        is_repeat = self.idempotent and message.key in self._keys
        if (arrived or isinstance(outcome, Accepted)) and not is_repeat:
            self.messages.append(message)
            self._keys.add(message.key)
        return outcome
