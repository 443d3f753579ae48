"""Digests: what is due together becomes one text, exactly, whatever is paid, refused or dies meanwhile."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from duebell.telling import story
from service.ledger.statement import Statement
from service.notices import Lane
from service.senders._port import NotSent, Outcome, Rejected, Throttled, Unknown
from service.senders.memory import MemorySender
from tests.lender import Lender, at
from tests.virtual import Virtual, opened, said

START = at("2026-06-01 10:00")
DUE = "2026-06-20"
MORNING = at("2026-06-20 09:00")
PHONE = "+8613800138000"

_HEADS = Statement("SELECT key, loan_id, state, reason, head, tries FROM notices WHERE stage = 'due_today' ORDER BY key")
_COUNTED = Statement("SELECT sum(n) AS n FROM contacts WHERE counter <> 'planned'")


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine on either database."""
    async with opened(START, url=any_database_url) as engine:
        yield engine


def lenders(n: int = 3, **borrower: Any) -> list[Lender]:
    """Loans L-1, L-2, … of one borrower."""
    return [Lender(f"L-{i}", PHONE, **{"party_id": "B-1", **borrower}) for i in range(1, n + 1)]


async def due_together(world: Virtual, loans: list[Lender], method: str = "manual") -> None:
    """Each loan has an instalment of (100 + its number) due today; it is nine o'clock and all reminders wait."""
    for number, lender in enumerate(loans, start=1):
        await world.absorb(lender.disbursed(START, (1, DUE, f"{100 + number}.00"), method=method))
    await world.deliver()
    world.go(MORNING)
    await ready(world)


async def ready(world: Virtual) -> None:
    """What is due by now is planned, and senders have forgotten what was before."""
    await world.plan()
    await world.engine.settling.expire(world.clock.at)
    for sender in world.senders:
        sender.messages.clear()
        sender.attempts.clear()


async def stages(world: Virtual) -> dict[str, str]:
    """State and reason of today's reminder, by loan."""
    return {row.loan_id: said(row) for row in await world.rows(_HEADS)}


async def contacts(world: Virtual) -> int:
    """Texts that were counted towards the cap."""
    return int((await world.rows(_COUNTED))[0].n or 0)


def texts(world: Virtual) -> list[str]:
    """What reached the borrower."""
    return [message.body for sender in world.senders for message in sender.messages]


async def interrupted(world: Virtual, happen: Callable[[], Awaitable[Any]]) -> None:
    """One step in which something happens between the claim and the intent."""
    delivery = world.engine.delivery
    intend, waiting = delivery._intents.write, [happen]

    async def after(*arguments: Any) -> Any:
        while waiting:
            await waiting.pop()()
        return await intend(*arguments)

    delivery._intents.write = after  # type: ignore[method-assign]
    await delivery.step(Lane.BULK)
    delivery._intents.write = intend  # type: ignore[method-assign]


# ---------------------------------------------------------------- one text


async def test_what_is_due_together_is_one_text_and_one_contact(world: Virtual) -> None:
    """The smallest key goes; the others end in_digest and name it; the text lists all, and the sum."""
    await due_together(world, lenders())
    await world.deliver()
    (text,) = world.sender.messages
    assert (text.template, text.loan_id) == ("digest_due", "L-1")
    assert text.body == (
        "【Duebell】您有3期借款即将到期，共306.00元：今天（6月20日）101.00元，今天（6月20日）102.00元，今天（6月20日）103.00元。"
        "请在各期到期日当天或之前登录Duebell还款。"
    )
    assert await stages(world) == {"L-1": "sent", "L-2": "superseded in_digest", "L-3": "superseded in_digest"}
    assert [row.head for row in await world.rows(_HEADS)] == [None, text.key, text.key]
    assert await contacts(world) == 1


async def test_the_timeline_of_each_part_names_the_text_that_lists_it(world: Virtual) -> None:
    """The step that ends a part says where it was told."""
    await due_together(world, lenders(2))
    await world.deliver()
    async with world.engine.ledger.transaction() as tx:
        told = await story(tx, world.engine.vault, "L-2")
    assert [line["head"] for line in told if line.get("reason") == "in_digest"] == [world.sender.messages[0].key]


async def test_two_instalments_of_one_loan_are_one_text(world: Virtual) -> None:
    """Different stages of one moment too: three days before one, the day before the other."""
    await world.absorb(Lender().disbursed(START, (1, "2026-06-20", "100.00"), (2, "2026-06-22", "200.00")))
    await world.deliver()
    world.go(at("2026-06-19 10:00"))
    await ready(world)
    await world.deliver()
    assert "明天（6月20日）100.00元，6月22日200.00元" in texts(world)[0]
    assert len(texts(world)) == 1


