"""What is counted towards the daily cap, and given back."""

from service.ledger.statement import Statement
from service.senders._port import Accepted, Rejected
from service.senders.memory import MemorySender
from tests.lender import Lender, at
from tests.virtual import opened

START = at("2026-06-01 10:00")
DUE = (1, "2026-06-20", "912.50")
_COUNTED = Statement("SELECT sum(n) AS n FROM contacts WHERE counter <> 'planned'")


async def test_every_text_that_was_not_said_gives_its_contact_back() -> None:
    """Of four reminders to one number three are refused in one call: one counts."""
    sender = MemorySender()
    async with opened(START, sender) as world:
        await world.absorb(*(Lender(f"L-{i}", "+8613800138000").disbursed(START, DUE) for i in range(4)))
        await world.deliver()
        world.go(at("2026-06-20 09:00"))
        await world.plan()
        await world.engine.settling.expire(world.clock.at)
        sender.script(Rejected("recipient", "21211"), Accepted("id"), *[Rejected("recipient", "21211")] * 2)
        await world.deliver()
        assert (await world.rows(_COUNTED))[0].n == 1
