"""Operations to be confirmed: a code is told once and kept nowhere, a question gets one answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from consumers import _embedded
from consumers._decode import decode
from service.ledger.statement import Statement
from service.notices import Lane
from service.senders._port import NotSent, Outcome, Rejected, Reply, Throttled, Unknown
from service.senders.memory import MemorySender
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

NIGHT = at("2026-06-01 02:00")
SOON = NIGHT + timedelta(minutes=5)
PHONE = "+8613800138000"
CODE = "482913"
_SEALED = {
    "contexts": Statement("SELECT context AS sealed FROM notices WHERE context IS NOT NULL"),
    "texts": Statement("SELECT text AS sealed FROM attempts WHERE text IS NOT NULL"),
    "payloads": Statement("SELECT payload AS sealed FROM inbox WHERE payload IS NOT NULL"),
}


class Answered(MemorySender):
    """Says from some moment on that it takes nothing yet; the borrower answers at that moment."""

    world: Virtual | None = None

    async def send(self, messages: Any) -> list[Outcome]:
        """Takes it, as long as nobody looks."""
        if self.world is None:
            return await super().send(messages)
        await self.world.reply("Y")
        return [Throttled(20)] * len(messages)


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine on either database, at two in the morning."""
    async with opened(NIGHT, url=any_database_url) as engine:
        yield engine


async def sealed(world: Virtual, what: str) -> str:
    """Everything of a kind that the database holds encrypted, in clear."""
    rows = await world.rows(_SEALED[what])
    return "\n".join(world.engine.vault.text(row.sealed) for row in rows)


async def told(world: Virtual) -> list[tuple[str, str]]:
    """What upstream heard of operations."""
    return [(each["operation_id"], each["answer"]) for each in await world.told("operation.answered")]


async def asked(world: Virtual, *operations: str, until: Any = SOON) -> Lender:
    """Questions that have gone to the borrower, a second apart."""
    lender = Lender()
    await world.absorb(*(lender.operation(NIGHT, until, name, borrower=lender.borrower) for name in operations[:1]))
    await world.deliver()
    for name in operations[1:]:
        world.wait(1)
        await world.absorb(lender.operation(world.clock.at, until, name))
        await world.deliver()
    world.wait(5)
    return lender


# ---------------------------------------------------------------- codes


async def test_a_code_goes_at_night_before_everything_else(world: Virtual) -> None:
    """In the critical lane, at any hour, to the lender's borrower; the sender gets it in clear."""
    lender = Lender()
    await world.absorb(lender.operation(NIGHT, SOON, code=CODE, borrower=lender.borrower))
    await world.engine.delivery.step(Lane.CRITICAL)
    (message,) = world.sender.messages
    assert (message.template, message.lane, message.to, message.expires_at) == ("operation_code", "critical", PHONE, SOON)
    assert CODE in message.body


async def test_a_code_is_kept_nowhere_but_where_it_waits(world: Virtual) -> None:
    """The event's payload and the text that was handed over hold a mark; the notice's values are gone when it has ended."""
    lender = Lender()
    await world.absorb(lender.operation(NIGHT, SOON, code=CODE, borrower=lender.borrower))
    assert CODE in await sealed(world, "contexts")
    assert CODE not in await sealed(world, "payloads")
    await world.deliver()
    assert "••••" in await sealed(world, "texts")
    assert CODE not in await sealed(world, "texts")
    world.go(SOON)
    await world.sweep()
    assert await sealed(world, "contexts") == ""
    assert await world.state("operation_code") == "sent"


async def test_a_code_that_waits_in_the_inbox_is_kept_until_it_is_absorbed(world: Virtual) -> None:
    """Put aside it is whole, or it could not be told; the same event coming again, written otherwise, alarms nobody."""
    lender, engine = Lender(), world.engine
    body = lender.operation(NIGHT, SOON, code=CODE, borrower=lender.borrower)
    await engine.intake.receive([decode(body)], origin="http")
    assert CODE in await sealed(world, "payloads")
    again = json.dumps(json.loads(body), indent=1).encode()
    await engine.intake.receive([decode(again)], origin="http")
    await _embedded.step(engine.ledger, engine.vault, engine.intake)
    assert CODE not in await sealed(world, "payloads")
    await engine.intake.receive([decode(again)], origin="http")
    await world.deliver()
    assert world.sent == ["operation_code"]
    assert await world.told("alert.raised") == []
    await world.absorb(body.replace("更换还款账户".encode(), "别的".encode()))
    assert [alert["alert"] for alert in await world.told("alert.raised")] == ["duplicate_mismatch"]


