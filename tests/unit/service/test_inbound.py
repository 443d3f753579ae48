"""The order in which replies are done."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.inbound import Letter, keys_of, turns

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LETTERS = st.lists(
    st.builds(
        lambda number, minute, name: Letter(
            name, bytes([number]), "stop", NOW + timedelta(minutes=minute), "+8613800138000", "TD"
        ),
        st.integers(0, 3),
        st.integers(0, 5),
        st.binary(min_size=4, max_size=4),
    ),
    unique_by=lambda letter: letter.hash,
    max_size=12,
)


@given(letters=LETTERS)
def test_each_number_in_its_own_order(letters: list[Letter]) -> None:
    """Every letter comes in one turn, a number once in each, and its letters in the order they were written."""
    rounds = list(turns(letters))
    assert sorted(letter.hash for each in rounds for letter in each) == sorted(letter.hash for letter in letters)
    assert all(len(keys_of(each)) == len(each) for each in rounds)
    for key in {letter.phone_key for letter in letters}:
        mine = [letter.at for each in rounds for letter in each if letter.phone_key == key]
        assert mine == sorted(mine)


def test_a_letter_shows_neither_number_nor_text() -> None:
    """Not even to somebody who prints it."""
    shown = repr(Letter(b"h", b"k", "other", NOW, "+8613800138000", "我已经还了"))
    assert "138001" not in shown
    assert "还了" not in shown
