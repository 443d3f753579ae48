"""A year in zones whose clocks change: every text inside its window, at the local time its ladder says."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from duebell.simulation import Arrival, Simulation, arrivals
from service.settings import Settings

pytestmark = pytest.mark.unmeasured

FIRST, LAST = date(2026, 1, 10), date(2026, 12, 31)

#: The instalment ladder of the event contract: stage → day and local time.
LADDER = {
    "due_soon": (-3, time(10)),
    "due_tomorrow": (-1, time(10)),
    "due_today": (0, time(9)),
    "due_today_evening": (0, time(17, 30)),
    "grace": (1, time(10)),
    "overdue_3": (3, time(10)),
    "overdue_7": (7, time(10)),
    "overdue_15": (15, time(10)),
    "overdue_30": (30, time(10)),
    "overdue_60": (60, time(10)),
}
#: Zone → jurisdiction, country code and the start of a number, currency, contact window, and the days its clocks change in 2026.
PLACES = {
    "Europe/Berlin": ("de", "+4915112{:06d}", "EUR", (time(9), time(19)), (date(2026, 3, 29), date(2026, 10, 25))),
    "America/Los_Angeles": ("us", "+1213555{:04d}", "USD", (time(8), time(21)), (date(2026, 3, 8), date(2026, 11, 1))),
}


def due_days(place: str) -> list[date]:
    """Every nineteenth day of the year, and every day around those on which the clocks change."""
    days = {FIRST + timedelta(days=19 * i) for i in range((LAST - FIRST).days // 19)}
    return sorted(days | {change + timedelta(days=i) for change in PLACES[place][4] for i in range(-4, 5)})


def told(place: str) -> Iterator[dict[str, Any]]:
    """A loan for each day, never repaid; its debit fails at half past midnight and, in case that hour is special, at half past two."""
    jurisdiction, number, currency, *_ = PLACES[place]
    for index, due_on in enumerate(due_days(place)):
        loan_id = f"{jurisdiction}-{due_on}"
        person = {"party_id": f"P-{loan_id}", "name": "A. Carter", "phone": number.format(index), "locale": "en"}
        yield event(
            loan_id, 0, "loan.disbursed", at(due_on - timedelta(days=8), time(3), place), amount="50.00", currency=currency,
            disbursed_at=at(due_on - timedelta(days=8), time(2), place).isoformat(), account_last4="1234",
            instalments=[{"no": 1, "due_on": due_on.isoformat(), "amount": "50.00"}], timezone=place,
            repayment={"method": "auto_debit", "account_last4": "1234"},
            borrower=person | {"timezone": place, "jurisdiction": jurisdiction},
        )  # fmt: skip
        for attempt, hour in enumerate((time(0, 30), time(2, 30)), start=1):
            failed_at = at(due_on, hour, place)
            yield event(
                loan_id, attempt, "loan.auto_debit.failed", failed_at, currency=currency, instalment_no=1, attempt=attempt
            )


def event(loan_id: str, number: int, kind: str, when: datetime, **data: Any) -> dict[str, Any]:
    """A CloudEvent."""
    return {
        "specversion": "1.0",
        "id": f"{loan_id}-{number}",
        "source": "urn:test:lender",
        "type": kind,
        "subject": loan_id,
        "time": when.isoformat(),
        "data": {"loan_id": loan_id, **data},
    }


def at(day: date, hour: time, place: str) -> datetime:
    """A local time as an instant."""
    return datetime.combine(day, hour, ZoneInfo(place)).astimezone(UTC)


@pytest.fixture(scope="module", params=list(PLACES))
def year(request: pytest.FixtureRequest) -> tuple[str, list[dict[str, Any]]]:
    """A place, and everything that a simulation of its year came to."""
    place = str(request.param)
    planned, refused = arrivals(json.dumps(one).encode() for one in told(place))
    assert refused == []
    return place, asyncio.run(simulated(planned, datetime(2027, 3, 31, tzinfo=UTC)))


async def simulated(planned: list[Arrival], until: datetime) -> list[dict[str, Any]]:
    """The lines of `duebell simulate --json`."""
    simulation = Simulation(Settings())
    await simulation.run(planned, until)
    lines = await simulation.lines()
    await simulation.close()
    return lines


def sent(lines: list[dict[str, Any]]) -> dict[str, datetime]:
    """Key → when it was sent."""
    return {line["key"]: datetime.fromisoformat(line["sent_at"]) for line in lines if line["state"] == "sent"}


def test_stages_keep_their_local_hour(year: tuple[str, list[dict[str, Any]]]) -> None:
    """Every stage of every instalment goes on its day at its hour by the borrower's clock, through both changes."""
    place, lines = year
    expected = {
        f"stage:{PLACES[place][0]}-{due_on}:instalment:1:{due_on}:{stage}:borrower": at(
            due_on + timedelta(days=day), hour, place
        )
        for due_on in due_days(place)
        for stage, (day, hour) in LADDER.items()
    }
    assert {key: when for key, when in sent(lines).items() if key.startswith("stage:")} == expected


def test_texts_keep_to_the_window(year: tuple[str, list[dict[str, Any]]]) -> None:
    """Whatever asks for money goes inside the window; of two debits that fail in a night the later is told when the window opens."""
    place, lines = year
    opens, closes = PLACES[place][3]
    local = {line["key"]: datetime.fromisoformat(line["at"]).astimezone(ZoneInfo(place)) for line in lines}
    asking = [line for line in lines if line["state"] == "sent" and line["purpose"] in {"reminder", "collection"}]
    assert all(opens <= local[line["key"]].time() < closes for line in asking)
    failed = [line for line in lines if line["template"] == "auto_debit_failed"]
    told = [line["loan_id"] for line in failed if line["state"] == "sent" and local[line["key"]].time() == opens]
    assert len(told) == len(set(told)) == len(due_days(place))
    unsaid = [line["loan_id"] for line in failed if (line["state"], line["reason"]) == ("superseded", "newer_notice")]
    assert sorted(told + unsaid) == sorted(line["loan_id"] for line in failed)


def test_nothing_is_left_or_repeated(year: tuple[str, list[dict[str, Any]]]) -> None:
    """Every line is of a key of its own and was sent: only the first debit of a night met a reason not to go."""
    _, lines = year
    assert {line["template"] for line in lines if line["state"] != "sent"} == {"auto_debit_failed"}
    assert len({line["key"] for line in lines}) == len(lines)
