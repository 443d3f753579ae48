"""`duebell dead`: what could not be understood, and its repair."""

import asyncio
from collections.abc import Iterable
from typing import Any

from consumers._decode import decode
from duebell.clock import door_clock
from duebell.opening import open_engine
from service.settings import load_settings
from tests.acceptance.commandline import Cli


def bury(*bodies: bytes) -> None:
    """Absorbs bodies as the broker's consumer would."""
    asyncio.run(_bury(bodies))


async def _bury(bodies: Iterable[bytes]) -> None:
    settings = load_settings()
    engine = await open_engine(settings, clock=door_clock(settings))
    await engine.intake.absorb([decode(body) for body in bodies], origin="duebell.events")
    await engine.close()


def test_a_dead_letter_is_listed_with_its_field_and_reason(duebell: Cli) -> None:
    """The list says where, what to write instead, how often and where from; not the body."""
    bury(b'{"name": "secret"', b"{")
    first, second = duebell.json("dead", "list")
    assert (first["id"], first["field"], first["state"], first["origin"]) == (1, "body", "open", "duebell.events")
    assert first["reason"].startswith("write one JSON object")
    assert second["id"] == 2
    assert "secret" not in duebell("dead", "list").stdout


def test_a_body_is_shown_only_when_asked_for(duebell: Cli) -> None:
    """Bodies hold people's data, so that showing one is a decision."""
    bury(b'{"name": "secret"')
    assert "secret" not in duebell("dead", "show", "1").stdout
    assert duebell.json("dead", "show", "1", "--body")[0]["body"] == '{"name": "secret"'
    assert "no dead letter 7" in duebell.mistake("dead", "show", "7")


def test_a_replay_tells_what_became_of_each_letter(duebell: Cli) -> None:
    """What still cannot be understood stays open, and the exit code says so."""
    bury(b"{")
    result = duebell("dead", "replay", "1", "9")
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first.startswith("1: still cannot be understood: write one JSON object")
    assert second == "9: not replayed: there is no such dead letter"


def test_a_replay_absorbs_what_can_be_understood_now(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """A body that this version understands is absorbed as if it had just come."""
    import json  # noqa: PLC0415 - only here

    from service.events import Dead  # noqa: PLC0415

    body = json.dumps(disbursed).encode()
    asyncio.run(_bury_as_dead(Dead("data", "was not understood", None, None, None, body, len(body), b"x" * 32)))
    assert duebell("dead", "replay", "--all").stdout == "1: absorbed\n"
    assert duebell("dead", "list").stdout == "no open dead letters\n"
    assert duebell.json("dead", "list", "--state", "replayed")[0]["id"] == 1
    assert duebell.json("timeline", "L-1")


async def _bury_as_dead(dead: Any) -> None:
    settings = load_settings()
    engine = await open_engine(settings, clock=door_clock(settings))
    await engine.intake.absorb([dead], origin="test")
    await engine.close()


def test_discarded_letters_are_put_aside(duebell: Cli) -> None:
    """Discarding names what it could not end."""
    bury(b"{", b"[")
    assert duebell("dead", "discard", "--all", "--why", "test traffic").stdout == "discarded 2\n"
    assert "not open, or not there: 1" in duebell("dead", "discard", "1", "--why", "again").stderr
    assert duebell("dead", "replay", "--all").stderr == "no open dead letters\n"
