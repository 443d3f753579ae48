"""Delivery with scripted senders: what each outcome leads to, and that nothing goes that should not."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from service.composing import Composer
from service.ledger import claims
from service.ledger.statement import INSTANT, TEXT, Statement
from service.notices import Lane
from service.senders._port import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown
from service.senders.memory import MemorySender
from tests.lender import Lender, at
from tests.virtual import Virtual, opened, said

START = at("2026-06-01 10:00")
ONE = (1, "2026-06-20", "912.50")

_ATTEMPTS = Statement("SELECT key, sender, outcome, code FROM attempts ORDER BY at, id")
_ALERTS = Statement("SELECT data FROM outbox WHERE type = 'alert.raised' ORDER BY id")
_COUNTED = Statement("SELECT sum(n) AS n FROM contacts WHERE counter <> 'planned'")
_CLAIM = Statement(
    "UPDATE notices SET state = 'sending', token = 'dead', lease_until = :until WHERE key = :key", until=INSTANT, key=TEXT
)


async def _disbursed(world: Virtual, lender: Lender, *lines: tuple[int, str, str], method: str = "manual") -> None:
    """The loan is paid out, and its first text is gone."""
    await world.absorb(lender.disbursed(world.clock.at, *(lines or (ONE,)), method=method))
    await world.deliver()
    for sender in world.senders:
        sender.messages.clear()
        sender.attempts.clear()


# ---------------------------------------------------------------- outcomes


@pytest.mark.parametrize(
    ("outcome", "state", "told"),
    [
        (Accepted("id-1"), "sent", "accepted"),
        (Rejected("recipient", "21211"), "failed rejected", "rejected"),
        (Rejected("content", "30007"), "failed rejected", "rejected"),
        (Rejected("sender", "balance"), "held no_sender", "rejected"),
        (Throttled(60), "planned", "throttled"),
        (NotSent("refused"), "held no_sender", "not_sent"),
        (Unknown("timeout"), "unknown timeout", "unknown"),
    ],
    ids=["accepted", "recipient", "content", "its own trouble", "throttled", "not sent", "unknown"],
)
async def test_what_an_outcome_leads_to(outcome: Outcome, state: str, told: str) -> None:
    """Each outcome has its next state, and the attempt says what it was."""
    sender = MemorySender()
    sender.script(outcome)
    async with opened(START, sender) as world:
        await world.absorb(Lender().disbursed(START, ONE))
        await world.engine.delivery.step(Lane.NORMAL)
        assert await world.state("loan_disbursed") == state
        assert [row.outcome for row in await world.rows(_ATTEMPTS)] == [told]


async def test_a_sender_that_raises_may_have_sent() -> None:
    """An exception of a sender is an unknown outcome, for every message of the call."""

    class Broken(MemorySender):
        async def send(self, messages: Any) -> Any:
            raise RuntimeError(f"a bug with {len(messages)} messages")

    async with opened(START, Broken()) as world:
        await world.absorb(Lender("L-1").disbursed(START, ONE), Lender("L-2").disbursed(START, ONE))
        await world.deliver()
        assert set((await world.states()).values()) == {"unknown timeout"}


@pytest.mark.parametrize("outcome", [NotSent("refused"), Rejected("sender", "auth")], ids=["not sent", "its own trouble"])
async def test_the_next_sender_is_asked_at_once(outcome: Outcome) -> None:
    """What one sender could not take goes through the next in the same step, with one alert for the sender and not per text."""
    first, second = MemorySender("memory://a"), MemorySender("memory://b")
    first.script(*[outcome] * 3)
    async with opened(START, first, second) as world:
        await world.absorb(*(Lender(f"L-{i}").disbursed(START, ONE) for i in range(3)))
        await world.deliver()
        assert set((await world.states()).values()) == {"sent"}
        assert (len(first.attempts), len(first.messages), len(second.messages)) == (3, 0, 3)
        assert [row.data.count("sender_trouble") for row in await world.rows(_ALERTS)] == [1]
        assert {(row.sender, row.outcome) for row in await world.rows(_ATTEMPTS)} >= {("memory://b", "accepted")}


async def test_an_unknown_outcome_is_not_tried_elsewhere() -> None:
    """What may have been accepted is never handed to another sender."""
    first, second = MemorySender("memory://a"), MemorySender("memory://b")
    first.script(Unknown("timeout"))
    async with opened(START, first, second) as world:
        await world.absorb(Lender().disbursed(START, ONE))
        await world.deliver()
        assert second.attempts == []


async def test_a_broken_sender_is_left_out() -> None:
    """After a run of errors the breaker is open: texts go to the next sender without asking the first."""
    first, second = MemorySender("memory://a"), MemorySender("memory://b")
    first.script(*[NotSent("refused")] * 20)
    async with opened(START, first, second) as world:
        await world.absorb(*(Lender(f"L-{i}").disbursed(START, ONE) for i in range(6)))
        await world.deliver()
        tried = len(first.attempts)
        await world.absorb(Lender("L-9").disbursed(START, ONE))
        await world.deliver()
        assert len(first.attempts) == tried
        assert len(second.messages) == 7


async def test_without_a_sender_it_waits_longer_and_longer_and_then_fails() -> None:
    """Held for 30 s, 2, 10, 30 minutes with jitter; when its validity ends it has failed."""
    sender = MemorySender()
    sender.script(*[NotSent("refused")] * 2_000)
    async with opened(START, sender) as world:
        await world.absorb(Lender().disbursed(START, ONE))
        waits = []
        for _ in range(5):
            await world.engine.delivery.step(Lane.NORMAL)
            row = await world.notice("loan_disbursed")
            assert row.reason == "no_sender"
            waits.append((row.not_before - world.clock.at).total_seconds())
            world.go(row.not_before + timedelta(seconds=301))
        for waited, nominal in zip(waits, (30, 120, 600, 1800, 1800), strict=True):
            assert 0.8 * nominal <= waited <= 1.2 * nominal
        world.go(START + timedelta(hours=73))
        await world.sweep()
        assert await world.state("loan_disbursed") == "failed no_sender_left"
        assert len(await world.rows(_ALERTS)) == 1


async def test_a_throttled_text_comes_back_and_gives_back_its_contact() -> None:
    """Throttled is no attempt: the cap is not touched, and it goes when the sender wants it again."""
    sender = MemorySender()
    async with opened(START, sender) as world:
        await _disbursed(world, Lender())
        world.go(at("2026-06-20 09:00"))
        await world.plan()
        await world.engine.settling.expire(world.clock.at)
        sender.script(Throttled(30))
        await world.deliver()
        assert await world.state("due_today") == "planned"
        assert (await world.rows(_COUNTED))[0].n == 0
        world.wait(31)
        await world.deliver()
        assert await world.state("due_today") == "sent"
        assert (await world.rows(_COUNTED))[0].n == 1


# ---------------------------------------------------------------- unknown outcomes


@pytest.mark.parametrize(
    ("arrived", "tells", "idempotent", "state"),
    [
        (True, True, False, "sent"),
        (False, True, False, "planned"),
        (True, False, False, "unknown cannot_tell"),
        (True, False, True, "planned"),
    ],
    ids=["arrived", "never arrived", "cannot tell", "cannot tell, but knows our key"],
)
async def test_an_unknown_is_settled_by_asking(arrived: bool, tells: bool, idempotent: bool, state: str) -> None:
    """The sender is asked; where it cannot tell, a service text goes again only if it cannot arrive twice."""
    sender = MemorySender(tells=tells, idempotent=idempotent)
    sender.script(Unknown("timeout"), arrived=arrived)
    async with opened(START, sender) as world:
        await world.absorb(Lender().disbursed(START, ONE))
        await world.deliver()
        world.wait(5)
        await world.sweep()
        assert await world.state("loan_disbursed") == state
        await world.deliver()
        await world.sweep()
        assert len(sender.messages) == 1


async def test_a_collection_text_is_not_said_again_on_a_guess() -> None:
    """Where a sender cannot tell, not even one that knows our key gets a collection text twice."""
    sender = MemorySender(tells=False, idempotent=True)
    async with opened(START, sender) as world:
        await _disbursed(world, Lender())
        world.go(at("2026-06-23 10:00"))
        await world.plan()
        await world.engine.settling.expire(world.clock.at)
        sender.script(Unknown("timeout"), arrived=True)
        await world.deliver()
        world.wait(5)
        await world.sweep()
        assert await world.state("overdue_3") == "unknown cannot_tell"


async def test_an_unknown_whose_deadline_closed_is_not_sent_again() -> None:
    """Paid in between: an idempotent sender is not asked to repeat it, and one that never got it is not given it."""
    for tells, state in ((False, "unknown cannot_tell"), (True, "cancelled paid")):
        sender, lender = MemorySender(tells=tells, idempotent=True), Lender()
        async with opened(START, sender) as world:
            await _disbursed(world, lender)
            world.go(at("2026-06-20 09:00"))
            await world.plan()
            await world.engine.settling.expire(world.clock.at)
            sender.script(Unknown("timeout"))
            await world.deliver()
            await world.absorb(lender.paid(world.clock.at, "912.50"))
            world.wait(5)
            await world.sweep()
            await world.deliver()
            assert await world.state("due_today") == state
            assert "repayment_due_today" not in world.sent


async def test_a_receipt_whose_payment_was_taken_back_meanwhile_does_not_go_again() -> None:
    """A receipt that never arrived has no point once its payment is reversed."""
    sender, lender = MemorySender(), Lender()
    async with opened(START, sender) as world:
        await _disbursed(world, lender)
        sender.script(Unknown("timeout"))
        await world.absorb(lender.paid(world.clock.at, "100.00"))
        await world.deliver()
        await world.absorb(lender.took_back(world.clock.at))
        world.wait(5)
        await world.sweep()
        await world.deliver()
        assert await world.state("repayment_received") == "suppressed reversed"
        assert world.sent == ["repayment_reversed"]


async def test_a_late_outcome_settles_what_the_lease_called_unknown() -> None:
    """The lease ran out while the sender was thinking: the notice is unknown, and its answer makes it sent."""

    class Slow(MemorySender):
        world: Virtual

        async def send(self, messages: Any) -> Any:
            self.world.wait(31)
            await self.world.engine.settling.release(self.world.clock.at)
            self.seen = await self.world.state("loan_disbursed")
            return await super().send(messages)

    sender = Slow()
    async with opened(START, sender) as world:
        sender.world = world
        await world.absorb(Lender().disbursed(START, ONE))
        await world.engine.delivery.step(Lane.NORMAL)
        assert sender.seen == "unknown lease_over"
        assert await world.state("loan_disbursed") == "sent"


async def test_a_dead_workers_claim_is_given_back() -> None:
    """Lease over without an intent: nothing was said, it is planned again and goes."""
    async with opened(START) as world:
        await world.absorb(Lender().disbursed(START, ONE))
        notice = await world.notice("loan_disbursed")
        await world.run(_CLAIM, until=START + timedelta(seconds=30), key=notice.key)
        await world.deliver()
        assert world.sent == []
        world.wait(30)
        await world.sweep()
        assert await world.state("loan_disbursed") == "planned"
        await world.deliver()
        assert world.sent == ["loan_disbursed"]


# ---------------------------------------------------------------- between claim and intent


async def _with_interruption(world: Virtual, happen: Any) -> None:
    """One step of every lane, with something happening between the claim and the intent."""
    delivery = world.engine.delivery
    intend = delivery._intents.write

    async def after(*arguments: Any) -> Any:
        nonlocal happen
        if happen is not None:
            first, happen = happen, None
            await first()
        return await intend(*arguments)

    delivery._intents.write = after  # type: ignore[method-assign]
    for lane in Lane:
        await delivery.step(lane)
    delivery._intents.write = intend  # type: ignore[method-assign]


async def _ready_reminder(world: Virtual, lender: Lender) -> None:
    await _disbursed(world, lender)
    world.go(at("2026-06-20 09:00"))
    await world.plan()
    await world.engine.settling.expire(world.clock.at)


async def test_a_payment_between_claim_and_intent_stops_the_text() -> None:
    """No intent is committed after the payment is."""
    lender = Lender()
    async with opened(START) as world:
        await _ready_reminder(world, lender)
        await _with_interruption(world, lambda: world.absorb(lender.paid(world.clock.at, "912.50")))
        assert await world.state("due_today") == "cancelled paid"
        assert world.sender.attempts == []


async def test_a_part_payment_between_claim_and_intent_changes_the_text() -> None:
    """The text that names the old amount does not go; the next claim's names what is left."""
    lender = Lender()
    async with opened(START) as world:
        await _ready_reminder(world, lender)
        await _with_interruption(world, lambda: world.absorb(lender.paid(world.clock.at, "900.00")))
        assert "repayment_due_today" not in world.sent
        world.wait(2)
        await world.deliver()
        assert ["12.50" in message.body for message in world.sender.messages if message.template == "repayment_due_today"] == [
            True
        ]


