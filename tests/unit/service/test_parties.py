"""A person's contact data: the newest word on each field, and the zone of their local times."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.facts import PartyFact, version_of
from service.parties import PartyHistory, effective_zone


def _fact(day: int, **fields: str | None) -> PartyFact:
    return PartyFact(version_of(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day), "test", f"{day:03}"), "P-1", **fields)


def test_a_field_left_out_changes_nothing() -> None:
    """The newest event that says a field sets it; what it leaves out stays."""
    history = PartyHistory("P-1")
    history.absorb([_fact(3, phone="+1", locale="en"), _fact(5, phone="+2"), _fact(4, phone="+3", name="王小雨")])
    assert history.said == {"phone": "+2", "locale": "en", "name": "王小雨"}


@given(
    days=st.lists(st.integers(0, 99), min_size=1, max_size=6, unique=True).flatmap(
        lambda days: st.tuples(st.just(days), st.permutations(days))
    ),
    said=st.data(),
)
def test_order_does_not_matter(days: tuple[Sequence[int], Sequence[int]], said: st.DataObject) -> None:
    """Any order of the same facts, some of them twice, gives the same person."""
    names = st.sampled_from(["name", "phone", "email", "locale", "timezone", "jurisdiction"])
    facts = {day: _fact(day, **said.draw(st.dictionaries(names, st.one_of(st.none(), st.just(f"v{day}"))))) for day in days[0]}
    one, other = PartyHistory("P-1"), PartyHistory("P-1")
    one.absorb(facts[day] for day in days[0])
    other.absorb(facts[day] for day in [*days[1], *days[1][:2]])
    assert one == other


@pytest.mark.parametrize(
    ("timezone", "jurisdiction", "zone"),
    [
        ("Europe/Berlin", "cn", "Europe/Berlin"),
        (None, "cn", "Asia/Shanghai"),
        (None, None, "Asia/Shanghai"),
        (None, "us", None),
        ("America/New_York", "us", "America/New_York"),
    ],
)
def test_the_zone_of_local_times(timezone: str | None, jurisdiction: str | None, zone: str | None) -> None:
    """The party's own; else China has one; else it is not known."""
    assert effective_zone(timezone, jurisdiction) == zone
