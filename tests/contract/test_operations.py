"""Operators' actions on both databases: what they stop, what they bring back, and the audit row each leaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from consumers._decode import LIMIT, decode
from service.ledger import controls
from service.ledger.statement import BYTES, INT, TEXT, Statement
from service.notices import Lane
from service.operations import OperationError, Operations
from service.phones import PhoneError
from service.senders._port import Unknown
from service.senders.memory import MemorySender
from service.vault import generated_keys, parse_keys
from tests.lender import Lender, at
from tests.virtual import Virtual, opened, said

NOW = at("2026-06-20 09:00")
PHONE = "+8613800138000"
ONE = (1, "2026-06-20", "100.00")

_VAULT = parse_keys(generated_keys())
_AUDIT = Statement("SELECT id, who, action, subject, why FROM audit ORDER BY id")
_CONTROLS = Statement("SELECT scope, name, who, why FROM controls ORDER BY scope, name")
_SUPPRESSIONS = Statement("SELECT phone_key, purpose, phone, evidence FROM suppressions ORDER BY purpose")
_STEPS = Statement("SELECT state, reason FROM outbox WHERE key = :key ORDER BY id", key=TEXT)


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine over an empty database of either kind, with a loan whose first instalment is due today."""
    async with opened(NOW, url=any_database_url, vault=_VAULT) as virtual:
        await virtual.absorb(Lender().disbursed(at("2026-06-01 10:00"), ONE))
        await virtual.plan()
        await virtual.engine.settling.expire(NOW)
        yield virtual


async def _audited(world: Virtual) -> list[tuple[Any, ...]]:
    """The audit rows after the first, which is always the same."""
    first, *others = await world.rows(_AUDIT)
    assert (first.who, first.action) == ("duebell", "began")
    return [(row.who, row.action, row.subject, row.why) for row in others]


async def test_cancelling_reaches_what_has_not_gone(world: Virtual) -> None:
    """Waiting notices end as by_operator, what was sent stays sent, and no payment or reversal brings them back."""
    today = await world.notice("due_today")
    sent = Lender("L-2").submitted(NOW, borrower=Lender("L-2").borrower)
    await world.absorb(sent)
    await world.engine.delivery.step(Lane.NORMAL)
    gone = await world.notice("application_received")
    assert await world.operations.cancel([today.key, gone.key, "no such key"], who="li", why="wrong day", now=NOW) == [
        today.key
    ]
    assert await world.state("due_today") == "cancelled by_operator"
    assert await world.state("application_received") == "sent"
    assert [(row.state, row.reason) for row in await world.rows(_STEPS, key=today.key)] == [("cancelled", "by_operator")]
    assert await _audited(world) == [("li", "cancel", today.key, "wrong day")]
    lender = Lender()
    await world.absorb(
        lender.paid(NOW, "100.00", id_="p"), lender.event("loan.repayment.reversed", NOW, payment_id="PAY-1", id_="r")
    )
    assert await world.state("due_today") == "cancelled by_operator"


async def test_a_pause_stops_and_a_resume_goes_on(world: Virtual) -> None:
    """While a scope is paused nothing of it is claimed; each deed is audited, and ending what is not paused is none."""
    for scope, name in (("all", ""), ("lane", "bulk"), ("template", "repayment_due_today"), ("loan", "L-1")):
        await world.operations.pause(scope, name, who="li", why="look", until=None, now=NOW)
        await world.deliver()
        assert "repayment_due_today" not in world.sent
        assert [(row.scope, row.name) for row in await world.rows(_CONTROLS)] == [(scope, name)]
        assert await world.operations.resume(scope, name, who="li", now=NOW)
        assert not await world.operations.resume(scope, name, who="li", now=NOW)
    world.wait(2)
    await world.deliver()
    assert "repayment_due_today" in world.sent
    assert [action for _, action, *_ in await _audited(world)] == ["pause", "resume"] * 4


async def test_a_pause_with_an_end_ends_by_itself(world: Virtual) -> None:
    """After `until` the lane goes on without anybody."""
    await world.operations.pause("all", "", who="li", why="look", until=NOW + timedelta(minutes=5), now=NOW)
    await world.deliver()
    assert world.sent == []
    world.wait(301)
    await world.deliver()
    assert "repayment_due_today" in world.sent


