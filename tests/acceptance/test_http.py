"""The HTTP door: what upstream developers and monitoring can rely on."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import structlog
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from console.app import create_app
from console.serving import serve
from consumers import _embedded
from consumers._decode import MODELS, decode
from consumers._envelope import example
from duebell.opening import open_engine
from private_servers import PrivatePostgres
from schedules.sweeps import Gauges
from service.catalogue import TEMPLATES, Catalogue
from service.health import Health
from service.intake import Intake
from service.ledger import Ledger, LedgerAway, outbox
from service.ledger.statement import Statement
from service.logs import set_up
from service.mailbox import Mailbox
from service.metrics import Metrics
from service.notices import Lane
from service.opting import Opting
from service.rulebook import Rulebook
from service.senders import open_senders
from service.settings import SettingError, Settings
from service.vault import Vault, generated_keys, parse_keys

TOKEN = "a-token-of-a-lender"
HERE = "http://127.0.0.1:8080"
_LETTERS = Statement("SELECT field, reason, origin, size FROM dead_letters ORDER BY id")
_INBOX = Statement("SELECT state FROM inbox")


def event(number: int = 0, type_: str = "loan.application.submitted", **said: Any) -> dict[str, Any]:
    """A valid event of a loan of its own."""
    whole = example(MODELS[type_])
    data = whole["data"] | {"loan_id": f"L-{number}"}
    return whole | {"id": f"e-{number}", "subject": f"L-{number}", "data": data} | said


def broken(number: int) -> dict[str, Any]:
    """An event whose amount is negative."""
    whole = event(number)
    whole["data"] = whole["data"] | {"amount": "-666.00"}
    return whole


def body(*events: dict[str, Any]) -> bytes:
    """One event, or an array of several."""
    return json.dumps(events[0] if len(events) == 1 else events).encode()


CATALOGUE = Catalogue.load(TEMPLATES)
SENDERS = open_senders("webhook+https://sms.example.com/v1/messages memory://one memory://two")


@dataclass(frozen=True, slots=True)
class Parts:
    """As much of an engine as takes events in; the whole one takes a second to build."""

    settings: Settings
    ledger: Ledger
    vault: Vault
    intake: Intake
    mailbox: Mailbox
    metrics: Metrics


@pytest.fixture
async def engine() -> AsyncIterator[Parts]:
    """The parts over an empty database in memory."""
    ledger, vault, metrics = Ledger("sqlite://"), parse_keys(generated_keys()), Metrics()
    await ledger.create_tables()
    yield Parts(
        Settings(), ledger, vault, Intake(ledger, vault, CATALOGUE, lambda: datetime.now(UTC), metrics),
        Mailbox(
            ledger, vault, Opting(vault, CATALOGUE, Rulebook.load()), SENDERS, lambda: datetime.now(UTC), metrics,
        ),
        metrics,
    )  # fmt: skip
    await ledger.close()


def app_of(engine: Any, tokens: str | None = TOKEN, **more: Any) -> FastAPI:
    """The app over an engine or its parts, with tokens or without."""
    settings = engine.settings.model_copy(update={"api_tokens": tokens and SecretStr(tokens)})
    return create_app(replace(engine, settings=settings), decode=decode, **({"health": Health()} | more))


def client_of(app: FastAPI, token: str | None = TOKEN, peer: str = "127.0.0.1", base: str = HERE) -> httpx.AsyncClient:
    """A client of the app, without a network between."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app, client=(peer, 4711))
    return httpx.AsyncClient(transport=transport, base_url=base, headers=headers)


