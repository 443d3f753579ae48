"""Sample data: valid, repeatable, believable."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import phonenumbers
import pytest

from consumers._decode import decode
from duebell.sample import generate, malformed, retimed, stream
from service.events import Event
from service.facts import NoticeGiven
from service.notices import event_key
from tests.expected import expected_event_keys, keys_that_may_end_unsent

START = date(2026, 1, 1)


@pytest.fixture(scope="module")
def year() -> list[dict[str, Any]]:
    """A year of four hundred borrowers."""
    return list(generate(400, seed=11, start=START))


def decoded(events: list[dict[str, Any]]) -> list[Event]:
    """The events as the consumers see them; each keeps the contract."""
    found = [decode(json.dumps(event, ensure_ascii=False).encode()) for event in events]
    assert not [one for one in found if not isinstance(one, Event)]
    return [one for one in found if isinstance(one, Event)]


def test_every_event_keeps_the_contract(year: list[dict[str, Any]]) -> None:
    """All of them decode, and every type that exists is there."""
    events = decoded(year)
    assert len({event.type for event in events}) == 16


def test_one_seed_one_result() -> None:
    """The same seed gives the same events, another seed others."""
    first, again, other = (list(generate(20, seed, START)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert list(malformed(50, 1)) == list(malformed(50, 1))


def test_events_come_in_order_of_arrival(year: list[dict[str, Any]]) -> None:
    """Those that say when they arrive stand in that place; only copies may stand later."""
    seen: set[str] = set()
    last = ""
    for event in year:
        if event["id"] in seen:
            continue
        seen.add(event["id"])
        arrival = (
            datetime.fromisoformat(event.get("arrivesat", event["time"])).astimezone(UTC).isoformat(timespec="microseconds")
        )
        assert arrival >= last
        last = arrival


def test_a_broker_repeats_and_delays(year: list[dict[str, Any]]) -> None:
    """Around one in fifty comes twice, word for word, and as many come late."""
    copies = Counter(json.dumps(event) for event in year)
    ids = Counter(event["id"] for event in year)
    assert len(ids) == len(copies)
    assert 0.01 < sum(n > 1 for n in copies.values()) / len(copies) < 0.03
    late = [event for event in year if "arrivesat" in event]
    assert 0.01 < len(late) / len(year) < 0.03
    assert all(datetime.fromisoformat(event["arrivesat"]) > datetime.fromisoformat(event["time"]) for event in late)


def test_the_days_are_kept(year: list[dict[str, Any]]) -> None:
    """Nothing happens before the first day or after the last."""
    times = [datetime.fromisoformat(event["time"]).astimezone(UTC) for event in year]
    begin = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=16)
    assert begin <= min(times) <= max(times) < datetime(2027, 1, 1, tzinfo=UTC)


def test_borrowers_have_valid_numbers_of_their_own(year: list[dict[str, Any]]) -> None:
    """No two share a number; American and British ones are from the ranges kept for fiction."""
    people = {event["data"]["borrower"]["party_id"]: event["data"]["borrower"] for event in year if "borrower" in event["data"]}
    numbers = [person["phone"] for person in people.values()]
    assert len(set(numbers)) == len(people) == 400
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers)
    assert all(number[5:10] == "55501" for number in numbers if number.startswith("+1"))
    assert {person["jurisdiction"] for person in people.values()} == {"cn", "us", "gb"}
    assert {"zh-CN", "zh-TW", "en-US", "en-GB"} <= {person["locale"] for person in people.values()}


def test_a_stream_is_about_as_long_as_asked() -> None:
    """Whole stories, so a little more than asked; copies come on top."""
    assert 1000 <= len(list(stream(1000, seed=5))) < 1100


def test_a_stream_can_be_squeezed_into_an_hour() -> None:
    """Times keep their order, and what is due when stays as it was."""
    begin = datetime(2026, 6, 1, 2, tzinfo=UTC)
    events = list(stream(300, seed=5))
    squeezed = list(retimed(events, begin, timedelta(hours=1)))
    times = [datetime.fromisoformat(event["time"]) for event in squeezed]
    assert (min(times), max(times)) == (begin, begin + timedelta(hours=1))
    assert [event["data"] for event in squeezed] == [event["data"] for event in events]
    assert [event["id"] for event in sorted(squeezed, key=_time)] == [event["id"] for event in sorted(events, key=_time)]
    assert not [event for event in squeezed if "arrivesat" in event]
    assert list(retimed([], begin, timedelta(hours=1))) == []


def _time(event: dict[str, Any]) -> tuple[datetime, str]:
    return datetime.fromisoformat(event["time"]), event["id"]


def test_the_expected_keys_are_those_the_reactions_give(year: list[dict[str, Any]]) -> None:
    """The table written by hand and the reactions agree on every key."""
    given = {
        event_key(event.source, event.id, event.time, fact.template, fact.role).key
        for event in decoded(year)
        for fact in event.facts
        if isinstance(fact, NoticeGiven)
    }
    assert expected_event_keys(year) == given
    assert keys_that_may_end_unsent(year) < given
    assert expected_event_keys(event | {"duebellmode": "backfill"} for event in year) == set()
