"""What every shipped sender keeps to."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.senders import open_senders
from service.senders._port import Accepted, Message, NotSent, Reply, ReplyError, Sender, Unknown
from service.senders._wire import as_json
from service.senders.console import ConsoleSender, masked
from service.senders.memory import MemorySender

OK = b'HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\n\r\n{"id":"p1"}'
KINDS = ["console", "file", "webhook", "memory"]


@pytest.fixture(params=KINDS)
async def sender(
    request: pytest.FixtureRequest, tmp_path: Path, gateway: Callable[..., Awaitable[Any]]
) -> AsyncIterator[Sender]:
    """Each sender in turn, opened by URL."""
    server = await gateway(OK)
    urls = {
        "console": "console://",
        "file": f"file://{tmp_path}/texts.jsonl",
        "webhook": f"webhook+http://127.0.0.1:{server.port}/sms?timeout=5",
        "memory": "memory://",
    }
    (opened,) = open_senders(urls[request.param])
    yield opened
    await opened.close()


async def test_one_outcome_per_message_in_order(sender: Sender, a_message: Callable[..., Message]) -> None:
    """A batch gets as many outcomes as it has messages, and a working sender accepts them all."""
    outcomes = await sender.send([a_message(f"k{n}") for n in range(30)])
    assert len(outcomes) == 30
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_an_empty_batch_has_no_outcomes(sender: Sender) -> None:
    """Nothing handed over, nothing answered."""
    assert await sender.send([]) == []
    assert await sender.query([]) == []


async def test_any_text_can_be_handed_over(sender: Sender, a_message: Callable[..., Message]) -> None:
    """Emoji, line ends, quotes, controls, lone surrogates and a missing loan never make a sender raise."""
    texts = ["", "\n", '"\\', "😀", "\x00\x1b[2J", "\u2028", "\ud800", "x" * 5000]
    outcomes = await sender.send([a_message(f"k{n}", body=body, loan_id=None) for n, body in enumerate(texts)])
    assert [type(outcome) for outcome in outcomes] == [Accepted] * len(texts)


async def test_keys_of_any_alphabet_are_accepted(sender: Sender, a_message: Callable[..., Message]) -> None:
    """A key in Chinese, or with a space or a line end in it, is handed over like any other."""
    outcomes = await sender.send([a_message("stage:借款 1:x"), a_message("a\r\nX-Evil: 1")])
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]


async def test_a_query_tells_the_truth_or_says_that_it_cannot(sender: Sender, a_message: Callable[..., Message]) -> None:
    """A sender that answers queries knows what it accepted and what never came; another says cannot_tell to both."""
    await sender.send([a_message("came"), a_message("came too")])
    answers = await sender.query(["never", "came", "came too"])
    assert answers in (["never_arrived", "accepted", "accepted"], ["cannot_tell"] * 3)


async def test_it_names_itself(sender: Sender) -> None:
    """A name starts with its scheme and holds no query; the window is at least one."""
    assert sender.name.split("://")[0] in type(sender).schemes
    assert "?" not in sender.name
    assert sender.window >= 1


async def test_closing_twice_is_harmless(sender: Sender) -> None:
    """A door may close its senders in an error path and again at its end."""
    await sender.close()
    await sender.close()


async def test_console_prints_for_a_person(a_message: Callable[..., Message], capsys: pytest.CaptureFixture[str]) -> None:
    """UTC time, masked number, lane and template on one line, then the body on its own lines."""
    await ConsoleSender().send([a_message()])
    assert capsys.readouterr().out == (
        "2026-06-17 02:00:00 UTC  +86138****8000  bulk/repayment_due_soon\n"
        "【示例】您的借款将于6月20日还款。\nReply T to stop.\n\n"
    )


async def test_console_shows_controls_instead_of_obeying_them(
    a_message: Callable[..., Message], capsys: pytest.CaptureFixture[str]
) -> None:
    """A name with an escape sequence in it cannot steer the operator's terminal."""
    await ConsoleSender().send([a_message(body="a\x1b[2Jb\x9bc\td\re")])
    assert "a\ufffd[2Jb\ufffdc\ufffdd\ufffde\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+8613800138000", "+86138****8000"), ("+12025550123", "+120****0123"), ("10086", "****86"), ("", "****")],
)
def test_numbers_are_masked(number: str, shown: str) -> None:
    """Four digits in the middle are hidden; a short number keeps its last two."""
    assert masked(number) == shown