async def test_a_digest_of_one_is_the_plain_text(world: Virtual) -> None:
    """One borrower, one instalment: its own template; another borrower's is not mixed in."""
    await due_together(world, [Lender("L-1", PHONE), Lender("L-2", "+8613800138001")])
    await world.deliver()
    assert world.sent == ["repayment_due_today"] * 2


async def test_methods_currencies_and_language_of_several_loans(world: Virtual) -> None:
    """Who pays how is marked, sums are per currency, the words are the borrower's."""
    one, two, three = lenders(3, locale="en-GB")
    await world.absorb(one.disbursed(START, (1, DUE, "101.00"), method="auto_debit"))
    await world.absorb(two.disbursed(START, (1, DUE, "102.00"), currency="USD"))
    await world.absorb(three.disbursed(START, (1, DUE, "103.00")))
    await world.deliver()
    world.go(MORNING)
    await ready(world)
    await world.deliver()
    (text,) = texts(world)
    assert text == (
        "【Duebell】You have 3 instalments due soon, CNY 204.00 and USD 102.00 in all: CNY 101.00 today (20 Jun 2026) (direct debit); "
        "USD 102.00 today (20 Jun 2026); and 1 more. "
        "Please keep enough in your account for the direct debits and pay the others in Duebell."
    )


async def test_more_than_a_text_holds_is_counted(world: Virtual) -> None:
    """As many lines as two parts hold, then how many more; the sum is of all."""
    await due_together(world, lenders(9), method="auto_debit")
    await world.deliver()
    (text,) = texts(world)
    assert text.startswith("【Duebell】您有9期借款即将到期，共945.00元：今天（6月20日）101.00元，")
    lines = text.count("今天")
    assert f"，另有{9 - lines}期。到期日将从尾号6789的账户自动扣款" in text
    assert lines == 4
    assert world.sender.messages[0].segments == 2


async def test_the_borrower_may_be_learnt_late(world: Virtual) -> None:
    """Planned before anybody knew whose loans they are: together once that is known."""
    one, two = lenders(2)
    for lender in (one, two):
        schedule = [{"no": 1, "due_on": DUE, "amount": "100.00"}]
        await world.absorb(lender.event("loan.schedule.replaced", START, instalments=schedule))
    world.go(MORNING)
    await ready(world)
    await world.deliver()
    assert set((await stages(world)).values()) == {"held no_contact"}
    for lender in (one, two):
        await world.absorb(
            lender.event("loan.overdue.cured", world.clock.at, cured_at=MORNING.isoformat(), borrower=lender.borrower)
        )
    await world.engine.delivery.step(Lane.BULK)
    assert [message.template for message in world.sender.messages] == ["digest_due"]


# ---------------------------------------------------------------- what is paid drops out


async def test_a_part_paid_before_the_claim_is_not_listed(world: Virtual) -> None:
    """It ends as paid; the others are one text."""
    loans = lenders()
    await due_together(world, loans)
    await world.absorb(loans[1].paid(world.clock.at, "102.00"))
    await world.engine.delivery.step(Lane.BULK)
    assert await stages(world) == {"L-1": "sent", "L-2": "cancelled paid", "L-3": "superseded in_digest"}
    assert "102.00" not in texts(world)[0]


async def test_a_part_paid_between_claim_and_intent_is_not_listed(world: Virtual) -> None:
    """The text is made again under the lock; a part paid in part is named with what is left."""
    loans = lenders()
    await due_together(world, loans)

    async def pay() -> None:
        await world.absorb(loans[1].paid(world.clock.at, "102.00"), loans[2].paid(world.clock.at, "3.00"))

    await interrupted(world, pay)
    assert await stages(world) == {"L-1": "sent", "L-2": "cancelled paid", "L-3": "superseded in_digest"}
    assert "共201.00元：今天（6月20日）101.00元，今天（6月20日）100.00元。" in texts(world)[0]


async def test_when_the_head_is_paid_the_next_one_speaks(world: Virtual) -> None:
    """Between claim and intent: the others go under the next key; with one left it is the plain text."""
    loans = lenders()
    await due_together(world, loans)
    await interrupted(world, lambda: world.absorb(loans[0].paid(world.clock.at, "101.00")))
    assert await stages(world) == {"L-1": "cancelled paid", "L-2": "sent", "L-3": "superseded in_digest"}
    assert world.sender.messages[0].loan_id == "L-2"


