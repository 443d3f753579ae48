"""`duebell rules`: show, check and explain, as people and programs use them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from service.rulebook import FOLDER
from tests.acceptance.commandline import Cli


def _copied(home: Path) -> Path:
    return Path(shutil.copytree(FOLDER, home / "rules"))


def test_rules_are_shown_in_words(duebell: Cli) -> None:
    """Each rule says what it wants, how well it is known, and whether it binds us today."""
    lines = duebell.json("rules", "show", "cn")
    window = next(line for line in lines if line["rule"] == "cn-window-1@1")
    assert (window["says"], window["holds"], window["evidence"]) == (
        "from 08:00 to 22:00 on the party's clock",
        "yes",
        "secondary",
    )
    holds = {line["rule"]: line["holds"] for line in duebell.json("rules", "show")}
    assert (holds["cn-consent-1@1"], holds["cn-consent-1@2"]) == ("until 2026-04-30", "yes")
    assert (holds["cn-cap-2@1"], holds["cn-cap-3@1"]) == ("off", "off, not confirmed")
    assert holds["us-content-2@1"] == "agency only"
    assert "at most 5 texts per number in a natural day" in duebell("rules", "show").stdout
    assert "there are no rules for 'fr'" in duebell.mistake("rules", "show", "fr", code=2)


def test_a_dated_rule_says_from_when_or_until_when(duebell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What begins ahead and what is over is told with its day."""
    folder = _copied(duebell.home)
    newer = "  - {id: cn-cap-1, version: 2, kind: cap, purposes: [visit], limit: 1, since: 2026-06-01, source: s}\n"
    row = "  - {id: cn-cap-8, version: 1, kind: cap, purposes: [visit], limit: 1, %s, source: s}\n"
    with (folder / "cn.yaml").open("a", encoding="utf-8") as file:
        file.write(newer + row % "since: 2031-01-01" + row.replace("cap-8", "cap-9") % "until: 2026-01-31")
    monkeypatch.setenv("DUEBELL_RULES", str(folder))
    holds = {line["rule"]: line["holds"] for line in duebell.json("rules", "show", "cn")}
    assert (holds["cn-cap-8@1"], holds["cn-cap-9@1"]) == ("from 2031-01-01", "until 2026-01-31")
    assert (holds["cn-cap-1@1"], holds["cn-cap-1@2"]) == ("replaced by a later version", "yes")


def test_the_shipped_rules_refuse_no_shipped_text(duebell: Cli) -> None:
    """As a lender sends it, every text in every language keeps to the rules of every jurisdiction."""
    assert "refuse no text" in duebell("rules", "check").stdout
    assert duebell.json("rules", "check") == []


def test_an_agency_is_told_what_its_texts_lack(duebell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped texts have no opt-out hint, which Regulation F wants of agencies; "the plan may end" is none."""
    monkeypatch.setenv("DUEBELL_ACTOR", "agency")
    result = duebell("rules", "check", "--json")
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["rule"] for line in lines} == {"us-content-2@1"}
    assert "plan_at_risk (en)" in {line["where"] for line in lines}
    assert duebell("rules", "check").exit_code == 1


def test_a_stage_for_someone_who_may_not_be_told_is_found(duebell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reminder to a payer is refused in every jurisdiction, before any notice is."""
    folder = duebell.home / "ladders"
    folder.mkdir()
    (folder / "instalment.yaml").write_text(
        "kind: instalment\nstages:\n  - {name: a, day: 0, template: delegation_closing, purpose: reminder, to: [payer]}\n"
    )
    monkeypatch.setenv("DUEBELL_LADDERS", str(folder))
    result = duebell("rules", "check")
    assert result.exit_code == 1
    assert "instalment.yaml: stage a" in result.stdout
    assert "reminder to the payer" in result.stdout


@pytest.mark.parametrize("given", ["argument", "setting"])
def test_a_mistake_in_a_rule_is_one_line(duebell: Cli, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """File, rule and field."""
    folder = _copied(duebell.home)
    text = (folder / "cn.yaml").read_text("utf-8")
    (folder / "cn.yaml").write_text(text.replace("limit: 5", "limit: many", 1), "utf-8")
    monkeypatch.setenv("DUEBELL_RULES", str(folder) if given == "setting" else str(FOLDER))
    told = duebell.mistake("rules", "check", *([str(folder)] if given == "argument" else []))
    assert told.startswith("error: cn.yaml: rule cn-cap-1: limit: ")


def test_one_notice_is_explained(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """In words and as one line of JSON; a key that is not there says so."""
    duebell("publish", duebell.file(disbursed))
    duebell.work()
    (key,) = [line["key"] for line in duebell.json("notices") if line["template"] == "loan_disbursed"]
    told = duebell("rules", "explain", key).stdout
    assert "loan_disbursed to the borrower (service), loan L-1: sent" in told
    assert "cn-window-2@1" in told
    assert "Now: handed over; nothing is asked any more" in told
    assert "13800138000" not in told
    (line,) = duebell.json("rules", "explain", key)
    assert (line["state"], line["attempts"][0]["outcome"]) == ("sent", "accepted")
    waiting = next(line["key"] for line in duebell.json("notices") if line["state"] == "planned")
    assert (
        "Now: waits until 2026-06-18 10:00 (Asia/Shanghai), and is judged then" in duebell("rules", "explain", waiting).stdout
    )
    assert "there is no notice 'x'" in duebell.mistake("rules", "explain", "x")
