"""The provider of a random history: takes messages, sometimes fails, and judges each by the model as it comes in."""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence

from service.senders._port import Accepted, Answer, Message, NotSent, Outcome, Rejected, Throttled, Unknown
from tests.properties.happenings import Said
from tests.properties.judge import Judge

_SAYS: dict[Said, tuple[Outcome, bool]] = {
    "throttled": (Throttled(20), False),
    "not sent": (NotSent("refused"), False),
    "rejected": (Rejected("recipient", "21211"), False),
    "lost": (Unknown("timeout"), False),
    "lost but arrived": (Unknown("timeout"), True),
}


class Provider:
    """Everything that reached a phone, and what was wrong with it. `parts_of` gives the keys that a text lists beside its own."""

    def __init__(self, judge: Judge, parts_of: Callable[[str], Awaitable[list[str]]], *, tells: bool) -> None:
        self.arrived: Counter[str] = Counter()
        self.problems: list[str] = []
        self._judge, self._parts_of, self._tells = judge, parts_of, tells
        self._script: deque[tuple[Outcome, bool]] = deque()

    def will_say(self, says: Sequence[Said]) -> None:
        """What it says to the next messages."""
        self._script.extend(_SAYS[each] for each in says)

    async def take(self, messages: Sequence[Message], commit: int) -> list[Outcome]:
        """Takes messages whose intent was this commit."""
        outcomes = []
        for message in messages:
            outcome, arrives = self._script.popleft() if self._script else (Accepted(), True)
            parts = [message.key, *await self._parts_of(message.key)]
            self.problems += [f"{message.key}: {wrong}" for wrong in self._judge.objections(message, parts, commit)]
            if not isinstance(outcome, Throttled | NotSent):
                self._judge.handed_over(message)
            if arrives:
                self._note(message, parts)
            outcomes.append(outcome)
        return outcomes

    def _note(self, message: Message, parts: Sequence[str]) -> None:
        self.arrived.update(parts)
        may_repeat = message.purpose in {"security", "visit"} and not self._tells
        self.problems += [f"{key}: told {self.arrived[key]} times" for key in parts if self.arrived[key] > 1 and not may_repeat]
        self.problems += self._judge.arrived(message)

    def query(self, keys: Sequence[str]) -> list[Answer]:
        """What became of these."""
        if not self._tells:
            return ["cannot_tell"] * len(keys)
        return ["accepted" if self.arrived[key] else "never_arrived" for key in keys]