async def test_a_move_between_claim_and_intent_stops_the_text() -> None:
    """A reminder of a day that the deadline no longer has does not go."""
    lender = Lender()
    async with opened(START) as world:
        await _ready_reminder(world, lender)
        await _with_interruption(world, lambda: world.absorb(lender.replaced(world.clock.at, (1, "2026-06-25", "912.50"))))
        assert await world.state("due_today") == "cancelled moved"
        assert "repayment_due_today" not in world.sent


async def test_an_opt_out_between_claim_and_intent_stops_the_text() -> None:
    """Suppressed in the moment: the number is not told."""
    async with opened(START) as world:
        await _ready_reminder(world, Lender())
        await _with_interruption(
            world,
            lambda: world.operations.suppress("+8613800138000", "*", who="ops", evidence="call 17", now=world.clock.at),
        )
        assert await world.state("due_today") == "suppressed opted_out"
        assert world.sender.attempts == []


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("all", ""),
        ("lane", "bulk"),
        ("template", "repayment_due_today"),
        ("channel", "sms"),
        ("loan", "L-1"),
        ("sender", "memory://"),
    ],
)
async def test_a_pause_between_claim_and_intent_stops_the_text(scope: str, name: str) -> None:
    """The emergency stop is read by the intent as by the claim; when it is lifted the text goes."""
    async with opened(START) as world:
        await _ready_reminder(world, Lender())
        pause = {"who": "ops", "why": "wrong amounts", "until": None}
        await _with_interruption(world, lambda: world.operations.pause(scope, name, **pause, now=world.clock.at))
        world.wait(2)
        for lane in Lane:
            await world.engine.delivery.step(lane)
        assert world.sender.attempts == []
        assert (await world.state("due_today")).split()[0] in {"planned", "held"}
        await world.operations.resume(scope, name, who="ops", now=world.clock.at)
        world.wait(3600)
        await world.deliver()
        assert world.sent == ["repayment_due_today"]


