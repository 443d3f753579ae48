"""Plans: which was in force when, and what a number meant."""

from datetime import UTC, datetime, timedelta

from service.facts import version_of
from service.plans import PlanWord, breach, in_force, spans

START = datetime(2026, 6, 1, tzinfo=UTC)


def at(day: float) -> datetime:
    """The instant so many days after the start."""
    return START + timedelta(days=day)


def word(day: float, request: str, what: str = "agreed") -> PlanWord:
    """Something said of a plan on a day."""
    return PlanWord(version_of(at(day), "test", f"{day:05.1f}"), request, what)


WORDS = [word(20, "R-2"), word(10, "R-1"), word(30, "R-2", "broken"), word(25, "R-1", "broken")]


def test_the_newest_agreement_is_in_force_until_it_is_broken() -> None:
    """A breach of an older plan ends nothing, and nothing is in force before the first agreement or without one."""
    assert [in_force(WORDS, at(day)) for day in (9, 10, 24, 26, 29, 30, 40)] == [False, True, True, True, True, False, False]
    assert not in_force([], at(0))
    assert breach(WORDS) == word(20, "R-2")
    assert breach(WORDS[:2]) is None
    assert breach([]) is None


def test_a_plan_can_be_agreed_again() -> None:
    """A breach counts only for what was agreed before it."""
    words = [word(10, "R-1"), word(20, "R-1", "broken"), word(30, "R-1")]
    assert [in_force(words, at(day)) for day in (15, 25, 35)] == [True, False, True]


def test_spans_say_what_a_number_meant() -> None:
    """They meet without a gap, whatever the order in which the words came."""
    told = spans(WORDS)
    assert [kind for kind, *_ in told] == ["instalment", *["plan_instalment"] * 3, "instalment"]
    assert [start for _, start, _ in told[1:]] == [end for *_, end in told[:-1]] == [at(10), at(20), at(25), at(30)]
