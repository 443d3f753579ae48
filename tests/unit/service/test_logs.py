"""Logs: one form for everybody's lines, and no people in them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from service.ledger import LedgerAway
from service.logs import masked, set_up, told


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Puts logging back as it was."""
    handlers, level = logging.root.handlers[:], logging.root.level
    quiet = {name: logging.getLogger(name).level for name in ("uvicorn", "asyncio", "aiormq", "httpx")}
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    for name, was in quiet.items():
        logging.getLogger(name).setLevel(was)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    """What was logged as JSON."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_our_lines_and_a_librarys_have_one_form() -> None:
    """Structlog and the standard library both give one JSON object a line: event, level, logger, timestamp, fields."""
    out = io.StringIO()
    set_up("info", "json", out)
    structlog.get_logger("service.delivery").info("handed over", n=3, lane="bulk")
    logging.getLogger("apscheduler").warning("job %s was late", "plan")
    ours, theirs = lines(out)
    assert {
        "event": "handed over",
        "level": "info",
        "logger": "service.delivery",
        "n": 3,
        "lane": "bulk",
    }.items() <= ours.items()
    assert {"event": "job plan was late", "level": "warning", "logger": "apscheduler"}.items() <= theirs.items()
    assert ours["timestamp"].endswith("Z")


def test_the_level_holds_and_libraries_stay_quiet_below_warning() -> None:
    """At debug our own lines come; a library's debug lines, which hold frames and arguments, never do."""
    out = io.StringIO()
    set_up("debug", "json", out)
    structlog.get_logger("service.x").debug("ours")
    logging.getLogger("aiormq.connection").debug("a frame with a body")
    logging.getLogger("aiosqlite").info("a query with arguments")
    set_up("warning", "json", out)
    structlog.get_logger("service.x").info("not now")
    assert [line["event"] for line in lines(out)] == ["ours"]


def test_on_a_terminal_people_get_columns() -> None:
    """`auto` is for people on a terminal and JSON elsewhere."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    set_up("info", "auto", out)
    structlog.get_logger("x").info("ready", port=8080)
    assert "ready" in out.getvalue()
    assert not out.getvalue().startswith("{")
    piped = io.StringIO()
    set_up("info", "auto", piped)
    structlog.get_logger("x").info("ready")
    assert lines(piped)[0]["event"] == "ready"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("+8613800138000", "****8000"),
        ("call 13800138000 now", "call 138****8000 now"),
        ("8613800138000", "861****8000"),
        ("+86 138-0013-8000", "****8000"),
        ("+1 (212) 555-0100", "****0100"),
        (13800138000, "138****8000"),
        ({"to": ["+447700900123"]}, {"to": ["****0123"]}),
        (("13800138000",), ["138****8000"]),
        (b"13800138000", "11 bytes"),
        ("amqp://duebell:secret@host/", "amqp://duebell:****@host/"),
        ("amqp://duebell:sec/r@et@host/", "amqp://duebell:****@host/"),
    ],
)
def test_what_looks_like_a_number_is_masked(said: object, shown: object) -> None:
    """In texts, integers, collections and mappings; bodies are only counted, passwords in URLs are hidden."""
    assert masked(said) == shown


@pytest.mark.parametrize(
    "value",
    [
        "2026-07-03T09:00:00+08:00",
        "stage:L1:instalment:1:2026-07-03:due_today:borrower",
        42,
        1.5,
        None,
        True,
        "L-2026070300012",
    ],
)
def test_what_ops_need_stays_readable(value: object) -> None:
    """Instants, keys, counts and loan ids are no phone numbers."""
    assert masked(value) == value


@given(st.text(), st.from_regex(r"\A\+[1-9][0-9]{9,14}\Z"), st.text())
def test_no_number_survives_in_any_surroundings(before: str, number: str, after: str) -> None:
    """Wherever an E.164 number stands in a text, it does not stand there afterwards."""
    assert number not in masked(f"{before}{number}{after}")


class Person(BaseModel):
    """Something whose errors quote their input."""

    age: int


def test_an_exception_tells_its_type_and_place_but_not_its_librarys_words() -> None:
    """Pydantic quotes what it was given; the log names the error and the frames and no more."""
    out = io.StringIO()
    set_up("info", "json", out)
    try:
        Person.model_validate({"age": "王小雨"})
    except ValidationError:
        structlog.get_logger("x").exception("refused")
        logging.getLogger("uvicorn.error").exception("refused too")
    for line in lines(out):
        assert line["error"] == "ValidationError"
        assert "test_logs.py" in line["frames"][0]
    assert len(lines(out)) == 2
    assert "王小雨" not in out.getvalue()


def test_our_own_errors_and_the_systems_keep_their_words() -> None:
    """Their texts are written to be read; what caused them is named."""
    error = LedgerAway("08006")
    error.__cause__ = ValueError("a secret")
    assert told(error) == "LedgerAway: 08006 < ValueError"
    assert told(ConnectionRefusedError(111, "Connection refused")) == "ConnectionRefusedError: [Errno 111] Connection refused"
