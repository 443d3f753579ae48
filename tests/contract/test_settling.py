"""Hand-overs whose outcome nobody knew, on both databases: each is settled once, and every step of it is told."""

from collections.abc import Sequence
from typing import Any

from service.ledger import reading
from service.notices import Lane
from service.senders._port import Answer, Outcome, Throttled, Unknown
from service.senders.memory import MemorySender
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

START = at("2026-06-19 12:00")
ONE = (1, "2026-07-20", "912.50")


class Slow(MemorySender):
    """Answers when the lease is over, and a sweep has been there."""

    world: Virtual

    async def send(self, messages: Any) -> list[Outcome]:
        """Stands still first."""
        self.world.wait(31)
        await self.world.engine.settling.release(self.world.clock.at)
        return await super().send(messages)


class Asked(MemorySender):
    """Another process sweeps while it is asked, and the text goes again."""

    world: Virtual
    goes_again = False

    async def query(self, keys: Sequence[str]) -> list[Answer]:
        """What it knew before the other sweep."""
        answers = await super().query(keys)
        if not self.goes_again:
            self.goes_again = True
            await self.world.engine.settling.settle(self.world.clock.at)
            self.script(Unknown("timeout"), arrived=True)
            await self.world.deliver()
        return answers


async def _steps(world: Virtual, name: str) -> list[str]:
    """State and reason of each step of a notice."""
    rows = await world.rows(reading.STEPS_OF_NOTICE, key=(await world.notice(name)).key)
    return [" ".join(filter(None, (row.state, row.reason))) for row in rows]


async def test_a_text_that_was_called_unknown_and_was_throttled_waits_again_and_says_so(any_database_url: str) -> None:
    """Upstream had been told that nobody knows; that it is planned again is a step of its own."""
    sender = Slow()
    async with opened(START, sender, url=any_database_url) as world:
        sender.world = world
        sender.script(Throttled(20))
        await world.absorb(Lender().disbursed(START, ONE))
        await world.engine.delivery.step(Lane.NORMAL)
        assert await _steps(world, "loan_disbursed") == ["unknown lease_over", "planned"]
        assert (await world.notice("loan_disbursed")).seq == 2


async def test_two_sweeps_settle_a_hand_over_once(any_database_url: str) -> None:
    """What one has found out, the other does not apply to the hand-over that came after it."""
    sender = Asked()
    async with opened(START, sender, url=any_database_url) as world:
        sender.world = world
        sender.script(Unknown("timeout"))
        await world.absorb(Lender().disbursed(START, ONE))
        await world.deliver()
        world.wait(5)
        await world.engine.settling.settle(world.clock.at)
        assert await _steps(world, "loan_disbursed") == ["unknown timeout", "planned", "unknown timeout"]
        world.wait(5)
        await world.sweep()
        await world.deliver()
        assert await world.state("loan_disbursed") == "sent"
        assert world.sent == ["loan_disbursed"]


async def test_that_nobody_can_tell_is_told_once(any_database_url: str) -> None:
    """Two sweeps that ask at once have nothing more to say than one."""
    sender = Asked(tells=False)
    async with opened(START, sender, url=any_database_url) as world:
        sender.world = world
        sender.script(Unknown("timeout"))
        await world.absorb(Lender().disbursed(START, ONE))
        await world.deliver()
        world.wait(5)
        await world.engine.settling.settle(world.clock.at)
        assert await _steps(world, "loan_disbursed") == ["unknown timeout", "unknown cannot_tell"]
