"""Retention on both databases: what is over its term goes, what is not stays, and each page is audited."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from unittest.mock import patch

import pytest

from consumers._decode import decode
from service import retention
from service.ledger.statement import DATE, INSTANT, TEXT, Statement
from service.notices import Lane
from service.retention import Retention
from service.rulebook import Rulebook, read_rules
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

START = at("2026-06-01 10:00")
_RULES = """
jurisdiction: {name}
rules:
  - {{id: w-1, version: 1, kind: window, purposes: [service, reminder, collection, payer, visit, marketing], opens: "08:00",
     closes: "20:00", evidence: ours, source: test}}
  - {{id: r-1, version: 1, kind: retain, purposes: [service, reminder], keep: {keep} days, evidence: ours, source: test}}
  - {{id: r-2, version: 1, kind: retain, purposes: [collection], keep: 400 days, evidence: ours, source: test}}
"""
_TEXTS = Statement(
    "SELECT n.loan_id, n.purpose, count(a.text) AS texts, count(*) AS n FROM attempts a JOIN notices n ON n.key = a.key "
    "GROUP BY n.loan_id, n.purpose ORDER BY 1, 2"
)
_STEPS = Statement("SELECT COALESCE(n.purpose, o.type) AS of FROM outbox o LEFT JOIN notices n ON n.key = o.key")
_CONTEXTS = Statement("SELECT count(context) AS n FROM notices")
_PAYLOADS = Statement("SELECT state, loan_id, payload IS NOT NULL AS kept FROM inbox ORDER BY received_at, loan_id")
_REPLIES = Statement("SELECT text, meaning FROM replies")
_LETTERS = Statement("SELECT state, payload FROM dead_letters ORDER BY id")
_AUDIT = Statement("SELECT subject, why FROM audit WHERE action = 'retain' ORDER BY id")
_SPAN = Statement("INSERT INTO contacts (counter, day, n) VALUES (:counter, :never, 0)", counter=TEXT, never=DATE)
_TIME = Statement("INSERT INTO contact_times (counter, at, attempt) VALUES (:counter, :at, 'a')", counter=TEXT, at=INSTANT)
_TIMES = Statement("SELECT counter FROM contact_times")
_DAYS = Statement("SELECT day FROM contacts ORDER BY day", returns={"day": DATE})


def _book() -> Rulebook:
    """Abroad things are kept for 100 days, in China for 200, texts of collection for 400 everywhere, alerts with them."""
    return Rulebook(
        {name: read_rules(_RULES.format(name=name, keep=keep), name) for name, keep in {"cn": 200, "other": 100}.items()}
    )


def _retention(world: Virtual, *, publishes: bool = False) -> Retention:
    return Retention(world.engine.ledger, world.engine.vault, _book(), publishes=publishes)


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """Two loans, at home and in a country without rules of its own, each with texts of every purpose; a broken event."""
    async with opened(START, url=any_database_url) as virtual:
        for name, jurisdiction, phone in (("L-1", "cn", "+8613800138000"), ("L-2", "fr", "+33612345678")):
            lender = Lender(name, phone=phone, jurisdiction=jurisdiction, timezone="Asia/Shanghai")
            await virtual.absorb(lender.disbursed(START, (1, "2026-06-10", "100.00")), lender.event("loan.disbursed", START))
        await virtual.run_until(at("2026-06-20 10:00"))
        assert {row.purpose for row in await virtual.rows(_TEXTS)} == {"service", "reminder", "collection"}
        yield virtual


def _after(days: int) -> datetime:
    return at("2026-06-21 00:00") + timedelta(days=days)


async def _kept(world: Virtual) -> dict[tuple[str, str], bool]:
    """By loan and purpose: whether all texts are there; some is none of the answers."""
    rows = await world.rows(_TEXTS)
    assert all(row.texts in {0, row.n} for row in rows)
    return {(row.loan_id, row.purpose): row.texts > 0 for row in rows}


async def test_each_purpose_is_kept_for_its_term(world: Virtual) -> None:
    """Texts go by purpose and jurisdiction, with their values and steps; keys and states stay."""
    states = await world.states()
    sweep = _retention(world)
    await sweep.step(START + timedelta(days=90))  # counters
    assert await sweep.step(START + timedelta(days=99)) == 0
    assert await sweep.step(_after(101)) > 0
    assert [pair for pair, kept in (await _kept(world)).items() if not kept] == [("L-2", "reminder"), ("L-2", "service")]
    assert await sweep.step(_after(201)) > 0
    assert [pair for pair, kept in (await _kept(world)).items() if kept] == [("L-1", "collection"), ("L-2", "collection")]
    assert (await world.rows(_CONTEXTS))[0].n == 0
    assert {row.of for row in await world.rows(_STEPS)} <= {"collection", "alert.raised"}
    assert await sweep.step(_after(401)) > 0
    assert not any((await _kept(world)).values())
    assert not await world.rows(_STEPS)
    assert await sweep.step(_after(900)) == 0
    assert await world.states() == states
    assert await world.operations.first_broken_audit_row() is None
    assert len(await world.rows(_AUDIT)) >= 5


async def test_events_are_kept_as_long_as_what_they_tell(world: Virtual) -> None:
    """Payloads go by the borrower's jurisdiction, bodies of dead letters with the first of them; what waits stays."""
    sweep = _retention(world)
    await world.engine.intake.receive([decode(Lender("L-3").submitted(START))], origin="test")
    await sweep.step(_after(101))
    kept = {(row.state, row.loan_id): bool(row.kept) for row in await world.rows(_PAYLOADS) if row.state != "dead"}
    assert kept == {("absorbed", "L-1"): True, ("absorbed", "L-2"): False, ("received", "L-3"): True}
    assert {(row.state, row.payload) for row in await world.rows(_LETTERS)} == {("discarded", None)}
    await sweep.step(_after(201))
    assert [row.loan_id for row in await world.rows(_PAYLOADS) if row.kept] == ["L-3"]
    lender = Lender()
    assert await world.absorb(lender.disbursed(START, (1, "2026-06-10", "100.00"))) == ["duplicate"]


