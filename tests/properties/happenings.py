"""What may happen to a lender's loans: steps that a random history is made of, and the strategy that draws them."""

from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Literal

from hypothesis import strategies as st

from tests.properties.people import BORROWERS, PEOPLE

What = Literal[
    "disbursed", "paid one", "paid half", "paid some", "reversed", "replaced", "settled", "written off", "cured", "overdue",
    "debit failed", "paused", "deceased", "resumed", "promised", "code", "approved", "signed", "authorised", "payer paid", "completed",
    "revoked", "payer failed", "moved", "payer moved", "offered", "agreed", "broke", "account", "question", "disbursed late",
    "visit approved", "visit declined", "visit", "visit moved", "visit cancelled",
]  # fmt: skip
WHAT: tuple[What, ...] = (
    "disbursed", "disbursed", "paid one", "paid one", "paid half", "paid some", "reversed", "replaced", "settled", "written off",
    "cured", "overdue", "debit failed", "paused", "deceased", "resumed", "promised", "code", "approved", "signed",
    "authorised", "authorised", "payer paid", "completed", "revoked", "payer failed", "moved", "payer moved",
    "offered", "agreed", "agreed", "broke", "account", "question",
)  # fmt: skip
HOURS = ("00:30", "07:59", "09:00", "10:00", "17:30", "21:59", "22:30")
#: To remind is to deliver the lane of reminders alone.
Duty = Literal["consume", "listen", "deliver", "remind", "plan", "sweep"]
Said = Literal["throttled", "not sent", "rejected", "lost", "lost but arrived"]


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


_loans = st.sampled_from(sorted(BORROWERS))
_happens = st.builds(Happens, st.sampled_from(WHAT), _loans, st.integers(0, 3))
_duties = st.sampled_from(("consume", "listen", "deliver", "plan", "sweep"))
_works = st.builds(
    Works,
    st.lists(_duties, min_size=1, max_size=2).map(tuple),
    st.lists(st.booleans(), max_size=8).map(tuple),
    st.none() | st.tuples(st.integers(0, 1), st.integers(1, 14)),
    st.none() | st.none() | st.integers(1, 10),
    st.booleans(),
    st.booleans(),
)
_meeting = st.builds(
    Works,
    st.sampled_from(
        (("deliver", "consume"), ("deliver", "deliver"), ("consume", "consume"), ("deliver", "sweep"), ("deliver", "listen"))
    ),
    st.lists(st.booleans(), min_size=2, max_size=8).map(tuple),
    st.none() | st.tuples(st.integers(0, 1), st.integers(1, 14)),
)
_until = st.builds(Until, st.sampled_from(HOURS), st.integers(0, 2))
_provider = st.builds(
    Provider,
    st.lists(st.sampled_from(("throttled", "not sent", "rejected", "lost", "lost but arrived")), min_size=1, max_size=3).map(
        tuple
    ),
)
_people = st.sampled_from(sorted(PEOPLE))
_writes = st.builds(Writes, _people, st.sampled_from(("STOP", "STOP", "TD", "START", "Y", "N")))
_steps: st.SearchStrategy[Step] = st.one_of(
    _happens, _happens, _happens, _works, _works, _meeting, _until, _until,
    st.builds(Seconds, st.sampled_from((1, 5, 29, 40, 1900))), _provider,
    _writes, st.one_of(st.builds(OptsOut, _people), st.builds(Stops, st.sampled_from((1, 12)))),
)  # fmt: skip
_PLANNED: Final[list[Step]] = [Works(("consume",)), Works(("plan",))]
_passes = st.lists(st.booleans(), min_size=4, max_size=8).map(tuple)


@st.composite
def _races(draw: st.DrawFn) -> list[Step]:
    """A reminder is ready and money is on its way: one worker hands over, the other records; either may die or stand still."""
    loan, hour = draw(_loans), Until(draw(st.sampled_from(("09:00", "10:00"))))
    due = [Happens("disbursed", loan, draw(st.integers(0, 1))), *_PLANNED] if draw(st.booleans()) else []
    ends = Happens(
        draw(st.sampled_from(("paid one", "paid one", "paid half", "settled", "replaced"))), loan, draw(st.integers(0, 1))
    )
    killed, stalls = draw(st.none() | st.tuples(st.integers(0, 1), st.integers(1, 12))), draw(st.none() | st.integers(1, 10))
    return [*due, hour, Works(("plan",)), ends, Works(("remind", "consume"), draw(_passes), killed, stalls)]


@st.composite
def _words(draw: st.DrawFn) -> list[Step]:
    """A text is ready, and its number opts out, changes, or nobody is to pay any more, while it is handed over."""
    loan, n = draw(_loans), draw(st.integers(0, 3))
    due = [Happens(draw(st.sampled_from(("disbursed", "authorised", "code", "question", "agreed"))), loan, n), *_PLANNED]
    who = draw(st.sampled_from((BORROWERS[loan], "li", "jones")))
    word = draw(
        st.sampled_from(
            (
                Writes(who, "STOP"),
                Writes(who, "START"),
                Writes(who, "Y"),
                *(Happens(w, loan, n) for w in ("moved", "payer moved", "revoked", "broke")),
            )
        )
    )
    hour = [Until("10:00"), Works(("plan",))] if draw(st.booleans()) else []
    takes: Duty = "listen" if isinstance(word, Writes) else "consume"
    killed = draw(st.none() | st.tuples(st.integers(0, 1), st.integers(1, 12)))
    return [*due, *hour, word, Works(("deliver", takes), draw(_passes), killed)]


@st.composite
def _visits(draw: st.DrawFn) -> list[Step]:
    """A loan is very late, a visit has a time, and what else is said of it comes before, behind or while it is announced."""
    loan, n = draw(_loans), draw(st.integers(0, 3))
    words = st.sampled_from(("visit approved", "visit approved", "visit declined", "visit", "visit moved", "visit cancelled"))
    before = draw(st.lists(st.builds(Happens, words, st.just(loan), st.integers(0, 3)), max_size=2))
    meanwhile = draw(st.lists(st.builds(Happens, words, st.just(loan), st.integers(0, 3)), max_size=2))
    late = [Happens("disbursed late", loan, n), Happens("visit approved", loan, n)]
    return [*late, *before, Happens("visit", loan, n), *_PLANNED, *meanwhile, Works(("deliver", "consume"), draw(_passes))]


@st.composite
def _deaths(draw: st.DrawFn) -> list[Step]:
    """A worker dies while it hands over; others find what it left."""
    hour = Until(draw(st.sampled_from(("09:00", "10:00"))))
    killed = 0, draw(st.integers(2, 12))
    after = draw(st.lists(st.builds(Works, st.tuples(_duties)), max_size=3))
    return [
        hour,
        Works(("plan",)),
        Works(("remind",), (), killed),
        Seconds(40),
        Works(("sweep",)),
        Works(("deliver",)),
        *after,
    ]


_starts: st.SearchStrategy[Step] = st.builds(Happens, st.just("disbursed"), _loans, st.integers(0, 3))
_scenes: st.SearchStrategy[list[Step]] = st.one_of(
    *[_steps.map(lambda step: [step])] * 5, _races(), _deaths(), _words(), _visits()
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A few loans to begin with, then anything."""
    starts = draw(st.lists(_starts, min_size=1, max_size=3))
    return Story(
        draw(st.booleans()),
        draw(st.booleans()),
        [*starts, *_PLANNED, *chain.from_iterable(draw(st.lists(_scenes, max_size=16)))],
    )
