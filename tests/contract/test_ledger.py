"""The ledger's statements on both databases: types, locks, claims, intents, counters and the order of the outbox."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from service.gate import Counter
from service.history import LoanHistory
from service.ledger import (
    Ledger,
    LedgerAway,
    LedgerClosed,
    LedgerConflict,
    LedgerRefused,
    claims,
    contacts,
    inbox,
    loans,
    notices,
    outbox,
    settling,
)
from service.ledger.contacts import Taker
from service.ledger.engine import DatabaseSettingError
from service.ledger.outbox import Alert, Step
from service.ledger.statement import BOOL, BYTES, DATE, INSTANT, INT, TEXT, Rows, Statement
from service.vault import generated_keys, parse_keys
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

NOW = at("2026-06-20 09:00")
ONE = (1, "2026-06-20", "100.00")
CAP = 5

_VAULT = parse_keys(generated_keys())
_STATES = Statement(
    "SELECT key, key_month, state, reason, token, seq, handed_at FROM notices ORDER BY key", returns={"handed_at": INSTANT}
)


@pytest.fixture
async def ledger(any_database_url: str) -> AsyncIterator[Ledger]:
    """An empty ledger of either kind."""
    opened_ledger = Ledger(any_database_url)
    yield opened_ledger
    await opened_ledger.close()


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine over an empty database of either kind."""
    async with opened(NOW, url=any_database_url, vault=_VAULT) as virtual:
        yield virtual


def _url(world: Virtual) -> str:
    return str(world.engine.settings.database_url)


# ---------------------------------------------------------------- values


async def test_values_keep_their_types(ledger: Ledger) -> None:
    """Texts, numbers, flags, bytes, days and instants come back as they went in, and so does nothing."""
    cells = Rows(place=INT, a=TEXT, b=INT, c=BOOL, d=BYTES, e=DATE, f=INSTANT, g=BYTES)
    echo = Statement(
        "SELECT r.place, r.a, r.b, r.c, r.d, r.e, r.f, r.g FROM {r} ORDER BY r.place",
        returns={"c": BOOL, "e": DATE, "f": INSTANT},
        r=cells,
    )
    instant = datetime(2026, 6, 20, 1, 2, 3, 456, tzinfo=UTC)
    rows = [
        (1, "王小雨 ' \" % : {x}", 2**62, True, b"\x00\xff", date(2026, 2, 28), instant, b"\\x41"),
        (2, "", -1, False, b"", date(1970, 1, 1), instant.astimezone(at("2026-01-01 00:00").tzinfo), None),
        (3, None, None, None, None, None, None, None),
        (4, None, None, None, bytes(range(256)) * 300, None, None, b"end"),
    ]
    async with ledger.transaction() as tx:
        assert [tuple(row) for row in await tx.rows(echo, r=rows)] == rows
        assert list(await tx.rows(echo, r=[])) == []


async def test_instants_sort_and_compare_as_time(ledger: Ledger) -> None:
    """An instant in another zone, or with fewer digits, is compared by when it is."""
    compare = Statement("SELECT 1 AS one FROM {r} WHERE r.f < :limit", r=Rows(f=INSTANT), limit=INSTANT)
    earlier = datetime(2026, 6, 20, 9, 30, tzinfo=at("2026-01-01 00:00").tzinfo)
    async with ledger.transaction() as tx:
        assert len(await tx.rows(compare, r=[(earlier,)], limit=datetime(2026, 6, 20, 1, 30, 0, 1, tzinfo=UTC))) == 1
        assert len(await tx.rows(compare, r=[(earlier,)], limit=datetime(2026, 6, 20, 1, 30, tzinfo=UTC))) == 0