async def test_a_pause_that_is_over_stands_in_nobodys_way(world: Virtual) -> None:
    """The planner can hold its lane after it, and a new pause has a beginning of its own; one that holds keeps its own."""
    for lane in ("bulk", "normal"):
        await world.operations.pause("lane", lane, who="li", why="look", until=NOW + timedelta(minutes=5), now=NOW)
    later = NOW + timedelta(minutes=6)
    async with world.engine.ledger.transaction() as tx:
        assert not await controls.hold_lane(tx, "bulk", "planner", "plan_surge", NOW)
        assert await controls.hold_lane(tx, "bulk", "planner", "plan_surge", later)
        assert not await controls.hold_lane(tx, "bulk", "planner", "plan_surge", later)
    await world.operations.pause("lane", "normal", who="li", why="again", until=None, now=later)
    await world.operations.pause("lane", "normal", who="wu", why="still", until=None, now=later + timedelta(minutes=1))
    rows = await world.rows(controls.ACTIVE, now=later)
    assert [(row.name, row.who, row.since, row.until) for row in rows] == [
        ("bulk", "planner", later, None),
        ("normal", "wu", later, None),
    ]


@pytest.mark.parametrize(
    ("scope", "name", "said_"),
    [
        ("lanes", "bulk", "no scope"),
        ("lane", "fast", "no lane"),
        ("template", "nothing", "no template"),
        ("all", "x", "takes no name"),
        ("loan", "", "takes no name"),
    ],
)
async def test_a_pause_of_nothing_is_refused(scope: str, name: str, said_: str) -> None:
    """A misspelt scope, lane or template would stop nothing: it is an error that names what there is."""
    async with opened(NOW) as world:
        with pytest.raises(OperationError, match=said_):
            await world.operations.pause(scope, name, who="li", why="look", until=None, now=NOW)
        with pytest.raises(OperationError, match=said_):
            await world.operations.resume(scope, name, who="li", now=NOW)
        with pytest.raises(OperationError, match="lie ahead"):
            await world.operations.pause("all", "", who="li", why="look", until=NOW, now=NOW)


@pytest.mark.parametrize(
    ("scope", "name", "known"),
    [
        ("channel", "fax", "sms"),
        ("channel", "SMS", "sms"),
        ("sender", "memry://", "memory://"),
        ("sender", "memory://x", "memory://"),
    ],
)
async def test_a_pause_of_a_way_that_nothing_goes_is_refused(scope: str, name: str, known: str) -> None:
    """A misspelt channel or sender is an error that names those there are, and nothing is paused."""
    async with opened(NOW) as world:
        with pytest.raises(OperationError, match=f"there is no {scope} '{name}'; there are {known}"):
            await world.operations.pause(scope, name, who="li", why="look", until=None, now=NOW)
        assert await world.rows(_CONTROLS) == []


async def test_a_sender_may_be_called_by_its_scheme_where_it_is_the_only_one(world: Virtual) -> None:
    """Its pause and its end, under its whole name."""
    await world.operations.pause("sender", "memory", who="li", why="look", until=None, now=NOW)
    assert [row.name for row in await world.rows(_CONTROLS)] == ["memory://"]
    assert await world.operations.resume("sender", "memory", who="li", now=NOW)


async def test_a_pause_of_a_sender_that_is_no_longer_set_can_be_ended(world: Virtual) -> None:
    """Else it would stand for ever."""
    engine = world.engine
    before = Operations(engine.ledger, engine.vault, engine.catalogue, engine.intake, decode, ["old://"])
    await before.pause("sender", "old://", who="li", why="look", until=None, now=NOW)
    assert await world.operations.resume("sender", "old://", who="li", now=NOW)