async def test_console_that_is_gone_is_not_accepted(a_message: Callable[..., Message], monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken pipe may have taken a part: unknown; a closed output took nothing: not sent."""

    class Broken:
        encoding = "ascii"

        def __init__(self, error: Exception) -> None:
            self.error = error

        def write(self, _text: str) -> None:
            raise self.error

    monkeypatch.setattr("sys.stdout", Broken(BrokenPipeError()))
    assert await ConsoleSender().send([a_message()]) == [Unknown("stdout_broken")]
    monkeypatch.setattr("sys.stdout", Broken(ValueError("I/O operation on closed file")))
    assert await ConsoleSender().send([a_message()]) == [NotSent("stdout_closed")]


async def test_memory_follows_its_script(a_message: Callable[..., Message]) -> None:
    """Scripted outcomes come first; `arrived` keeps the message although its answer is lost."""
    (memory,) = open_senders("memory://")
    memory.script(NotSent("down"))
    memory.script(Unknown("lost"), arrived=True)
    outcomes = await memory.send([a_message("a"), a_message("b"), a_message("c")])
    assert outcomes == [NotSent("down"), Unknown("lost"), Accepted("memory-3")]
    assert [message.key for message in memory.messages] == ["b", "c"]
    assert [message.key for message in memory.attempts] == ["a", "b", "c"]
    assert await memory.query(["a", "b", "c"]) == ["never_arrived", "accepted", "accepted"]
    memory.tells = False
    assert await memory.query(["b"]) == ["cannot_tell"]


async def test_idempotent_memory_keeps_a_key_once(a_message: Callable[..., Message]) -> None:
    """One that honours keys accepts a repeat and keeps one text; one that does not keeps both."""
    for idempotent, kept in ((True, 1), (False, 2)):
        memory = MemorySender(idempotent=idempotent)
        assert [type(o) for o in await memory.send([a_message(), a_message()])] == [Accepted, Accepted]
        assert len(memory.messages) == kept


def test_the_file_and_the_webhook_write_the_same_object(a_message: Callable[..., Message]) -> None:
    """Exactly the eight keys of the contract, the instant in UTC."""
    written = json.loads(as_json(a_message()))
    assert list(written) == ["key", "loan_id", "template", "channel", "lane", "to", "body", "at"]
    assert written["at"] == "2026-06-17T02:00:00+00:00"


async def test_a_file_is_for_its_owner_only(tmp_path: Path, a_message: Callable[..., Message]) -> None:
    """The texts are private: mode 0600."""
    (sender,) = open_senders(f"file://{tmp_path}/t.jsonl")
    await sender.send([a_message()])
    assert (tmp_path / "t.jsonl").stat().st_mode & 0o777 == 0o600


REPLY = {"id": "mo-1", "from": "+86 138 0013 8000", "text": "ＴＤ", "at": "2026-06-20T10:00:00+08:00", "to": "10690001"}


async def test_replies_are_read(sender: Sender) -> None:
    """One object or an array, in order; numbers in one spelling, instants aware, texts as they were written."""
    one = sender.parse_replies(json.dumps(REPLY).encode())
    assert one == [Reply("mo-1", "+8613800138000", "ＴＤ", datetime(2026, 6, 20, 2, tzinfo=UTC), "10690001")]
    two = sender.parse_replies(json.dumps([REPLY, REPLY | {"id": "mo-2", "to": None}]).encode())
    assert [(reply.id, reply.to) for reply in two] == [("mo-1", "10690001"), ("mo-2", None)]
    assert sender.parse_replies(b"[]") == []


async def test_a_reply_that_cannot_be_read_repeats_nothing(sender: Sender) -> None:
    """The error names the field and what to write, and neither number nor text."""
    with pytest.raises(ReplyError) as error:
        sender.parse_replies(json.dumps([REPLY, REPLY | {"from": "13800138000x"}]).encode())
    assert (error.value.name, "138" in str(error.value)) == ("1.from", False)


def test_a_sender_without_replies_refuses_them() -> None:
    """A plug-in that does not read replies says so."""

    class Silent(MemorySender):
        parse_replies = Sender.parse_replies

    with pytest.raises(ReplyError, match="takes no replies"):
        Silent().parse_replies(b"{}")
