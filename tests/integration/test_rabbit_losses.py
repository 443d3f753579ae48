"""The consumer comes back from every kind of loss, and acknowledges nothing that is not committed."""

import signal
import time
from collections.abc import Callable
from typing import Any

import pika
import psycopg
import pytest

from private_servers import PrivatePostgres, PrivateRabbit
from service.topology import DEAD_QUEUE, EVENTS_QUEUE
from tests.integration.reader import Reader
from tests.integration.rig import BASE, Rig, as_bodies, eventually
from tests.integration.stories import TODAY, disbursed, event, receipt_of
from tests.integration.tricks import POISON

pytestmark = pytest.mark.integration


def loans(n: int, name: str = "L") -> list[dict[str, Any]]:
    """One event for each of so many loans."""
    return [disbursed(f"{name}{index}", index, TODAY) for index in range(n)]


def absorbed(rig: Rig) -> int:
    """How many events are in the ledger."""
    return int(rig.one("SELECT count(*) FROM inbox"))


def close_connections(rabbit: PrivateRabbit) -> None:
    """Has the broker close every connection."""
    rabbit.ctl("close_all_connections", "a test")


def delete_queue(rabbit: PrivateRabbit) -> None:
    """Takes the queue away under its consumer, which gets a basic.cancel."""
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        connection.channel().queue_delete(EVENTS_QUEUE)


def stop_answering(rabbit: PrivateRabbit) -> None:
    """Stops the broker for longer than three heartbeats of a second, and lets it go on."""
    rabbit._processes[-1].send_signal(signal.SIGSTOP)
    try:
        time.sleep(8)
    finally:
        rabbit._processes[-1].send_signal(signal.SIGCONT)


def cut_the_power(rabbit: PrivateRabbit) -> None:
    """Kills the broker and starts it again."""
    rabbit.kill()
    rabbit.start()


@pytest.mark.parametrize("lose", [close_connections, delete_queue, stop_answering, cut_the_power])
def test_the_consumer_comes_back(
    rig: Rig, rabbit: PrivateRabbit, monkeypatch: pytest.MonkeyPatch, lose: Callable[[PrivateRabbit], None]
) -> None:
    """What is published before and after a loss is absorbed, each event once."""
    reader = Reader(rig, monkeypatch, heartbeat=1)
    with reader.running():
        rabbit.remember_queues()
        rig.publish(as_bodies(loans(100, "A")))
        eventually(lambda: absorbed(rig) == 100)
        lose(rabbit)
        eventually(lambda: rig.depth(EVENTS_QUEUE)[1] and not reader.health.away)
        rig.publish(as_bodies(loans(100, "B")))
        eventually(lambda: absorbed(rig) == 200)
    assert rig.depth(EVENTS_QUEUE)[0] == 0
    assert rig.one("SELECT count(*) FROM notices") == 200


def test_a_database_that_is_away_is_waited_for(rig: Rig, postgres: PrivatePostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is away every message is delivered once and kept: none is acknowledged, none sent back in a loop."""
    reader = Reader(rig, monkeypatch)
    with reader.running():
        postgres.kill()
        try:
            rig.publish(as_bodies(loans(300)))
            eventually(lambda: "database" in reader.health.away and reader.deliveries == 300)
            time.sleep(1)
        finally:
            postgres.start()
        eventually(lambda: absorbed(rig) == 300)
    assert reader.deliveries == 300
    assert reader.engine is not None
    assert reader.engine.metrics.events_in["duplicate"]._value.get() == 0
    assert rig.depth(EVENTS_QUEUE)[0] == 0


def test_what_was_not_committed_goes_back(rig: Rig, postgres: PrivatePostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that stops while the database is away leaves every message in the queue."""
    reader = Reader(rig, monkeypatch)
    try:
        with reader.running():
            postgres.kill()
            rig.publish(as_bodies(loans(300)))
            eventually(lambda: "database" in reader.health.away and reader.deliveries == 300)
        assert eventually(lambda: rig.depth(EVENTS_QUEUE)[0] == 300)
    finally:
        postgres.start()


def test_cut_connections_are_made_anew(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Database connections that are cut again and again in the middle of the work cost a retry and nothing else."""
    reader = Reader(rig, monkeypatch, batch=50)
    with reader.running(), psycopg.connect(rig.database, autocommit=True) as admin:
        rig.publish(as_bodies(loans(1000)))
        for _ in range(10):
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'duebell'")
            time.sleep(0.1)
        eventually(lambda: absorbed(rig) == 1000)
    assert reader.deliveries == 1000
    assert rig.one("SELECT count(*) FROM notices") == 1000


def test_sigterm_drains(rig: Rig) -> None:
    """A worker that is told to stop finishes what it has claimed, acknowledges, leaves nothing half done and exits with 0."""
    worker = rig.trick("send_slowly")
    eventually(rig.consuming)
    events = loans(1200)
    rig.publish(as_bodies(events))
    eventually(lambda: rig.one("SELECT count(*) FROM notices WHERE state = 'sending' AND handed_at IS NOT NULL"))
    assert worker.terminate() == 0
    assert rig.one("SELECT count(*) FROM notices WHERE state IN ('sending', 'unknown')") == 0
    assert {key for (key,) in rig.rows("SELECT key FROM notices WHERE state = 'sent'")} == set(rig.sent())
    assert rig.one("SELECT count(*) FROM notices WHERE state = 'planned' AND token IS NOT NULL") == 0
    eventually(lambda: absorbed(rig) + rig.depth(EVENTS_QUEUE)[0] == len(events))


@pytest.mark.timeout(400)
def test_a_message_that_kills_its_worker_ends_as_a_dead_letter(rig: Rig) -> None:
    """After the delivery limit it lies in duebell.dead, kills a few more, and is buried; the others are told meanwhile."""
    good = loans(40)
    deadly = event("X", 0, "loan.settled", BASE, settled_at=BASE.isoformat(), note=POISON.decode())
    rig.trick("die_of_poison")
    eventually(rig.consuming)
    rig.publish(as_bodies([*good[:20], deadly, *good[20:]]))
    told = {receipt_of(one, "loan_disbursed") for one in good}
    eventually(lambda: rig.one("SELECT count(*) FROM dead_letters"), within=150)
    eventually(lambda: rig.one("SELECT count(*) FROM inbox WHERE state = 'absorbed'") == len(good))
    assert rig.rows("SELECT origin, type, state FROM dead_letters") == [(DEAD_QUEUE, "loan.settled", "open")]
    assert absorbed(rig) == len(good) + 1
    eventually(lambda: told <= set(rig.sent()))
    assert len(set(rig.sent())) == len(rig.sent())
    assert [rig.depth(queue)[0] for queue in (EVENTS_QUEUE, DEAD_QUEUE)] == [0, 0]
