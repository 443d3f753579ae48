"""Erasing people on both databases: nothing can be decrypted to them any more, whatever came before or comes after."""

import dataclasses
import itertools
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, LargeBinary, Text

from consumers._decode import Event, decode
from service.erasure import Erasure, ErasureError, people_in
from service.facts import PartyErased
from service.ledger.statement import Statement
from service.ledger.tables import metadata
from service.vault import KeySettingError
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

NOW = at("2026-06-20 10:00")
PHONE, NAME = "+8613800138000", "王小雨"
_PARTY = Statement("SELECT name, phone, phone_key, email, locale, timezone, jurisdiction, zone, set_by FROM parties")
_AUDIT = Statement("SELECT who, action, subject, why FROM audit WHERE action = 'erase' ORDER BY id")
_SUPPRESSIONS = Statement("SELECT phone_key, phone FROM suppressions")
_LETTERS = Statement("SELECT id, state, payload FROM dead_letters ORDER BY id")


def _erasure(world: Virtual) -> Erasure:
    return Erasure(world.engine.ledger, world.engine.vault)


async def _kept(world: Virtual) -> set[str]:
    """Every text of every row, and every value that can be decrypted."""

    def read(connection: Connection) -> list[Any]:
        columns = [c for table in metadata.sorted_tables for c in table.c if isinstance(c.type, (LargeBinary, Text))]
        return [cell for c in columns for cell in connection.execute(c.table.select().with_only_columns(c)).scalars() if cell]

    found = set()
    for cell in await world.engine.ledger.run_sync(read):
        if isinstance(cell, str):
            found.add(cell)
        else:
            with suppress(KeySettingError, IndexError):
                found.add(world.engine.vault.text(bytes(cell)))
    return found


async def _lived(world: Virtual) -> Lender:
    """A borrower with a loan, a text that went, one of collection that went, and some that wait."""
    lender = Lender(phone=PHONE, email="wang@example.com", jurisdiction="cn")
    world.go(at("2026-06-01 10:00"))
    await world.absorb(lender.disbursed(world.clock.at, (1, "2026-06-10", "100.00"), (2, "2026-06-22", "100.00")))
    await world.run_until(NOW)
    assert {"loan_disbursed", "repayment_overdue"} <= set(world.sent)
    return lender


async def test_nothing_is_left_of_an_erased_person(any_database_url: str) -> None:
    """No row can be decrypted to their number, name, e-mail or service texts; collection texts and the audit stay."""
    async with opened(at("2026-06-01 10:00"), url=any_database_url) as world:
        lender = await _lived(world)
        texts = {message.template: message.body for message in world.sender.messages}
        await world.operations.suppress(PHONE, "marketing", who="li", evidence="ticket 1", now=NOW)
        await world.absorb(json.dumps({**json.loads(lender.submitted(NOW)), "data": {"borrower": lender.borrower}}).encode())
        await world.absorb(lender.event("loan.novel", NOW, borrower=lender.borrower))
        before = "\n".join(await _kept(world))
        assert all(word in before for word in (PHONE, NAME, "wang@example.com", *texts.values()))
        erased = await _erasure(world).erase("B-L-1", who="li", why="asked for it", now=NOW)
        assert await _erasure(world).step(NOW) == 2
        kept = "\n".join(await _kept(world))
        gone = [PHONE, "13800138000", NAME, "wang@example.com", texts["loan_disbursed"], texts["repayment_due_today"]]
        assert not [word for word in gone if word in kept]
        assert texts["repayment_overdue"] in kept
        assert (erased.texts, erased.payloads) == (len([t for t in world.sent if t != "repayment_overdue"]), 1)
        assert await world.operations.first_broken_audit_row() is None