async def test_suppressing_a_number_ends_what_waits_for_it(world: Virtual) -> None:
    """Of that number and purpose, whoever's notice it is; the number is stored hashed and sealed and stands in no audit row."""
    await world.absorb(Lender("L-2", "+8613900139000").disbursed(at("2026-06-01 10:00"), ONE))
    await world.plan()
    await world.engine.settling.expire(NOW)
    assert await world.operations.suppress("+86 138 0013 8000", "reminder", who="li", evidence="call 17", now=NOW) == 2
    states = {row.loan_id: set() for row in await world.notices()}
    for row in await world.notices():
        if row.purpose == "reminder" and row.state != "expired":
            states[row.loan_id].add(said(row))
    assert states == {"L-1": {"suppressed opted_out"}, "L-2": {"planned"}}
    (row,) = await world.rows(_SUPPRESSIONS)
    assert (row.phone_key, _VAULT.text(row.phone), row.evidence) == (_VAULT.keyed_hash(PHONE), PHONE, "call 17")
    assert "138001" not in json.dumps(await _audited(world)).replace(_VAULT.keyed_hash(PHONE).hex(), "")


async def test_a_suppression_holds_until_it_is_taken_back(world: Virtual) -> None:
    """What comes later is suppressed at the claim; after `unsuppress` the next one goes."""
    await world.operations.suppress(PHONE, "*", who="li", evidence="STOP", now=NOW)
    lender = Lender()
    await world.absorb(lender.event("loan.settled", NOW, settled_at=NOW.isoformat(), id_="s"))
    await world.deliver()
    assert await world.state("loan_settled") == "suppressed opted_out"
    assert world.sent == []
    assert await world.operations.unsuppress(PHONE, "*", who="li", why="asked", now=NOW)
    assert not await world.operations.unsuppress(PHONE, "*", who="li", why="asked", now=NOW)
    await world.absorb(lender.event("loan.overdue.cured", NOW, cured_at=NOW.isoformat(), id_="c"))
    await world.deliver()
    assert world.sent == ["overdue_cured"]
    assert [action for _, action, *_ in await _audited(world)] == ["suppress", "unsuppress"]


async def test_security_and_nonsense_cannot_be_suppressed() -> None:
    """Security notices go to every number; a purpose or a number that does not exist is an error."""
    async with opened(NOW) as world:
        for purpose, words in (("security", "every number"), ("spam", "no purpose")):
            with pytest.raises(OperationError, match=words):
                await world.operations.suppress(PHONE, purpose, who="li", evidence="x", now=NOW)
        with pytest.raises(PhoneError):
            await world.operations.suppress("12", "*", who="li", evidence="x", now=NOW)


# ---------------------------------------------------------------- dead letters


async def test_a_repaired_letter_is_absorbed_once(world: Virtual) -> None:
    """A letter that this version understands is replayed; again, or absorbed meanwhile, it is not absorbed twice."""
    body = Lender("L-7").submitted(NOW, borrower=Lender("L-7").borrower)
    await _bury(world, body, b"{", body.replace(b"L-7-1", b"L-7-2"))
    await world.absorb(body.replace(b"L-7-1", b"L-7-2"))
    first, broken, again = [letter.id for letter in await world.operations.letters()]
    told = await world.operations.replay([first, broken, again, 999], who="li", now=NOW)
    assert [(each.id, each.verdict) for each in told] == [
        (first, "accepted"),
        (broken, "dead"),
        (again, "duplicate"),
        (999, "not_replayed"),
    ]
    assert (told[1].reason or "").startswith("write one JSON object")
    assert [letter.id for letter in await world.operations.letters()] == [broken]
    assert [letter.state for letter in await world.operations.letters(None)] == ["replayed", "open", "replayed"]
    (second,) = await world.operations.replay([first], who="li", now=NOW)
    assert (second.verdict, second.reason) == ("not_replayed", "it is replayed already")
    assert len([row for row in await world.notices() if row.loan_id == "L-7"]) == 2
    assert [deed[1:3] for deed in await _audited(world)] == [
        ("replay", f"dead_letter:{first}"),
        ("replay", f"dead_letter:{again}"),
    ]


