"""Publishes with plain pika, which is no code of ours, and waits until the queue holds everything."""

import time
from collections.abc import Sequence
from typing import Any, Final

import pika

_PATIENCE: Final = 120.0  #: seconds until a broker that has not taken everything counts as broken
_PERSISTENT: Final = pika.BasicProperties(delivery_mode=2, content_type="application/cloudevents+json")
QUORUM: Final = {"x-queue-type": "quorum"}


class NotFilledError(RuntimeError):
    """The queue did not come to hold what was published."""


def fill(url: str, queue: str, messages: Sequence[tuple[str, bytes]], *, exchange: str = "") -> None:
    """Publishes (routing key, body) persistently; returns when all of it lies in the queue.

    Without an exchange everything goes into a quorum queue of that name, which is made when it is not there.

    Raises:
        NotFilledError: it does not.
    """
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        if not exchange:
            channel.queue_declare(queue, durable=True, arguments=QUORUM)
        for key, body in messages:
            channel.basic_publish(exchange, key if exchange else queue, body, _PERSISTENT)
        _wait_until_there(connection, channel, queue, len(messages))


def drop(url: str, queue: str) -> None:
    """Deletes a queue."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().queue_delete(queue)


def _wait_until_there(connection: Any, channel: Any, queue: str, messages: int) -> None:
    give_up = time.monotonic() + _PATIENCE
    while (there := channel.queue_declare(queue, passive=True).method.message_count) < messages:
        if time.monotonic() > give_up:
            raise NotFilledError(f"{queue} holds {there} of {messages} messages")
        connection.sleep(0.05)
