"""Pauses: what is silent when, whatever the order in which the words came."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.facts import version_of
from service.notices import Purpose
from service.pauses import NO_PAUSES, PauseWord, as_json, is_silent, words_in
from tests.lender import at

START = at("2026-06-01 00:00")
ZONE = "Asia/Shanghai"


def day(n: float) -> datetime:
    """The instant so many days after the start."""
    return START + timedelta(days=n)


def paused(n: float, reason: str = "dispute", until: float | None = None) -> PauseWord:
    """A pause that begins on a day."""
    return PauseWord(version_of(day(n), "t", str(n)), "paused", reason, None if until is None else day(until).isoformat())


def resumed(n: float, reason: str | None = None) -> PauseWord:
    """Collection goes on from a day."""
    return PauseWord(version_of(day(n), "t", str(n)), "resumed", reason)


def promised(n: float, until: str, name: str = "P-1") -> PauseWord:
    """A promise made on a day."""
    return PauseWord(version_of(day(n), "t", str(n)), "promised", name, until)


def silent(words: list[PauseWord], n: float, purpose: Purpose = Purpose.COLLECTION, kind: str | None = "instalment") -> bool:
    """Whether such a text is silent on a day."""
    return is_silent(words, purpose, kind, day(n), zone=ZONE, grace_days=1)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ([], ""),
        ([paused(2)], "  ########"),
        ([paused(2, until=5)], "  ###"),
        ([paused(2, until=1)], ""),
        ([paused(2), resumed(5)], "  ###"),
        ([paused(2, until=4), resumed(6)], "  ##"),
        ([paused(2, until=8), resumed(6)], "  ####"),
        ([resumed(1), paused(2)], "  ########"),
        ([paused(2), resumed(5, "hardship")], "  ########"),
        ([paused(2), paused(3, "hardship"), resumed(5, "dispute")], "  ########"),
        ([paused(2), paused(3, "hardship"), resumed(5)], "  ###"),
        ([paused(2), resumed(4), paused(6)], "  ##  ####"),
        ([promised(2, "2026-06-05")], "  ####"),
        ([promised(2, "2026-06-05"), promised(3, "2026-06-03")], "  ##"),
        ([promised(2, "2026-06-04"), promised(5, "2026-06-08", "P-2")], "  #######"),
        ([promised(2, "2026-06-05"), resumed(3)], "  ####"),
    ],
)
def test_the_days_of_silence(words: list[PauseWord], days: str) -> None:
    """Begun, ended by itself or by a word, for all or for a reason; a promise until the day after its last, the newest one."""
    for order in permutations(words):
        assert "".join("#" if silent(list(order), n) else " " for n in range(10)).rstrip() == days


def test_the_first_instant_is_in_and_the_last_is_out() -> None:
    """A pause holds from its word's own instant until just before its end; a promise's grace ends at local midnight."""
    words = [paused(2, until=5)]
    instants = [day(2) - timedelta(microseconds=1), day(2), day(5) - timedelta(microseconds=1), day(5)]
    assert [is_silent(words, Purpose.COLLECTION, None, i, zone=ZONE, grace_days=0) for i in instants] == [
        False,
        True,
        True,
        False,
    ]
    promise = [promised(2, "2026-06-04")]
    assert silent(promise, 5 - 1e-6)
    assert not silent(promise, 5)


@pytest.mark.parametrize("reason", ["dispute", "hardship", "disaster", "complaint", "other"])
def test_most_pauses_silence_collection_only(reason: str) -> None:
    """Reminders before the due day, visits and what is asked of a payer go on."""
    assert [purpose for purpose in Purpose if silent([paused(2, reason)], 3, purpose)] == [Purpose.COLLECTION]


@pytest.mark.parametrize("reason", ["deceased", "bankruptcy"])
def test_where_there_is_nobody_to_ask_reminders_are_silent_too(reason: str) -> None:
    """Reminders and visits end as well; codes, news and payers are not touched."""
    expected = {Purpose.COLLECTION, Purpose.REMINDER, Purpose.VISIT}
    assert {purpose for purpose in Purpose if silent([paused(2, reason)], 3, purpose)} == expected


def test_a_promise_is_about_instalments() -> None:
    """What asks about the promise itself, or reminds before the due day, goes on."""
    words = [promised(2, "2026-06-05")]
    kinds = ("instalment", "plan_instalment", "promise_to_pay", None)
    assert [silent(words, 3, kind=kind) for kind in kinds] == [True, True, False, False]
    assert not silent(words, 3, Purpose.REMINDER)


def test_the_days_of_a_promise_are_the_partys() -> None:
    """Where the day begins later it ends later."""
    words, noon = [promised(0, "2026-06-04")], at("2026-06-06 12:00")
    zones = ("Asia/Shanghai", "America/Los_Angeles")
    assert [is_silent(words, Purpose.COLLECTION, "instalment", noon, zone=zone, grace_days=1) for zone in zones] == [
        False,
        True,
    ]


@given(st.lists(st.sampled_from([paused(1), paused(2, until=5), resumed(3), promised(4, "2026-06-09")]), unique=True))
def test_words_are_kept_as_they_were_said(words: list[PauseWord]) -> None:
    """What the ledger keeps does not depend on their order, and gives them back."""
    assert as_json(words) == as_json(reversed(words))
    assert set(words_in(as_json(words))) == set(words)
    assert as_json([]) == NO_PAUSES
