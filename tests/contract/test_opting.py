"""Opting out and in by text: nothing more goes, one text says so, upstream hears it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from service.ledger import audit
from service.ledger.statement import Statement
from service.notices import Lane
from service.senders._port import NotSent, Reply, Throttled, Unknown
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

NOON = at("2026-06-19 12:00")
NIGHT = at("2026-06-20 02:00")
PHONE = "+8613800138000"
OTHER = "+8613900139000"
DUE = (1, "2026-06-20", "912.50")
_REPLIES = Statement("SELECT sender, meaning, text, phone_key FROM replies ORDER BY received_at, hash")
_SUPPRESSED = Statement("SELECT purpose, origin, evidence FROM suppressions ORDER BY purpose")
IN_CHINA = ["collection", "marketing", "payer", "reminder", "visit"]


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine on either database."""
    async with opened(NOON, url=any_database_url) as engine:
        yield engine


async def lent(world: Virtual, **borrower: Any) -> Lender:
    """A loan with an instalment due tomorrow; what the event calls for has gone."""
    lender = Lender(**borrower)
    await world.absorb(lender.disbursed(NOON, DUE))
    await world.deliver()
    world.sender.messages.clear()
    return lender


async def test_an_opt_out_ends_what_asks_and_is_confirmed_once(world: Virtual) -> None:
    """Reminders that wait end with their reason; one text goes to the number though it is suppressed; then nothing more."""
    await lent(world)
    await world.plan()
    assert await world.state("due_today") == "planned"
    assert await world.reply("ｔｄ。") == "accepted"
    assert await world.state("due_today") == "suppressed opted_out"
    await world.run_until(at("2026-06-24 12:00"))
    assert world.sent == ["opt_out_confirmed"]
    assert world.sender.messages[0].to == PHONE
    assert {row.state for row in await world.notices() if row.purpose == "reminder"} == {"suppressed"}


async def test_upstream_hears_whose_number_and_what_for_not_which(world: Virtual) -> None:
    """Everybody who has the number is named; the number is not."""
    await lent(world)
    twin = Lender("L-2")
    await world.absorb(twin.submitted(NOON, borrower=twin.borrower))
    await world.reply("STOP")
    (data,) = await world.told("party.opted_out")
    assert (data["party_ids"], data["purposes"]) == (["B-L-1", "B-L-2"], IN_CHINA)
    assert PHONE[3:] not in str(data)


async def test_what_tells_goes_on_where_the_jurisdiction_says_so(world: Virtual) -> None:
    """In China a receipt still goes after an opt-out; in the United States it does not; a code goes everywhere."""
    american = "+12025550123"
    for number, jurisdiction, goes in ((PHONE, "cn", True), (american, "us", False)):
        lender = Lender(f"L-{jurisdiction}", number, jurisdiction=jurisdiction, timezone="Asia/Shanghai", locale="en")
        await world.absorb(lender.disbursed(NOON, DUE))
        await world.deliver()
        await world.reply("STOP", number)
        world.sender.messages.clear()
        await world.absorb(
            lender.paid(NOON, "10.00"), lender.operation(NOON, NOON + timedelta(minutes=5), "OP-1", code="482913")
        )
        await world.deliver()
        assert ("repayment_received" in world.sent) is goes
        assert "operation_code" in world.sent


async def test_the_same_reply_counts_once(world: Virtual) -> None:
    """Whatever it says the second time, alone or in one batch; another sender's id is another reply."""
    await lent(world)
    mailbox = world.engine.mailbox
    one = Reply("mo-1", PHONE, "TD", NOON)
    assert await mailbox.take("memory://", [one, Reply("mo-1", PHONE, "START", NOON)]) == ["accepted", "duplicate"]
    assert await mailbox.take("memory://", [one]) == ["duplicate"]
    assert await mailbox.take("file:///x", [one]) == ["accepted"]
    await world.deliver()
    assert world.sent == ["opt_out_confirmed"]
    assert [row.sender for row in await world.rows(_REPLIES)] == ["memory://", "file:///x"]


