"""Operations that wait for an answer by text: which answers count, and what upstream must hear of each."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from service.senders._port import Message, Reply
from tests.properties.model import Event, place
from tests.properties.people import BORROWERS, PEOPLE, Person

Operation = tuple[str, str]  #: loan and operation
_MEANS: Final = {"Y": "confirmed", "N": "declined"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered, when it was heard, and whether it must count: only one question was there to be meant."""

    answer: str
    commit: int
    at: datetime
    counts: bool


@dataclass(slots=True)
class Asked:
    """One operation: each word of upstream about it with when it was recorded, and each answer."""

    words: list[tuple[int, datetime, Event]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def until(self, commit: int) -> datetime:
        """When it expires, by the newest word recorded before a commit."""
        newest = max((event for at, _, event in self.words if at < commit), key=place)
        return datetime.fromisoformat(newest["data"]["expires_at"])

    def wrong(self, told: str, at: datetime) -> Iterator[str]:
        """What is wrong with telling upstream this at an instant."""
        before = [each for each in self.answers if each.counts and each.at < at and each.answer != told]
        if before:
            yield f"told {told} after it was {before[0].answer}"
        if told == "expired":
            ends = [datetime.fromisoformat(event["data"]["expires_at"]) for _, _, event in self.words]
            known = [n for n, since, _ in self.words if since < at]
            if at < min(ends) or (known and at < self.until(max(known) + 1)):
                yield "told expired before its time"
        elif not any(each.at == at and each.answer == told for each in self.answers):
            yield f"told {told}, which nobody said then"


class Questions:
    """Every operation that upstream wants an answer to."""

    def __init__(self) -> None:
        self._asked: dict[Operation, Asked] = defaultdict(Asked)
        self._arrived: dict[str, dict[Operation, datetime]] = defaultdict(dict)

    def record(self, event: Event, commit: int, now: datetime) -> None:
        """An event was absorbed."""
        if event["data"].get("mode") == "reply":
            self._asked[operation_of(event)].words.append((commit, now, event))

    def arrived(self, message: Message, event: Event) -> None:
        """A question reached a number."""
        self._arrived[message.to].setdefault(operation_of(event), message.at)

    def heard(self, letter: Reply, owner: Person, commit: int, now: datetime) -> None:
        """The owner of a number wrote Y or N; which of several questions that answers is not judged."""
        theirs = {
            operation: asked
            for operation, asked in self._asked.items()
            if PEOPLE[BORROWERS[operation[0]]] is owner and any(at < commit for at, _, _ in asked.words)
        }
        arrived = self._arrived[letter.number]
        is_clear = set(theirs) == set(arrived) and len(theirs) == 1 and min(arrived.values()) <= letter.at
        for asked in theirs.values():
            if now < asked.until(commit):
                asked.answers.append(Answer(_MEANS[letter.text], commit, now, is_clear))

    def is_answered(self, event: Event, commit: int) -> bool:
        """Whether a question had been answered when this commit began."""
        return any(each.counts and each.commit < commit for each in self._asked[operation_of(event)].answers)

    def wrong(self, told: list[tuple[Operation, str, datetime]]) -> Iterator[str]:
        """What is wrong with what upstream was told of all operations: operation, answer, when."""
        for operation, answer, _ in told:
            if operation not in self._asked:
                yield f"{operation}: told {answer}, and nobody asked"
        for operation, asked in self._asked.items():
            mine = [(answer, at) for about, answer, at in told if about == operation]
            if len(mine) != 1:
                yield f"{operation}: told {len(mine)} answers"
            for answer, at in mine:
                yield from (f"{operation}: {wrong}" for wrong in asked.wrong(answer, at))


def operation_of(event: Event) -> Operation:
    """What a question is about."""
    return event["subject"], event["data"]["operation_id"]
