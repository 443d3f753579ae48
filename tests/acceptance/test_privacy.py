"""Nobody is recognisable: a season of borrowers is run, and everything that leaves the engine except the texts is searched."""

import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator, Sequence
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
from duebell.telling import in_words, story
from schedules.sweeps import Gauges
from service.health import Health
from service.ledger import Ledger
from service.ledger.statement import Statement
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


CODE: Final = "K7P2M9QX"
#: What people write back: an opt-out, its end, an answer, and something for people to read.
WRITTEN: Final = ("ＳＴＯＰ。。", "UNSTOP！！", "是的！！", "我住在人民路七号，别再来了")


async def operated_and_answered(season: Season, event: dict[str, Any]) -> None:
    """A code is told and a question is asked; the borrower writes back; the texts that follow go."""
    at, until = season.now.isoformat(), (season.now + timedelta(minutes=5)).isoformat()
    said = {"loan_id": event["subject"], "operation": "更换还款账户", "expires_at": until}
    head = {"type": "loan.operation.confirmation_requested", "time": at}
    for more in ({"operation_id": "OP-1", "mode": "code", "code": CODE}, {"operation_id": "OP-2", "mode": "reply"}):
        body = event | head | {"id": more["operation_id"], "data": said | more}
        answers = await season.publish([json.dumps(body, ensure_ascii=False).encode()])
        assert answers[0]["status"] == "accepted"
    broken = (
        event | head | {"id": "OP-3", "data": said | {"operation_id": "OP-3", "mode": "code", "code": CODE, "expires_at": CODE}}
    )
    assert (await season.publish([json.dumps(broken).encode()]))[0]["field"] == "data.expires_at"
    await season.work()
    for n, text in enumerate(WRITTEN):
        reply = {"id": f"mo-{n}", "from": event["data"]["borrower"]["phone"], "text": text, "at": at}
        for form in (reply, reply, [reply, {"text": text, "from": reply["from"]}]):
            answer = await season.client.post("/v1/replies/memory", json=form)
            season.out += [answer.text, str(answer.headers)]
        await season.work()


async def everything_told(season: Season) -> AsyncIterator[str]:
    """The timeline of every loan, as programs and as people read it."""
    async with season.engine.ledger.transaction() as tx:
        for row in await tx.rows(Statement("SELECT loan_id FROM loans")):
            for line in await story(tx, season.engine.vault, row.loan_id):
                yield json.dumps(line, ensure_ascii=False) + " ".join(in_words(line))


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
    await operated_and_answered(season, named)
    season.out += [line async for line in everything_told(season)]
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

    texts = {message.body for message in season.sender.attempts} | {CODE, *WRITTEN}
    assert [CODE in message.body for message in season.sender.messages].count(True) == 1
    assert {"operation_reply", "opt_out_confirmed", "opt_in_confirmed"} <= {m.template for m in season.sender.messages}
    assert "operation.answered" in "".join(season.out)
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
