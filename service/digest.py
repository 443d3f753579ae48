"""Which stages become one text, and what that text lists. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from service.money import Money

#: More lines than any text has room for; with fewer due it is not tried with more.
MOST_LINES: Final = 12

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """One instalment as a digest lists it; `debited`: by itself, from the repayment account."""

    due_on: date
    open: Money
    debited: bool


def groups(rows: Iterable[Any]) -> list[list[Any]]:
    """Claimed rows (service.ledger.claims.DETAILS) that go as one text, in the order in which texts go; the head stands first.

    Stages of one party with the same moment, purpose, channel and digest name are together; every other row is alone.
    """
    found: dict[object, list[Any]] = {}
    for row in sorted(rows, key=lambda r: (r.moment, r.key)):
        alone = row.digest is None or row.party_id is None
        place = row.key if alone else (row.party_id, row.moment, row.purpose, row.channel, row.digest)
        found.setdefault(place, []).append(row)
    return list(found.values())


def listing(rows: Sequence[Any], most: int) -> dict[str, object]:
    """The values of a digest of these rows that names at most `most` of them, the earliest first."""
    ordered = sorted(rows, key=lambda r: (r.due_on, r.key))
    debited = [row for row in ordered if row.method == "auto_debit"]
    values: dict[str, object] = {
        "count": len(ordered),
        "listed": [_line(row) for row in ordered[:most]],
        "totals": _totals(ordered),
        "debited": len(debited),
        "by_hand": len(ordered) - len(debited),
    }
    if len(ordered) > most:
        values["more"] = len(ordered) - most
    accounts = {row.account_last4 for row in debited}
    if len(accounts) == 1 and None not in accounts:
        values["account_last4"] = accounts.pop()
    return values


def longest(lines: int, made: Callable[[int], T], fits: Callable[[T], bool]) -> T:
    """The text with as many of its lines as fit; where not even one does, that one."""
    for most in range(min(lines, MOST_LINES), 1, -1):
        if fits(text := made(most)):
            return text
    return made(1)


def _line(row: Any) -> Line:
    return Line(row.due_on, Money(row.amount - row.paid, row.currency), row.method == "auto_debit")


def _totals(rows: Iterable[Any]) -> list[Money]:
    """What is open, one sum for each currency."""
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + row.amount - row.paid
    return [Money(minor, currency) for currency, minor in sorted(sums.items())]