async def test_a_worker_whose_lease_is_over_does_not_call() -> None:
    """A process that was stopped between its intent and the call gives the text back unsaid."""
    async with opened(START) as world:
        await world.absorb(Lender().disbursed(START, ONE))
        delivery = world.engine.delivery
        intend = delivery._intents.write

        async def slow(*arguments: Any) -> Any:
            told = await intend(*arguments)
            world.wait(31)
            return told

        delivery._intents.write = slow  # type: ignore[method-assign]
        await delivery.step(Lane.NORMAL)
        assert world.sender.attempts == []
        assert await world.state("loan_disbursed") == "planned"


async def test_a_machine_too_slow_for_its_lease_claims_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where making the texts takes longer than the lease, claims shrink until they fit, and each text goes once."""
    async with opened(START) as world:
        await world.absorb(*(Lender(f"L-{i}").disbursed(START, ONE) for i in range(40)))
        made, claimed = Composer.made, []

        def slowly(*arguments: Any) -> Any:
            world.wait(1)
            return made(*arguments)

        monkeypatch.setattr(Composer, "made", slowly)
        for _ in range(3):
            claimed.append(await world.engine.delivery.step(Lane.NORMAL))
            world.wait(2)  # what is given back is looked at again after a second
        assert claimed == [40, 20, 20]
        assert len(world.sent) == 40


# ---------------------------------------------------------------- caps, windows, ladders


async def test_the_daily_cap_is_exact() -> None:
    """Of eight reminders to one number on a day five go; the others are held until the next window opens."""
    phone = "+8613800138000"
    async with opened(START) as world:
        await world.absorb(*(Lender(f"L-{i}", phone).disbursed(START, ONE) for i in range(8)))
        await world.deliver()
        world.sender.messages.clear()
        world.go(at("2026-06-20 09:00"))
        await world.plan()
        await world.engine.settling.expire(world.clock.at)
        await world.deliver()
        assert world.sent == ["repayment_due_today"] * 5
        held = [row for row in await world.notices() if row.state == "held"]
        assert {row.reason for row in held} == {"daily_cap"}
        assert {row.not_before for row in held} == {at("2026-06-21 08:00")}


async def test_security_and_service_are_not_capped() -> None:
    """News of what has just happened does not count towards the cap."""
    async with opened(START) as world:
        await world.absorb(*(Lender(f"L-{i}").disbursed(START, ONE) for i in range(8)))
        await world.deliver()
        assert world.sent == ["loan_disbursed"] * 8


async def test_fresh_news_goes_at_night_and_a_reminder_waits() -> None:
    """At 00:30 a payout is told at once and a failed debit in the morning."""
    night, lender = at("2026-06-20 00:30"), Lender()
    async with opened(night) as world:
        await world.absorb(lender.disbursed(night, ONE, method="auto_debit"), lender.debit_failed(night, 1))
        await world.deliver()
        assert world.sent == ["loan_disbursed"]
        row = await world.notice("auto_debit_failed")
        assert said(row) == "held window"
        assert "@" in row.rule
        assert row.not_before == at("2026-06-20 08:00")
        world.go(row.not_before)
        await world.deliver()
        assert world.sent == ["loan_disbursed", "auto_debit_failed"]


async def test_stale_news_waits_for_the_window() -> None:
    """News that is more than half an hour old is not worth waking someone for."""
    night = at("2026-06-20 00:30")
    async with opened(night) as world:
        await world.absorb(Lender().disbursed(night - timedelta(minutes=31), ONE))
        await world.deliver()
        assert await world.state("loan_disbursed") == "held window"


async def test_three_days_off_and_back_at_night() -> None:
    """What was missed is decided: the latest stage goes in the morning, the others end with their reasons, nothing at night."""
    async with opened(START) as world:
        await _disbursed(world, Lender(), (1, "2026-06-20", "912.50"), (2, "2026-07-20", "912.50"))
        await world.plan()
        world.go(at("2026-06-20 23:30"))
        await world.plan()
        await world.engine.settling.expire(world.clock.at)
        await world.deliver()
        assert world.sent == []
        await world.run_until(at("2026-06-21 12:00"))
        stages = {row.key.split(":")[5]: said(row) for row in await world.notices() if row.key.startswith("stage")}
        assert stages == {
            "due_soon": "expired too_late",
            "due_tomorrow": "expired too_late",
            "due_today": "superseded later_stage",
            "due_today_evening": "expired window",
            "grace": "sent",
        }
        assert [message.at.astimezone(START.tzinfo).hour for message in world.sender.messages] == [10]


async def test_of_several_stages_due_at_once_only_the_latest_goes() -> None:
    """A scheduler that was down over two rungs of a ladder sends the upper one."""
    async with opened(START) as world:
        await _disbursed(world, Lender())
        world.go(at("2026-06-20 18:00"))
        await world.plan()
        await world.deliver()
        assert world.sent == ["repayment_due_today_evening"]
        assert await world.state("due_today") == "superseded later_stage"


async def test_collection_speaks_of_the_oldest_instalment() -> None:
    """A younger overdue instalment of the loan is silent while the older one is open."""
    async with opened(START) as world:
        await _disbursed(world, Lender(), (1, "2026-06-20", "912.50"), (2, "2026-06-24", "912.50"))
        await world.plan()
        await world.run_until(at("2026-06-27 12:00"))
        second = [row for row in await world.notices() if ":2:" in row.key and row.purpose == "collection"]
        assert [(row.state, row.reason) for row in second] == [("superseded", "older_instalment")]
        (text,) = [message.body for message in world.sender.messages if message.at > at("2026-06-27 09:00")]
        assert "1,825.00" in text


async def test_a_party_that_moved_gets_it_at_its_new_hour() -> None:
    """The hour of a stage is local to where the party is at the claim."""
    lender = Lender(timezone="Asia/Shanghai", jurisdiction="cn")
    async with opened(START) as world:
        await _ready_reminder(world, lender)
        await world.absorb(lender.party(world.clock.at, timezone="Europe/Berlin"))
        await world.deliver()
        row = await world.notice("due_today")
        assert (row.state, row.reason) == ("held", "zone_changed")
        assert row.not_before == at("2026-06-20 09:00", "Europe/Berlin")
        world.go(row.not_before)
        await world.deliver()
        assert await world.state("due_today") == "sent"


async def test_no_phone_waits_for_one() -> None:
    """A notice to somebody without a number is held, and goes when intake learns it."""
    lender = Lender(phone=None)
    async with opened(START) as world:
        await world.absorb(lender.disbursed(START, ONE))
        await world.deliver()
        assert await world.state("loan_disbursed") == "held no_contact"
        world.wait(60)
        await world.absorb(lender.party(world.clock.at, phone="+8613800138000"))
        await world.deliver()
        assert world.sent == ["loan_disbursed"]


async def test_a_loan_without_a_borrower_waits_for_one() -> None:
    """The loan's first event need not name anybody."""
    lender = Lender()
    async with opened(START) as world:
        await world.absorb(lender.submitted(START))
        await world.deliver()
        assert await world.state("application_received") == "held no_contact"
        await world.absorb(lender.submitted(START, borrower=lender.borrower))
        await world.deliver()
        assert world.sent == ["application_received"] * 2


