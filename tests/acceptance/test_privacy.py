"""Nobody is recognisable: a season of borrowers is run, and everything that leaves the engine except the texts is searched."""

import io
import json
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import structlog

from console.app import create_app
from consumers import _embedded
from consumers._decode import decode
from duebell.engine import Engine, build
from duebell.sample import generate, malformed
from schedules.sweeps import Gauges
from service.health import Health
from service.ledger import Ledger
from service.logs import set_up
from service.notices import Lane
from service.senders._port import Message, Outcome
from service.senders.memory import MemorySender
from service.settings import Settings
from service.vault import generated_keys, parse_keys

_BORROWERS, _SEED, _START, _DAYS = 6, 11, date(2026, 1, 5), 75
_NUMBER: Final = re.compile(r"\+\d{10,14}")


class Clumsy(MemorySender):
    """A sender whose bug quotes what it was given, once."""

    has_failed = False

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """Fails the first time."""
        if not self.has_failed:
            self.has_failed = True
            raise RuntimeError(f"cannot send {messages[0].body} to {messages[0].to}")
        return await super().send(messages)


class Season:
    """An embedded engine in a file, on a clock of its own, and everything it lets out."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 1, 5, tzinfo=UTC)
        self.file = folder / "duebell.db"
        self.sender = Clumsy()
        self.out: list[str] = []
        self.engine: Engine = build(
            Settings(), Ledger(f"sqlite:///{self.file}"), parse_keys(generated_keys()), [self.sender],
            clock=lambda: self.now, monotonic=self.seconds,
        )  # fmt: skip
        app = create_app(self.engine, decode=decode, health=Health())
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8080")

    def seconds(self) -> float:
        """The clock as seconds."""
        return self.now.timestamp()

    async def publish(self, bodies: Sequence[bytes]) -> list[dict[str, Any]]:
        """Posts bodies one by one, as they may be no JSON; absorbs them; gives the answers."""
        answers = []
        for body in bodies:
            answer = await self.client.post(
                "/v1/events", content=body, headers={"Content-Type": "application/cloudevents+json"}
            )
            self.out += [answer.text, str(answer.headers)]
            answers.append(answer.json())
        await _embedded.step(self.engine.ledger, self.engine.vault, self.engine.intake)
        return answers

    async def work(self) -> None:
        """Plans, ends and sends what this moment asks for."""
        await self.engine.planner.step(self.now)
        await self.engine.settling.release(self.now)
        await self.engine.settling.expire(self.now)
        await self.engine.settling.settle(self.now)
        for lane in Lane:
            while await self.engine.delivery.step(lane):
                pass

    async def ask(self, path: str) -> dict[str, Any]:
        """What the door says."""
        answer = await self.client.get(path)
        self.out.append(answer.text)
        return dict(answer.json()) if path != "/metrics" else {}

    def bytes_on_disk(self) -> bytes:
        """The database with its log."""
        return b"".join(path.read_bytes() for path in sorted(self.file.parent.glob("duebell.db*")))


def people(events: list[dict[str, Any]]) -> set[str]:
    """Every name and number the events hold; a number also as it is dialled at home."""
    found = set()
    for event in events:
        party = event["data"].get("borrower") or event["data"].get("party") or {}
        found |= {party[field] for field in ("name", "phone") if party.get(field)}
    return found | {number.removeprefix(code) for number in found for code in ("+86", "+44", "+1") if number.startswith(code)}


def arrival(event: dict[str, Any]) -> datetime:
    """When an event comes in."""
    return datetime.fromisoformat(event.get("arrivesat", event["time"]))


def spoilt(event: dict[str, Any]) -> Iterator[bytes]:
    """A real person's event, broken where the person stands."""
    party = event["data"]["borrower"]
    for field in ("phone", "locale", "timezone", "party_id", "name"):
        for value in ([party["name"], party["phone"]], f"{party['name']}\x00{party['phone']}", {party["phone"]: party["name"]}):
            data = event["data"] | {"borrower": party | {field: value}}
            yield json.dumps(event | {"id": f"spoilt-{field}-{len(str(value))}", "data": data}, ensure_ascii=False).encode()
    yield json.dumps(event, ensure_ascii=False).encode()[:-40]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, at the most talkative level."""
    handlers, level, out = logging.root.handlers[:], logging.root.level, io.StringIO()
    set_up("debug", "json", out)
    yield out
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


async def test_nobody_is_recognisable(tmp_path: Path, logged: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    """No phone, name or text in a log line, a metric, an answer, a status event, a reason, or the database's file."""
    season = Season(tmp_path)
    await season.engine.ledger.create_tables()
    events = list(generate(_BORROWERS, _SEED, _START, _DAYS))
    secrets = people(events)
    waiting, statuses = list(events), 0
    while waiting or season.now < datetime(2026, 3, 25, tzinfo=UTC):
        season.now += timedelta(hours=12)
        due = [event for event in waiting if arrival(event) <= season.now]
        waiting = waiting[len(due) :]
        await season.publish([json.dumps(event, ensure_ascii=False).encode() for event in due])
        await season.work()
    named = next(event for event in events if event["data"].get("borrower"))
    broken = [*spoilt(named), *malformed(120, _SEED)]
    answers = await season.publish(broken)
    assert {answer["status"] for answer in answers} == {"refused"}
    await Gauges(season.engine.ledger, season.engine.metrics, publishes=True).step(season.now)
    cursor = 0
    while page := (await season.ask(f"/v1/status?after={cursor}&limit=1000"))["events"]:
        statuses, cursor = statuses + len(page), int(page[-1]["id"].removeprefix("duebell:"))
    for path in ("/metrics", "/healthz", "/readyz"):
        await season.ask(path)
    structlog.get_logger("slip").warning("handed over", to=season.sender.messages[0].to)
    on_disk = season.bytes_on_disk()
    await season.client.aclose()
    await season.engine.close()

    texts = {message.body for message in season.sender.attempts}
    assert len(secrets) >= 2 * _BORROWERS
    assert len(texts) > 30
    assert {message.to for message in season.sender.attempts} <= secrets
    assert statuses > len(texts)
    assert season.sender.has_failed
    printed = capfd.readouterr()
    said = "\n".join([*season.out, logged.getvalue(), printed.out, printed.err])
    assert "handed over" in said
    assert not [secret for secret in secrets | texts if secret in said]
    assert not _NUMBER.search(said)
    assert not [secret for secret in secrets | texts if secret.encode() in on_disk or secret.encode("utf-16-le") in on_disk]
    assert named["subject"].encode() in on_disk