async def test_what_nobody_has_published_stays(world: Virtual) -> None:
    """With a broker, a walk stops before the first step that upstream has not been told of."""
    assert await _retention(world, publishes=True).step(_after(500)) > 0
    assert all(kept for kept in (await _kept(world)).values())
    assert {row.of for row in await world.rows(_STEPS)} >= {"service", "reminder", "collection"}


async def test_replies_are_kept_as_dead_letters_are(world: Virtual) -> None:
    """What people wrote back goes after the shortest term of service texts; that they did, and what it meant, stays."""
    await world.reply("几点营业？")
    await _retention(world).step(_after(99))
    assert [row.text is None for row in await world.rows(_REPLIES)] == [False]
    await _retention(world).step(_after(101))
    assert [(row.text, row.meaning) for row in await world.rows(_REPLIES)] == [(None, "other")]


async def test_old_counters_go(world: Virtual) -> None:
    """Counters of days, and contacts in spans, that no cap looks at are deleted; this month's stay."""
    for name, moment in (("in a span", "2026-08-20 10:00"), ("before it", "2026-06-20 10:00")):
        await world.run(_TIME, counter=name, at=at(moment))
        await world.run(_SPAN, counter=name, never=date.min)
    before = len(await world.rows(_DAYS))
    await _retention(world).step(at("2026-06-25 10:00"))
    assert len(await world.rows(_DAYS)) == before > 2
    await _retention(world).step(at("2026-08-25 10:00"))
    assert [row.day for row in await world.rows(_DAYS)] == [date.min]
    assert [row.counter for row in await world.rows(_TIMES)] == ["in a span"]
    await world.run(_SPAN, counter="of today", never=at("2026-06-01 10:00").date())
    await _retention(world).step(at("2026-08-26 09:00"))
    assert len(await world.rows(_DAYS)) == 2  # looked at once a day


async def test_small_pages_and_two_replicas_give_the_same(world: Virtual) -> None:
    """However the walk is cut into pages and whoever walks, everything over its term is gone, once."""
    with patch.object(retention, "_PAGE", 2):
        sweeps = [_retention(world), _retention(world)]
        while any(await asyncio.gather(*(sweep.step(_after(500)) for sweep in sweeps))):
            pass
    assert not any((await _kept(world)).values())
    assert not await world.rows(_STEPS)
    assert {bool(row.kept) for row in await world.rows(_PAYLOADS)} == {False}
    told = json.dumps([row.why for row in await world.rows(_AUDIT)])
    assert all(word in told for word in ("texts", "values", "steps", "payloads", "bodies of dead letters", "counters"))


async def test_what_may_still_go_keeps_its_values(world: Virtual) -> None:
    """A notice that waits is passed over whatever its steps say; its values go when it has ended."""
    lender = Lender("L-9", phone=None)
    world.go(_after(0))
    event = lender.submitted(world.clock.at, borrower=lender.borrower)
    await world.absorb(event)
    await world.engine.delivery.step(Lane.NORMAL)
    assert await world.state("application_received") == "held no_contact"
    await _retention(world).step(_after(250))
    assert (await world.rows(_CONTEXTS))[0].n == 1
    world.go(_after(5))
    await world.engine.settling.expire(world.clock.at)
    await _retention(world).step(_after(250))
    assert (await world.rows(_CONTEXTS))[0].n == 0
