"""Our segment counter against smsutil, which was written by others."""

import pytest

from check_segments import differences, oracle, strings
from service.segments import count

#: Where we differ on purpose; docs/decisions/segments.md says why.
DIFFERENT = {"a bare escape": "a\x1bb", "an empty text": ""}


@pytest.mark.unmeasured
def test_ten_thousand_strings_are_counted_alike() -> None:
    """Alphabet, units and parts agree on strings that crowd the boundaries."""
    assert list(differences(10_000, seed=20260620)) == []


def test_the_strings_are_worth_counting() -> None:
    """They hold both alphabets, one part and many, double characters, and texts that sit exactly on a limit."""
    counted = [count(text) for text in strings(2_000, seed=20260620)]
    assert {(s.encoding, s.units) for s in counted} >= {("gsm7", 160), ("gsm7", 161), ("ucs2", 70), ("ucs2", 71)}
    assert {min(s.parts, 5) for s in counted} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("text", DIFFERENT.values(), ids=DIFFERENT)
def test_where_we_differ_on_purpose(text: str) -> None:
    """The differences that docs/decisions/segments.md names are still there."""
    assert count(text) != oracle(text)
