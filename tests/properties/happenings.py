"""What may happen to a lender's loans: the steps that a history is made of."""

from dataclasses import dataclass, field
from typing import Literal, get_args

What = Literal[
    "disbursed", "paid one", "paid half", "paid some", "reversed", "replaced", "settled", "written off", "cured", "overdue",
    "debit failed", "paused", "deceased", "resumed", "promised", "code", "approved", "signed", "authorised", "payer paid", "completed",
    "revoked", "payer failed", "moved", "payer moved", "offered", "agreed", "broke", "account", "question", "disbursed late",
    "visit approved", "visit declined", "visit", "visit moved", "visit cancelled", "visit completed", "visit wanted", "paid exactly",
    "paused a day", "resumed hardship", "rejected", "plan rejected", "plan wanted", "submitted", "limit", "not paid out", "method",
    "anomaly", "consent", "erased", "backfilled",
]  # fmt: skip
WHAT: tuple[What, ...] = (
    "disbursed", "disbursed", "paid one", "paid one", "paid half", "paid some", "reversed", "replaced", "settled", "written off",
    "cured", "overdue", "debit failed", "paused", "deceased", "resumed", "promised", "code", "approved", "signed",
    "authorised", "authorised", "payer paid", "completed", "revoked", "payer failed", "moved", "payer moved",
    "offered", "agreed", "agreed", "broke", "account", "question", "paid exactly", "paused a day", "resumed hardship",
    "rejected", "plan rejected", "plan wanted", "submitted", "limit", "not paid out", "method", "anomaly", "consent", "erased",
    "backfilled",
)  # fmt: skip
HOURS = ("00:30", "07:59", "09:00", "10:00", "17:30", "21:59", "22:30")
#: To remind is to deliver the lane of reminders alone.
Duty = Literal["consume", "listen", "deliver", "remind", "plan", "sweep"]
Said = Literal["throttled", "not sent", "rejected", "lost", "lost but arrived"]
SAID: tuple[Said, ...] = get_args(Said)


@dataclass(frozen=True, slots=True)
class Happens:
    """Upstream publishes an event; it waits in the queue until somebody consumes it. `n` tells one instalment, day or payment."""

    what: What
    loan: str
    n: int


@dataclass(frozen=True, slots=True)
class Works:
    """One or two workers do their duties; control passes between them, and one may be killed or stand still at some point.

    Attributes:
        passes: at each point, whether the other one goes on.
        killed: which worker, and at how many points from now.
        stalls: at which point the clock jumps beyond every lease.
    """

    duties: tuple[Duty, ...]
    passes: tuple[bool, ...] = ()
    killed: tuple[int, int] | None = None
    stalls: int | None = None
    newest_first: bool = False
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Until:
    """It becomes this hour in Shanghai, `days` days after the next time it does."""

    hour: str
    days: int = 0


@dataclass(frozen=True, slots=True)
class Seconds:
    """A little time passes."""

    n: int


@dataclass(frozen=True, slots=True)
class OptsOut:
    """A person does not want to be told any more."""

    who: str


@dataclass(frozen=True, slots=True)
class Writes:
    """A person answers by text, from the number they have; it waits until somebody listens."""

    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Stops:
    """An operator stops everything for a while."""

    hours: int


@dataclass(frozen=True, slots=True)
class Provider:
    """What the provider will say to the next messages."""

    says: tuple[Said, ...]


Step = Happens | Works | Until | Seconds | OptsOut | Writes | Stops | Provider


@dataclass(frozen=True, slots=True)
class Story:
    """A history; `tells`: the provider knows what became of a message when it is asked; `strict`: caps are stricter than shipped."""

    tells: bool
    strict: bool
    steps: list[Step] = field(repr=False)

    def __repr__(self) -> str:
        """One step to a line."""
        return "\n".join(
            [
                f"Story, the provider {'tells' if self.tells else 'cannot tell'}{', strict caps' * self.strict}:",
                *(f"  {step!r}," for step in self.steps),
            ]
        )