async def test_who_says_it_twice_is_not_told_twice(world: Virtual) -> None:
    """A second STOP changes nothing and is not confirmed."""
    await lent(world)
    await world.reply("TD")
    await world.reply("退订")
    await world.deliver()
    assert world.sent == ["opt_out_confirmed"]
    assert len(await world.told("party.opted_out")) == 1


async def test_start_undoes_it(world: Virtual) -> None:
    """What comes after it goes again and it is confirmed once; what had ended stays ended; then STOP works again."""
    await lent(world)
    await world.plan()
    for text in ("TD", "START", "START"):
        await world.reply(text)
        await world.deliver()
    assert world.sent == ["opt_out_confirmed", "opt_in_confirmed"]
    assert await world.rows(_SUPPRESSED) == []
    assert await world.state("due_today") == "suppressed opted_out"
    (data,) = await world.told("party.opted_in")
    assert (data["party_ids"], data["purposes"]) == (["B-L-1"], IN_CHINA)
    await world.run_until(at("2026-06-23 12:00"))
    assert world.sent[-1] == "repayment_overdue"
    await world.reply("TD")
    await world.deliver()
    assert world.sent[-1] == "opt_out_confirmed"


async def test_a_confirmation_that_is_not_true_any_more_does_not_go(world: Virtual) -> None:
    """STOP and START before any text went: only what holds now is said."""
    await lent(world)
    await world.reply("TD")
    await world.reply("START")
    await world.deliver()
    assert world.sent == ["opt_in_confirmed"]
    assert await world.state("opt_out_confirmed") == "superseded later_reply"


async def test_start_does_not_undo_what_an_operator_did(world: Virtual) -> None:
    """The operator's suppression stays, and nobody is promised anything; the operator takes back everything."""
    await lent(world)
    await world.reply("TD")
    await world.operations.suppress(PHONE, "reminder", who="li", evidence="letter of 3 June", now=NOON)
    await world.reply("START")
    await world.deliver()
    assert world.sent == ["opt_out_confirmed"]
    assert [(row.purpose, row.origin) for row in await world.rows(_SUPPRESSED)] == [("reminder", "operator")]
    await world.reply("TD")
    assert await world.operations.unsuppress(PHONE, "*", who="li", why="asked", now=NOON)
    assert await world.rows(_SUPPRESSED) == []


async def test_start_without_a_stop_does_nothing(world: Virtual) -> None:
    """It is kept, and nothing is sent."""
    await lent(world)
    await world.reply("START")
    await world.deliver()
    assert world.sent == []
    assert [row.meaning for row in await world.rows(_REPLIES)] == ["start"]


