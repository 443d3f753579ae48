"""A fact that comes while a claim has a notice in its hands is not lost: what the claim concludes from old facts is looked at again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.facts import PartyFact, version_of
from service.ledger import people
from service.notices import Lane
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

START = at("2026-06-01 10:00")
ONE = (1, "2026-06-20", "912.50")
TWO = (2, "2026-07-20", "912.50")
PHONE = "+8613800138000"


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine on either database."""
    async with opened(START, url=any_database_url) as engine:
        yield engine


async def _judged(world: Virtual, lane: Lane = Lane.NORMAL) -> tuple[Any, Any]:
    """Claims what is ready and judges it: the claim and what is to be put back."""
    claim = await world.engine.delivery._claim(lane)
    assert claim is not None
    back, ready = world.engine.delivery._judged(claim, world.clock.at)
    assert not ready
    return claim, back


async def _delivered(world: Virtual, claim: Any, back: Any) -> list[str]:
    """Puts back, and delivers what is ready two seconds later."""
    await world.engine.delivery._withholding.put_back(claim, back)
    world.wait(2)
    await world.deliver()
    return world.sent


async def test_a_number_that_comes_under_a_claim(world: Virtual) -> None:
    """The claim found no number, the number comes, then the notice is put back: it goes."""
    lender = Lender(phone=None)
    await world.absorb(lender.disbursed(START, ONE))
    claim, back = await _judged(world)
    await world.absorb(lender.party(world.clock.at, phone=PHONE))
    assert await _delivered(world, claim, back) == ["loan_disbursed"]


async def test_a_borrower_who_comes_under_a_claim(world: Virtual) -> None:
    """The same where the loan had nobody at all."""
    lender = Lender()
    await world.absorb(lender.submitted(START))
    claim, back = await _judged(world)
    await world.absorb(lender.event("loan.overdue.cured", START, cured_at=START.isoformat(), borrower=lender.borrower))
    assert "application_received" in await _delivered(world, claim, back)


async def test_a_schedule_that_comes_under_a_claim(world: Virtual) -> None:
    """The claim found no instalment for a failed debit, the schedule comes, then the notice is put back: it goes."""
    lender = Lender()
    await world.absorb(lender.debit_failed(START, 1))
    claim, back = await _judged(world)
    await world.absorb(lender.disbursed(START, ONE, method="auto_debit"))
    assert "auto_debit_failed" in await _delivered(world, claim, back)


async def test_another_number_that_comes_under_a_claim(world: Virtual) -> None:
    """The text was made for the old number, the new one comes, then the intent is asked: the text goes to the new one alone."""
    lender = Lender()
    await world.absorb(lender.disbursed(START, ONE))
    delivery = world.engine.delivery
    claim = await delivery._claim(Lane.NORMAL)
    assert claim is not None
    _, ready = delivery._judged(claim, world.clock.at)
    await world.absorb(lender.party(world.clock.at, phone="+8613900139000"))
    assert (await delivery._intents.write(delivery._couriers[0].name, claim, ready))[0] == []
    world.wait(2)
    await world.deliver()
    assert [message.to for message in world.sender.messages] == ["+8613900139000"]


async def test_a_visit_that_is_declined_under_a_claim(world: Virtual) -> None:
    """The announcement was made, the visit is declined, then the intent is asked: nobody hears of the visit."""
    lender = Lender()
    await world.absorb(lender.disbursed(START, (1, "2026-02-20", "912.50")), lender.visit("approved", START))
    await world.absorb(lender.scheduled(START, at("2026-06-03 10:00")))
    delivery = world.engine.delivery
    claim = await delivery._claim(Lane.NORMAL)
    assert claim is not None
    _, ready = delivery._judged(claim, world.clock.at)
    await world.absorb(lender.visit("declined", world.clock.at))
    intended, _ = await delivery._intents.write(delivery._couriers[0].name, claim, ready)
    assert [r.template for r in intended] == ["loan_disbursed"]
    world.wait(700)
    await world.deliver()
    assert await world.state("visit_notice") == "suppressed visit_not_allowed"


async def test_what_has_not_changed_is_put_back(world: Virtual) -> None:
    """A notice whose number is still missing is held, whatever else came."""
    lender = Lender(phone=None)
    await world.absorb(lender.disbursed(START, ONE))
    claim, back = await _judged(world)
    await world.absorb(lender.replaced(START, ONE, TWO))
    assert await _delivered(world, claim, back) == []
    assert await world.state("loan_disbursed") == "held no_contact"


@pytest.mark.integration
async def test_a_number_that_is_being_recorded_is_waited_for(postgres_url: str) -> None:
    """While intake's transaction with the number is open the notice is not put back; after its commit it goes."""
    lender = Lender(phone=None)
    async with opened(START, url=postgres_url, empty=True) as world:
        await world.absorb(lender.disbursed(START, ONE))
        claim, back = await _judged(world)
        fact = PartyFact(version_of(world.clock.at, "urn:test", "late"), lender.borrower["party_id"], phone=PHONE)
        async with world.engine.ledger.transaction() as tx:
            await people.absorb(tx, world.engine.vault, [fact], world.clock.at)
            putting = asyncio.create_task(world.engine.delivery._withholding.put_back(claim, back))
            await asyncio.sleep(0.2)
            assert not putting.done()
        await putting
        world.wait(2)
        await world.deliver()
        assert world.sent == ["loan_disbursed"]