@pytest.mark.parametrize(
    ("outcome", "state"), [(Rejected("content", "x"), "failed rejected"), (NotSent("x"), "failed no_sender_left")]
)
async def test_a_code_is_removed_however_its_notice_ends(outcome: Any, state: str) -> None:
    """Refused, or never taken by anyone: when it is over the values go."""
    sender = MemorySender()
    sender.script(*[outcome] * 50)
    async with opened(NIGHT, sender) as world:
        lender = Lender()
        await world.absorb(lender.operation(NIGHT, SOON, code=CODE, borrower=lender.borrower))
        await world.run_until(SOON + timedelta(minutes=1))
        await world.sweep()
        assert await world.state("operation_code") == state
        assert await sealed(world, "contexts") == ""


async def test_a_code_of_unknown_outcome_is_told_again_while_it_is_valid(world: Virtual) -> None:
    """The values stay as long as it may have to be said again."""
    world.sender.tells = False
    world.sender.script(Unknown("timeout"))
    lender = Lender()
    await world.absorb(lender.operation(NIGHT, SOON, code=CODE, borrower=lender.borrower))
    await world.deliver()
    world.wait(3)
    await world.sweep()
    await world.deliver()
    assert await world.state("operation_code") == "planned"
    world.wait(3)
    await world.deliver()
    assert [CODE in message.body for message in world.sender.messages] == [True]
    assert await world.state("operation_code") == "sent"


async def test_a_code_too_late_is_not_told(world: Virtual) -> None:
    """It expires with its operation."""
    lender = Lender()
    await world.absorb(lender.operation(NIGHT, SOON, code=CODE, borrower=lender.borrower))
    world.go(SOON)
    await world.sweep()
    await world.deliver()
    assert world.sent == []
    assert await world.state("operation_code") == "expired too_late"


async def test_an_operator_is_shown_a_mark_for_a_code_in_words(world: Virtual) -> None:
    """Every column of every row is searched: the code is in clear nowhere."""
    lender = Lender()
    await world.absorb(lender.operation(NIGHT, SOON, code=CODE, borrower=lender.borrower))
    await world.deliver()
    for table in ("notices", "attempts", "inbox", "outbox", "parties", "questions", "audit", "dead_letters"):
        for row in await world.rows(Statement(f"SELECT * FROM {table}")):  # noqa: S608 - our own names
            assert CODE not in str(tuple(row))


# ---------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("text", "answer"), [("Y", "confirmed"), (" ｙｅｓ！", "confirmed"), ("N。", "declined"), ("不是", "declined")]
)
async def test_a_question_is_answered_by_text(world: Virtual, text: str, answer: str) -> None:
    """Upstream hears it at once, and nothing when its time is over."""
    await asked(world, "OP-1")
    assert world.sent == ["operation_reply"]
    assert await world.reply(text) == "accepted"
    assert await told(world) == [("OP-1", answer)]
    (data,) = await world.told("operation.answered")
    assert data["loan_id"] == "L-1"
    world.go(SOON)
    await world.sweep()
    assert await told(world) == [("OP-1", answer)]


async def test_no_answer_is_an_answer(world: Virtual) -> None:
    """When the time is over upstream hears `expired`, once; what comes later changes nothing."""
    await asked(world, "OP-1")
    world.go(SOON)
    await world.sweep()
    await world.sweep()
    await world.reply("Y")
    assert await told(world) == [("OP-1", "expired")]


async def test_an_answer_at_the_last_moment_and_too_late(world: Virtual) -> None:
    """What comes at the end of the time, though no sweep has come by yet, is too late."""
    await asked(world, "OP-1")
    world.go(SOON)
    await world.reply("Y", at=SOON - timedelta(seconds=2))
    assert await told(world) == []
    await world.sweep()
    assert await told(world) == [("OP-1", "expired")]


async def test_the_question_asked_last_is_answered_first(world: Virtual) -> None:
    """Two wait: the first answer is for the later one, the second for the earlier one, a third for none."""
    await asked(world, "OP-1", "OP-2")
    for text in ("Y", "N", "Y"):
        await world.reply(text)
    assert await told(world) == [("OP-2", "confirmed"), ("OP-1", "declined")]


async def test_an_answer_from_before_the_question_is_none(world: Virtual) -> None:
    """A yes that was on its way for an hour does not confirm what was asked meanwhile."""
    await asked(world, "OP-1")
    await world.reply("Y", at=world.clock.at - timedelta(hours=1))
    assert await told(world) == []