async def _bury(world: Virtual, *bodies: bytes) -> None:
    """Makes dead letters of bodies, as a version would have that did not understand them."""
    repair = Statement(
        "UPDATE dead_letters SET payload = :payload, size = :size, hash = :hash WHERE id = (SELECT max(id) FROM dead_letters)",
        payload=BYTES,
        size=INT,
        hash=BYTES,
    )
    for body in bodies:
        await world.absorb(b"not JSON " + body)
        await world.run(repair, payload=_VAULT.encrypt(body), size=len(body), hash=sha256(body).digest())


async def test_what_was_cut_off_cannot_be_replayed(world: Virtual) -> None:
    """Of a body over the limit only the beginning is kept; replaying it says so and it stays open."""
    await world.absorb(b" " * (LIMIT + 1))
    (letter,) = await world.operations.letters()
    whole = await world.operations.letter(letter.id)
    assert (whole.size, len(whole.body or b""), whole.is_whole) == (LIMIT + 1, 4096, False)
    (told,) = await world.operations.replay([letter.id], who="li", now=NOW)
    assert (told.verdict, told.reason) == ("not_replayed", "only the beginning of its body was kept; publish a smaller one")
    assert len(await world.operations.letters()) == 1


async def test_a_discarded_letter_stays_discarded(world: Virtual) -> None:
    """The same body again is counted and asks nobody; one that is not open cannot be discarded."""
    await world.absorb(b"{")
    (letter,) = await world.operations.letters()
    assert await world.operations.discard([letter.id, 999], who="li", why="a test", now=NOW) == [letter.id]
    assert await world.operations.discard([letter.id], who="li", why="a test", now=NOW) == []
    await world.absorb(b"{")
    assert await world.operations.letters() == []
    assert [(each.state, each.times) for each in await world.operations.letters("discarded")] == [("discarded", 2)]
    with pytest.raises(OperationError, match="no dead letter 999"):
        await world.operations.letter(999)


# ---------------------------------------------------------------- a restore


async def test_after_a_restore_nothing_goes_twice(tmp_path: Any) -> None:
    """A backup from before the reminders, restored after they went: the senders are asked, and nobody hears anything twice."""
    path, sender, lender = tmp_path / "duebell.db", MemorySender(), Lender()
    backup_at = at("2026-06-16 12:00")
    first, second = lender.disbursed(at("2026-06-01 10:00"), ONE), lender.submitted(at("2026-06-18 10:00"))
    late = lender.submitted(at("2026-06-21 10:00"))
    async with opened(backup_at, sender, url=f"sqlite:///{path}", vault=_VAULT, empty=True) as world:
        await world.absorb(first)
        await world.deliver()
        await world.plan()
    saved = path.read_bytes()
    async with opened(backup_at, sender, url=f"sqlite:///{path}", vault=_VAULT) as world:
        await world.run_until(at("2026-06-18 12:00"))
        await world.absorb(second)
        await world.run_until(at("2026-06-20 12:00"))
        said_before = [message.key for message in sender.messages]
    assert len(said_before) == 4
    for leftover in tmp_path.iterdir():
        leftover.unlink()
    path.write_bytes(saved)
    restored_at = at("2026-06-20 13:00")
    async with opened(restored_at, sender, url=f"sqlite:///{path}", vault=_VAULT) as world:
        await world.operations.recovered(backup_at, who="li", now=restored_at)
        await world.absorb(first, second, late)
        for _ in range(3):
            await world.plan()
            world.wait(5)
            await world.sweep()
            await world.deliver()
        keys = [message.key for message in sender.messages]
        assert sorted(set(keys)) == sorted(keys)
        assert keys[: len(said_before)] == said_before
        assert [key.rpartition(":")[0].rpartition(":")[2] for key in keys[len(said_before) :]] == ["application_received"]
        assert {row.key for row in await world.notices() if row.state == "sent"} == set(keys)


async def test_where_no_sender_can_tell_the_purpose_decides(world: Virtual) -> None:
    """What may have gone and nobody knows of is not said again, except through a sender that knows our key."""
    for idempotent, state in ((False, "unknown cannot_tell"), (True, "planned")):
        world.sender.tells, world.sender.idempotent = False, idempotent
        await world.operations.recovered(NOW - timedelta(hours=1), who="li", now=NOW)
        world.wait(5)
        await world.sweep()
        assert await world.state("due_today") == state


