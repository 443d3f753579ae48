"""What came in and what follows from it: the values that a mailbox works with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.ledger.audit import Deed
from service.ledger.outbox import Alert, Step, Told, step_of
from service.replies import Meaning

#: Number (its hash) → the people whose it is: rows of service.ledger.replies.WHOSE.
Owners = Mapping[bytes, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Letter:
    """A reply with what identifies it for ever, and what stands for its number in the ledger."""

    hash: bytes
    phone_key: bytes
    meaning: Meaning
    at: datetime  #: by the provider's clock
    number: str = field(repr=False)  #: E.164
    text: str = field(repr=False)

    @property
    def evidence(self) -> str:
        """Where the reply is found again."""
        return f"reply {self.hash.hex()}"


@dataclass(slots=True)
class Work:
    """What one transaction writes at its end."""

    now: datetime
    sender: str
    steps: list[Step | Alert | Told] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)

    def stepped(self, rows: Iterable[Any]) -> None:
        """Notes the steps that notices took."""
        self.steps += [step_of(row, self.now) for row in rows]


def turns(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    """Rounds in the order in which the letters were written, each number at most once in a round."""
    left = sorted(letters, key=lambda letter: (letter.at, letter.hash))
    while left:
        first = {letter.phone_key: letter for letter in reversed(left)}
        yield [letter for letter in left if first[letter.phone_key] is letter]
        left = [letter for letter in left if first[letter.phone_key] is not letter]


def keys_of(letters: Iterable[Letter]) -> list[tuple[bytes]]:
    """The numbers of letters, each once, as rows of a statement."""
    return [(key,) for key in sorted({letter.phone_key for letter in letters})]