async def test_what_waits_for_an_erased_person_ends(any_database_url: str) -> None:
    """Waiting notices end as erased with a status event, and stages planned later never go."""
    async with opened(at("2026-06-01 10:00"), url=any_database_url) as world:
        lender = await _lived(world)
        await world.absorb(lender.debit_failed(NOW, 2))
        waiting = [row.key for row in await world.notices() if row.state in {"planned", "held"}]
        erased = await _erasure(world).erase("B-L-1", who="li", why="asked for it", now=NOW)
        assert [(step.key, step.state, step.reason) for step in erased.steps] == [
            (key, "suppressed", "erased") for key in sorted(waiting)
        ]
        sent = len(world.sent)
        await world.absorb(lender.paid(NOW, "100.00"))
        await world.run_until(at("2026-07-30 10:00"))
        assert len(world.sent) == sent
        assert set((await world.states()).values()) >= {"suppressed erased", "sent"}
        assert not {row.state for row in await world.notices()} & {"planned", "held", "sending"}


async def test_no_event_brings_an_erased_person_back(any_database_url: str) -> None:
    """Older and newer events are absorbed, their payloads are not kept, and the tombstone stays as it is."""
    async with opened(at("2026-06-01 10:00"), url=any_database_url) as world:
        lender = await _lived(world)
        await _erasure(world).erase("B-L-1", who="li", why="asked for it", now=NOW)
        before = [tuple(row) for row in await world.rows(_PARTY)]
        assert before[0][:6] == (None,) * 6
        later = NOW + timedelta(days=1)
        world.go(later)
        verdicts = await world.absorb(
            lender.party(at("2026-05-01 10:00"), phone=PHONE, name=NAME),
            lender.party(later, phone=PHONE, name=NAME),
            lender.submitted(later, borrower=lender.borrower),
        )
        assert verdicts == ["accepted"] * 3
        await world.deliver()
        assert [tuple(row)[:8] for row in await world.rows(_PARTY)] == [row[:8] for row in before]
        assert await world.state("application_received") == "suppressed erased"
        kept = "\n".join(await _kept(world))
        assert not [word for word in (PHONE, NAME) if word in kept]


async def test_erasing_is_audited_once_under_a_hash(any_database_url: str) -> None:
    """The first erasure leaves one row that does not name the person; another one changes nothing; an unknown id is refused."""
    async with opened(at("2026-06-01 10:00"), url=any_database_url) as world:
        lender = await _lived(world)
        await world.absorb(lender.debit_failed(NOW, 2))
        kept = await _erasure(world).look("B-L-1")
        assert (kept.erased_at, kept.has_phone) == (None, True)
        assert min(kept.waiting, kept.texts, kept.payloads) > 0
        for _ in range(2):
            await _erasure(world).erase("B-L-1", who="li", why="asked for it", now=NOW)
        subject = world.engine.vault.keyed_hash("B-L-1").hex()
        assert [tuple(row) for row in await world.rows(_AUDIT)] == [("li", "erase", subject, "asked for it")]
        kept = await _erasure(world).look("B-L-1")
        assert (kept.erased_at, kept.has_phone, kept.waiting, kept.texts, kept.payloads) == (NOW, False, 0, 0, 0)
        with pytest.raises(ErasureError, match="no such party"):
            await _erasure(world).erase("B-L-2", who="li", why="asked for it", now=NOW)


async def test_a_number_shared_with_another_stays_theirs(any_database_url: str) -> None:
    """The suppression's number goes with the last person who has it, and its hash stays."""
    async with opened(NOW, url=any_database_url) as world:
        for loan in ("L-1", "L-2"):
            lender = Lender(loan, phone=PHONE)
            await world.absorb(lender.submitted(NOW, borrower=lender.borrower))
        await world.operations.suppress(PHONE, "*", who="li", evidence="ticket 1", now=NOW)
        for party_id, is_known in (("B-L-1", True), ("B-L-2", False)):
            await _erasure(world).erase(party_id, who="li", why="asked for it", now=NOW)
            (row,) = await world.rows(_SUPPRESSIONS)
            assert (row.phone is not None, bytes(row.phone_key)) == (is_known, world.engine.vault.keyed_hash(PHONE))