async def test_with_one_part_left_it_is_the_plain_text(world: Virtual) -> None:
    """Two of three are paid between claim and intent."""
    loans = lenders()
    await due_together(world, loans)

    async def pay() -> None:
        await world.absorb(loans[0].paid(world.clock.at, "101.00"), loans[2].paid(world.clock.at, "103.00"))

    await interrupted(world, pay)
    assert await stages(world) == {"L-1": "cancelled paid", "L-2": "sent", "L-3": "cancelled paid"}
    assert [message.template for message in world.sender.messages] == ["repayment_due_today"]


async def test_all_parts_paid_is_no_text(world: Virtual) -> None:
    """And no contact is counted."""
    loans = lenders(2)
    await due_together(world, loans)

    async def pay() -> None:
        await world.absorb(loans[0].paid(world.clock.at, "101.00"), loans[1].paid(world.clock.at, "102.00"))

    await interrupted(world, pay)
    assert set((await stages(world)).values()) == {"cancelled paid"}
    assert (world.sender.attempts, await contacts(world)) == ([], 0)


async def test_what_was_told_in_a_digest_never_goes_again(world: Virtual) -> None:
    """Paid after the text and taken back: the part stays ended; one paid before the text and taken back goes."""
    loans = lenders()
    await due_together(world, loans)
    await world.absorb(loans[2].paid(world.clock.at, "103.00"))
    await world.engine.delivery.step(Lane.BULK)
    await world.absorb(loans[1].paid(world.clock.at, "102.00"))
    await world.absorb(loans[1].took_back(world.clock.at), loans[2].took_back(world.clock.at))
    await world.engine.delivery.step(Lane.BULK)
    assert await stages(world) == {"L-1": "sent", "L-2": "superseded in_digest", "L-3": "sent"}
    assert [message.template for message in world.sender.messages] == ["digest_due", "repayment_due_today"]


# ---------------------------------------------------------------- rules and operators


async def test_an_opt_out_ends_every_part(world: Virtual) -> None:
    """Between claim and intent: nothing goes, each part says why."""
    await due_together(world, lenders())
    await interrupted(world, lambda: world.operations.suppress(PHONE, "*", who="ops", evidence="call", now=world.clock.at))
    assert set((await stages(world)).values()) == {"suppressed opted_out"}
    assert world.sender.attempts == []


async def test_outside_the_window_all_parts_wait_for_the_same_minute(world: Virtual) -> None:
    """Held together, told together."""
    for lender in lenders(3):
        await world.absorb(lender.disbursed(START, (1, DUE, "100.00")))
    await world.deliver()
    world.go(at("2026-06-17 22:30"))
    await ready(world)
    await world.engine.delivery.step(Lane.BULK)
    soon = [row for row in await world.notices() if ":due_soon:" in row.key]
    assert {(said(row), row.not_before) for row in soon} == {("held window", at("2026-06-18 08:00"))}
    world.go(at("2026-06-18 08:00"))
    await world.deliver()
    assert [message.template for message in world.sender.messages] == ["digest_due"]


async def test_the_loan_an_operator_stopped_is_left_out(world: Virtual) -> None:
    """Before the claim and between claim and intent; it goes by itself when it may."""
    await due_together(world, lenders())
    stop = {"who": "ops", "why": "dispute", "until": None}
    await world.operations.pause("loan", "L-1", **stop, now=world.clock.at)
    await interrupted(world, lambda: world.operations.pause("loan", "L-3", **stop, now=world.clock.at))
    assert await stages(world) == {"L-1": "planned", "L-2": "sent", "L-3": "planned"}
    assert [message.template for message in world.sender.messages] == ["repayment_due_today"]
    await world.operations.resume("loan", "L-1", who="ops", now=world.clock.at)
    await world.operations.resume("loan", "L-3", who="ops", now=world.clock.at)
    world.wait(2)
    await world.engine.delivery.step(Lane.BULK)
    assert [message.template for message in world.sender.messages] == ["repayment_due_today", "digest_due"]


async def test_the_digests_own_template_can_be_stopped(world: Virtual) -> None:
    """Nothing goes until it is resumed, and then as one text."""
    await due_together(world, lenders(2))
    await world.operations.pause("template", "digest_due", who="ops", why="words", until=None, now=world.clock.at)
    await world.engine.delivery.step(Lane.BULK)
    assert world.sender.attempts == []
    await world.operations.resume("template", "digest_due", who="ops", now=world.clock.at)
    world.wait(2)
    await world.engine.delivery.step(Lane.BULK)
    assert len(texts(world)) == 1


# ---------------------------------------------------------------- what does not go through