async def test_what_a_restore_cannot_concern_is_left_alone(world: Virtual) -> None:
    """What lies ahead, what had ended, and what an operator cancelled stays as it is; a claim and an unknown are asked anew."""
    evening = await world.state("due_today_evening")
    assert evening == "planned"
    today = await world.notice("due_today")
    await world.operations.cancel([today.key], who="li", why="x", now=NOW)
    await world.operations.recovered(NOW - timedelta(hours=1), who="li", now=NOW)
    assert await world.state("due_today") == "cancelled by_operator"
    assert await world.state("due_today_evening") == "planned"
    assert ("li", "recovered", (NOW - timedelta(hours=1)).isoformat(), None) in await _audited(world)
    with pytest.raises(OperationError, match="newer than now"):
        await world.operations.recovered(NOW + timedelta(seconds=1), who="li", now=NOW)


async def test_a_cancelled_reminder_that_may_have_revived_is_asked_about(world: Virtual) -> None:
    """Cancelled in the backup, revived and sent in the lost time: a reversal that comes again does not send it twice."""
    lender = Lender()
    paid, back = lender.paid(NOW, "100.00", id_="p"), lender.event("loan.repayment.reversed", NOW, payment_id="PAY-1", id_="r")
    await world.absorb(paid)
    key = (await world.notice("due_today")).key
    world.sender._keys.add(key)
    await world.operations.recovered(NOW - timedelta(minutes=1), who="li", now=NOW)
    await world.absorb(back)
    world.wait(5)
    await world.sweep()
    await world.deliver()
    assert await world.state("due_today") == "sent"
    assert key not in [message.key for message in world.sender.messages]


async def test_two_senders_are_both_asked_of_the_lost_time(any_database_url: str) -> None:
    """After a restore nobody knows which sender had it: one that has it is enough, one that cannot tell leaves it open."""
    first, second = MemorySender("memory://a"), MemorySender("memory://b", tells=False)
    first.script(Unknown("x"))
    async with opened(NOW, first, second, url=any_database_url, vault=_VAULT) as world:
        lender = Lender()
        await world.absorb(lender.submitted(NOW, borrower=lender.borrower))
        await world.operations.recovered(NOW - timedelta(hours=1), who="li", now=NOW)
        world.wait(5)
        await world.sweep()
        assert await world.state("application_received") == "unknown cannot_tell"
        second.tells = True
        await world.operations.recovered(NOW - timedelta(hours=1), who="li", now=world.clock.at)
        world.wait(5)
        await world.sweep()
        assert await world.state("application_received") == "planned"


# ---------------------------------------------------------------- the audit chain


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET who = 'nobody' WHERE subject = 'lane:normal'",
        "UPDATE audit SET subject = 'lane:bulk' WHERE subject = 'lane:normal'",
        "DELETE FROM audit WHERE subject = 'lane:normal'",
        "DELETE FROM audit WHERE action = 'began'",
    ],
)
async def test_tampering_breaks_the_chain(world: Virtual, tampering: str) -> None:
    """A changed or removed audit row is found; an untouched chain holds."""
    assert await world.operations.first_broken_audit_row() is None
    for lane in ("bulk", "normal", "critical"):
        await world.operations.pause("lane", lane, who="li", why="look", until=None, now=NOW)
    assert await world.operations.first_broken_audit_row() is None
    await world.run(Statement(tampering))
    assert await world.operations.first_broken_audit_row() is not None


async def test_operators_who_act_at_once_share_one_chain(world: Virtual) -> None:
    """Deeds of two processes at the same moment are all in one unbroken chain."""
    async with opened(NOW, url=str(world.engine.settings.database_url), vault=_VAULT) as other:
        await asyncio.gather(
            *(
                each.operations.pause("loan", f"L-{i}", who="li", why="x", until=None, now=NOW)
                for i in range(8)
                for each in (world, other)
            )
        )
    assert len(await _audited(world)) == 16
    assert await world.operations.first_broken_audit_row() is None
