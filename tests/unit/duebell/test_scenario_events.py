"""What a line of a scenario stands for: the CloudEvent with everything that goes without saying."""

import json
from typing import Any

from duebell.scenario import opened


def events(when: str, given: str = "{}") -> list[dict[str, Any]]:
    """The bodies of a scenario's events, in order of their time."""
    text = f"title: T\nstory: S\nuntil: 2026-12-31\ngiven: {given}\nwhen:\n{when}\nthen: []"
    return [json.loads(arrival.message.body) for arrival in opened(text, "s.yaml").arrivals]


def test_a_loan_in_short_is_a_disbursement() -> None:
    """The shorthand gives the whole event: borrower, amount, account, instalments, method."""
    [event] = events("  []", "{loan: {disbursed: 2026-06-03 10:30, instalments: [2 x 500.00 monthly from 2026-07-31]}}")
    assert event["time"] == "2026-06-03T10:30:00+08:00"
    assert event["data"]["borrower"] == {"party_id": "wang", "phone": "+8613800138000", "locale": "zh-CN"}
    assert event["data"]["amount"] == "1000.00"
    assert event["data"]["repayment"] == {"method": "auto_debit", "account_last4": "6789"}
    assert [(due["no"], due["due_on"]) for due in event["data"]["instalments"]] == [(1, "2026-07-31"), (2, "2026-08-31")]


def test_what_goes_without_saying_is_filled_in() -> None:
    """Ids come from the example, a time from the line, the method from the loan, and a payment has an id of its own."""
    first, second, back = events(
        "  - {at: 2026-06-05 09:00, type: loan.repayment.received, amount: 5.00}\n"
        "  - {at: 2026-06-06 09:00, type: loan.repayment.received, amount: 6.00}\n"
        "  - {at: 2026-06-07 09:00, type: loan.repayment.reversed}",
        "{loan: {method: manual}}",
    )
    assert first["data"]["paid_at"] == "2026-06-05T09:00:00+08:00"
    assert first["data"]["method"] == "manual"
    assert first["data"]["payment_id"] != second["data"]["payment_id"] == back["data"]["payment_id"]
    assert "borrower" in first["data"]
    assert "borrower" not in second["data"]


def test_what_matters_is_never_filled_in() -> None:
    """Amounts, days, numbers and choices must be said: an example's would be a surprise."""
    [event] = events("  - {at: 2026-06-05 09:00, type: loan.overdue.entered, refused: data.instalment_no}")
    assert set(event["data"]) == {"loan_id", "borrower"}


def test_local_times_become_instants_and_names_become_persons() -> None:
    """Inside the data too; a field that the line uses itself is written with data. in front."""
    [event] = events("  - {at: 2026-06-05 09:00, type: loan.settled, settled_at: 2026-06-04 18:00, borrower: wang, data.id: 7}")
    assert event["data"]["settled_at"] == "2026-06-04T18:00:00+08:00"
    assert event["data"]["borrower"]["party_id"] == "wang"
    assert event["data"]["id"] == 7


def test_a_schedule_may_name_its_numbers() -> None:
    """`2) day amount` begins with number two, and the next one counts on; lines in full are taken as they are."""
    [event] = events(
        "  - at: 2026-06-05 09:00\n    type: loan.schedule.replaced\n"
        "    instalments: [2) 2026-07-01 1.00, 2026-08-01 2.00, {no: 9, due_on: 2026-09-01, amount: '3.00'}]"
    )
    assert [due["no"] for due in event["data"]["instalments"]] == [2, 3, 9]


def test_events_arrive_late_twice_and_as_backfill() -> None:
    """`arrives` and `again` are deliveries of the same body; backfill is an attribute."""
    text = (
        "title: T\nstory: S\nuntil: 2026-12-31\nwhen:\n"
        "  - {at: 2026-06-05 09:00, arrives: 2026-06-06 09:00, again: 2026-06-07 09:00, type: loan.settled, backfill: true}\nthen: []"
    )
    late, again = opened(text, "s.yaml").arrivals
    assert (f"{late.at:%d %H:%M}", f"{again.at:%d %H:%M}") == ("06 01:00", "07 01:00")
    assert late.message.body == again.message.body
    assert late.message.mode_backfill


def test_an_event_about_a_person_has_the_person_as_subject() -> None:
    """party.* events are about somebody of the file, the first one if nobody is named."""
    [event] = events("  - {at: 2026-06-05 09:00, type: party.updated, timezone: Europe/London}")
    assert event["subject"] == "wang"
    assert event["data"] == {"party": {"party_id": "wang", "timezone": "Europe/London"}}
