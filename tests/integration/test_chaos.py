"""Things are killed, and every notice goes exactly once all the same."""

import json
import os
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from duebell.sample import retimed, stream
from private_servers import PrivatePostgres, PrivateRabbit
from tests.expected import expected_event_keys, keys_that_may_end_unsent
from tests.integration.rig import BASE, Rig, Worker, as_bodies, eventually
from tests.integration.stories import TODAY, disbursed, paid, stage

pytestmark = [pytest.mark.chaos, pytest.mark.integration]

EVENTS = int(os.environ.get("CHAOS_EVENTS", "3000"))
SEED = int(os.environ.get("CHAOS_SEED", "7"))
WORKER_KILLS = 5
TAP = "test.chaos.status"

#: Days until the instalment is due → the one stage whose moment has come and that has not lost its point at BASE.
DUE = {0: "due_today", 1: "due_tomorrow", 3: "due_soon", -3: "overdue_3"}


def hand_made(n: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Loans with something due now, every third paid in full later; and the stage key of each."""
    events, stages = [], {}
    for index in range(n):
        loan_id = f"H{index}"
        days, name = list(DUE.items())[index % len(DUE)]
        due_on = TODAY + timedelta(days=days)
        events.append(disbursed(loan_id, index, due_on))
        stages[loan_id] = stage(loan_id, due_on, name)
        if index % 3 == 0:
            events.append(paid(loan_id, 1))
    return events, stages


def mixed(ours: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """Sample events with ours among them, each loan's in their order, and some of ours twice."""
    told = list(retimed(stream(EVENTS, SEED), BASE - timedelta(minutes=3), timedelta(minutes=2)))
    places = sorted(rng.sample(range(len(told) + len(ours)), len(ours)))
    for place, one in zip(places, ours, strict=True):
        told.insert(place, one)
    return told + rng.sample(ours, len(ours) // 20)


@contextmanager
def published(rig: Rig, events: list[dict[str, Any]]) -> Iterator[threading.Thread]:
    """Publishes in a thread of its own, whatever happens to the broker meanwhile."""
    thread = threading.Thread(target=rig.publish, args=(as_bodies(events),))
    thread.start()
    yield thread
    thread.join(120)
    assert not thread.is_alive()


def some_work_done(rig: Rig, rng: random.Random) -> None:
    """Waits until the worker has sent some more, or clearly has nothing to send."""
    goal = rig.sent_so_far() + rng.randrange(1, max(2, EVENTS // (2 * WORKER_KILLS)))
    try:
        eventually(lambda: rig.sent_so_far() >= goal, within=rng.uniform(2, 4), every=0.01)
    except AssertionError:
        return


def tapped(rig: Rig) -> list[dict[str, Any]]:
    """The status events that came, in their order."""
    with rig.connection() as connection:
        channel, told = connection.channel(), []
        while (body := channel.basic_get(TAP, auto_ack=True)[2]) is not None:
            told.append(json.loads(body))
        channel.queue_delete(TAP)
    return told


def tap(rig: Rig) -> None:
    """Has the status events kept in a queue."""
    with rig.connection() as connection:
        channel = connection.channel()
        channel.exchange_declare("duebell.notices", "topic", durable=True)
        channel.queue_declare(TAP, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(TAP, "duebell.notices", "#")


def in_order(told: list[dict[str, Any]]) -> bool:
    """Whether each notice's events came in the order of their seq, repetitions aside."""
    seen: dict[str, list[int]] = defaultdict(list)
    for one in told:
        data = one["data"]
        if data.get("seq") is not None and data["seq"] not in seen[data["key"]]:
            seen[data["key"]].append(data["seq"])
    return all(seqs == sorted(seqs) for seqs in seen.values())


#: Intents of texts that ask, and the recording of the one payment that pays their deadline by itself.
INTENTS_AFTER_PAYMENT = """
SELECT n.key, n.handed_at, p.recorded_at FROM notices n
JOIN deadlines d ON d.loan_id = n.loan_id AND d.kind = n.kind AND d.ref = n.ref AND d.state = 'closed' AND d.reason = 'paid'
JOIN payments p ON p.loan_id = d.loan_id AND p.ref = d.ref AND p.amount = d.amount AND p.reversed_by IS NULL
WHERE n.asks AND n.handed_at > p.recorded_at
AND NOT EXISTS (
    SELECT 1 FROM payments other WHERE other.loan_id = p.loan_id AND other.ref = p.ref AND other.payment_id <> p.payment_id)
"""


@pytest.mark.timeout(3000)
def test_every_notice_goes_once_whatever_is_killed(rig: Rig, rabbit: PrivateRabbit, postgres: PrivatePostgres) -> None:
    """Five kills of the worker and one each of broker and database lose nothing and repeat nothing."""
    rng = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    ours, stages = hand_made(max(40, EVENTS // 20))
    events = mixed(ours, rng)
    blows = ["worker"] * WORKER_KILLS + ["rabbit", "postgres"]
    rng.shuffle(blows)
    worker = rig.worker()
    eventually(rig.consuming)
    tap(rig)
    rabbit.remember_queues()
    with published(rig, events):
        for blow in blows:
            some_work_done(rig, rng)
            worker = struck(blow, rig, worker, rabbit, postgres)
    distinct = len({(one["source"], one["id"]) for one in events})
    eventually(lambda: rig.one("SELECT count(*) FROM inbox") == distinct, within=120 + EVENTS / 50)
    eventually(rig.quiet, within=120 + EVENTS / 50, every=0.5)
    eventually(rig.consuming)
    assert worker.terminate() == 0
    check(rig, events, stages)
    check_status(rig)


def struck(blow: str, rig: Rig, worker: Worker, rabbit: PrivateRabbit, postgres: PrivatePostgres) -> Worker:
    """Kills one of the three with SIGKILL and starts it again; gives the worker that runs now."""
    if blow == "worker":
        worker.kill()
        return rig.worker()
    server = rabbit if blow == "rabbit" else postgres
    server.kill()
    server.start()
    assert worker.alive
    return worker


def check(rig: Rig, events: list[dict[str, Any]], stages: dict[str, str]) -> None:
    """What must hold of the file and of the ledger."""
    times = Counter(rig.sent())
    state = {key: (state, reason) for key, state, reason in rig.rows("SELECT key, state, reason FROM notices")}
    assert {key for key, n in times.items() if n > 1} == set()
    expected = expected_event_keys(events)
    assert expected <= state.keys()
    missing = expected - keys_that_may_end_unsent(events) - times.keys()
    assert {key: state[key] for key in missing} == {}
    due = {stages[loan] for loan in stages if int(loan[1:]) % 3}
    assert {key: state.get(key) for key in due - times.keys()} == {}
    ended = {state.get(key) for key in set(stages.values()) - due - times.keys()}
    assert ended <= {("cancelled", "paid"), None}  # none: it was paid before it was planned
    assert {key for key, (now, _) in state.items() if now == "sent"} == times.keys()
    assert {key: now for key, now in state.items() if now[0] not in {"sent", "planned"} and not now[1]} == {}
    assert rig.rows(INTENTS_AFTER_PAYMENT) == []
    assert rig.one("SELECT count(*) FROM dead_letters") == 0


def check_status(rig: Rig) -> None:
    """Upstream heard of every text that went, each notice's events in order."""
    told = tapped(rig)
    assert in_order(told)
    assert {one["data"]["key"] for one in told if one["type"] == "notice.sent"} == set(rig.sent())


@pytest.mark.parametrize(("trick", "settings"), [("die_after_writing", {"TRICK_BATCH": "2"}), ("die_before_writing", {})])
def test_a_crash_between_hand_over_and_commit_says_nothing_twice(rig: Rig, trick: str, settings: dict[str, str]) -> None:
    """A worker that dies between its intent and its outcome leaves notices unknown; asking the file settles them."""
    events = [disbursed(f"T{index}", index, TODAY) for index in range(40)]
    dying = rig.trick(trick, **settings)
    eventually(rig.consuming)
    rig.publish(as_bodies(events))
    assert eventually(lambda: not dying.alive)
    intended = {key for (key,) in rig.rows("SELECT key FROM notices WHERE state = 'sending' AND handed_at IS NOT NULL")}
    assert intended
    assert bool(intended & set(rig.sent())) == (trick == "die_after_writing")  # another batch may have had its intent only
    rig.worker()
    eventually(lambda: rig.one("SELECT count(*) FROM notices WHERE state = 'sent'") == 2 * len(events))
    settled = {key for (key,) in rig.rows("SELECT key FROM outbox WHERE type = 'notice.unknown' AND reason = 'lease_over'")}
    assert intended <= settled
    assert Counter(rig.sent()).most_common(1)[0][1] == 1
    assert {key for (key,) in rig.rows("SELECT key FROM notices WHERE state = 'sent'")} == set(rig.sent())