async def test_a_yes_from_another_number_confirms_nothing(world: Virtual) -> None:
    """Nor one from the number the borrower has had since: the question did not go there."""
    lender = await asked(world, "OP-1")
    await world.reply("Y", "+8613900139000")
    await world.absorb(lender.party(world.clock.at, phone="+8613900139000"))
    await world.reply("Y", "+8613900139000")
    await world.reply("Y", PHONE)
    assert await told(world) == []


async def test_a_question_that_never_went_cannot_be_answered(world: Virtual) -> None:
    """A yes before the text has been handed over is not an answer to it."""
    lender = Lender()
    await world.absorb(lender.operation(NIGHT, SOON, borrower=lender.borrower))
    await world.reply("Y")
    assert await told(world) == []


async def test_a_question_that_was_answered_is_not_asked_again_on_a_guess(world: Virtual) -> None:
    """Nobody knew whether the question had gone, the borrower answered it, then it would have been said again: it ends."""
    world.sender.script(Unknown("timeout"))
    await asked(world, "OP-1")
    assert await world.reply("Y") == "accepted"
    world.wait(3)
    await world.sweep()
    await world.deliver()
    assert await world.state("operation_reply") == "cancelled answered"
    assert await told(world) == [("OP-1", "confirmed")]


async def test_a_question_that_is_answered_while_its_sender_puts_it_off_is_not_asked_again(any_database_url: str) -> None:
    """It was asked twice; the answer to the first text comes while the second is with a sender that will not take it yet."""
    sender = Answered()
    async with opened(NIGHT, sender, url=any_database_url) as world:
        lender = await asked(world, "OP-1")
        sender.world = world
        await world.absorb(lender.operation(world.clock.at, SOON))
        await world.deliver()
        world.wait(30)
        await world.deliver()
        assert sorted((await world.states()).values()) == ["cancelled answered", "sent"]
        assert world.sent == ["operation_reply"]
        assert await told(world) == [("OP-1", "confirmed")]


async def test_asked_again_the_newer_event_says_how_long(world: Virtual) -> None:
    """In any order of arrival; an operation that was answered is not asked about any more."""
    lender = Lender()
    later = SOON + timedelta(minutes=10)
    first = lender.operation(NIGHT, SOON, borrower=lender.borrower)
    second = lender.operation(NIGHT + timedelta(minutes=1), later)
    await world.absorb(second)
    await world.absorb(first)
    await world.deliver()
    world.go(SOON + timedelta(minutes=1))
    await world.sweep()
    assert await told(world) == []
    await world.reply("Y")
    assert await told(world) == [("OP-1", "confirmed")]
    await world.absorb(lender.operation(world.clock.at, later))
    await world.deliver()
    assert [state for state in (await world.states()).values() if state != "sent"] == ["cancelled answered"]


async def test_backfilled_questions_are_not_asked(world: Virtual) -> None:
    """A history that is told afterwards waits for no answer."""
    lender = Lender()
    await world.absorb(lender.operation(NIGHT, SOON, envelope={"duebellmode": "backfill"}))
    world.go(SOON)
    await world.sweep()
    assert await told(world) == []


async def test_two_workers_give_one_answer(any_database_url: str) -> None:
    """Answers and the end of the time meet in two processes, again and again: each operation has exactly one answer."""
    async with opened(NIGHT, url=any_database_url) as world:
        vault = world.engine.vault
        async with opened(NIGHT, world.sender, url=any_database_url, vault=vault) as other:
            names = [f"OP-{n}" for n in range(6)]
            await asked(world, *names)
            other.clock.at = SOON  # one of them thinks that the time is over
            await asyncio.gather(
                *(world.engine.mailbox.take("memory://", [Reply(f"a{n}", PHONE, "Y", world.clock.at)]) for n in range(3)),
                other.engine.settling.unanswered(SOON),
                *(world.engine.mailbox.take("memory://", [Reply(f"b{n}", PHONE, "N", world.clock.at)]) for n in range(3)),
                other.engine.settling.unanswered(SOON),
            )
            answers = await told(world)
            assert sorted(name for name, _ in answers) == names


async def test_urgent_events_overtake_a_flood(world: Virtual) -> None:
    """What HTTP put aside is absorbed in the order it came, but for operations and alerts: they come first."""
    engine, flood = world.engine, [Lender(f"L-{n}").submitted(NIGHT) for n in range(40)]
    await engine.intake.receive([decode(body) for body in flood], origin="http")
    world.wait(1)
    lender = Lender("L-code")
    await engine.intake.receive([decode(lender.operation(NIGHT, SOON, code=CODE, borrower=lender.borrower))], origin="http")
    assert await _embedded.step(engine.ledger, engine.vault, engine.intake, 10) == 1
    await world.deliver()
    assert world.sent == ["operation_code"]
