"""The embedded inbox, on both databases: what was put aside is absorbed once, and nothing blocks it."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers import _embedded
from consumers._decode import MODELS, decode
from consumers._envelope import example
from service.catalogue import TEMPLATES, Catalogue
from service.events import Ignored, id_hash_of
from service.intake import Intake
from service.ledger import Ledger, reading
from service.ledger.statement import BYTES, Statement
from service.metrics import Metrics
from service.vault import Vault, generated_keys, parse_keys

_STATES = Statement("SELECT state, count(*) AS n FROM inbox GROUP BY state")
_LETTERS = Statement("SELECT field, reason, origin, state, payload FROM dead_letters ORDER BY id")
_ALERTS = Statement("SELECT data FROM outbox WHERE type = 'alert.raised'")
_SEAL_OTHERWISE = Statement("UPDATE inbox SET payload = :payload WHERE hash = :hash", payload=BYTES, hash=BYTES)


def event(type_: str, number: int = 0, **said: Any) -> bytes:
    """A valid event of a type, of a loan of its own."""
    whole = example(MODELS[type_])
    loan_id = f"L-{number}"
    data = whole["data"] | {"loan_id": loan_id}
    return json.dumps(whole | {"id": f"{type_}-{number}", "subject": loan_id, "data": data} | said, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Parts:
    """As much of an engine as absorbs events; two over one database are two processes."""

    ledger: Ledger
    vault: Vault
    intake: Intake


CATALOGUE = Catalogue.load(TEMPLATES)
VAULT = parse_keys(generated_keys())


def parts(url: str) -> Parts:
    """The parts over a database."""
    ledger = Ledger(url)
    return Parts(ledger, VAULT, Intake(ledger, VAULT, CATALOGUE, lambda: datetime.now(UTC), Metrics()))


@pytest.fixture
async def engine(any_database_url: str) -> AsyncIterator[Parts]:
    """The parts over an empty database."""
    opened = parts(any_database_url)
    yield opened
    await opened.ledger.close()


async def rows(engine: Parts, statement: Statement, **values: Any) -> Any:
    """What a statement gives."""
    async with engine.ledger.transaction() as tx:
        return await tx.rows(statement, **values)


async def states(engine: Parts) -> dict[str, int]:
    """How many events are in each state."""
    return {row.state: row.n for row in await rows(engine, _STATES)}


async def notices(engine: Parts) -> Counter[str]:
    """How often each template was planned."""
    found = await rows(engine, reading.NOTICES, loan=None, state=None, key=None, n=10_000)
    return Counter(row.template for row in found)


async def put_aside(engine: Parts, *bodies: bytes) -> list[str]:
    """Puts bodies aside, as HTTP and publish do."""
    return list(await engine.intake.receive([decode(body) for body in bodies], origin="http"))


async def absorb(engine: Parts, n: int = 500) -> int:
    """One step of the consume role."""
    return await _embedded.step(engine.ledger, engine.vault, engine.intake, n)


async def test_what_is_put_aside_is_absorbed(engine: Parts) -> None:
    """It waits until a step takes it, in steps of the size asked for; then its notices are there."""
    bodies = [event("loan.application.submitted", i) for i in range(5)]
    assert await put_aside(engine, *bodies) == ["accepted"] * 5
    assert await states(engine) == {"received": 5}
    assert [await absorb(engine, n=3) for _ in range(3)] == [3, 2, 0]
    assert await states(engine) == {"absorbed": 5}
    assert await notices(engine) == {"application_received": 5}


async def test_the_same_event_is_put_aside_once(engine: Parts) -> None:
    """In one batch, while it waits, and after it was absorbed; another payload under its name is told to ops."""
    body = event("loan.application.submitted")
    assert await put_aside(engine, body, body) == ["accepted", "duplicate"]
    assert await put_aside(engine, body) == ["duplicate"]
    await absorb(engine)
    assert await put_aside(engine, body.replace(b'": ', b'":')) == ["duplicate"]
    assert await rows(engine, _ALERTS) == []
    assert await put_aside(engine, body.replace(b"12000.00", b"99000.00")) == ["duplicate"]
    assert json.loads((await rows(engine, _ALERTS))[0].data)["alert"] == "duplicate_mismatch"
    assert await notices(engine) == {"application_received": 1}


async def test_two_processes_may_absorb_at_once(engine: Parts, any_database_url: str) -> None:
    """Both read the same rows; each event's notices are there once."""
    other = parts(any_database_url)
    n = 40
    await put_aside(engine, *(event("loan.disbursed", i) for i in range(n)))
    await asyncio.gather(absorb(engine), absorb(other), absorb(engine, 7), absorb(other, 7))
    await other.ledger.close()
    assert await states(engine) == {"absorbed": n}
    assert await notices(engine) == {"loan_disbursed": n}


