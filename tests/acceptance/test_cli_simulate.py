"""`duebell simulate`: what a file of events would say, in memory."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.commandline import Cli

_FIELDS = [
    "key", "loan_id", "template", "channel", "purpose", "lane", "state", "reason", "not_before", "sent_at", "to_role",
    "at", "body",
]  # fmt: skip


def test_lines_have_exactly_the_fields_of_the_contract(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """Every line has the notice's fields, `at` and `body`, in the order of `at`."""
    lines = duebell.json("simulate", duebell.file(disbursed), "--until", "2026-06-22")
    assert all(list(line) == _FIELDS for line in lines)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert [line["template"] for line in lines if line["state"] == "sent"] == [
        "loan_disbursed", "repayment_due_soon", "repayment_due_tomorrow", "repayment_due_today", "repayment_due_today_evening",
        "repayment_grace",
    ]  # fmt: skip


def test_a_payment_ends_what_waits(duebell: Cli, disbursed: dict[str, Any], paid: dict[str, Any]) -> None:
    """After the payment nothing asks for the money of that instalment."""
    lines = duebell.json("simulate", duebell.file(disbursed, paid), "--until", "2026-06-22")
    assert [line["template"] for line in lines if line["state"] == "sent"] == ["loan_disbursed", "repayment_received"]