@pytest.mark.parametrize(
    ("outcome", "head", "part"),
    [
        (Throttled(60), "planned", "planned"),
        (NotSent("refused"), "held no_sender", "held no_sender"),
        (Rejected("sender", "balance"), "held no_sender", "held no_sender"),
        (Rejected("recipient", "21211"), "failed rejected", "superseded in_digest"),
        (Unknown("timeout"), "unknown timeout", "superseded in_digest"),
    ],
    ids=["throttled", "not sent", "its own trouble", "recipient", "unknown"],
)
async def test_parts_share_the_fate_of_their_text(world: Virtual, outcome: Outcome, head: str, part: str) -> None:
    """What was not said waits again as a whole and is told as one text later; what may have been said does not."""
    await due_together(world, lenders(2))
    world.sender.script(outcome)
    await world.engine.delivery.step(Lane.BULK)
    assert await stages(world) == {"L-1": head, "L-2": part}
    assert await contacts(world) == (1 if isinstance(outcome, Unknown) else 0)
    world.wait(61)
    await world.deliver()
    waits = part in {"planned", "held no_sender"}
    assert len(texts(world)) == (1 if waits else 0)
    assert await stages(world) == ({"L-1": "sent", "L-2": "superseded in_digest"} if waits else {"L-1": head, "L-2": part})


async def test_the_next_sender_gets_the_digest_as_it_is_then(any_database_url: str) -> None:
    """Refused by the first sender, a part paid meanwhile: the second one's text does not list it."""
    loans = lenders()

    class Refusing(MemorySender):
        world: Virtual

        async def send(self, messages: Any) -> Any:
            if any(message.template == "digest_due" for message in messages):
                self.script(*[NotSent("refused")] * len(messages))
                await self.world.absorb(loans[1].paid(self.world.clock.at, "102.00"))
            return await super().send(messages)

    first, second = Refusing("memory://a"), MemorySender("memory://b")
    async with opened(START, first, second, url=any_database_url) as world:
        first.world = world
        await due_together(world, loans)
        await world.engine.delivery.step(Lane.BULK)
        world.wait(2)
        await world.engine.delivery.step(Lane.BULK)
        assert await stages(world) == {"L-1": "sent", "L-2": "cancelled paid", "L-3": "superseded in_digest"}
        assert "共204.00元" in second.messages[0].body


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "never arrived"])
async def test_a_digest_that_may_have_gone_is_asked_for(world: Virtual, arrived: bool) -> None:
    """It arrived: its parts are told. It never did: all of them wait again and go as one text."""
    await due_together(world, lenders(2))
    world.sender.script(Unknown("timeout"), arrived=arrived)
    await world.engine.delivery.step(Lane.BULK)
    world.wait(5)
    await world.sweep()
    waiting = {"L-1": "planned", "L-2": "planned"}
    assert await stages(world) == ({"L-1": "sent", "L-2": "superseded in_digest"} if arrived else waiting)
    await world.engine.delivery.step(Lane.BULK)
    assert len(texts(world)) == 1


async def test_when_the_head_of_an_unsaid_digest_is_paid_the_others_are_told(world: Virtual) -> None:
    """The head's payment comes while nobody knows; the sender says the text never arrived."""
    loans = lenders()
    await due_together(world, loans)
    world.sender.script(Unknown("timeout"))
    await world.engine.delivery.step(Lane.BULK)
    await world.absorb(loans[0].paid(world.clock.at, "101.00"))
    world.wait(5)
    await world.sweep()
    await world.engine.delivery.step(Lane.BULK)
    await world.engine.delivery.step(Lane.BULK)
    assert await stages(world) == {"L-1": "cancelled paid", "L-2": "sent", "L-3": "superseded in_digest"}


@pytest.mark.parametrize("n", [1, 2])
async def test_a_digest_is_not_said_again_on_a_guess(any_database_url: str, n: int) -> None:
    """A plain text goes again to a sender that knows its key; one that listed others does not, for it may be another by then."""
    sender = MemorySender(tells=False, idempotent=True)
    async with opened(START, sender, url=any_database_url) as world:
        await due_together(world, lenders(n))
        sender.script(Unknown("timeout"), arrived=True)
        await world.engine.delivery.step(Lane.BULK)
        world.wait(5)
        await world.sweep()
        world.wait(30)
        await world.engine.delivery.step(Lane.BULK)
        assert (await stages(world))["L-1"] == ("sent" if n == 1 else "unknown cannot_tell")
        assert len(texts(world)) == 1


