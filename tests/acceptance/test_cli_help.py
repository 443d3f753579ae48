"""The command line's face: it answers at once, teaches, and tells a mistake in one line."""

import os
import subprocess
import sys

import pytest

from tests.acceptance.commandline import Cli

_HEAVY = (
    "aio_pika",
    "alembic",
    "apscheduler",
    "asyncpg",
    "babel",
    "cryptography",
    "fastapi",
    "httpx",
    "jinja2",
    "kombu",
    "pydantic",
    "sqlalchemy",
)
COMMANDS = (
    "run", "demo", "publish", "simulate", "notices", "notices cancel", "timeline", "replies", "queues", "dead list", "dead show",
    "dead replay", "dead discard", "templates check", "templates preview", "ladders check", "ladders show", "db upgrade",
    "db status", "db recovered", "topology show", "topology apply", "pause", "resume", "suppress", "unsuppress", "doctor",
)  # fmt: skip


def test_help_imports_nothing_heavy() -> None:
    """`duebell --help` loads no library that a command would need, so that it answers at once."""
    program = (
        "import sys; from duebell.__main__ import app\n"
        "import contextlib\n"
        "with contextlib.suppress(SystemExit): app(args=['--help'], prog_name='duebell')\n"
        f"print('loaded:', [name for name in {_HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("loaded: []\n")
    assert "duebell demo" in done.stdout


def test_without_a_command_it_shows_the_help() -> None:
    """`duebell` alone teaches instead of complaining."""
    done = subprocess.run([sys.executable, "-m", "duebell"], capture_output=True, text=True, check=True)
    assert "Stop and repair" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(duebell: Cli, command: str) -> None:
    """Each command of the contract is there and has a help of more than its name."""
    result = duebell(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"Usage: duebell {command}" in result.stdout
    assert len(result.stdout.split()) > 20


def test_completion_is_offered() -> None:
    """A shell can be taught to complete commands."""
    environment = os.environ | {"_DUEBELL_COMPLETE": "source_bash"}
    done = subprocess.run([sys.executable, "-m", "duebell"], capture_output=True, text=True, check=True, env=environment)
    assert "complete" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("publsh",), "No such command"),
        (("publish", "nowhere.jsonl"), "No such file"),
        (("notices", "--state", "foo"), "is not one of 'planned'"),
        (("pause", "lane", "--why", "x"), "which one?"),
        (("pause", "all", "bulk", "--why", "x"), "all takes no name"),
        (("pause", "all", "--why", " "), "--why"),
        (("pause", "all", "--why", "x", "--until", "soon"), "--until"),
        (("pause", "everything", "--why", "x"), "is not one of 'all'"),
        (("dead", "replay"), "--all"),
        (("run", "--roles", "consume,dance"), "no role 'dance'"),
        (("run", "--roles", ","), "at least one"),
        (("templates", "preview", "nothing"), "no template 'nothing'"),
        (("templates", "preview", "--locale", "fr"), "no language 'fr'"),
        (("ladders", "show", "nothing"), "no ladder 'nothing'"),
        (("db", "recovered", "--as-of", "yesterday"), "--as-of"),
        (("simulate", "-", "--until", "someday"), "--until"),
        (("simulate", "-", "--until", "2026-12-31", "--timezone", "Mars/Olympus"), "no zone"),
    ],
)
def test_words_that_make_no_sense_are_told_in_one_line(duebell: Cli, words: tuple[str, ...], told: str) -> None:
    """A usage error is one line on standard error and exit code 2."""
    assert told in duebell.mistake(*words, code=2)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DUEBELL_BATCH", "many", "DUEBELL_BATCH"),
        ("DUEBELL_DATABASE_URL", "mysql://host/db", "mysql is not supported"),
        ("DUEBELL_DATABASE_URL", "postgresql://user:secret@127.0.0.1:1/db", "the database cannot be used now"),
        ("DUEBELL_KEYS", "k1:short", "DUEBELL_KEYS"),
        ("DUEBELL_CLOCK_START", "yesterday", "DUEBELL_CLOCK_START"),
        ("DUEBELL_TEST", "0", "DUEBELL_CLOCK_START is for tests"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(
    duebell: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """A setting that cannot be used is named, with what to write, and no secret."""
    monkeypatch.setenv(name, value)
    line = duebell.mistake("queues")
    assert told in line
    assert "secret" not in line


@pytest.mark.parametrize("command", [("queues",), ("topology", "show"), ("topology", "apply")])
def test_a_broker_that_is_away_is_told_in_one_line(
    duebell: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """An unreachable broker is a line with its address and the setting, without the password."""
    monkeypatch.setenv("DUEBELL_BROKER_URL", "amqp://guest:secret@127.0.0.1:1/")
    result = duebell(*command)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: the broker at 127.0.0.1:1 cannot be used (ConnectionRefusedError); see DUEBELL_BROKER_URL"
    ]


@pytest.mark.parametrize("url", ["http://broker/", "guest@broker"])
def test_a_broker_url_of_another_kind_is_refused(duebell: Cli, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Only AMQP is a broker."""
    monkeypatch.setenv("DUEBELL_BROKER_URL", url)
    assert "not an AMQP URL" in duebell.mistake("topology", "show")


def test_topology_needs_a_broker(duebell: Cli) -> None:
    """Embedded there is nothing to show."""
    assert "DUEBELL_BROKER_URL is not set" in duebell.mistake("topology", "show")