def test_the_last_day_of_all_is_a_mistake_of_the_call(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """It has no end that a calendar could tell."""
    assert "write an earlier one" in duebell.mistake("simulate", duebell.file(disbursed), "--until", "9999-12-31", code=2)


def test_the_order_is_kept_within_a_second(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """Half a second after one text went the next one."""
    second = {"id": "e-2", "subject": "L-2", "time": "2026-06-17T10:20:00.5+08:00"}
    other = disbursed | second | {"data": disbursed["data"] | {"loan_id": "L-2"}}
    lines = duebell.json("simulate", duebell.file(disbursed, other), "--until", "2026-06-17")
    sent = [(line["loan_id"], line["at"]) for line in lines if line["state"] == "sent"]
    assert sent == [("L-1", "2026-06-17T02:20:00Z"), ("L-2", "2026-06-17T02:20:00.500000Z")]


def test_until_includes_its_day_in_the_given_zone(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """The text of 17:30 on the last day goes; a zone in which that day ends earlier does not see it."""
    file = duebell.file(disbursed)
    ends = {
        zone: duebell.json("simulate", file, "--until", "2026-06-21", "--timezone", zone)
        for zone in ("Asia/Shanghai", "Pacific/Kiritimati")
    }
    sent = {zone: [x["template"] for x in lines if x["state"] == "sent"] for zone, lines in ends.items()}
    assert sent["Asia/Shanghai"][-1] == "repayment_due_today_evening"
    assert sent["Pacific/Kiritimati"][-1] == "repayment_due_today_evening"
    assert duebell.json("simulate", file, "--until", "2026-06-20", "--timezone", "America/Los_Angeles")[-1]["at"].startswith(
        "2026-06-21"
    )


def test_refused_lines_do_not_change_the_exit_code(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """Refused events go to standard error; the others are simulated."""
    result = duebell("simulate", duebell.file("", "{", disbursed), "--until", "2026-06-17")
    assert result.exit_code == 0
    assert result.stderr.startswith("line 2: body: ")
    assert "loan_disbursed" in result.stdout
    assert "1 sent" in result.stdout


def test_an_event_arrives_when_it_says(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """`arrivesat` later than `time` is when Duebell hears of it."""
    lines = duebell.json(
        "simulate", duebell.file(disbursed | {"arrivesat": "2026-06-17T12:00:00+08:00"}), "--until", "2026-06-17"
    )
    assert lines[0]["sent_at"] == "2026-06-17T04:00:00Z"


def test_nothing_is_stored(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """A simulation leaves no file behind."""
    file = duebell.file(disbursed)
    duebell("simulate", file, "--until", "2026-06-30")
    assert [path.name for path in duebell.home.iterdir()] == ["events.jsonl"]


_SCENARIO = """
title: Who pays hears nothing more
story: The money comes at once.
until: 2026-06-22
then:
  - {at: 2026-06-17 10:20, sent: loan_disbursed, says: "2,000.00元"}
  - {at: 2026-06-17 10:20, sent: repayment_received}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """What must come of the loan and its payment."""
    file = tmp_path / "scenario.yaml"
    file.write_text(_SCENARIO, "utf-8")
    return file


def test_events_are_as_a_scenario_expects(
    duebell: Cli, disbursed: dict[str, Any], paid: dict[str, Any], scenario: Path
) -> None:
    """The scenario says until when and what must happen; where it does, the command says so and ends well."""
    result = duebell("simulate", duebell.file(disbursed, paid), "--expect", str(scenario))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "as expected: Who pays hears nothing more (2 lines)"


def test_a_difference_is_shown_with_its_line_and_ends_with_one(duebell: Cli, disbursed: dict[str, Any], scenario: Path) -> None:
    """Without the payment nobody is thanked and reminders go: each difference is a row, on standard error with --json."""
    file = duebell.file(disbursed)
    result = duebell("simulate", file, "--expect", str(scenario))
    assert result.exit_code == 1
    assert "Not as expected: Who pays hears nothing more" in result.stdout
    assert "{at: 2026-06-18 10:00, sent: repayment_due_soon, loan: L-1, about: 1}" in result.stdout
    as_json = duebell("simulate", file, "--expect", str(scenario), "--json")
    assert as_json.exit_code == 1
    assert all(line.startswith("{") for line in as_json.stdout.splitlines())
    assert "scenario.yaml:7: did not happen: expected {at: 2026-06-17 10:20, sent: repayment_received}" in as_json.stderr


def test_a_scenario_carries_its_own_events(duebell: Cli) -> None:
    """A .yaml file is played as it stands."""
    file = duebell.home / "own.yaml"
    file.write_text(
        "title: T\nstory: S\nuntil: 2026-06-03\n"
        "given: {loan: {disbursed: 2026-06-03 10:30, instalments: [2026-07-20 100.00]}}\n"
        "then: [{at: 2026-06-03 10:30, sent: loan_disbursed}]",
        "utf-8",
    )
    result = duebell("simulate", str(file))
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "as expected: T (1 line)")
    assert "is a scenario already" in duebell.mistake("simulate", str(file), "--expect", str(file), code=2)


def test_mistakes_of_the_call_are_one_line(duebell: Cli, disbursed: dict[str, Any], scenario: Path) -> None:
    """No last day, no such zone, a scenario with a mistake: one line each, with what to write."""
    file = duebell.file(disbursed)
    assert duebell.mistake("simulate", file, code=2) == "error: --until: say the last day, as 2027-06-30"
    scenario.write_text("title: T", "utf-8")
    assert "scenario.yaml:1: " in duebell.mistake("simulate", file, "--expect", str(scenario))
    scenario.write_bytes(b"\xff")
    assert duebell.mistake("simulate", file, "--expect", str(scenario)).endswith("a scenario is written in UTF-8")


def test_a_picture_is_one_page_that_loads_nothing(duebell: Cli, disbursed: dict[str, Any], paid: dict[str, Any]) -> None:
    """--html writes every notice with what became of it; the page names no other place, and no number or name of a person."""
    duebell("simulate", duebell.file(disbursed, paid), "--until", "2026-07-22", "--html", str(duebell.home / "loan.html"))
    page = (duebell.home / "loan.html").read_text("utf-8")
    assert page.count("<tr id=") == page.count('class="mark') > 8
    assert "2,000.00元" in page
    assert "repayment_due_soon" in page
    assert not any(word in page for word in ("http:", "https:", "src=", "@import", "url(", "13800138000", "王芳"))


def test_a_picture_shows_what_was_held_paused_taken_back_and_not_sent(duebell: Cli) -> None:
    """Each has its lane or its sign; a story without an end is drawn until the last day."""
    file = duebell.home / "much.yaml"
    file.write_text(
        """
title: "Much <happens>"
story: S
until: 2026-09-30
given: {loan: {disbursed: 2026-06-03 23:10, arrives: 2026-06-04 02:00, instalments: [2026-06-20 1000.00, 2026-07-20 1000.00]}}
when:
  - {at: 2026-06-18 12:00, type: loan.repayment.received, amount: 1000.00}
  - {at: 2026-06-20 11:00, type: loan.repayment.reversed}
  - {at: 2026-07-01 09:00, type: loan.collection.paused, reason: dispute, until: 2026-07-10 09:00}
  - {at: 2026-07-15 09:00, type: loan.collection.paused, reason: hardship}
  - {at: 2026-07-25 09:00, type: loan.collection.resumed}
  - {at: 2026-08-01 09:00, type: loan.promise_to_pay.made, promise_id: P-1, amount: 500.00, pay_by: 2026-08-05}
  - {at: 2026-08-20 09:00, type: loan.repayment.received, amount: 50.00, instalment_no: 9}
  - {at: 2026-09-20 09:00, type: loan.schedule.replaced, instalments: [5) 2026-10-20 10.00]}
then: []
""",
        "utf-8",
    )
    duebell("simulate", str(file), "--html", str(duebell.home / "much.html"))
    page = (duebell.home / "much.html").read_text("utf-8")
    assert "<h1>Much &lt;happens&gt;</h1>" in page
    for told in (
        "pause dispute",
        "pause hardship",
        "promise P-1",
        "1,000.00 CNY back",
        "held for",
        "overdue",
        "unmatched_reference",
    ):
        assert told in page
    assert "not sent</text>" in page
    assert "instalment 5" not in page, "what is due after the last day is not drawn"


def test_a_picture_of_nothing_and_one_that_cannot_be_written(duebell: Cli) -> None:
    """Without events the page says so; a folder that is not there is a mistake."""
    file = duebell.file("")
    duebell("simulate", file, "--until", "2026-07-22", "--html", str(duebell.home / "none.html"))
    assert "Nothing would happen." in (duebell.home / "none.html").read_text("utf-8")
    told = duebell.mistake("simulate", file, "--until", "2026-07-22", "--html", "nowhere/loan.html", code=2)
    assert told == "error: --html: there is no folder nowhere"
