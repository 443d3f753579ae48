"""Publishes status events from the outbox to the exchange duebell.notices: at least once, in order per notice.

One process at a time publishes: it holds a lease. A window of messages is written as one run of frames and confirmed by a
low-water mark, which is ten times cheaper than a future per message; see docs/decisions.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from struct import Struct
from typing import Any, Final
from uuid import uuid4

import aio_pika
import orjson
import structlog
from aiormq.abc import ChannelFrame
from aiormq.exceptions import AMQPError
from pamqp import commands as spec
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from service.ledger import Ledger, leases, outbox
from service.metrics import Metrics
from service.status_events import status_event
from service.topology import CONTENT_TYPE, NOTICES_EXCHANGE, declare_notices_with

log = structlog.get_logger(__name__)

WINDOW: Final = 1_000
_LEASE: Final = timedelta(seconds=15)
_CONFIRM_TIMEOUT: Final = 10.0
_CONNECT_TIMEOUT: Final = 10
_HEARTBEAT: Final = 10
_SWEEP: Final = "status"

#: AMQP 0-9-1, 4.2: a frame is type, channel, size, payload, end; a header says the body's size behind class and weight.
_BODY, _SIZE, _BODY_FRAME, _END = Struct(">BHI"), Struct(">Q"), 3, b"\xce"
_SIZE_AT: Final = _BODY.size + 4

_LOST: Final = (AMQPError, ConnectionError, OSError, TimeoutError, EOFError, RuntimeError, StopAsyncIteration)


def broker_lost(error: Exception) -> bool:
    """Whether the client says that the broker is away; a bare `Exception` too is how it says so.

    Over TLS the broker's last word and its end come together. The client then stops as if all were well, has no reason to
    give to those who wait for an answer, and gives them this.
    """
    return isinstance(error, _LOST) or type(error) is Exception


class StatusPublisher:
    """Empties the outbox, window by window."""

    def __init__(self, ledger: Ledger, url: str, clock: Callable[[], datetime], metrics: Metrics) -> None:
        self._ledger, self._url, self._clock, self._metrics = ledger, url, clock, metrics
        self._me = uuid4().hex
        self._connection: Any = None
        self._window: ConfirmedWindow | None = None

    async def step(self) -> int:
        """Publishes the oldest unpublished status events; gives their number, 0 when another process has the lease.

        Raises:
            ConnectionError: the broker is away; nothing is marked as published.
            LedgerAway: the database is.
        """
        now = self._clock()
        async with self._ledger.transaction() as tx:
            if not await leases.held(tx, _SWEEP, self._me, now, now + _LEASE):
                return 0
            rows = await tx.rows(outbox.UNPUBLISHED, n=WINDOW)
        if not rows:
            return 0
        await self._publish([(row.type, orjson.dumps(status_event(row))) for row in rows])
        async with self._ledger.transaction() as tx:
            await tx.run(outbox.PUBLISHED, ids=[(row.id,) for row in rows], now=self._clock())
        self._metrics.published.inc(len(rows))
        return len(rows)

    async def _publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        try:
            window = await self._connected()
            async with asyncio.timeout(_CONFIRM_TIMEOUT):
                await window.publish(messages)
        except Exception as error:
            if not broker_lost(error):
                raise
            await self.close()
            raise ConnectionError(type(error).__name__) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            await self.close()  # the client cancels its callers when a link dies
            raise ConnectionError("connection lost") from None

    async def _connected(self) -> "ConfirmedWindow":
        if self._window is None or self._window.lost:
            await self.close()
            self._connection = await aio_pika.connect(self._url, heartbeat=_HEARTBEAT, timeout=_CONNECT_TIMEOUT)
            await declare_notices_with(await self._connection.channel())
            channel = await self._connection.transport.connection.channel(publisher_confirms=True)
            self._window = ConfirmedWindow(channel, NOTICES_EXCHANGE)
        return self._window

    async def close(self) -> None:
        """Gives the connection back; the lease runs out by itself."""
        connection, self._connection, self._window = self._connection, None, None
        if connection is not None:
            with suppress(Exception, asyncio.CancelledError):
                await asyncio.wait_for(connection.close(), _CONNECT_TIMEOUT)


class ConfirmedWindow:
    """Publishes runs of messages on one channel and waits until the broker has confirmed all of them.

    It numbers and confirms messages itself, in place of the channel's own publishing, which must not be used beside it.
    """

    def __init__(self, channel: Any, exchange: str) -> None:
        self._channel, self._exchange = channel, exchange
        self._published = 0
        self._unconfirmed: set[int] = set()
        self._refused = False
        self._heads: dict[str, tuple[bytes, bytes]] = {}
        self._done = asyncio.Event()
        self._closing = asyncio.ensure_future(_closed(channel))
        self._closing.add_done_callback(lambda _closed: self._done.set())
        channel._on_confirm_frame = self._on_confirm  # noqa: SLF001 - pinned and guarded by tests/integration/test_status.py

    @property
    def lost(self) -> bool:
        """Whether the channel is gone."""
        return bool(self._channel.is_closed)

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publishes (routing key, body) persistently; returns when all are confirmed.

        Raises:
            ConnectionError: the channel closed, or the broker refused one; any of them may have been published.
        """
        first = self._published + 1
        self._published += len(messages)
        self._unconfirmed = set(range(first, self._published + 1))
        self._refused = False
        self._done.clear()
        payload = b"".join(self._message(*message) for message in messages)
        await self._channel.write_queue.put(ChannelFrame(payload, should_close=False))
        await self._done.wait()
        if self._refused or self._unconfirmed:
            raise ConnectionError("the broker did not confirm")

    def _message(self, routing_key: str, body: bytes) -> bytes:
        """The frames of one message. Only its size and its body differ from the last one with its routing key."""
        if routing_key not in self._heads:
            self._heads[routing_key] = _head(self._channel.number, self._exchange, routing_key)
        before, after = self._heads[routing_key]
        size = len(body)
        return b"".join((before, _SIZE.pack(size), after, _BODY.pack(_BODY_FRAME, self._channel.number, size), body, _END))

    async def _on_confirm(self, frame: Any) -> None:
        """Takes out what one frame confirms; with `multiple`, everything up to its tag."""
        if isinstance(frame, spec.Basic.Nack):
            self._refused = True
        if frame.multiple:
            self._unconfirmed = {tag for tag in self._unconfirmed if tag > frame.delivery_tag}
        else:
            self._unconfirmed.discard(frame.delivery_tag)
        if not self._unconfirmed:
            self._done.set()


def _head(channel: int, exchange: str, routing_key: str) -> tuple[bytes, bytes]:
    """The method frame and the header frame of a message, cut where the header says the size of the body."""
    publish = marshal(spec.Basic.Publish(exchange=exchange, routing_key=routing_key), channel)
    properties = spec.Basic.Properties(content_type=CONTENT_TYPE, content_encoding="utf-8", delivery_mode=2)
    header = marshal(ContentHeader(properties=properties), channel)
    return publish + header[:_SIZE_AT], header[_SIZE_AT + _SIZE.size :]


async def _closed(channel: Any) -> None:
    with suppress(Exception):
        await asyncio.shield(channel.closing)
