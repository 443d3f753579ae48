"""Codes on the command line: told once, shown to nobody."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from duebell.clock import door_clock
from duebell.opening import open_engine
from service.senders._port import Reply
from service.settings import load_settings
from tests.acceptance.commandline import Cli
from tests.acceptance.conftest import BORROWER
from tests.acceptance.test_cli_dead import bury

CODE = "K7P2M9QX"
Event = Callable[..., dict[str, Any]]


def _operation(event: Event, **said: Any) -> dict[str, Any]:
    whole = {
        "operation_id": "OP-1",
        "operation": "更换还款账户",
        "expires_at": "2026-06-17T10:50:00+08:00",
        "mode": "code",
        "code": CODE,
    }
    return event("loan.operation.confirmation_requested", "e-op", borrower=BORROWER, **(whole | said))


def test_a_simulation_shows_a_mark_for_a_code(duebell: Cli, event: Event) -> None:
    """In the table and in JSON; the rest of the text is there."""
    file = duebell.file(_operation(event))
    (line,) = duebell.json("simulate", file, "--until", "2026-06-18")
    assert (line["template"], line["state"], line["lane"]) == ("operation_code", "sent", "critical")
    assert "验证码••••，用于更换还款账户" in line["body"]
    shown = duebell("simulate", file, "--until", "2026-06-18")
    assert shown.exit_code == 0
    assert CODE not in shown.stdout


def test_a_code_goes_and_is_seen_nowhere_else(duebell: Cli, event: Event) -> None:
    """The text holds it; notices, timeline, queues and the explanation of the rules do not."""
    duebell("publish", duebell.file(_operation(event)))
    duebell.work()
    assert CODE in (duebell.home / "sent.jsonl").read_text("utf-8")
    (notice,) = duebell.json("notices")
    for command in (["notices"], ["timeline", "L-1"], ["queues"], ["rules", "explain", notice["key"]]):
        for form in ([], ["--json"]):
            shown = duebell(*command, *form)
            assert shown.exit_code == 0, shown.stderr
            assert CODE not in shown.stdout + shown.stderr


def test_a_dead_letter_shows_a_mark_for_a_code(duebell: Cli, event: Event) -> None:
    """Also where its body breaks off."""
    whole = json.dumps(_operation(event, expires_at="soon")).encode()
    cut = whole[: whole.index(CODE.encode()) + len(CODE)]
    bury(whole, cut)
    letters = duebell.json("dead", "list")
    assert len(letters) == 2
    for letter in letters:
        (shown,) = duebell.json("dead", "show", str(letter["id"]), "--body")
        assert "••••" in shown["body"]
        assert CODE not in shown["body"]


@pytest.mark.parametrize("value", ["482913", '["482913"]', '{"v": ["482913"]}', '"4\\"82913"', "[[1], 482913]", '"\\u0034829"'])
def test_a_dead_letter_shows_a_mark_for_a_code_of_any_type(duebell: Cli, value: str) -> None:
    """A code of the wrong type is why an event became a dead letter; what is no code is shown."""
    whole = f'{{"type": "x", "data": [{{"code": {value}, "name": "王芳"}}]}}'
    bury(whole.encode(), whole[: whole.index(', "name"')].encode())
    for number in ("1", "2"):
        (shown,) = duebell.json("dead", "show", number, "--body")
        assert '"code": "••••"' in shown["body"]
        assert "829" not in shown["body"]
    assert [duebell("dead", "show", n, "--body", "--json").stdout.count("王芳") for n in ("1", "2")] in ([0, 1], [1, 0])


def test_a_dead_letter_that_names_a_code_in_an_odd_spelling_shows_none(duebell: Cli) -> None:
    """A field's name may be escaped, and its value may be any word; what nests too deep to be read is searched like a broken one."""
    deep = "[" * 100_000 + '{"code": 482913}'
    bury(b'{"c\\u006fde": 482913}', b'{"code": 482913, "code": ""}', deep.encode())
    assert not [n for n in ("1", "2", "3") if "482913" in duebell("dead", "show", n, "--body", "--json").stdout]


def test_replies_are_read_when_asked_for(duebell: Cli, event: Event) -> None:
    """Whose and what it was taken for; the text only with --text, the number never."""
    duebell("publish", duebell.file(_operation(event)))
    duebell.work()
    asyncio.run(_answered("我住在人民路", "退订"))
    shown = duebell("replies")
    assert shown.exit_code == 0
    assert "人民路" not in shown.stdout
    assert "138001" not in shown.stdout
    (other,) = duebell.json("replies", "--meaning", "other", "--text")
    assert (other["party_id"], other["sender"], other["text"]) == ("P-1", "memory://", "我住在人民路")
    assert [line["meaning"] for line in duebell.json("replies", "--party", "P-1")] == ["stop", "other"]
    assert duebell.json("replies", "--party", "P-2") == []
    assert "no such replies" in duebell("replies", "--meaning", "yes").stderr


async def _answered(*texts: str) -> None:
    settings = load_settings()
    engine = await open_engine(settings, clock=door_clock(settings))
    for n, text in enumerate(texts):
        await asyncio.sleep(0.001)
        await engine.mailbox.take("memory://", [Reply(f"mo-{n}", BORROWER["phone"], text, engine.clock())])
    await engine.close()