async def test_a_transaction_is_all_or_nothing(ledger: Ledger) -> None:
    """An exception in the block takes everything back; what the database refuses is said so."""

    async def write_and(fail: Statement | ZeroDivisionError) -> None:
        async with ledger.transaction() as tx:
            await tx.run(loans.ADD, ids=[("L-1",)], now=NOW)
            if isinstance(fail, ZeroDivisionError):
                raise fail
            await tx.run(fail)

    with pytest.raises(ZeroDivisionError):
        await write_and(ZeroDivisionError())
    with pytest.raises(LedgerRefused):
        await write_and(Statement("INSERT INTO loans (loan_id, created_at) VALUES ('L-2', NULL)"))
    async with ledger.transaction() as tx:
        assert list(await tx.rows(Statement("SELECT loan_id FROM loans"))) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url", "is not a URL"),
        ("postgresql://user@host:door/name", "is not a URL"),
        ("mysql://x/y", "mysql is not supported"),
    ],
)
def test_a_wrong_database_url_is_one_line(url: str, words: str) -> None:
    """An operator reads what to write instead."""
    with pytest.raises(DatabaseSettingError, match=words):
        Ledger(url)


@pytest.mark.integration
async def test_options_of_the_url_count_wherever_we_connect(postgres_url: str) -> None:
    """For transactions as for migrations; a TLS that the server does not speak is refused by both."""
    named = Ledger(f"{postgres_url}?sslmode=disable&search_path=pg_catalog")
    async with named.transaction() as tx:
        assert [row.path for row in await tx.rows(Statement("SELECT current_setting('search_path') AS path"))] == ["pg_catalog"]
    path = await named.run_sync(lambda connection: connection.exec_driver_sql("SHOW search_path").scalar())
    assert path == "pg_catalog"
    await named.close()
    encrypted = Ledger(f"{postgres_url}?sslmode=require")
    with pytest.raises(LedgerAway):
        async with encrypted.transaction():
            pass
    with pytest.raises(LedgerAway):
        await encrypted.run_sync(lambda _: None)
    await encrypted.close()


@pytest.mark.integration
@pytest.mark.parametrize("option", ["sslmode=perhaps", "no_such_option=1", "work_mem=much"])
async def test_a_wrong_option_of_the_url_is_one_line(postgres_url: str, option: str) -> None:
    """Nothing that waiting would mend: the start stops with it, naming the option."""
    for work in (_begin, lambda ledger: ledger.run_sync(lambda _: None)):
        ledger = Ledger(f"{postgres_url}?{option}")
        with pytest.raises(LedgerClosed, match=f"DUEBELL_DATABASE_URL.*{option.partition('=')[0]}"):
            await work(ledger)
        await ledger.close()


async def _begin(ledger: Ledger) -> None:
    async with ledger.transaction():
        pass


