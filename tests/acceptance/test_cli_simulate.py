"""`duebell simulate`: what a file of events would say, in memory."""

from typing import Any

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