@pytest.fixture
async def http(engine: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token."""
    async with client_of(app_of(engine)) as client:
        yield client


async def post(client: httpx.AsyncClient, content: bytes, media: str = "application/cloudevents+json") -> httpx.Response:
    """Posts a body of a content type."""
    return await client.post("/v1/events", content=content, headers={"Content-Type": media})


async def rows(engine: Parts, statement: Statement) -> Any:
    """What a statement gives."""
    async with engine.ledger.transaction() as tx:
        return await tx.rows(statement)


# ------------------------------------------------------------ events


async def test_one_event_is_on_disk_before_the_answer(engine: Parts, http: httpx.AsyncClient) -> None:
    """202 the first time, 200 as a duplicate; it waits in the inbox until the consume role takes it."""
    for status, word in ((202, "accepted"), (200, "duplicate")):
        answer = await post(http, body(event()))
        assert answer.status_code == status
        assert answer.json() == {"id": "e-0", "source": "urn:example:lender", "status": word}
    assert [row.state for row in await rows(engine, _INBOX)] == ["received"]


async def test_a_refused_event_says_which_field_and_why(engine: Parts, http: httpx.AsyncClient) -> None:
    """422, without repeating the value; it is among the dead letters."""
    answer = await post(http, body(broken(1)), "application/json")
    assert answer.status_code == 422
    assert answer.json().items() >= {"id": "e-1", "status": "refused", "field": "data.amount"}.items()
    assert "666" not in answer.text
    (letter,) = await rows(engine, _LETTERS)
    assert (letter.field, letter.origin) == ("data.amount", "http")
    assert answer.json()["reason"] == letter.reason


async def test_what_is_no_event_at_all_is_refused(http: httpx.AsyncClient) -> None:
    """Its answer has no id to give."""
    answer = await post(http, b"<html>")
    assert answer.status_code == 422
    assert answer.json().items() >= {"id": None, "source": None, "status": "refused", "field": "body"}.items()


async def test_an_unknown_type_is_accepted(http: httpx.AsyncClient) -> None:
    """Upstream may be newer than this version."""
    assert (await post(http, body(event(type="loan.novelty.seen")))).status_code == 202


@pytest.mark.parametrize("media", ["application/json", "application/cloudevents-batch+json", "application/x-ndjson"])
async def test_a_batch_gets_one_answer_per_event_in_order(engine: Parts, http: httpx.AsyncClient, media: str) -> None:
    """207 where some are refused; they do not spoil the others. 200 where none is."""
    events = [event(1), broken(2), event(1), event(3)]
    content = b"\n".join(map(body, events)) if media.endswith("ndjson") else body(*events)
    answer = await post(http, content, media)
    assert answer.status_code == 207
    said = answer.json()
    assert [(a["id"], a["status"]) for a in said["events"]] == [
        ("e-1", "accepted"), ("e-2", "refused"), ("e-1", "duplicate"), ("e-3", "accepted"),
    ]  # fmt: skip
    assert (said["accepted"], said["duplicate"], said["refused"]) == (2, 1, 1)
    assert said["events"][1]["field"] == "data.amount"
    assert len(await rows(engine, _INBOX)) == 2
    again = await post(http, b"[" + body(event(1)) + b"]", "application/json")
    assert (again.status_code, again.json()["duplicate"]) == (200, 1)


async def test_a_batch_of_more_than_one_transaction(engine: Parts, http: httpx.AsyncClient) -> None:
    """It is taken in parts and answered as one."""
    said = (await post(http, body(*map(event, range(1201))), "application/json")).json()
    assert (said["accepted"], len(said["events"])) == (1201, 1201)
    assert len(await rows(engine, _INBOX)) == 1201


async def test_a_batch_that_cannot_be_taken_apart_is_not_taken_at_all(engine: Parts, http: httpx.AsyncClient) -> None:
    """An array that breaks off: 400, and nothing of it is kept."""
    answer = await post(http, body(event(1), event(2))[:-1], "application/json")
    assert answer.status_code == 400
    assert "breaks off" in answer.json()["reason"]
    assert await rows(engine, _INBOX) == []


async def test_an_event_over_256_kib_is_refused(engine: Parts, http: httpx.AsyncClient) -> None:
    """413 alone, refused among others; a dead letter keeps its size."""
    long = body(event(1, padding="x" * 270_000))
    answer = await post(http, long)
    assert answer.status_code == 413
    assert (answer.json()["status"], answer.json()["field"]) == ("refused", "body")
    batch = await post(http, b"[" + long + b"," + body(event(2)) + b"]", "application/json")
    assert [a["status"] for a in batch.json()["events"]] == ["refused", "accepted"]
    assert {letter.size for letter in await rows(engine, _LETTERS)} == {len(long)}


async def test_a_body_over_16_mib_is_not_read_to_its_end(engine: Parts, http: httpx.AsyncClient) -> None:
    """413 as soon as the limit is passed, however much is still to come."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1024 * 1024

    answer = await http.post("/v1/events", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert "16 MiB" in answer.json()["reason"]
    assert sent <= 18
    assert await rows(engine, _LETTERS) == []


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}]
)
async def test_other_content_is_refused(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """415, saying what to send."""
    answer = await http.post("/v1/events", content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert answer.json()["reason"].startswith("send ")


async def test_whoever_absorbs_is_woken_only_for_something_new(engine: Parts) -> None:
    """Not for duplicates and refusals."""
    nudges: list[int] = []
    async with client_of(app_of(engine, nudge=lambda: nudges.append(1))) as client:
        for content in (body(event()), body(event()), body(broken(1))):
            await post(client, content)
    assert nudges == [1]


async def test_a_database_that_is_away_is_told(engine: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After: nobody is told `accepted` for what is not on disk."""

    async def away(*_: object, **__: object) -> None:
        raise LedgerAway("08006")

    app = app_of(engine)
    monkeypatch.setattr(type(engine.intake), "receive", away)
    async with client_of(app) as client:
        answer = await post(client, body(event()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


# ------------------------------------------------------------ replies


def reply(reply_id: str = "mo-1", text: str = "TD", **said: Any) -> dict[str, Any]:
    """What somebody wrote back."""
    return {"id": reply_id, "from": "+8613800138000", "text": text, "at": "2026-06-20T10:00:00+08:00", **said}


async def answered(http: httpx.AsyncClient, said: Any, sender: str = "webhook") -> httpx.Response:
    """The answer to a provider that posts this."""
    return await http.post(f"/v1/replies/{sender}", json=said)


async def test_replies_are_taken_once_and_done_at_once(engine: Parts, http: httpx.AsyncClient) -> None:
    """One or several, 200 when they are on disk; the same id again is a duplicate, whatever it says."""
    answer = await answered(http, reply(to="10690001"))
    assert (answer.status_code, answer.json()) == (
        200, {"accepted": 1, "duplicate": 0, "replies": [{"id": "mo-1", "status": "accepted"}]},
    )  # fmt: skip
    again = await answered(http, [reply(text="START"), reply("mo-2", "在吗")])
    assert [one["status"] for one in again.json()["replies"]] == ["duplicate", "accepted"]
    assert len(await rows(engine, Statement("SELECT 1 AS one FROM suppressions"))) > 0
    assert (await answered(http, [])).json()["replies"] == []


@pytest.mark.parametrize(
    ("sender", "status"),
    [
        ("webhook", 200), ("webhook+https", 200), ("webhook+https://sms.example.com/v1/messages", 200), ("memory%3A%2F%2Ftwo", 200),
        ("memory", 404), ("smpp", 404), ("webhook+http", 404), ("", 404),
    ],
)  # fmt: skip
async def test_a_sender_is_named_whole_or_by_its_scheme(http: httpx.AsyncClient, sender: str, status: int) -> None:
    """The scheme will do where only one sender has it; a sender that is not set is nobody's."""
    assert (await answered(http, reply(), sender)).status_code == status


WRONG: list[tuple[Any, str]] = [
    (7, "body"),
    ([reply(), "TD"], "1"),
    ({**reply(), "id": ""}, "id"),
    ({**reply(), "id": 7}, "id"),
    ({**reply(), "from": "13800138000"}, "from"),
    ({**reply(), "from": None}, "from"),
    ({**reply(), "text": None}, "text"),
    ({**reply(), "text": "x" * 4001}, "text"),
    ([reply(), {**reply(), "at": "2026-06-20T10:00:00"}], "1.at"),
    ({**reply(), "at": "9999-12-31T23:59:59-23:59"}, "at"),
    ({**reply(), "at": "20 June"}, "at"),
    ({**reply(), "to": ["x"]}, "to"),
]


@pytest.mark.parametrize(("said", "field"), WRONG)
async def test_a_reply_that_cannot_be_read_is_refused_whole(
    engine: Parts, http: httpx.AsyncClient, said: Any, field: str
) -> None:
    """422 with the field, without repeating what stood there; nothing was taken."""
    answer = await answered(http, said)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert "138" not in answer.text
    assert await rows(engine, Statement("SELECT 1 AS one FROM replies")) == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_replies_that_are_no_json_are_refused(http: httpx.AsyncClient, content: bytes) -> None:
    """422 as well."""
    assert (await http.post("/v1/replies/webhook", content=content)).status_code == 422


async def test_half_a_character_does_no_harm(http: httpx.AsyncClient) -> None:
    """A gateway that cuts an emoji in two is taken all the same."""
    content = json.dumps(reply(text="x")).replace('"x"', '"\\ud83d"').encode()
    assert (await http.post("/v1/replies/webhook", content=content)).status_code == 200


async def test_whoever_delivers_is_woken_by_a_reply(engine: Parts) -> None:
    """There may be something to answer."""
    nudges: list[int] = []
    async with client_of(app_of(engine, nudge=lambda: nudges.append(1))) as client:
        await answered(client, reply())
    assert nudges == [1]


# ------------------------------------------------------------ who may call


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/events"), ("POST", "/v1/replies/webhook"), ("GET", "/v1/status")])
@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer sha256:" + sha256(TOKEN.encode()).hexdigest()]
)
async def test_without_the_token_nothing_is_said_or_taken(engine: Parts, method: str, path: str, header: str | None) -> None:
    """401, also on this machine, before the body is read."""
    async with client_of(app_of(engine), None) as client:
        answer = await client.request(method, path, content=body(event()), headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await rows(engine, _INBOX) == []


async def test_a_token_may_be_given_by_its_hash(engine: Parts) -> None:
    """And there may be several."""
    app = app_of(engine, f"other sha256:{sha256(TOKEN.encode()).hexdigest()}")
    for token in (TOKEN, "other"):
        async with client_of(app, token, peer="203.0.113.9", base="http://duebell.example") as client:
            assert (await client.get("/v1/status")).status_code == 200


async def test_without_tokens_programs_on_this_machine_may_call(engine: Parts) -> None:
    """By any of its names."""
    app = app_of(engine, None)
    for base, peer in ((HERE, "127.0.0.1"), ("http://localhost:8080", "127.0.0.1"), ("http://[::1]:8080", "::1")):
        async with client_of(app, None, peer, base) as client:
            assert (await client.get("/v1/status")).status_code == 200


@pytest.mark.parametrize(
    ("peer", "base", "headers"),
    [
        ("203.0.113.9", HERE, {}),
        ("127.0.0.1", "http://rebound.example:8080", {}),
        ("127.0.0.1", HERE, {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", HERE, {"Forwarded": "for=127.0.0.1"}),
    ],
)
async def test_without_tokens_nobody_else_may(engine: Parts, peer: str, base: str, headers: dict[str, str]) -> None:
    """Another machine, a page led here under a foreign name, a stranger behind a proxy: 403."""
    async with client_of(app_of(engine, None), None, peer, base) as client:
        assert (await client.get("/v1/status", headers=headers)).status_code == 403


async def test_without_tokens_another_address_is_refused_at_the_start(engine: Parts) -> None:
    """One readable line that says what to set."""
    exposed = replace(engine, settings=Settings(http="0.0.0.0:8080"))
    with pytest.raises(SettingError, match="set DUEBELL_API_TOKENS, or listen on") as error:
        create_app(exposed, decode=decode, health=Health())
    assert "\n" not in str(error.value)


# ------------------------------------------------------------ every answer


async def test_every_answer_tells_browsers_to_trust_nothing(http: httpx.AsyncClient) -> None:
    """Good ones, refusals, and paths that are not there."""
    for path in ("/v1/status", "/healthz", "/metrics", "/nothing"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.parametrize(
    "path", ["/13800138000", "/v1/status?after=13800138000x", "/v1/status?limit=99913800138000", "/v1/status?after=-138"]
)
async def test_errors_repeat_nothing(http: httpx.AsyncClient, path: str) -> None:
    """A parameter that is wrong is named; what was sent is not repeated."""
    answer = await http.get(path)
    assert answer.status_code in {400, 404}
    assert "138" not in answer.text
    assert set(answer.json()) <= {"field", "reason"}


async def test_a_failure_is_a_bare_500(engine: Parts, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO) -> None:
    """The log of the process says what failed and where, the caller hears nothing of it; neither repeats its words."""

    async def fails(*_: object, **__: object) -> None:
        raise RuntimeError("王小雨 +8613800138000")

    app = app_of(engine)
    monkeypatch.setattr(type(engine.intake), "receive", fails)
    async with client_of(app) as client:
        answer = await post(client, body(event()))
    assert answer.status_code == 500
    assert answer.headers["x-frame-options"] == "DENY"
    assert "RuntimeError" not in answer.text
    (line,) = map(json.loads, logged.getvalue().splitlines())
    assert (line["event"], line["error"]) == ("a request failed", "RuntimeError")
    assert "test_http.py" in line["frames"][-1]
    assert "0138" not in logged.getvalue()
    assert "小" not in logged.getvalue()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the process logs, as JSON."""
    handlers, level, out = logging.root.handlers[:], logging.root.level, io.StringIO()
    set_up("info", "json", out)
    yield out
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


# ------------------------------------------------------------ status events


async def test_status_events_come_page_by_page(tmp_path: Path) -> None:
    """Each once, oldest first, by a cursor; an empty page gives the same cursor; what is nobody's business is left out."""
    engine = await open_engine(Settings(database_url="sqlite://", data_dir=tmp_path, senders="memory://"))
    seen: list[dict[str, Any]] = []
    async with client_of(app_of(engine)) as client:
        await post(client, body(*(event(i, time=datetime.now(UTC).isoformat()) for i in range(7))), "application/json")
        await _embedded.step(engine.ledger, engine.vault, engine.intake)
        await engine.delivery.step(Lane.NORMAL)
        cursor, sizes = 0, []
        while page := (await client.get("/v1/status", params={"after": cursor, "limit": 3})).json():
            sizes.append(len(page["events"]))
            if not sizes[-1]:
                break
            seen, cursor = seen + page["events"], page["after"]
    await engine.close()
    assert (sizes, page["after"]) == ([3, 3, 1, 0], cursor)
    assert {e["type"] for e in seen} == {"notice.sent"}
    assert sorted(e["subject"] for e in seen) == [f"L-{i}" for i in range(7)]
    assert len({e["id"] for e in seen}) == 7
    assert {e["data"]["caused_by"] for e in seen} == {f"e-{i}" for i in range(7)}


_ADD = Statement("INSERT INTO outbox (type, data, at) VALUES ('alert.raised', '{}', '2026-01-01T00:00:00Z')")


@pytest.mark.integration
async def test_no_status_event_is_skipped_because_it_was_committed_late(engine: Parts, postgres_url: str) -> None:
    """A writer draws its number first and commits last; the page waits for it instead of passing it by."""
    ledger = Ledger(postgres_url)
    await ledger.create_tables()
    async with client_of(app_of(replace(engine, ledger=ledger))) as client:
        async with ledger.transaction() as slow:
            await slow.run(_ADD)
            async with ledger.transaction() as quick:
                await quick.run(_ADD)
            asking = asyncio.create_task(client.get("/v1/status"))
            await asyncio.sleep(0.1)
            assert not asking.done()
        page = (await asking).json()
        async with ledger.transaction() as stuck:
            await stuck.run(_ADD)
            async with ledger.transaction() as quick:
                await quick.run(_ADD)
            assert (await client.get("/v1/status", params={"after": page["after"]})).json() == {
                "events": [],
                "after": page["after"],
            }
    assert [e["id"] for e in page["events"]] == ["duebell:1", "duebell:2"]
    await ledger.close()


# ------------------------------------------------------------ health and metrics


async def test_metrics_can_be_read(engine: Parts, http: httpx.AsyncClient) -> None:
    """Prometheus' own parser reads them; they say what was taken in and what waits. No token is asked for."""
    await post(http, body(*(event(i, time=datetime.now(UTC).isoformat()) for i in range(3)), broken(9)), "application/json")
    await _embedded.step(engine.ledger, engine.vault, engine.intake)
    await Gauges(engine.ledger, engine.metrics, publishes=True).step(datetime.now(UTC))
    async with client_of(app_of(engine), None, "203.0.113.9") as stranger:
        answer = await stranger.get("/metrics")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["duebell_events_total", "accepted"] == 3
    assert samples["duebell_events_total", "dead"] == 1
    assert samples["duebell_waiting", "normal"] == 3
    assert samples["duebell_dead_letters",] == 1
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_readiness_names_what_is_away(engine: Parts) -> None:
    """503 until everything that was announced is there; the process is alive all the while."""
    health = Health("duebell.events")
    async with client_of(app_of(engine, health=health)) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "away", "away": {"duebell.events": "not up yet"}})
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        health.up("duebell.events")
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready", "away": {}})


async def test_a_database_that_does_not_answer_is_away(engine: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readiness answers all the same, and asks no second time while the first question is open."""
    monkeypatch.setattr("console.vitals._PROBE_SECONDS", 0.05)
    async with client_of(app_of(engine)) as client, engine.ledger.transaction():
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(3)))
        assert [answer.json()["away"] for answer in answers] == [{"database": "no answer within 0.05 s"}] * 3
    async with client_of(app_of(engine)) as client:
        assert (await client.get("/readyz")).status_code == 200


@pytest.mark.integration
async def test_a_database_that_only_reads_is_away(postgres_url: str, tmp_path: Path) -> None:
    """A server that became a standby answers every question and takes no event."""
    engine = await open_engine(Settings(database_url=postgres_url, data_dir=tmp_path, senders="memory://"))
    name = postgres_url.rpartition("/")[2]
    async with client_of(app_of(engine)) as client:
        with psycopg.connect(postgres_url, autocommit=True) as operator:
            operator.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
            operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [name]
            )
            await client.get("/readyz")  # finds its connection cut
            answer = await client.get("/readyz")
            operator.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        assert (answer.status_code, answer.json()["away"]) == (503, {"database": "it can be read, not written"})
    await engine.close()


@pytest.mark.integration
async def test_readiness_tells_when_the_database_goes_and_comes_back(
    postgres: PrivatePostgres, postgres_url: str, tmp_path: Path
) -> None:
    """Events get 503 while it is away and are taken again without a restart of this process."""
    engine = await open_engine(Settings(database_url=postgres_url, data_dir=tmp_path, senders="memory://"))
    async with client_of(app_of(engine)) as client:
        assert (await client.get("/readyz")).status_code == 200
        await asyncio.to_thread(postgres.stop)
        away = await client.get("/readyz")
        refused = await post(client, body(event(1)))
        await asyncio.to_thread(postgres.start)
        assert (away.status_code, list(away.json()["away"])) == (503, ["database"])
        assert refused.status_code == 503
        await until(lambda: client.get("/readyz"))
        assert (await post(client, body(event(1)))).status_code == 202
    await engine.close()


async def until(ask: Callable[[], Any]) -> httpx.Response:
    """The first answer that is 200."""
    while True:
        answer: httpx.Response = await ask()
        if answer.status_code == 200:
            return answer
        await asyncio.sleep(0.05)


# ------------------------------------------------------------ a real server


async def test_a_real_server_serves_and_stops(engine: Parts, unused_port: int) -> None:
    """On a port of this machine; when it is told to stop, the request under way is answered first."""
    stop, slow = asyncio.Event(), asyncio.Event()
    app = app_of(engine)

    @app.get("/slow")
    async def wait() -> str:
        stop.set()
        await slow.wait()
        return "done"

    serving = asyncio.create_task(serve(app, "127.0.0.1", unused_port, stop))
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{unused_port}", headers={"Authorization": f"Bearer {TOKEN}"}
    ) as client:
        await until(lambda: reached(client))
        answer = await post(client, body(event()))
        assert answer.status_code == 202
        assert "server" not in answer.headers
        asking = asyncio.create_task(client.get("/slow"))
        await stop.wait()
        await asyncio.sleep(0.05)
        slow.set()
        assert (await asking).json() == "done"
    await serving


async def reached(client: httpx.AsyncClient) -> httpx.Response:
    """Whether the server listens already."""
    try:
        return await client.get("/healthz")
    except httpx.ConnectError:
        return httpx.Response(503)


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens on."""
    from _private_server import free_port  # noqa: PLC0415

    return int(free_port())


def test_status_rows_have_what_their_events_need() -> None:
    """The cursor's statement is the publisher's, over the same columns."""
    assert outbox.AFTER.sql.split("WHERE")[0] == outbox.UNPUBLISHED.sql.split("WHERE")[0]
