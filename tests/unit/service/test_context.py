"""A notice's values survive the ledger with their types."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from service.context import from_json, to_json
from service.money import Money
from service.secret import Secret

_SIMPLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.text(max_size=20),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.decimals(allow_nan=False, allow_infinity=False, places=2),
    st.builds(Money, st.integers(-(10**15), 10**15), st.sampled_from(["CNY", "JPY", "KWD"])),
    st.builds(Secret, st.text(max_size=8)),
)
_NAMES = st.text(st.characters(categories=["Ll"]), min_size=2, max_size=8)
_VALUES = st.dictionaries(_NAMES, st.one_of(_SIMPLE, st.lists(st.dictionaries(_NAMES, _SIMPLE, max_size=3), max_size=3)))


@given(values=_VALUES)
def test_values_come_back_as_they_were(values: Mapping[str, object]) -> None:
    """Money, days, instants, decimals, texts, lists and mappings of them are the same after a round trip."""
    assert from_json(to_json(values)) == values
    assert from_json(to_json(values).decode()) == values


def test_types_are_kept_apart() -> None:
    """A day is not an instant, a decimal is not a text; tuples become lists, any mapping a dict."""
    told = from_json(
        to_json(
            {
                "day": date(2026, 6, 20),
                "at": datetime(2026, 6, 20, 9, 30, tzinfo=UTC),
                "rate": Decimal("0.10"),
                "rows": ({"open": Money(5)},),
                "map": MappingProxyType({"a": 1}),
            }
        )
    )
    assert {name: type(value) for name, value in told.items()} == {
        "day": date,
        "at": datetime,
        "rate": Decimal,
        "rows": list,
        "map": dict,
    }
    assert str(told["rate"]) == "0.10"


def test_a_mapping_that_only_looks_tagged_is_left_alone() -> None:
    """What has our tag and nothing we know stays a mapping."""
    odd = {"value": {"$": "money", "v": "much"}, "other": {"$": "colour", "v": "red"}}
    assert from_json(to_json(odd)) == odd