async def test_a_database_that_is_not_there_is_away() -> None:
    """A refused connection is LedgerAway, not a driver's error."""
    ledger = Ledger("postgresql://postgres@127.0.0.1:1/nothing")
    with pytest.raises(LedgerAway):
        async with ledger.transaction():
            pass
    await ledger.close()


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other names for it")
async def test_a_host_that_vanishes_is_missed_within_twenty_seconds(postgres_url: str) -> None:
    """Its system would never tell us, so ours asks: a link on which nothing comes is tried, and given up."""
    ledger = Ledger(postgres_url)
    async with ledger.transaction() as tx:
        link = tx._connection._transport.get_extra_info("socket")
        assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, every, times = (
            link.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + every * times < 20
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
    await ledger.close()


@pytest.mark.integration
async def test_a_link_cut_at_any_moment_is_away(postgres_url: str) -> None:
    """Before, in and between two statements: always LedgerAway, and the pool's only connection is made anew."""
    ledger = Ledger(postgres_url, pool_size=1)
    admin = await asyncpg.connect(postgres_url)
    cuts = asyncio.ensure_future(_cut_again_and_again(admin))
    cut = 0
    for _ in range(300):
        try:
            async with ledger.transaction() as tx:
                await tx.rows(Statement("SELECT 1 AS one"))
                await tx.run(Statement("SELECT 2"))
        except LedgerAway:
            cut += 1
    cuts.cancel()
    await asyncio.wait([cuts])
    await admin.close()
    assert cut
    async with ledger.transaction() as tx:
        assert [row.one for row in await tx.rows(Statement("SELECT 1 AS one"))] == [1]
    await ledger.close()


@pytest.mark.integration
async def test_a_table_that_changes_under_a_statement_is_a_conflict(postgres_url: str) -> None:
    """A migration beside a running worker: what was prepared before it is run again, not the end of the worker."""
    ledger = Ledger(postgres_url)
    asking = Statement("SELECT word FROM kept")
    admin = await asyncpg.connect(postgres_url)
    await admin.execute("CREATE TABLE kept (word integer)")
    async with ledger.transaction() as tx:
        await tx.rows(asking)
    await admin.execute("ALTER TABLE kept ALTER word TYPE text")
    with pytest.raises(LedgerConflict):
        async with ledger.transaction() as tx:
            await tx.rows(asking)
    async with ledger.transaction() as tx:
        assert await tx.rows(asking) == []
    await admin.close()
    await ledger.close()


async def _cut_again_and_again(admin: asyncpg.Connection) -> None:
    while True:
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'duebell'")
        await asyncio.sleep(0)


# ---------------------------------------------------------------- inbox, loans, outbox


def _inbox_row(key: bytes, state: str, payload: bytes = b"x") -> tuple[Any, ...]:
    return (key, state, payload, payload, None, None, "loan.settled", "L-1", NOW)


async def test_the_inbox_takes_an_event_once(ledger: Ledger) -> None:
    """New, then not; what was only ignored, dead or received so far is new again."""
    async with ledger.transaction() as tx:
        for state in ("ignored", "dead", "absorbed"):
            row = _inbox_row(b"a", state)
            assert [bytes(found.hash) for found in await tx.rows(inbox.TAKE, e=[row], now=NOW)] == [b"a"]
        assert list(await tx.rows(inbox.TAKE, e=[_inbox_row(b"a", "absorbed")], now=NOW)) == []
        assert [row.hash for row in await tx.rows(inbox.DIFFERING, seen=[(b"a", b"x"), (b"a", b"y")])] == [b"a"]


async def test_a_loan_comes_back_as_it_was_saved(ledger: Ledger) -> None:
    """Loan, deadlines and payments written, read again and folded again change nothing."""
    lender = Lender()
    async with opened(
        NOW, url=ledger.url.render_as_string(hide_password=False).replace("+pysqlite", ""), vault=_VAULT
    ) as world:
        await world.absorb(
            lender.disbursed(NOW, ONE, (2, "2026-07-20", "100.00")), lender.paid(NOW, "130.00"), lender.settled(NOW),
            lender.took_back(NOW + timedelta(hours=1), "PAY-2"), lender.overdue(NOW, 2, "101.00"), lender.cured(NOW),
            lender.paid(NOW, "5.00", "PAY-3", covers=[{"no": 7, "amount": "5.00"}]),
        )  # fmt: skip
    async with ledger.transaction() as tx:
        first = await loans.lock(tx, ["L-1", "L-1"], NOW)
        await loans.load_details(tx, first, ["L-1"])
        history = first["L-1"].history
        history.derive()
        await loans.save(tx, first, set(), NOW)
        second = await loans.lock(tx, ["L-1"], NOW)
        await loans.load_details(tx, second, ["L-1"])
    assert second["L-1"].history == history
    assert isinstance(history, LoanHistory)
    assert {(d.kind, d.ref): d.state for d in history.deadlines.values()} == {
        ("instalment", "1"): "closed",
        ("instalment", "2"): "closed",
        ("instalment", "7"): "stub",
    }


async def test_the_outbox_keeps_the_order_of_each_notice(ledger: Ledger) -> None:
    """Steps written together are numbered by notice and seq; what only the timeline needs counts as published."""
    steps: list[Step | Alert] = [
        Step("b", "L-1", 2, "sent", None, NOW),
        Alert("sender_trouble", {"sender": "x"}, NOW),
        Step("b", "L-1", 1, "held", "window", NOW),
        Step("a", "L-1", 1, "planned", None, NOW),
    ]
    async with ledger.transaction() as tx:
        await outbox.record(tx, steps)
        await outbox.record(tx, [])
        unpublished = await tx.rows(outbox.UNPUBLISHED, n=10)
        assert [(row.type, row.seq) for row in unpublished if row.key] == [("notice.held", 1), ("notice.sent", 2)]
        assert [row.type for row in unpublished if not row.key] == ["alert.raised"]
        await tx.run(outbox.PUBLISHED, ids=[(row.id,) for row in unpublished], now=NOW)
        assert list(await tx.rows(outbox.UNPUBLISHED, n=10)) == []


# ---------------------------------------------------------------- ending and reviving


async def _reminders(world: Virtual, lender: Lender) -> dict[str, Any]:
    """A loan with its reminders planned; the rows by stage."""
    await world.absorb(lender.disbursed(at("2026-06-16 10:00"), ONE))
    await world.plan()
    return {row.key.split(":")[5]: row for row in await world.notices() if row.key.startswith("stage")}


async def test_cancelling_rewording_reviving(world: Virtual) -> None:
    """Waiting stages end with a reason, a later fact gives a better one, a reopening brings back those still valid."""
    await _reminders(world, Lender())
    place = ("L-1", "instalment", "1")
    async with world.engine.ledger.transaction() as tx:
        ended = await tx.rows(notices.CANCEL, d=[(*place, None, "paid")])
        assert {(row.state, row.reason, row.seq) for row in ended} == {("cancelled", "paid", 1)}
        assert list(await tx.rows(notices.CANCEL, d=[(*place, None, "paid")])) == []
        await tx.run(notices.REWORD, d=[(*place, None, "settled")])
        assert {row.reason for row in await tx.rows(_STATES) if row.state == "cancelled"} == {"settled"}
        assert list(await tx.rows(notices.REVIVE, d=[(*place, "2026-06-21")], now=NOW)) == []
        revived = await tx.rows(notices.REVIVE, d=[(*place, "2026-06-20")], now=NOW)
        assert {(row.state, row.reason, row.seq) for row in revived} == {("planned", None, 2)}
        assert {row.key.split(":")[5] for row in revived} == {"due_today", "due_today_evening"}


async def test_another_anchor_ends_only_the_others(world: Virtual) -> None:
    """A deadline that moved ends the stages of its old day, not those of the new one."""
    await _reminders(world, Lender())
    async with world.engine.ledger.transaction() as tx:
        assert list(await tx.rows(notices.CANCEL, d=[("L-1", "instalment", "1", "2026-06-20", "moved")])) == []
        assert len(await tx.rows(notices.CANCEL, d=[("L-1", "instalment", "1", "2026-06-25", "moved")])) >= 2


# ---------------------------------------------------------------- claims


async def _claim(ledger: Ledger, n: int, *, lane: str = "normal", now: datetime = NOW) -> list[tuple[str, int]]:
    """One worker's claim; the keys it got."""
    async with ledger.transaction() as tx:
        rows = await tx.rows(
            claims.CLAIM, lane=lane, token=uuid4().hex, lease_until=now + timedelta(seconds=30), now=now, n=n, paused=[]
        )
        await asyncio.sleep(0)
    return [(row.key, row.key_month) for row in rows]


async def test_two_workers_share_what_is_ready(world: Virtual) -> None:
    """Claims at the same moment take different notices, the oldest first, and together all of them."""
    await world.absorb(*(Lender(f"L-{i:02}").submitted(NOW - timedelta(minutes=i)) for i in range(20)))
    other = Ledger(_url(world))
    claimed = await asyncio.gather(*(_claim(each, 7) for each in (world.engine.ledger, other, world.engine.ledger, other)))
    await other.close()
    keys = [place for worker in claimed for place in worker]
    assert len(keys) == len(set(keys)) == 20
    assert max(map(len, claimed)) == 7


@pytest.mark.integration
async def test_a_claim_takes_no_more_than_it_asked_for(postgres_url: str) -> None:
    """Nor does it where PostgreSQL made its plan knowing of an empty table, which it then walks row by row."""
    async with opened(NOW, url=postgres_url, empty=True) as world:
        administrator = await asyncpg.connect(postgres_url)
        await administrator.execute("VACUUM ANALYZE notices")
        await administrator.close()
        assert await _claim(world.engine.ledger, 7) == []
        await world.absorb(*(Lender(f"L-{i:02}").submitted(NOW) for i in range(20)))
        assert [len(await _claim(world.engine.ledger, 7)) for _ in range(4)] == [7, 7, 6, 0]


async def test_a_claim_passes_over_what_is_not_ready(world: Virtual) -> None:
    """Another lane, a later moment, a validity that ended: not taken."""
    await world.absorb(Lender("L-1").submitted(NOW))
    assert await _claim(world.engine.ledger, 9, lane="bulk") == []
    assert await _claim(world.engine.ledger, 9, now=NOW - timedelta(seconds=1)) == []
    assert await _claim(world.engine.ledger, 9, now=NOW + timedelta(hours=72)) == []
    assert len(await _claim(world.engine.ledger, 9)) == 1


async def test_a_lease_that_ran_out_is_released(world: Virtual) -> None:
    """Without an intent: planned again; with one: unknown, and still its worker's to conclude."""
    await world.absorb(Lender("L-1").submitted(NOW), Lender("L-2").submitted(NOW))
    (first, _), _ = await _claim(world.engine.ledger, 9)
    await world.run(
        Statement("UPDATE notices SET handed_at = :now WHERE key = :key", now=INSTANT, key=TEXT), now=NOW, key=first
    )
    async with world.engine.ledger.transaction() as tx:
        assert list(await tx.rows(settling.RELEASE, now=NOW + timedelta(seconds=29), n=9)) == []
        await tx.rows(settling.RELEASE, now=NOW + timedelta(seconds=30), n=9)
        rows = {row.key: row for row in await tx.rows(_STATES)}
    unknown, planned = rows.pop(first), next(iter(rows.values()))
    assert (unknown.state, unknown.reason) == ("unknown", "lease_over")
    assert unknown.token is not None
    assert (planned.state, planned.reason, planned.token) == ("planned", None, None)


# ---------------------------------------------------------------- intents


def _as_intent(place: tuple[str, int], loan: str = "L-1") -> tuple[Any, ...]:
    return (*place, f"B-{loan}", _VAULT.keyed_hash("+8613800138000"), None)


async def _intend(ledger: Ledger, place: tuple[str, int], token: str, now: datetime, loan: str = "L-1") -> list[str]:
    async with ledger.transaction() as tx:
        await tx.rows(claims.SHARE_LOANS, l=[(loan,)])
        rows = await tx.rows(
            claims.INTEND,
            i=[_as_intent(place, loan)],
            token=token,
            sender="memory://",
            now=now,
            paused=[],
        )
    return [row.key for row in rows]


async def _claimed_reminder(world: Virtual) -> tuple[tuple[str, int], str]:
    await _reminders(world, Lender())
    await world.engine.settling.expire(NOW)
    (place,) = await _claim(world.engine.ledger, 9, lane="bulk")
    (row,) = [row for row in await world.rows(_STATES) if row.key == place[0]]
    return place, row.token


async def test_an_intent_waits_for_a_payment_and_sees_it(world: Virtual) -> None:
    """While a payment's transaction holds the loan no intent is granted; then the intent finds the deadline closed."""
    place, token = await _claimed_reminder(world)
    other = Ledger(_url(world))
    async with other.transaction() as tx:
        await loans.lock(tx, ["L-1"], NOW)
        intent = asyncio.create_task(_intend(world.engine.ledger, place, token, NOW))
        await asyncio.sleep(0.1)
        assert not intent.done()
        await tx.run(Statement("UPDATE deadlines SET state = 'closed', reason = 'paid' WHERE loan_id = 'L-1'"))
    assert await intent == []
    await other.close()


async def test_a_payment_waits_for_an_intent(world: Virtual) -> None:
    """While an intent is being committed a payment waits: it is recorded after it, and the text counts as handed over."""
    place, token = await _claimed_reminder(world)
    async with opened(NOW, url=_url(world), vault=_VAULT) as other:
        async with world.engine.ledger.transaction() as tx:
            await tx.rows(claims.SHARE_LOANS, l=[("L-1",)])
            intended = await tx.rows(claims.INTEND, i=[_as_intent(place)], token=token, sender="memory://", now=NOW, paused=[])
            payment = asyncio.create_task(other.absorb(Lender().paid(NOW, "100.00", id_="p")))
            await asyncio.sleep(0.1)
            assert not payment.done()
            other.wait(1)
        await payment
    assert len(intended) == 1
    (row,) = [row for row in await world.rows(_STATES) if row.key == place[0]]
    assert (row.state, row.handed_at) == ("sending", NOW)
    recorded = Statement("SELECT recorded_at FROM payments", returns={"recorded_at": INSTANT})
    assert [paid.recorded_at for paid in await world.rows(recorded)] == [NOW + timedelta(seconds=1)]


async def test_an_intent_needs_its_token_its_lease_and_its_validity(world: Virtual) -> None:
    """Another worker's token, a lease that is over: nothing is granted; mine in time is, once only as an intent."""
    place, token = await _claimed_reminder(world)
    assert await _intend(world.engine.ledger, place, "another", NOW) == []
    assert await _intend(world.engine.ledger, place, token, NOW + timedelta(seconds=30)) == []
    assert await _intend(world.engine.ledger, place, token, NOW) == [place[0]]
    async with world.engine.ledger.transaction() as tx:
        told = await tx.rows(claims.CONCLUDE, o=[(*place, "sent", None, NOW)], token="another")
        assert list(told) == []
        told = await tx.rows(claims.CONCLUDE, o=[(*place, "sent", None, NOW)], token=token)
        assert [(row.state, row.reason) for row in told] == [("sent", None)]


# ---------------------------------------------------------------- caps


async def test_the_cap_is_exact_under_two_workers(world: Virtual) -> None:
    """Twenty reminders to one number, delivered by two workers at once, again and again: five go, on one day."""
    lenders = [Lender(f"L-{i:02}") for i in range(20)]
    await world.absorb(*(each.disbursed(at("2026-06-16 10:00"), ONE) for each in lenders))
    await world.plan()
    await world.engine.settling.expire(NOW)
    async with opened(NOW, url=_url(world), vault=_VAULT, batch=4) as other:
        for _ in range(4):
            await asyncio.gather(world.deliver(), other.deliver())
        sent = [message.key for each in (world, other) for message in each.sender.messages if message.lane == "bulk"]
    assert len(sent) == len(set(sent)) == CAP
    states = [row.state for row in await world.notices() if "due_today:" in row.key]
    assert sorted(states) == ["held"] * 15 + ["sent"] * 5


@pytest.mark.parametrize(
    "more", [(), (Counter("week:x", date.min, 99, NOW - timedelta(days=7)),)], ids=["alone", "with another"]
)
async def test_a_counter_never_passes_its_limit(ledger: Ledger, more: tuple[Counter, ...]) -> None:
    """Thirty increments at once on a counter with room for five: five are granted; what is given back can be taken again."""
    counter = Counter("cap:x", date(2026, 6, 20), CAP)
    other = Ledger(ledger.url.render_as_string(hide_password=False).replace("+pysqlite", ""))

    async def one(each: Ledger, attempt: int) -> bool:
        async with each.transaction() as tx:
            return not await contacts.take(tx, [Taker("key", f"attempt {attempt}", (counter, *more))], NOW)

    assert sum(await asyncio.gather(*(one(each, n) for n, each in enumerate([ledger, other] * 15)))) == CAP
    async with ledger.transaction() as tx:
        await tx.run(contacts._UNCOUNT, c=[(*counter.place, 1)])
    assert sum([await one(ledger, 31), await one(other, 32)]) == 1
    await other.close()