async def test_a_row_that_cannot_be_decrypted_blocks_nobody(engine: Parts) -> None:
    """It becomes a dead letter with its ciphertext, and the others are absorbed in the same step."""
    await put_aside(engine, *(event("loan.application.submitted", i) for i in range(3)))
    name = id_hash_of("urn:example:lender", "loan.application.submitted-1")
    async with engine.ledger.transaction() as tx:
        await tx.run(_SEAL_OTHERWISE, payload=b"\x02kX" + b"?" * 40, hash=name)
    assert await absorb(engine) == 3
    assert await absorb(engine) == 0
    assert await states(engine) == {"absorbed": 2, "dead": 1}
    (letter,) = await rows(engine, _LETTERS)
    assert (letter.field, letter.origin, letter.state) == ("body", "inbox", "open")
    assert letter.payload.startswith(b"\x02kX")
    assert "DUEBELL_KEYS" in letter.reason


async def test_rows_that_no_longer_say_who_they_are_block_nobody(engine: Parts) -> None:
    """An erased payload, one that is no event, and one that names another event become dead letters."""
    await put_aside(engine, *(event("loan.application.submitted", i) for i in range(4)))
    spoilt = [None, engine.vault.encrypt(b"{"), engine.vault.encrypt(event("loan.application.submitted", 77))]
    async with engine.ledger.transaction() as tx:
        for number, payload in enumerate(spoilt):
            name = id_hash_of("urn:example:lender", f"loan.application.submitted-{number}")
            await tx.run(_SEAL_OTHERWISE, payload=payload, hash=name)
    await absorb(engine)
    assert await states(engine) == {"absorbed": 1, "dead": 3}
    assert len(await rows(engine, _LETTERS)) == 3


async def test_an_event_that_this_version_refuses_becomes_a_dead_letter(engine: Parts) -> None:
    """What was understood when it was put aside and is not now leaves the inbox with its field and reason."""
    good = event("loan.application.submitted")
    await put_aside(engine, good)
    name = id_hash_of("urn:example:lender", "loan.application.submitted-0")
    async with engine.ledger.transaction() as tx:
        await tx.run(_SEAL_OTHERWISE, payload=engine.vault.encrypt(good.replace(b'"12000.00"', b'"-1"')), hash=name)
        await tx.run(
            Statement("UPDATE inbox SET payload_hash = :h", h=BYTES),
            h=decode(good.replace(b'"12000.00"', b'"-1"')).payload_hash,
        )
    await absorb(engine)
    assert await states(engine) == {"dead": 1}
    assert (await rows(engine, _LETTERS))[0].field == "data.amount"


async def test_a_broken_body_takes_no_waiting_events_place(engine: Parts) -> None:
    """Under the same source and id it becomes a dead letter, and the good one is still absorbed."""
    good = event("loan.application.submitted")
    broken = good.replace(b'"12000.00"', b'"-1"')
    await put_aside(engine, good)
    assert await put_aside(engine, broken) == ["dead"]
    assert await engine.intake.absorb([decode(broken)], origin="duebell.events") == ["dead"]
    await absorb(engine)
    assert await states(engine) == {"absorbed": 1}
    assert await notices(engine) == {"application_received": 1}
    assert [letter.field for letter in await rows(engine, _LETTERS)] == ["data.amount"]


async def test_a_mended_event_takes_the_place_of_the_broken_one(engine: Parts) -> None:
    """What was refused under a name may come again under it, right this time."""
    good = event("loan.application.submitted")
    assert await engine.intake.absorb([decode(good.replace(b'"12000.00"', b'"-1"'))], origin="duebell.events") == ["dead"]
    assert await put_aside(engine, good) == ["accepted"]
    await absorb(engine)
    assert await states(engine) == {"absorbed": 1}


async def test_a_type_that_was_unknown_when_it_came_is_absorbed_when_it_is_known(engine: Parts) -> None:
    """An unknown type is accepted and ignored; a version that knows it absorbs it at its start, once."""
    unknown = event("loan.application.submitted", type="loan.novelty.seen")
    assert await put_aside(engine, unknown) == ["accepted"]
    await absorb(engine)
    learnt = event("loan.application.submitted", 1)
    source, name = "urn:example:lender", "loan.application.submitted-1"
    await engine.intake.absorb([Ignored(source, name, "loan.application.submitted", "L-1", None, learnt)], origin="http")
    assert await states(engine) == {"ignored": 2}
    assert await _embedded.absorb_ignored(engine.ledger, engine.vault, engine.intake, 1) == 1
    assert await _embedded.absorb_ignored(engine.ledger, engine.vault, engine.intake, 1) == 0
    assert await states(engine) == {"absorbed": 1, "ignored": 1}
    assert await notices(engine) == {"application_received": 1}


async def test_backfill_gives_facts_only(engine: Parts) -> None:
    """Its instalments are there; nobody is told of it."""
    await put_aside(engine, event("loan.disbursed", duebellmode="backfill"))
    await absorb(engine)
    assert len(await rows(engine, reading.DEADLINES, loan="L-0")) == 3
    assert await notices(engine) == {}
