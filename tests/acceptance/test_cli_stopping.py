"""`duebell pause`, `resume`, `suppress`, `unsuppress`: the emergency stop."""

from typing import Any

import pytest

from tests.acceptance.commandline import Cli


@pytest.mark.parametrize(
    "words", [("all",), ("lane", "normal"), ("template", "loan_disbursed"), ("loan", "L-1"), ("channel", "sms")]
)
def test_what_is_paused_does_not_go_until_it_is_resumed(
    duebell: Cli, disbursed: dict[str, Any], words: tuple[str, ...]
) -> None:
    """A pause of any scope holds the text back; resuming lets it go."""
    paused = duebell("pause", *words, "--why", "look first")
    assert (paused.exit_code, paused.stderr) == (0, "")
    duebell("publish", duebell.file(disbursed))
    duebell.work()
    assert duebell.json("notices", "--state", "sent") == []
    assert duebell("resume", *words).exit_code == 0
    duebell.work()
    assert [x["template"] for x in duebell.json("notices", "--state", "sent")] == ["loan_disbursed"]


def test_a_sender_is_paused_by_the_name_that_doctor_tells(duebell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name, not the URL; a setting of the senders that is wrong stops no other stop."""
    monkeypatch.setenv("DUEBELL_SENDERS", "console:// memory://")
    assert duebell("pause", "sender", "console://", "--why", "x").exit_code == 0
    assert "there are console://, memory://" in duebell.mistake("pause", "sender", "consol", "--why", "x")
    monkeypatch.setenv("DUEBELL_SENDERS", "pigeon://")
    assert duebell("pause", "all", "--why", "x").exit_code == 0


@pytest.mark.parametrize(("until", "told"), [("2h", "2026-06-17 04:3"), ("2026-06-18T09:00+08:00", "2026-06-18 01:00")])
def test_a_pause_can_end_by_itself(duebell: Cli, until: str, told: str) -> None:
    """The end of a pause is an instant or a span from now."""
    assert f"until {told}" in duebell("pause", "all", "--why", "x", "--until", until).stdout


def test_what_is_not_paused_cannot_be_resumed(duebell: Cli) -> None:
    """Resuming what runs is a mistake that says where to look."""
    assert "duebell queues" in duebell.mistake("resume", "lane", "bulk")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lane", "fast"), "critical, normal, bulk"),
        (("template", "none"), "no template"),
        (("channel", "fax"), "there are sms"),
        (("sender", "webhok"), "there are file://"),
    ],
)
def test_a_name_that_does_not_exist_is_refused(duebell: Cli, words: tuple[str, ...], told: str) -> None:
    """A stop that would stop nothing is refused."""
    assert told in duebell.mistake("pause", *words, "--why", "x")


def test_a_missing_name_or_country_code_is_told_in_the_commands_own_words(duebell: Cli) -> None:
    """The example is of this command, and nothing is advised that it cannot take."""
    assert duebell.mistake("resume", "lane", code=2).endswith("as in: duebell resume lane NAME")
    assert duebell.mistake("pause", "lane", "--why", "x", code=2).endswith("as in: duebell pause lane NAME --why …")
    assert "region" not in duebell.mistake("suppress", "13800138000", "--why", "x")


def test_a_suppressed_number_gets_nothing_until_it_is_told_again(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """The number comes from the arguments or from standard input, and stands in no output."""
    result = duebell("suppress", "-", "--why", "asked on the hotline", stdin="+8613800138000\n")
    assert result.stdout == "suppressed; 0 waiting notices ended\n"
    duebell("publish", duebell.file(disbursed))
    duebell.work()
    assert {(x["state"], x["reason"]) for x in duebell.json("notices") if x["template"] == "loan_disbursed"} == {
        ("suppressed", "opted_out")
    }
    assert duebell("unsuppress", "+8613800138000", "--why", "asked again").stdout == "told again\n"
    assert "not suppressed" in duebell.mistake("unsuppress", "+8613800138000", "--why", "x")


@pytest.mark.parametrize(
    ("number", "purpose", "told"),
    [("12", "*", "E.164"), ("+8613800138000", "fun", "no purpose"), ("+8613800138000", "security", "cannot be suppressed")],
)
def test_a_suppression_that_makes_no_sense_is_refused(duebell: Cli, number: str, purpose: str, told: str) -> None:
    """A number that nobody can dial, or a purpose that is not there."""
    line = duebell.mistake("suppress", number, "--purpose", purpose, "--why", "x")
    assert told in line
    assert "13800138000" not in line
