"""Status events leave the outbox at least once and in order, and none counts as published that the broker did not confirm.

`ConfirmedWindow` uses parts of aiormq that its authors may change; a version that does fails here.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from typing import Any

import aio_pika
import pika
import pytest

from private_servers import PrivateRabbit
from service.ledger import Ledger, migrating
from service.metrics import Metrics
from service.status import ConfirmedWindow, StatusPublisher
from service.topology import NOTICES_EXCHANGE
from tests.integration.rig import BASE, rows

pytestmark = pytest.mark.integration

QUEUE = "test.status"
NOTICES, STEPS = 1500, 3


@pytest.fixture
def queue(rabbit: PrivateRabbit) -> Iterator[None]:
    """An empty queue that is told everything."""
    declare(rabbit)
    yield
    with channel_of(rabbit) as channel:
        channel.queue_delete(QUEUE)


@contextmanager
def channel_of(rabbit: PrivateRabbit) -> Iterator[Any]:
    """A channel of pika's."""
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        yield connection.channel()


def declare(rabbit: PrivateRabbit, **arguments: object) -> None:
    """Makes the queue anew."""
    with channel_of(rabbit) as channel:
        channel.queue_delete(QUEUE)
        channel.exchange_declare(NOTICES_EXCHANGE, "topic", durable=True)
        channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum", **arguments})
        channel.queue_bind(QUEUE, NOTICES_EXCHANGE, "#")


def drained(rabbit: PrivateRabbit) -> list[tuple[pika.BasicProperties, bytes]]:
    """What lies in the queue, in order."""
    told = []
    with channel_of(rabbit) as channel:
        while (first := channel.basic_get(QUEUE, auto_ack=True))[0] is not None:
            told.append(first[1:])
            ready = channel.queue_declare(QUEUE, passive=True).method.message_count
            if ready:
                told += [found[1:] for found in islice(channel.consume(QUEUE, auto_ack=True), ready)]
                assert not channel.cancel()
    return told


@asynccontextmanager
async def window_on(rabbit: PrivateRabbit, exchange: str = NOTICES_EXCHANGE) -> AsyncIterator[ConfirmedWindow]:
    """A window on a connection of its own."""
    connection = await aio_pika.connect(rabbit.url)
    transport: Any = connection.transport
    yield ConfirmedWindow(await transport.connection.channel(publisher_confirms=True), exchange)
    await connection.close()


def messages(n: int) -> list[tuple[str, bytes]]:
    """So many numbered messages, of sizes and types that differ."""
    return [(f"notice.{number % 3}", str(number).encode() * (number % 50 + 1)) for number in range(n)]


@pytest.mark.usefixtures("queue")
async def test_a_window_is_confirmed_as_a_whole(rabbit: PrivateRabbit) -> None:
    """Two windows of two thousand arrive complete and in order, each before its publish returns, and persistent."""
    async with window_on(rabbit) as window:
        for _ in range(2):
            await window.publish(messages(2000))
            told = drained(rabbit)
            assert [body for _, body in told] == [body for _, body in messages(2000)]
            assert {(said.delivery_mode, said.content_type) for said, _ in told} == {(2, "application/cloudevents+json")}


@pytest.mark.usefixtures("queue")
async def test_a_refused_message_fails_its_window(rabbit: PrivateRabbit) -> None:
    """A full queue refuses; the window says so, and the next one, when there is room, is as good as new."""
    declare(rabbit, **{"x-max-length": 10, "x-overflow": "reject-publish"})
    async with window_on(rabbit) as window:
        with pytest.raises(ConnectionError):
            await window.publish(messages(500))
        assert not window.lost
        declare(rabbit)
        await window.publish(messages(500))
    assert len(drained(rabbit)) == 500


async def test_a_closed_channel_fails_its_window(rabbit: PrivateRabbit) -> None:
    """The broker closes the channel over an exchange that is not there; the window fails instead of waiting."""
    async with window_on(rabbit, "test.nowhere") as window:
        with pytest.raises(ConnectionError):
            await window.publish(messages(2000))
        assert window.lost


async def _ledger(url: str) -> Ledger:
    """A ledger with unpublished status events: NOTICES notices of STEPS steps each, all of one step before the next."""
    await migrating.upgrade(url)
    steps = """
        INSERT INTO outbox (type, key, loan_id, seq, state, at)
        SELECT 'notice.held', 'n' || n, 'L' || n, seq, 'held', %s
        FROM generate_series(1, %s) AS seq, generate_series(1, %s) AS n ORDER BY seq, n RETURNING id"""
    assert len(rows(url, steps, BASE, STEPS, NOTICES)) == NOTICES * STEPS
    return Ledger(url)


def seqs(bodies: list[bytes]) -> dict[str, list[int]]:
    """Per notice the seqs in the order in which each came first."""
    found: dict[str, list[int]] = defaultdict(list)
    for data in (json.loads(body)["data"] for body in bodies):
        if data["seq"] not in found[data["key"]]:
            found[data["key"]].append(data["seq"])
    return found


def _published(url: str) -> int:
    return int(rows(url, "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL")[0][0])


@pytest.mark.usefixtures("queue")
async def test_a_broker_killed_in_a_window_loses_nothing(rabbit: PrivateRabbit, postgres_url: str) -> None:
    """What is marked as published is in the queue; what was under way goes again, and every notice's order holds."""
    ledger = await _ledger(postgres_url)
    publisher = StatusPublisher(ledger, rabbit.url, lambda: BASE, Metrics())
    await asyncio.to_thread(rabbit.remember_queues)
    assert await publisher.step()
    under_way = asyncio.ensure_future(_until_empty(publisher))
    await asyncio.to_thread(rabbit.kill)
    with pytest.raises(ConnectionError):
        await under_way
    marked = _published(postgres_url)
    assert marked < NOTICES * STEPS
    await asyncio.to_thread(rabbit.start)
    await _until_empty(publisher)
    bodies = [body for _, body in drained(rabbit)]
    assert _published(postgres_url) == NOTICES * STEPS
    assert seqs(bodies) == {f"n{number}": list(range(1, STEPS + 1)) for number in range(1, NOTICES + 1)}
    await publisher.close()
    await ledger.close()


@pytest.mark.usefixtures("queue")
async def test_one_process_publishes_at_a_time(rabbit: PrivateRabbit, postgres_url: str) -> None:
    """Of two publishers one holds the lease, so that nothing goes twice while both live."""
    ledger = await _ledger(postgres_url)
    both = [StatusPublisher(ledger, rabbit.url, lambda: BASE, Metrics()) for _ in range(2)]
    while any(await asyncio.gather(*(publisher.step() for publisher in both))):
        continue
    assert len(drained(rabbit)) == NOTICES * STEPS
    for publisher in both:
        await publisher.close()
    await ledger.close()


async def _until_empty(publisher: StatusPublisher) -> None:
    while await publisher.step():
        continue