async def test_a_text_in_doubt_stays_by_itself(any_database_url: str) -> None:
    """Said again under its own key, it takes in nobody who came meanwhile: the sender might drop the text as a repeat."""
    sender = MemorySender(tells=False, idempotent=True)
    async with opened(START, sender, url=any_database_url) as world:
        one, two = lenders(2)
        await due_together(world, [one])
        sender.script(Unknown("timeout"), arrived=True)
        await world.engine.delivery.step(Lane.BULK)
        await world.absorb(two.disbursed(world.clock.at, (1, DUE, "102.00")))
        await world.plan()
        world.wait(5)
        await world.sweep()
        world.wait(30)
        await world.engine.delivery.step(Lane.BULK)
        assert await stages(world) == {"L-1": "sent", "L-2": "sent"}
        assert [message.template for message in sender.messages] == ["repayment_due_today"] * 2


# ---------------------------------------------------------------- workers that die


async def test_a_claim_without_intent_gives_everything_back(world: Virtual) -> None:
    """The worker dies after its claim: when the lease is over all parts wait again and go as one text."""
    await due_together(world, lenders())
    assert await world.engine.delivery._claim(Lane.BULK)
    assert set((await stages(world)).values()) == {"sending"}
    world.wait(31)
    await world.sweep()
    assert set((await stages(world)).values()) == {"planned"}
    await world.engine.delivery.step(Lane.BULK)
    assert len(texts(world)) == 1


async def test_a_worker_that_dies_after_its_intent(world: Virtual) -> None:
    """The head is unknown, its parts are its affair; the sender never heard of it, so all come back."""
    await due_together(world, lenders())
    claim = await world.engine.delivery._claim(Lane.BULK)
    assert claim is not None
    _, fit = world.engine.delivery._judged(claim, world.clock.at)
    await world.engine.delivery._intents.write(world.engine.couriers[0].name, claim, fit)
    world.wait(31)
    await world.engine.settling.release(world.clock.at)
    assert await stages(world) == {"L-1": "unknown lease_over", "L-2": "superseded in_digest", "L-3": "superseded in_digest"}
    await world.engine.settling.settle(world.clock.at)
    assert set((await stages(world)).values()) == {"planned"}
    await world.engine.delivery.step(Lane.BULK)
    assert len(texts(world)) == 1


@pytest.mark.parametrize("outcome", [Throttled(60), NotSent("refused")], ids=["throttled", "not sent"])
async def test_a_late_refusal_brings_everything_back(any_database_url: str, outcome: Outcome) -> None:
    """The lease ran out while the sender was thinking, and then it refuses: nothing was said, all parts wait again."""

    class Slow(MemorySender):
        world: Virtual

        async def send(self, messages: Any) -> Any:
            if messages[0].template == "digest_due" and not self.attempts:
                self.script(outcome)
                self.world.wait(31)
                await self.world.engine.settling.release(self.world.clock.at)
            return await super().send(messages)

    sender = Slow()
    async with opened(START, sender, url=any_database_url) as world:
        sender.world = world
        await due_together(world, lenders())
        await world.engine.delivery.step(Lane.BULK)
        world.wait(61)
        await world.sweep()
        await world.engine.delivery.step(Lane.BULK)
        assert await stages(world) == {"L-1": "sent", "L-2": "superseded in_digest", "L-3": "superseded in_digest"}
        assert len(texts(world)) == 1


# ---------------------------------------------------------------- after a restore


async def test_after_a_restore_a_part_that_a_lost_digest_listed_is_not_told_again(world: Virtual) -> None:
    """The database forgot the digest; the sender has its text: no part goes again, whatever key it had."""
    await due_together(world, lenders())
    before = Statement(
        "UPDATE notices SET state = 'planned', reason = NULL, head = NULL, handed_at = NULL WHERE stage = 'due_today'"
    )
    await world.engine.delivery.step(Lane.BULK)
    await world.run(before)
    await world.operations.recovered(world.clock.at - timedelta(hours=1), who="li", now=world.clock.at)
    world.wait(5)
    await world.sweep()
    await world.deliver()
    assert await stages(world) == {"L-1": "sent", "L-2": "superseded in_digest", "L-3": "superseded in_digest"}
    assert len(texts(world)) == 1


async def test_after_a_restore_a_digest_that_never_went_goes(world: Virtual) -> None:
    """No sender has any of its keys: all parts are planned again and go as one text."""
    await due_together(world, lenders())
    await world.operations.recovered(world.clock.at - timedelta(hours=1), who="li", now=world.clock.at)
    world.wait(5)
    await world.sweep()
    await world.deliver()
    assert await stages(world) == {"L-1": "sent", "L-2": "superseded in_digest", "L-3": "superseded in_digest"}