async def test_a_missing_fact_is_waited_for() -> None:
    """A failed debit of an instalment that is not known yet is held until its schedule comes."""
    lender = Lender()
    async with opened(START) as world:
        await world.absorb(lender.debit_failed(START, 1), lender.submitted(START, borrower=lender.borrower))
        await world.deliver()
        assert await world.state("auto_debit_failed") == "held awaiting_facts"
        await world.absorb(lender.disbursed(START, ONE, method="auto_debit"))
        await world.deliver()
        assert await world.state("auto_debit_failed") == "sent"


async def test_what_nobody_completes_expires() -> None:
    """Held for facts or a number until its validity ends, it expires with that reason."""
    async with opened(START) as world:
        await world.absorb(Lender("L-1").debit_failed(START, 1), Lender("L-2", phone=None).disbursed(START, ONE))
        await world.deliver()
        world.go(START + timedelta(hours=72))
        await world.sweep()
        assert await world.state("auto_debit_failed") == "expired awaiting_facts"
        assert await world.state("loan_disbursed") == "expired no_contact"


async def test_a_reversal_revives_what_had_not_gone() -> None:
    """Stages cancelled by the payment go after its reversal; one that was handed over does not go again."""
    lender = Lender()
    async with opened(START) as world:
        await _disbursed(world, lender)
        await world.plan()
        await world.run_until(at("2026-06-19 12:00"))
        assert world.sent == ["repayment_due_soon", "repayment_due_tomorrow"]
        await world.absorb(lender.paid(world.clock.at, "912.50"))
        assert await world.state("due_today") == "cancelled paid"
        await world.absorb(lender.took_back(world.clock.at + timedelta(hours=1)))
        assert await world.state("due_today") == "planned"
        await world.run_until(at("2026-06-20 12:00"))
        reminders = [name for name in world.sent if name.startswith("repayment_due")]
        assert reminders == ["repayment_due_soon", "repayment_due_tomorrow", "repayment_due_today"]


