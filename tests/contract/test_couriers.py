"""Several texts and several senders: who is asked, how often, and how many texts a sender has at once; on both databases."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from service.ledger.statement import Statement
from service.notices import Lane
from service.senders._port import NotSent, Outcome, Unknown
from service.senders.memory import MemorySender
from tests.lender import Lender, at
from tests.virtual import opened

START = at("2026-06-01 10:00")
ONE = (1, "2026-06-20", "912.50")
_OUTCOMES = Statement("SELECT outcome FROM attempts")


async def test_what_may_have_gone_through_one_sender_is_not_said_through_another(any_database_url: str) -> None:
    """The other does not know the key; what must arrive goes there all the same. At its end nobody knows."""
    first, second = MemorySender("memory://first", idempotent=True, tells=False), MemorySender("memory://second")
    first.script(Unknown("http_500"), Unknown("http_500"), arrived=True)
    async with opened(START, first, second, url=any_database_url) as world:
        lender = Lender()
        await world.absorb(lender.disbursed(START, ONE), lender.operation(START, START + timedelta(minutes=5), code="482913"))
        await world.deliver()
        first.answers(NotSent("refused"))
        world.wait(3)
        await world.sweep()
        world.wait(30)
        await world.deliver()
        assert [message.template for message in second.messages] == ["operation_code"]
        assert await world.state("loan_disbursed") == "held no_sender"
        world.go((await world.notice("loan_disbursed")).expires_at)
        await world.sweep()
        assert await world.state("loan_disbursed") == "unknown cannot_tell"
        assert [message.template for message in second.messages] == ["operation_code"]


async def test_a_paused_sender_is_passed_over(any_database_url: str) -> None:
    """The next one is asked; where all are paused everything waits as it is, and goes at once when one may speak again."""
    first, second = MemorySender("memory://first"), MemorySender("memory://second")
    async with opened(START, first, second, url=any_database_url) as world:
        await world.operations.pause("sender", first.name, who="li", why="look", until=None, now=START)
        await world.absorb(Lender().disbursed(START, ONE))
        await world.deliver()
        assert (len(first.attempts), [message.template for message in second.messages]) == (0, ["loan_disbursed"])
        await world.operations.pause("sender", second.name, who="li", why="look", until=None, now=START)
        await world.absorb(Lender("L-2").disbursed(START, ONE))
        await world.deliver()
        assert sorted((await world.states()).values()) == ["planned", "sent"]
        await world.operations.resume("sender", first.name, who="li", now=START)
        await world.deliver()
        assert len(first.messages) == 1


async def test_a_text_in_doubt_goes_again_less_and_less_often(any_database_url: str) -> None:
    """A gateway that answers nothing but errors for a minute does not use up what a number may be told in a day."""
    sender = MemorySender(tells=False, idempotent=True)
    sender.answers(Unknown("http_500"))
    async with opened(START, sender, url=any_database_url) as world:
        await world.absorb(Lender().disbursed(START, ONE))
        for _ in range(60):
            await world.deliver()
            world.wait(3)
            await world.sweep()
        assert len(sender.attempts) == 3  # at once, after half a minute, and two minutes after that
        sender.answers(None)
        world.wait(600)
        await world.deliver()
        assert await world.state("loan_disbursed") == "sent"


class Slow(MemorySender):
    """Takes ten at once, and answers when it is told to."""

    def __init__(self) -> None:
        """Nobody has been answered yet."""
        super().__init__()
        self.window, self.most, self.waiting = 10, 0, 0
        self.answers_now = asyncio.Event()

    async def send(self, messages: Any) -> list[Outcome]:
        """Notes how many it has at once."""
        self.waiting += len(messages)
        self.most = max(self.most, self.waiting)
        await self.answers_now.wait()
        self.waiting -= len(messages)
        return await super().send(messages)


async def _until(is_so: Callable[[], bool]) -> None:
    """Lets the others work until something is so."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - a sender is no event
            await asyncio.sleep(0.01)


async def test_an_intent_has_a_place_in_its_senders_window(any_database_url: str) -> None:
    """While ten wait for an answer no eleventh is committed to, whichever claim holds it; one place is kept for codes."""
    sender = Slow()
    async with opened(START, sender, url=any_database_url) as world:
        delivery, lenders = world.engine.delivery, [Lender(f"L-{n}", f"+8613800138{n:03}") for n in range(25)]
        normal = []
        for some in (lenders[:12], lenders[12:]):
            await world.absorb(*(lender.disbursed(START, ONE) for lender in some))
            normal.append(asyncio.ensure_future(delivery.step(Lane.NORMAL)))
            await _until(lambda: sender.waiting >= 9)
        await asyncio.sleep(0.1)  # the second claim would have sent by now
        code = lenders[0].operation(START, START + timedelta(minutes=5), code="482913")
        await world.absorb(code)
        critical = asyncio.ensure_future(delivery.step(Lane.CRITICAL))
        await _until(lambda: sender.waiting == 10)
        assert [row.outcome for row in await world.rows(_OUTCOMES)] == [None] * 10
        sender.answers_now.set()
        await asyncio.gather(*normal, critical)
        assert (sender.most, len(sender.messages)) == (10, 26)
