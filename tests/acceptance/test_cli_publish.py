"""`duebell publish` without a broker: lines go durably into the inbox, refused ones are named."""

import json
from collections.abc import Callable
from typing import Any

from tests.acceptance.commandline import Cli

Event = Callable[..., dict[str, Any]]


def test_good_lines_are_published_and_known_ones_counted(duebell: Cli, disbursed: dict[str, Any], paid: dict[str, Any]) -> None:
    """Publishing twice is harmless, and blank lines mean nothing."""
    file = duebell.file(disbursed, "", paid, "")
    first, second = duebell("publish", file), duebell("publish", file)
    assert (first.exit_code, first.stdout) == (0, "2 published, 0 refused\n")
    assert (second.exit_code, second.stdout) == (0, "0 published, 2 known already, 0 refused\n")


def test_refused_lines_are_named_and_the_others_published(duebell: Cli, disbursed: dict[str, Any], event: Event) -> None:
    """Each refused line is told with its number, field and reason; the exit code is 1."""
    late = event(
        "loan.repayment.received", "e-9", payment_id="P", amount="12.345", paid_at="2026-06-17T10:00:00+08:00", method="manual"
    )
    result = duebell("publish", duebell.file("{", disbursed, late))
    assert result.exit_code == 1
    assert result.stdout == "1 published, 2 refused\n"
    first, second = result.stderr.splitlines()
    assert first.startswith("line 1: body: write one JSON object")
    assert second.startswith("line 3: data.amount: ")
    assert "12.345" not in second


def test_standard_input_is_a_file_too(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """`-` reads a pipe."""
    result = duebell("publish", "-", stdin=json.dumps(disbursed))
    assert (result.exit_code, result.stdout) == (0, "1 published, 0 refused\n")


def test_a_backfill_gives_facts_and_no_texts(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """What has happened already is not told, what is still due will be."""
    duebell("publish", "--backfill", duebell.file(disbursed))
    duebell.work()
    assert [line["template"] for line in duebell.json("notices")] == ["repayment_due_soon"]
    assert duebell.json("notices", "--state", "sent") == []


def test_an_unknown_type_is_published_and_kept(duebell: Cli, event: Event) -> None:
    """A type that this version does not know waits for one that does."""
    assert duebell("publish", duebell.file(event("loan.insured", "e-1"))).stdout == "1 published, 0 refused\n"


def test_a_database_of_a_newer_version_is_refused(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """Tables that this version does not know stop the command with a line that says what to do."""
    import sqlite3  # noqa: PLC0415 - only here

    file = duebell.file(disbursed)
    duebell("publish", file)
    with sqlite3.connect(duebell.home / "var" / "duebell.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "a newer Duebell" in duebell.mistake("publish", file)
