"""`duebell templates`, `ladders`, `db` and `doctor`: lint, look, and what is wrong."""

import shutil
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from service.catalogue import TEMPLATES
from tests.acceptance.commandline import Cli


def test_the_shipped_texts_and_ladders_are_fit(duebell: Cli) -> None:
    """Both lints pass over what we ship."""
    assert "fit to be sent" in duebell("templates", "check").stdout
    assert duebell.json("templates", "check") == []
    assert "fit to be used" in duebell("ladders", "check").stdout


def test_a_spoilt_text_is_found(duebell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text with a link fails the lint, with its notice, language and rule."""
    folder = duebell.home / "texts"
    shutil.copytree(TEMPLATES / "loan_settled", folder / "loan_settled")
    monkeypatch.setenv("DUEBELL_TEMPLATES", str(folder))
    (folder / "loan_settled" / "en" / "sms.txt").write_text(
        "Your loan was paid off on {{ settled_at | day }}: https://x.example"
    )
    result = duebell("templates", "check", "--json")
    assert result.exit_code == 1
    assert '"rule": "link"' in result.stdout
    assert duebell("templates", "check").exit_code == 1


def test_a_preview_shows_texts_as_they_would_arrive(duebell: Cli) -> None:
    """One template in each language, or in the one asked for."""
    told = duebell("templates", "preview", "loan_settled").stdout
    assert all(locale in told for locale in ("zh-CN", "zh-TW", "en"))
    lines = duebell.json("templates", "preview", "loan_settled", "--locale", "en")
    assert {(x["template"], x["locale"]) for x in lines} == {("loan_settled", "en")}
    assert lines[0]["body"].startswith("【Duebell】")


def test_ladders_are_shown_in_words(duebell: Cli) -> None:
    """Each stage says when it goes and with which text."""
    stages = duebell.json("ladders", "show", "instalment")
    assert stages[0] == {
        "kind": "instalment", "stage": "due_soon", "when": "3 days before at 10:00", "template": "repayment_due_soon",
        "purpose": None, "to": "borrower",
    }  # fmt: skip
    assert "the due day at 17:30" in duebell("ladders", "show").stdout


def test_a_ladder_with_a_mistake_is_told(duebell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, stage and field of the first mistake, in one line."""
    folder = duebell.home / "ladders"
    folder.mkdir()
    (folder / "instalment.yaml").write_text("kind: instalment\nstages:\n  - {name: a, day: 1, template: none}\n")
    monkeypatch.setenv("DUEBELL_LADDERS", str(folder))
    assert "instalment.yaml: stage a: template: there is no none" in duebell.mistake("ladders", "check")


@pytest.mark.parametrize(
    ("now", "careful", "wrong"), [("2026-06-17", False, False), ("2048-12-01", True, True), ("2027-01-01", False, False)]
)
def test_holidays_that_are_not_certain_are_told(
    duebell: Cli, monkeypatch: pytest.MonkeyPatch, now: str, careful: bool, wrong: bool
) -> None:
    """A ladder that moves off holidays says so, and where this year's are not known the doctor finds it wrong."""
    folder = duebell.home / "ladders"
    folder.mkdir()
    (folder / "instalment.yaml").write_text(
        "kind: instalment\nholidays: after\ncalendar: GB\nstages:\n  - {name: a, day: 3, template: repayment_overdue}\n"
        "  - {name: b, day: 7, template: repayment_overdue, calendar: ID}\n".replace("ID", "ID" if careful else "US")
    )
    monkeypatch.setenv("DUEBELL_LADDERS", str(folder))
    monkeypatch.setenv("DUEBELL_CLOCK_START", f"{now}T00:00:00Z")
    checked = duebell("ladders", "check")
    assert checked.exit_code == 0
    assert ("careful: instalment.yaml: calendar ID: the public holidays of 2048" in checked.stderr) is careful
    assert "3 days after at 10:00, after holidays of GB" in duebell("ladders", "show").stdout
    (found,) = [line for line in duebell("doctor", "--json").stdout.splitlines() if '"name": "holidays"' in line]
    assert ('"fine": false' in found) is wrong


def test_the_database_says_its_revision(duebell: Cli) -> None:
    """Empty at first (exit code 1), up to date after `db upgrade`, and once more harmless."""
    assert duebell("db", "status").exit_code == 1
    assert "no tables yet" in duebell("db", "status").stdout
    assert duebell("db", "upgrade").exit_code == 0
    assert duebell("db", "upgrade").exit_code == 0
    (line,) = duebell.json("db", "status")
    assert line["current"] == line["needed"]
    assert "as they should be" in duebell("db", "status").stdout


def test_tables_of_a_newer_version_want_a_newer_duebell(duebell: Cli) -> None:
    """An upgrade cannot help, so nothing advises it, and it says so itself."""
    assert duebell("db", "upgrade").exit_code == 0
    with closing(sqlite3.connect(duebell.home / "var" / "duebell.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "run a newer Duebell" in duebell.mistake("db", "upgrade")
    for command in (("db", "status"), ("doctor",)):
        result = duebell(*command)
        assert (result.exit_code, "run a newer Duebell" in result.stdout, "db upgrade" in result.stdout) == (1, True, False)


def test_a_restore_is_declared(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """What may have gone since the backup becomes unknown."""
    duebell("publish", duebell.file(disbursed))
    duebell("pause", "all", "--why", "restore")
    duebell.work()
    result = duebell("db", "recovered", "--as-of", "2026-06-17T00:00+08:00")
    assert result.stdout == "1 notice may have gone since and will be settled as unknown\n"
    assert "newer than now" in duebell.mistake("db", "recovered", "--as-of", "2026-06-18T00:00+08:00")


def test_doctor_finds_nothing_wrong_in_an_empty_folder_and_makes_nothing(duebell: Cli) -> None:
    """Looking makes no database and no keys."""
    result = duebell("doctor")
    assert result.exit_code == 0, result.stdout
    assert "nothing is wrong" in result.stdout
    assert list(duebell.home.iterdir()) == []


def test_doctor_says_what_is_set_and_from_where_without_secrets(duebell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment wins over duebell.toml over defaults; passwords, tokens and queries are left out."""
    (duebell.home / "duebell.toml").write_text('hotline = "4001"\nbatch = 7\n')
    monkeypatch.setenv("DUEBELL_BATCH", "9")
    monkeypatch.setenv("DUEBELL_API_TOKENS", "hush")
    monkeypatch.setenv("DUEBELL_BROKER_URL", "amqp://guest:hush@127.0.0.1:1/")
    monkeypatch.setenv("DUEBELL_SENDERS", "webhook+http://x.example/send?token=hush console://")
    result = duebell("doctor", "--json")
    assert result.exit_code == 1
    assert "hush" not in result.stdout
    assert '"name": "DUEBELL_BATCH", "value": "9", "from": "environment"' in result.stdout
    assert '"name": "DUEBELL_HOTLINE", "value": "4001", "from": "duebell.toml"' in result.stdout
    assert '"name": "DUEBELL_HTTP", "value": "127.0.0.1:8080", "from": "default"' in result.stdout
    assert "amqp://…@127.0.0.1:1/" in result.stdout


@pytest.mark.parametrize("password", ["hush", "hu/hush", "hu@hush", "hu/hu@hush", "hu?hush", "hu#hush", "hu hush", "://hush"])
@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DUEBELL_DATABASE_URL", "postgresql://user:{}@127.0.0.1:1/db"),
        ("DUEBELL_BROKER_URL", "amqp://guest:{}@127.0.0.1:1/"),
        ("DUEBELL_SENDERS", "console:// webhook+https://u:{}@h.example/ webhook+http://i.example/"),
    ],
)
def test_doctor_shows_no_password_also_where_it_is_not_escaped(
    duebell: Cli, monkeypatch: pytest.MonkeyPatch, name: str, url: str, password: str
) -> None:
    """A sign in it that breaks the URL is why somebody looks."""
    monkeypatch.setenv(name, url.format(password))
    told = duebell("doctor").stdout
    assert "hu" not in told.replace("auto", "").replace("human", "")
    assert "…@" in told


@pytest.mark.parametrize("command", [("queues",), ("topology", "show"), ("doctor",)])
@pytest.mark.parametrize("password", ["hu@sh/w", "hu/sh", "hu?sh", "hu#sh"])
def test_no_command_takes_part_of_a_password_for_the_brokers_host(
    duebell: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], password: str
) -> None:
    """A URL that an unescaped sign breaks is told as such."""
    monkeypatch.setenv("DUEBELL_BROKER_URL", f"amqp://guest:{password}@127.0.0.1:1/")
    result = duebell(*command)
    assert result.exit_code == 1
    assert "write @ / ? # in a name or password as %40" in result.output
    assert "sh:" not in result.output


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DUEBELL_BROKER_URL", "amqp://127.0.0.1:1/", "the broker at 127.0.0.1:1"),
        ("DUEBELL_DATABASE_URL", "postgresql://127.0.0.1:1/x", "database cannot be used"),
        ("DUEBELL_SENDERS", "pigeon://", "unknown scheme"),
        ("DUEBELL_HTTP", "0.0.0.0:8080", "DUEBELL_API_TOKENS"),
        ("DUEBELL_HTTP", "nowhere", "DUEBELL_HTTP"),
        ("DUEBELL_TEMPLATES", "/nonexistent", "holds no notices"),
        ("DUEBELL_LADDERS", "/nonexistent", "no ladders"),
        ("DUEBELL_RULES", "/nonexistent", "other.yaml is missing"),
        ("DUEBELL_ACTOR", "bank", "DUEBELL_ACTOR"),
        ("DUEBELL_CLOCK_START", "1999-01-01T00:00:00Z", "set the machine's clock"),
        ("DUEBELL_KEYS", "k1:short", "DUEBELL_KEYS"),
        ("DUEBELL_BATCH", "0", "DUEBELL_BATCH"),
    ],
)
def test_doctor_says_what_is_wrong(duebell: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    """Each thing that is wrong is one finding, and the exit code is 1."""
    monkeypatch.setenv(name, value)
    result = duebell("doctor")
    assert result.exit_code == 1
    assert any("WRONG" in line and told in line for line in result.stdout.splitlines()), result.stdout


def test_doctor_names_what_is_no_setting(duebell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable or key sets nothing; its value is not shown, it may be a secret."""
    monkeypatch.setenv("DUEBELL_DATABSE_URL", "hush")
    (duebell.home / "duebell.toml").write_text('database_ulr = "hush"\n')
    result = duebell("doctor")
    assert result.exit_code == 1
    assert "there is no setting DUEBELL_DATABSE_URL, database_ulr in duebell.toml" in result.stdout
    assert "hush" not in result.stdout


def test_doctor_tells_lost_keys(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """With data and keys all is well; without the keys it says so and makes no new ones."""
    duebell("publish", duebell.file(disbursed))
    assert "those the data was written with" in duebell("doctor").stdout
    (duebell.home / "var" / "keys").unlink()
    result = duebell("doctor")
    assert result.exit_code == 1
    assert "holds encrypted data" in result.stdout
    assert not (duebell.home / "var" / "keys").exists()
