"""The private servers keep what they promised to keep when they are killed."""

import pika
import psycopg
import pytest

from private_servers import PrivatePostgres, PrivateRabbit

pytestmark = pytest.mark.integration

QUEUE = "test.private_servers"
BODIES = [f"message {number}".encode() for number in range(100)]


def _publish(rabbit: PrivateRabbit) -> None:
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        rabbit.remember_queues()
        channel.confirm_delivery()
        for body in BODIES:
            channel.basic_publish("", QUEUE, body, pika.BasicProperties(delivery_mode=2))


def _drain(rabbit: PrivateRabbit) -> list[bytes]:
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        channel = connection.channel()
        bodies = [channel.basic_get(QUEUE, auto_ack=True)[2] for _ in BODIES]
        channel.queue_delete(QUEUE)
    return bodies


def test_confirmed_messages_survive_the_kill_of_rabbitmq(rabbit: PrivateRabbit) -> None:
    """A quorum queue has its confirmed messages, in order, after SIGKILL and a start on the same port."""
    _publish(rabbit)
    rabbit.kill()
    rabbit.start()
    assert _drain(rabbit) == BODIES


def test_rabbitmq_has_every_feature_flag(rabbit: PrivateRabbit) -> None:
    """A fresh node has every feature flag on; at-least-once dead-lettering needs stream_queue."""
    states = dict(line.split() for line in rabbit.ctl("list_feature_flags").splitlines()[1:])
    assert set(states.values()) == {"enabled"}
    assert "stream_queue" in states


def test_a_committed_row_survives_the_kill_of_postgresql(postgres: PrivatePostgres, postgres_url: str) -> None:
    """A committed row is there after SIGKILL and a start on the same port."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'kept' AS word")
    postgres.kill()
    postgres.start()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("kept",)]


def test_an_orderly_restart_keeps_port_and_data(postgres: PrivatePostgres, postgres_url: str) -> None:
    """A database made before a restart answers under the same URL after it."""
    postgres.restart()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("on",)
