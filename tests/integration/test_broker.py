"""The synchronous edge against a real RabbitMQ: what is there, what differs, and publishing through a restart."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import aio_pika
import pika
import pika.exceptions
import pytest
from typer.testing import CliRunner

from duebell.__main__ import app
from private_servers import PrivateRabbit
from service import broker
from service.broker import Publisher, TopologyError
from service.topology import CRITICAL_QUEUE, DEAD_QUEUE, EVENTS_EXCHANGE, EVENTS_QUEUE, TOPOLOGY, declare_notices_with

pytestmark = pytest.mark.integration
TYPE = "loan.repayment.received"


@pytest.fixture(scope="module")
def vhost(rabbit: PrivateRabbit) -> str:
    """The URL of a virtual host of these tests' own."""
    rabbit.ctl("add_vhost", "edge")
    rabbit.ctl("set_permissions", "-p", "edge", "guest", ".*", ".*", ".*")
    return f"{rabbit.url}edge"


@pytest.fixture
def channel(vhost: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    """A channel of another library, on a virtual host without exchanges and queues of ours."""
    connection = pika.BlockingConnection(pika.URLParameters(vhost))
    channel = connection.channel()
    for queue in TOPOLOGY.queues:
        channel.queue_delete(queue.name)
    for exchange in TOPOLOGY.exchanges:
        channel.exchange_delete(exchange.name)
    yield channel
    with suppress(pika.exceptions.AMQPError):  # the broker was restarted
        connection.close()


@pytest.fixture
def url(vhost: str, channel: object) -> str:  # noqa: ARG001 - it clears the virtual host
    """The URL of a virtual host with everything declared; a RabbitMQ that has just started may refuse that for a moment."""
    for _ in range(50):
        with suppress(broker.BrokerAway):
            assert all(one.wrong is None for one in broker.apply(vhost))
            return vhost
        time.sleep(0.2)
    pytest.fail("the broker does not let us declare")


def ready(url: str) -> dict[str, int | None]:
    """How full each queue is."""
    return {one.queue: one.ready for one in broker.depths(url)}


def test_what_is_missing_is_shown_and_nothing_is_made(vhost: str, channel: object) -> None:  # noqa: ARG001
    """Looking declares nothing; each part says how to get it."""
    for _ in range(2):
        found = broker.show(vhost)
        assert [one.wrong for one in found] == ["is not there; run: duebell topology apply"] * 5
    assert set(ready(vhost).values()) == {None}


def test_applying_twice_changes_nothing(url: str) -> None:
    """The second declaration finds what the first one made."""
    assert all(one.wrong is None for one in (*broker.show(url), *broker.apply(url), *broker.show(url)))
    assert ready(url) == {DEAD_QUEUE: 0, EVENTS_QUEUE: 0, CRITICAL_QUEUE: 0}


async def test_both_libraries_declare_the_same(url: str) -> None:
    """What kombu has declared, aio-pika declares again without a complaint, and kombu once more."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        for queue in TOPOLOGY.queues:
            await queue.declare_with(channel)
        await declare_notices_with(channel)
    assert all(one.wrong is None for one in broker.apply(url))


def test_what_differs_is_told_and_left_alone(url: str, channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
    """The argument, what it is and what it should be; the rest is declared all the same."""
    channel.queue_delete(EVENTS_QUEUE)
    channel.queue_declare(
        EVENTS_QUEUE, durable=True, arguments={**TOPOLOGY.queue(EVENTS_QUEUE).arguments, "x-delivery-limit": 7}
    )
    channel.exchange_delete(EVENTS_EXCHANGE)
    channel.exchange_declare(EVENTS_EXCHANGE, "direct")
    for found in (broker.show(url), broker.apply(url)):
        wrong = {one.name: one.wrong or "" for one in found}
        assert "x-delivery-limit is 7, should be 20" in wrong[EVENTS_QUEUE]
        assert "type is direct, should be topic" in wrong[EVENTS_EXCHANGE]
        assert wrong[CRITICAL_QUEUE] == wrong[DEAD_QUEUE] == ""
    result = CliRunner(env={"DUEBELL_BROKER_URL": url}).invoke(app, ["topology", "show"])
    assert result.exit_code == 1
    assert "should be 20" in result.stdout


def test_a_broker_that_lets_us_not_in_is_away(url: str) -> None:
    """A wrong password is told without repeating it."""
    with pytest.raises(broker.BrokerAway, match="AccessRefused 403") as caught:
        broker.show(url.replace("guest:guest", "guest:hush"))
    assert "hush" not in str(caught.value)


def test_events_reach_their_queues_as_they_were_published(
    url: str, channel: pika.adapters.blocking_connection.BlockingChannel
) -> None:
    """Persistent, with the CloudEvents content type, the type as routing key; security events in both queues."""
    with Publisher(url) as publisher:
        publisher.send("loan.security.anomaly_detected", b"{}", 1)
        publisher.send("party.updated", b"[]", 2)
    assert (publisher.confirmed, publisher.unroutable) == (2, set())
    assert ready(url) == {DEAD_QUEUE: 0, EVENTS_QUEUE: 2, CRITICAL_QUEUE: 1}
    method, properties, body = channel.basic_get(CRITICAL_QUEUE, auto_ack=True)
    assert method.routing_key == "loan.security.anomaly_detected"
    assert (properties.delivery_mode, properties.content_type, body) == (2, "application/cloudevents+json", b"{}")


def test_what_no_queue_wants_is_named(url: str) -> None:
    """Mandatory: an event that would vanish is told by its number."""
    with Publisher(url) as publisher:
        publisher.send("visit.paid", b"{}", 7)
        publisher.send(TYPE, b"{}", 8)
    assert (publisher.confirmed, publisher.unroutable) == (2, {7})


def test_a_missing_exchange_is_told(vhost: str, channel: object) -> None:  # noqa: ARG001
    """Waiting would not help, so it does not wait."""
    publisher = Publisher(vhost)
    publisher.send(TYPE, b"{}", 1)
    with pytest.raises(TopologyError, match=r"loan\.events is not there; run: duebell topology apply"):
        publisher.flush()
    publisher.close()


def test_many_events_are_each_confirmed_once(url: str) -> None:
    """More than several windows, with bodies larger than a frame among them."""
    with Publisher(url, window=100) as publisher:
        for number in range(1000):
            publisher.send(TYPE, b"x" * (200_000 if number == 500 else 300), number)
    assert publisher.confirmed == 1000
    assert ready(url)[EVENTS_QUEUE] == 1000


def test_the_command_line_publishes_to_a_broker(vhost: str, channel: object, tmp_path: object) -> None:  # noqa: ARG001
    """`publish` declares what a fresh broker lacks, names what no queue wants, and `queues` shows the depth."""
    good = {"specversion": "1.0", "id": "1", "source": "urn:test", "type": "loan.insured", "subject": "L-1"}
    lost = good | {"id": "2", "type": "visit.paid"}
    command = CliRunner(
        env={"DUEBELL_BROKER_URL": vhost, "DUEBELL_DATABASE_URL": "sqlite://", "DUEBELL_DATA_DIR": str(tmp_path)}
    )
    result = command.invoke(app, ["publish", "-"], input=f"{json.dumps(good)}\n\n{json.dumps(lost)}\n")
    assert (result.exit_code, result.stdout) == (1, "1 published, 1 refused\n"), result.stderr
    assert result.stderr.startswith("line 3: type: no queue takes")
    told = [json.loads(line) for line in command.invoke(app, ["queues", "--json"]).stdout.splitlines()]
    assert {x["name"]: x["ready"] for x in told if x["kind"] == "queue"}[EVENTS_QUEUE] == 1
    assert "outbox" in {x["kind"] for x in told}
    assert "broker queue" in command.invoke(app, ["queues"]).stdout
    assert "as they should be" in command.invoke(app, ["doctor"]).stdout


def test_publishing_survives_a_restart_of_the_broker(url: str, rabbit: PrivateRabbit) -> None:
    """Nothing that was confirmed is lost, and all is confirmed in the end; some may be there twice."""
    restart = threading.Thread(target=rabbit.restart)
    with Publisher(url, window=200) as publisher:
        for number in range(2000):
            if number == 1000:
                restart.start()
            publisher.send(TYPE, b"{}", number)
    restart.join()
    assert publisher.confirmed >= 2000
    assert (ready(url)[EVENTS_QUEUE] or 0) >= 2000


def test_patience_ends(url: str, rabbit: PrivateRabbit) -> None:
    """A broker that stays away ends in one readable line."""
    publisher = Publisher(url, patience=0.3)
    rabbit.stop()
    try:
        with pytest.raises(broker.BrokerAway, match="cannot be used"):  # noqa: PT012 - any of them may notice
            publisher.send(TYPE, b"{}", 1)
            publisher.flush()
    finally:
        publisher.close()
        rabbit.start()