async def test_a_text_that_cannot_be_made_fails_alone() -> None:
    """A value the template refuses fails that notice with its reason; the next one goes."""
    async with opened(START) as world:
        await world.absorb(Lender("L-1").disbursed(START, ONE), Lender("L-2").disbursed(START, ONE))
        first = next(row.key for row in await world.notices() if row.loan_id == "L-1")
        strip = Statement("UPDATE notices SET context = NULL WHERE key = :key", key=TEXT)
        await world.run(strip, key=first)
        await world.deliver()
        states = await world.states()
        assert states.pop(first) == "failed cannot_render"
        assert list(states.values()) == ["sent"]


async def test_two_workers_never_claim_the_same_notice() -> None:
    """Two engines that deliver the same ledger at once send each text once."""
    async with opened(START) as world:
        await world.absorb(*(Lender(f"L-{i}").disbursed(START, ONE) for i in range(20)))
        await asyncio.gather(*(world.engine.delivery.step(Lane.NORMAL) for _ in range(4)))
        keys = [message.key for message in world.sender.attempts]
        assert len(keys) == len(set(keys)) == 20


async def test_the_next_moment_is_the_earliest_that_matters() -> None:
    """Nothing waiting: none. Otherwise the moment something may go or loses its point."""
    async with opened(START) as world:
        assert await world.engine.delivery.next_moment() is None
        await _disbursed(world, Lender())
        await world.absorb(Lender("L-2", phone=None).disbursed(START, ONE))
        await world.deliver()
        assert await world.engine.delivery.next_moment() == START + timedelta(hours=72)
        (row,) = await world.rows(claims.NEXT_READY)
        assert row.at == row.ends
