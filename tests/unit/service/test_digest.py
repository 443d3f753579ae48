"""Digests: which rows become one text, and what it lists."""

from collections import namedtuple
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.digest import MOST_LINES, Line, groups, listing, longest
from service.money import Money

MOMENT = datetime(2026, 6, 20, 1, tzinfo=UTC)
_FIELDS = {
    "key": "k", "party_id": "B-1", "moment": MOMENT, "purpose": "reminder", "channel": "sms", "digest": "due",
    "due_on": date(2026, 6, 20), "amount": 10000, "paid": 0, "currency": "CNY", "method": "manual", "account_last4": None,
}  # fmt: skip
_Row = namedtuple("_Row", _FIELDS)  # noqa: PYI024 - as the ledger gives them


def row(**fields: Any) -> Any:
    """A claimed row."""
    return _Row(**{**_FIELDS, **fields})


def test_rows_of_one_borrower_moment_and_name_are_together() -> None:
    """Another borrower, moment, purpose, channel or name is another text; the smallest key comes first."""
    mates = [row(key="b"), row(key="a"), row(key="c")]
    others = [
        row(key="d", party_id="B-2"), row(key="e", moment=MOMENT.replace(hour=2)), row(key="f", purpose="collection"),
        row(key="g", channel="app"), row(key="h", digest="late"),
    ]  # fmt: skip
    assert sorted([r.key for r in group] for group in groups(mates + others)) == [
        ["a", "b", "c"],
        ["d"],
        ["e"],
        ["f"],
        ["g"],
        ["h"],
    ]


def test_without_a_name_or_a_borrower_a_row_is_alone() -> None:
    """Nobody knows yet whether they are the same person's."""
    alone = [row(key="a", digest=None), row(key="b", digest=None), row(key="c", party_id=None), row(key="d", party_id=None)]
    assert [[r.key for r in group] for group in groups(alone)] == [["a"], ["b"], ["c"], ["d"]]


def test_a_listing_names_the_earliest_and_sums_all() -> None:
    """What is open, by day; the rest is counted; one sum per currency."""
    rows = [
        row(key="a", due_on=date(2026, 6, 22), paid=2500), row(key="b", method="auto_debit", account_last4="6789"),
        row(key="c", currency="USD"),
    ]  # fmt: skip
    assert listing(rows, 2) == {
        "count": 3,
        "listed": [
            Line(date(2026, 6, 20), Money(10000), debited=True), Line(date(2026, 6, 20), Money(10000, "USD"), debited=False),
        ],
        "more": 1,
        "totals": [Money(17500), Money(10000, "USD")],
        "debited": 1,
        "by_hand": 2,
        "account_last4": "6789",
    }  # fmt: skip
    assert "more" not in listing(rows, 3)


def test_an_account_is_named_only_if_it_is_the_only_one() -> None:
    """Two accounts, or one that nobody told us: none is named."""
    debits = [row(key="a", method="auto_debit", account_last4="6789"), row(key="b", method="auto_debit", account_last4="1234")]
    unsure = [debits[0], row(key="c", method="auto_debit")]
    assert "account_last4" not in listing(debits, 9)
    assert "account_last4" not in listing(unsure, 9)


@given(st.integers(1, 40), st.integers(0, 40))
def test_the_longest_text_that_fits_is_taken(lines: int, room: int) -> None:
    """As many lines as there is room for; at least one."""
    assert longest(lines, lambda n: n, lambda n: n <= room) == max(1, min(lines, room, MOST_LINES))