@pytest.mark.parametrize(
    "text",
    [
        "我已经还了",
        "Y",
        "N",
        "please stop calling",
        "\u200b",
        "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    ],
)
async def test_what_asks_for_nothing_is_kept_and_nothing_is_sent(world: Virtual, text: str) -> None:
    """Its text is there for people, encrypted; a yes without a question is no answer."""
    await lent(world)
    await world.reply(text)
    await world.deliver()
    assert world.sent == []
    (row,) = await world.rows(_REPLIES)
    assert world.engine.vault.text(row.text) == text
    assert await world.told("party.opted_out", "operation.answered") == []


async def test_a_number_nobody_has_is_suppressed_in_silence(world: Virtual) -> None:
    """There is nobody to tell of it; whoever gets the number later is not reminded."""
    await world.reply("TD", OTHER)
    assert await world.told("party.opted_out") == []
    lender = Lender(phone=OTHER)
    await world.absorb(lender.disbursed(NOON, DUE))
    await world.run_until(at("2026-06-21 12:00"))
    assert world.sent == ["loan_disbursed"]


async def test_it_is_confirmed_at_any_hour_in_the_persons_language(any_database_url: str) -> None:
    """The confirmation tells of what has just happened."""
    async with opened(NIGHT, url=any_database_url) as world:
        await world.absorb(Lender(locale="en").party(NIGHT, phone=PHONE, locale="en"))
        await world.reply("stop", at=NIGHT - timedelta(hours=3))
        await world.deliver()
        assert [m.body for m in world.sender.messages] == [
            "【Duebell】You have opted out: no more such texts to this number. Security texts still come. To opt in again, reply START."
        ]


async def test_the_confirmation_goes_to_no_other_number(world: Virtual) -> None:
    """The person has another number before it went: it ends, with its reason."""
    lender = await lent(world)
    world.sender.script(NotSent("x"))
    await world.reply("TD")
    await world.deliver()
    assert await world.state("opt_out_confirmed") == "held no_sender"
    await world.absorb(lender.party(world.clock.at, phone=OTHER))
    world.wait(60)
    await world.deliver()
    assert world.sent == []
    assert await world.state("opt_out_confirmed") == "suppressed number_changed"


async def test_a_confirmation_that_may_have_gone_is_not_repeated(world: Virtual) -> None:
    """The outcome is unknown and the sender cannot tell: one text, not two."""
    await lent(world)
    world.sender.tells = False
    world.sender.script(Unknown("timeout"), arrived=True)
    await world.reply("TD")
    await world.deliver()
    world.wait(10)
    await world.sweep()
    await world.deliver()
    assert len(world.sender.attempts) == 2  # the event's own text, and one confirmation
    assert await world.state("opt_out_confirmed") == "unknown cannot_tell"


async def test_a_confirmation_that_never_arrived_does_not_go_after_the_next_word(world: Virtual) -> None:
    """The outcome of the first is unknown when START comes; it turns out that it never arrived, and only what holds now is said."""
    await lent(world)
    world.sender.script(Unknown("timeout"))
    await world.reply("TD")
    await world.deliver()
    world.wait(1)
    await world.reply("START")
    world.wait(10)
    await world.sweep()
    await world.deliver()
    assert await world.state("opt_out_confirmed") == "superseded later_reply"
    assert world.sent == ["opt_in_confirmed"]


async def test_nobody_is_told_they_are_back_after_an_operator_said_otherwise(world: Virtual) -> None:
    """START's confirmation never arrived; by the time it could go again an operator has suppressed the number."""
    await lent(world)
    await world.reply("TD")
    await world.deliver()
    world.wait(1)
    world.sender.script(Unknown("timeout"))
    await world.reply("START")
    await world.deliver()
    await world.operations.suppress(PHONE, "reminder", who="li", evidence="letter of 3 June", now=world.clock.at)
    world.wait(10)
    await world.sweep()
    await world.deliver()
    assert world.sent == ["opt_out_confirmed"]
    assert await world.state("opt_in_confirmed") == "suppressed opted_out"


async def test_nobody_is_told_they_are_out_after_it_was_undone(world: Virtual) -> None:
    """TD's confirmation had to wait for its sender; an operator takes the number back in before it is claimed again."""
    await lent(world)
    await _throttled_confirmation(world)
    await world.operations.unsuppress(PHONE, "*", who="li", why="asked on the telephone", now=world.clock.at)
    world.wait(61)
    await world.deliver()
    assert world.sent == []
    assert await world.state("opt_out_confirmed") == "superseded later_reply"


async def test_an_opt_out_undone_between_claim_and_intent(world: Virtual) -> None:
    """The same, while its confirmation is under a claim."""
    await lent(world)
    await _throttled_confirmation(world)
    world.wait(61)
    delivery = world.engine.delivery
    claim = await delivery._claim(Lane.NORMAL)
    assert claim is not None
    _, ready = delivery._judged(claim, world.clock.at)
    await world.operations.unsuppress(PHONE, "*", who="li", why="asked on the telephone", now=world.clock.at)
    assert (await delivery._intents.write(delivery._couriers[0].name, claim, ready))[0] == []
    world.wait(2)
    await world.deliver()
    assert await world.state("opt_out_confirmed") == "superseded later_reply"


async def _throttled_confirmation(world: Virtual) -> None:
    world.sender.script(Throttled(60))
    await world.reply("TD")
    await world.deliver()
    assert await world.state("opt_out_confirmed") == "planned"


async def test_an_opt_out_between_claim_and_intent(world: Virtual) -> None:
    """A reminder that a worker has in hand ends; no intent is committed after the opt-out."""
    await lent(world)
    await world.plan()
    world.go(at("2026-06-20 09:00"))
    delivery = world.engine.delivery
    claim = await delivery._claim(Lane.BULK)
    assert claim is not None
    _, ready = delivery._judged(claim, world.clock.at)
    assert ready
    await world.reply("TD")
    intended, _ = await delivery._intents.write(delivery._couriers[0].name, claim, ready)
    assert intended == []
    assert await world.state("due_today") == "suppressed opted_out"


async def test_one_after_the_other_in_one_batch(world: Virtual) -> None:
    """Replies are done in the order they were written, whatever the order they come in; numbers do not mind each other."""
    await lent(world)
    other = Lender("L-2", OTHER)
    await world.absorb(other.submitted(NOON, borrower=other.borrower))
    minute = timedelta(minutes=1)
    batch = [
        Reply("1", PHONE, "START", NOON + minute),
        Reply("2", OTHER, "退订", NOON),
        Reply("3", PHONE, "TD", NOON),
        Reply("4", PHONE, "在吗", NOON),
    ]
    assert await world.engine.mailbox.take("memory://", batch) == ["accepted"] * 4
    suppressed = await world.rows(Statement("SELECT DISTINCT phone_key FROM suppressions"))
    assert [row.phone_key for row in suppressed] == [world.engine.vault.keyed_hash(OTHER)]


async def test_it_is_audited(world: Virtual) -> None:
    """Who asked through which sender, by the number's hash, with the reply as evidence; the chain holds."""
    await lent(world)
    await world.reply("TD")
    await world.reply("START")
    rows = await world.rows(Statement("SELECT who, action, subject, why FROM audit WHERE action <> 'began' ORDER BY id"))
    assert [(row.who, row.action) for row in rows] == [("reply:memory://", "suppress"), ("reply:memory://", "unsuppress")]
    assert all(
        row.subject.startswith(world.engine.vault.keyed_hash(PHONE).hex()) and row.why.startswith("reply ") for row in rows
    )
    async with world.engine.ledger.transaction() as tx:
        assert await audit.first_broken(tx, world.engine.vault) is None


async def test_two_processes_take_the_same_replies(any_database_url: str) -> None:
    """Each reply once, one confirmation, one status event, whoever was first."""
    async with opened(NOON, url=any_database_url) as world:
        await lent(world)
        async with opened(NOON, world.sender, url=any_database_url, vault=world.engine.vault) as other:
            replies = [Reply(f"mo-{n}", PHONE, "TD", NOON) for n in range(8)]
            boxes = (world.engine.mailbox, other.engine.mailbox)
            verdicts = await asyncio.gather(*(box.take("memory://", [reply]) for reply in replies for box in boxes))
            assert sum(verdict == ["accepted"] for verdict in verdicts) == len(replies)
            await asyncio.gather(world.deliver(), other.deliver())
            assert world.sent == ["opt_out_confirmed"]
            assert len(await world.told("party.opted_out")) == 1


@pytest.mark.integration
async def test_an_opt_out_and_a_delivery_at_once(postgres_url: str) -> None:
    """Whichever comes first, of all reminders none is handed over after the opt-out is recorded."""
    async with opened(NOON, url=postgres_url, empty=True) as world:
        lenders = [Lender(f"L-{n}", f"+86138001380{n:02d}") for n in range(40)]
        await world.absorb(*(lender.disbursed(NOON, DUE) for lender in lenders))
        await world.deliver()
        await world.plan()
        world.go(at("2026-06-20 09:00"))
        world.sender.messages.clear()
        stops = [Reply(lender.loan_id, f"+86138001380{n:02d}", "TD", world.clock.at) for n, lender in enumerate(lenders)]
        take = world.engine.mailbox.take
        await asyncio.gather(world.deliver(), *(take("memory://", stops[n : n + 4]) for n in range(0, 40, 4)), world.deliver())
        states = {row.key.split(":")[1]: row.state for row in await world.notices() if ":due_today:" in row.key}
        assert set(states.values()) <= {"sent", "suppressed"}
        reminded = {message.loan_id for message in world.sender.messages if message.template == "repayment_due_today"}
        assert reminded == {loan_id for loan_id, state in states.items() if state == "sent"}
        await world.deliver()
        assert world.sent.count("opt_out_confirmed") == 40
