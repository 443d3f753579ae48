"""The ceiling: how fast aio-pika's public API takes messages from a quorum queue when nothing is done with them."""

import asyncio
import time
from typing import Final

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from bench.events import Backlog
from bench.filling import drop, fill

_QUEUE: Final = "bench.raw"
_PREFETCH: Final = 1_000
_ACK_EVERY: Final = 100


def raw_consume(url: str, backlog: Backlog) -> float:
    """Messages per second, from the first delivery to the last acknowledgement."""
    fill(url, _QUEUE, backlog.messages)
    try:
        return asyncio.run(_consume(url, len(backlog.messages)))
    finally:
        drop(url, _QUEUE)


async def _consume(url: str, messages: int) -> float:
    tally = _Tally(messages)
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=_PREFETCH)
        queue = await channel.get_queue(_QUEUE)
        await queue.consume(tally.take)
        await tally.done.wait()
    return messages / (tally.ended - tally.begun)


class _Tally:
    """Counts deliveries, and acknowledges them by the hundred."""

    def __init__(self, messages: int) -> None:
        self._messages, self._taken = messages, 0
        self.begun = self.ended = 0.0
        self.done = asyncio.Event()

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Does nothing with a message."""
        if not self._taken:
            self.begun = time.perf_counter()
        self._taken += 1
        if self._taken % _ACK_EVERY == 0 or self._taken == self._messages:
            await message.ack(multiple=True)
        if self._taken == self._messages:
            self.ended = time.perf_counter()
            self.done.set()