async def test_what_a_person_wrote_back_goes_too(any_database_url: str) -> None:
    """Replies from every number that texts to them went to lose their words; those of a number somebody else has keep them."""
    mother, former, today = PHONE, "+8613900139000", "+8613700137000"
    async with opened(NOW, url=any_database_url) as world:
        shared = Lender("L-2", phone=mother)
        await world.absorb(shared.submitted(NOW, borrower=shared.borrower))
        for number in (mother, former, today):
            lender = Lender(phone=number)
            world.wait(60)
            await world.absorb(lender.submitted(world.clock.at, borrower=lender.borrower, id_=f"e-{number[-4:]}"))
            await world.deliver()
            assert await world.reply(f"我是{number}", number) == "accepted"
        await world.reply("TD", today)
        await _erasure(world).erase("B-L-1", who="li", why="asked for it", now=world.clock.at)
        kept = await _kept(world)
        assert [text for text in kept if text.startswith("我是")] == [f"我是{mother}"]
        assert not [text for text in kept if former in text or today in text]
        assert "suppressed" not in {row.state for row in await world.notices() if row.loan_id == "L-2"}


async def test_letters_that_come_later_are_looked_at_too(any_database_url: str) -> None:
    """A broken event that names an erased person loses its body and ends; one that names nobody stays, and replay says why not."""
    async with opened(NOW, url=any_database_url) as world:
        lender = Lender(phone=PHONE)
        await world.absorb(lender.submitted(NOW, borrower=lender.borrower))
        assert await _erasure(world).step(NOW) == 0
        await _erasure(world).erase("B-L-1", who="li", why="asked for it", now=NOW)
        assert await _erasure(world).step(NOW) == 0
        world.wait(3600)
        broken = lender.event("loan.disbursed", NOW, borrower=lender.borrower)
        await world.absorb(broken, lender.event("loan.disbursed", NOW))
        assert await _erasure(world).step(world.clock.at) == 1
        first, second = await world.rows(_LETTERS)
        assert (first.state, first.payload, second.state) == ("discarded", None, "open")
        assert second.payload is not None
        await world.absorb(broken)
        assert [row.state for row in await world.rows(_LETTERS)] == ["discarded", "open"]
        (told,) = await world.operations.replay([first.id], who="li", now=NOW)
        assert told.verdict == "not_replayed"


Act = Callable[[Virtual], Awaitable[Any]]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_the_order_of_an_erasure_does_not_matter(order: tuple[int, ...]) -> None:
    """Contact data, an erasure and a loan in any order leave the same tombstone and end the same notices."""
    lender = Lender(phone=PHONE)
    known = lender.party(at("2026-06-18 10:00"), phone=PHONE, jurisdiction="us", timezone="America/New_York")
    newer = lender.party(at("2026-06-19 10:00"), phone="+8613900139000", jurisdiction="gb")
    erased = decode(lender.party(at("2026-06-18 12:00"), locale="en"))
    assert isinstance(erased, Event)
    erased = dataclasses.replace(erased, facts=(PartyErased(erased.version, "B-L-1"),))
    messages = [decode(known), decode(newer), erased, decode(lender.submitted(NOW, borrower={"party_id": "B-L-1"}))]
    async with opened(NOW) as world:
        for i in order:
            await world.engine.intake.absorb([messages[i], messages[order[0]]], origin="test")
        await world.deliver()
        (party,) = await world.rows(_PARTY)
        set_by = json.loads(party.set_by)
        assert tuple(party)[:8] == (None, None, None, None, None, None, "gb", None)
        assert list(set_by) == ["jurisdiction"]
        assert await world.state("application_received") == "suppressed erased"
        assert not [word for word in await _kept(world) if "+86" in word]
        (deed,) = await world.rows(_AUDIT)
        assert (deed.who, deed.why) == ("upstream", "party.erased")


@pytest.mark.parametrize(
    ("body", "people"),
    [
        (b'{"type": "loan.disbursed", "subject": "L-1", "data": {"borrower": {"party_id": "P-1", "na', {"P-1"}),
        (b'{"type": "party.updated", "subject": "P-2", "data": {}}', {"P-2"}),
        (b'{"data": {"payer_id": "P\\u002d3", "payer": {"party_id" : "P-4"}}}', {"P-3", "P-4"}),
        (b'{"party_id": 7, "payer_id": "\\x"}', set()),
        (b"\xff\xfe", set()),
    ],
)
def test_people_are_found_in_any_body(body: bytes, people: set[str]) -> None:
    """A body need not be whole to say whom it names; a loan's id is nobody's."""
    assert people_in(body) == people
