"""Draws random histories, each from a number, and makes a history with a problem as short as it can be.

Not by hypothesis: it spends a third of the time on drawing, and of long lists of unlike steps it plays small variations of a few.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final, TypeVar

from tests.properties.happenings import (
    HOURS,
    SAID,
    WHAT,
    Duty,
    Happens,
    OptsOut,
    Provider,
    Seconds,
    Step,
    Stops,
    Story,
    Until,
    What,
    Works,
    Writes,
)
from tests.properties.people import BORROWERS, PEOPLE

T = TypeVar("T")
PLANNED: Final[list[Step]] = [Works(("consume",)), Works(("plan",))]
_LOANS, _PEOPLE = sorted(BORROWERS), sorted(PEOPLE)
_WORDS: Final = ("STOP", "STOP", "TD", "START", "Y", "N")
_DUTIES: Final[tuple[Duty, ...]] = ("consume", "listen", "deliver", "plan", "sweep")
_MEETINGS: Final[tuple[tuple[Duty, Duty], ...]] = (
    ("deliver", "consume"), ("deliver", "deliver"), ("consume", "consume"), ("deliver", "sweep"), ("deliver", "listen"),
)  # fmt: skip
_VISIT: Final[tuple[What, ...]] = (
    "visit approved", "visit approved", "visit declined", "visit", "visit moved", "visit moved", "visit cancelled", "cured", "paid one",
)  # fmt: skip


class Dice(Random):
    """What a history is drawn with."""

    def maybe(self, share: float = 0.5) -> bool:
        """True as often as that."""
        return self.random() < share

    def passes(self) -> tuple[bool, ...]:
        """At each point, whether the other worker goes on."""
        return tuple(self.maybe() for _ in range(self.randint(2, 9)))

    def killed(self) -> tuple[int, int] | None:
        """Which worker dies, at which of its points."""
        return (self.randint(0, 1), self.randint(1, 14)) if self.maybe() else None

    def happens(self, *what: What, loan: str | None = None) -> Happens:
        """One of these, on any loan."""
        return Happens(self.choice(what), loan or self.choice(_LOANS), self.randint(0, 3))


def _event(dice: Dice) -> list[Step]:
    return [dice.happens(*WHAT)]


def _works(dice: Dice) -> list[Step]:
    duties = tuple(dice.choices(_DUTIES, k=dice.randint(1, 2)))
    stalls = dice.randint(1, 10) if dice.maybe(0.3) else None
    return [Works(duties, dice.passes(), dice.killed(), stalls, newest_first=dice.maybe(), twice=dice.maybe())]


def _meeting(dice: Dice) -> list[Step]:
    return [Works(dice.choice(_MEETINGS), dice.passes(), dice.killed())]


def _time(dice: Dice) -> list[Step]:
    return [Until(dice.choice(HOURS), dice.randint(0, 2)) if dice.maybe(0.7) else Seconds(dice.choice((1, 5, 29, 40, 1900)))]


def _trouble(dice: Dice) -> list[Step]:
    says = tuple(dice.choices(SAID, k=dice.randint(1, 3)))
    return [dice.choice((Provider(says), Provider(says), OptsOut(dice.choice(_PEOPLE)), Stops(dice.choice((1, 12)))))]


def _word(dice: Dice) -> list[Step]:
    return [Writes(dice.choice(_PEOPLE), dice.choice(_WORDS))]


def _race(dice: Dice) -> list[Step]:
    """A reminder is ready and money is on its way: one worker hands over, the other records; either may die or stand still."""
    loan, hour = dice.choice(_LOANS), Until(dice.choice(("09:00", "10:00")))
    due = [Happens(dice.choice(("disbursed", "agreed")), loan, dice.randint(0, 1)), *PLANNED] if dice.maybe() else []
    ends = dice.choice(("paid one", "paid one", "paid half", "settled", "replaced", "agreed", "broke"))
    stalls = dice.randint(1, 10) if dice.maybe() else None
    race = Works(("remind", "consume"), dice.passes(), dice.killed(), stalls)
    return [*due, hour, Works(("plan",)), Happens(ends, loan, dice.randint(0, 1)), race]


def _late_answer(dice: Dice) -> list[Step]:
    """The provider answers when the lease is over and somebody else has swept, or two sweep at once; then money comes."""
    loan, says = dice.choice(_LOANS), Provider(tuple(dice.choices(SAID, k=2)))
    meeting: tuple[Duty, Duty] = dice.choice((("deliver", "sweep"), ("deliver", "sweep"), ("sweep", "sweep")))
    slow = Works(meeting, dice.passes(), None, dice.randint(1, 10))
    money = [Happens("paid one", loan, n) for n in (0, 1)]
    return [
        Until("10:00"),
        Works(("plan",)),
        says,
        *([Works(("deliver",)), Seconds(5)] * dice.maybe()),
        slow,
        *money,
        Works(("consume",)),
    ]


def _interruption(dice: Dice) -> list[Step]:
    """A text is ready, and its number opts out or changes, it is answered, or nobody is to pay any more, while it is handed over."""
    loan, n = dice.choice(_LOANS), dice.randint(0, 3)
    due = Happens(dice.choice(("disbursed", "authorised", "authorised", "code", "question", "agreed", "account")), loan, n)
    who = dice.choice((BORROWERS[loan], "li", "jones"))
    words: list[What] = ["moved", "payer moved", "revoked", "completed", "payer failed", "broke", "payer paid"]
    word = dice.choice([*(Writes(who, word) for word in ("STOP", "START", "Y")), *(Happens(word, loan, n) for word in words)])
    first: list[Step] = [Works(("deliver",))] if dice.maybe(0.3) else []
    hour: list[Step] = [Until("10:00"), Works(("plan",))] if dice.maybe() else []
    takes: Duty = "listen" if isinstance(word, Writes) else "consume"
    return [due, *PLANNED, *first, *hour, word, Works(("deliver", takes), dice.passes(), dice.killed())]


def _change_of_mind(dice: Dice) -> list[Step]:
    """Somebody opts out, and in again while the first answer may still be on its way."""
    who = dice.choice(_PEOPLE)
    stop = Works(("deliver", "listen") if dice.maybe() else ("listen",), dice.passes())
    return [Writes(who, "STOP"), stop, Writes(who, "START"), Works(("deliver", "listen"), dice.passes(), dice.killed())]


def _visit(dice: Dice) -> list[Step]:
    """A loan is very late, a visit has a time, and what else is said of it comes before, behind or while it is announced."""
    loan = dice.choice(_LOANS)
    before, meanwhile = ([dice.happens(*_VISIT, loan=loan) for _ in range(dice.randint(0, 2))] for _ in range(2))
    late = [dice.happens(what, loan=loan) for what in ("disbursed late", "visit approved")]
    return [
        *late,
        *before,
        Happens("visit", loan, 0) if dice.maybe() else dice.happens("visit", loan=loan),
        *PLANNED,
        *meanwhile,
        Works(("deliver", "consume"), dice.passes(), dice.killed()),
        *([Works(("plan",)), Works(("deliver",))] if dice.maybe() else []),
    ]


def _promise(dice: Dice) -> list[Step]:
    """Somebody has promised to pay; money comes and goes, and what asks about the promise is ready."""
    loan, n = dice.choice(_LOANS), dice.randint(0, 2)
    said: list[What] = ["paid one", "paid one", "paid half", "paid exactly", "reversed", "promised", "paused a day"]
    meanwhile: list[Step] = [Happens(dice.choice(said), loan, dice.choice((0, 0, n))) for _ in range(dice.randint(0, 2))]
    hour = Until("09:00" if dice.maybe() else "10:00", n + dice.choice((-1, 0, 1, 2)) if n else 2)
    ends = Happens(
        dice.choice(("paid one", "paid one", "paid half", "reversed", "reversed", "settled", "promised")),
        loan,
        dice.choice((0, n)),
    )
    race = Works(("remind", "consume"), dice.passes(), dice.killed())
    return [Happens("promised", loan, n), *PLANNED, *meanwhile, Works(("consume",)), hour, Works(("plan",)), ends, race]


def _question(dice: Dice) -> list[Step]:
    """An operation is to be confirmed; the answer, the end of the time and the asking meet."""
    loan, n = dice.choice(_LOANS), dice.randint(0, 3)
    asked = [Happens("question", loan, n), Works(("consume",))]
    again: list[Step] = [*asked, Works(("deliver",))] if dice.maybe(0.3) else []
    words: list[Step] = [Writes(BORROWERS[loan], dice.choice(("Y", "N"))) for _ in range(dice.randint(0, 2))]
    late: list[Step] = [Seconds(dice.choice((1, 290, 1900)))] if dice.maybe() else []
    meeting = Works(
        dice.choice((("listen", "sweep"), ("listen", "deliver"), ("sweep", "consume"))), dice.passes(), dice.killed()
    )
    return [*asked, Works(("deliver",), (), dice.killed()), *words, *late, *again, meeting]


def _death(dice: Dice) -> list[Step]:
    """A worker dies while it hands over; others find what it left."""
    killed = 0, dice.randint(2, 12)
    after = [Works((dice.choice(_DUTIES),)) for _ in range(dice.randint(0, 3))]
    hour = Until(dice.choice(("09:00", "10:00")))
    return [hour, *PLANNED, Works(("remind",), (), killed), Seconds(40), Works(("sweep",)), Works(("deliver",)), *after]


_SCENES: Final[dict[Callable[[Dice], list[Step]], int]] = {
    _event: 6, _works: 4, _meeting: 2, _time: 4, _trouble: 2, _word: 1, _change_of_mind: 1, _race: 2, _interruption: 3, _late_answer: 1,
    _visit: 2, _promise: 1, _question: 1, _death: 1,
}  # fmt: skip


def story_of(number: int) -> Story:
    """A few loans to begin with, then anything."""
    dice = Dice(number)
    starts = [dice.happens("disbursed") for _ in range(dice.randint(1, 3))]
    scenes = dice.choices(list(_SCENES), list(_SCENES.values()), k=dice.randint(0, 9))
    steps = [*starts, *PLANNED, *(step for scene in scenes for step in scene(dice))]
    return Story(dice.maybe(), dice.maybe(0.3), steps)


def shortest(story: Story, has_problem: Callable[[Story], bool]) -> Story:
    """Leaves out steps as long as there is still a problem."""
    size = len(story.steps)
    while size := size if (fewer := _without(story, size, has_problem)) else size // 2:
        story = fewer or story
    return story


def _without(story: Story, size: int, has_problem: Callable[[Story], bool]) -> Story | None:
    """The story without some neighbouring steps, if it still has a problem."""
    starts = range(0, len(story.steps), size or 1)
    fewer = (replace(story, steps=[*story.steps[:n], *story.steps[n + size :]]) for n in starts)
    return next((each for each in fewer if len(each.steps) < len(story.steps) and has_problem(each)), None)
