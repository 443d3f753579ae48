"""The broker's door: collects deliveries into batches, has them absorbed, and acknowledges after the commit.

One `Consumer` reads one queue over a connection of its own and lives for ever: it reconnects after every kind of loss, and
a delivery whose connection is gone is simply forgotten, because the broker will deliver it again and the inbox knows it.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aio_pika
import structlog
from aio_pika.connection import make_url
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from pamqp.frame import unmarshal

from consumers._decode import decode
from consumers._stream import Deliveries
from service.events import Dead, Decoded
from service.health import Health
from service.intake import Intake
from service.ledger import LedgerAway, LedgerConflict
from service.status import broker_lost
from service.topology import Queue

log = structlog.get_logger(__name__)

#: Seconds without a heartbeat answer after which the link counts as dead; three of them, in effect.
HEARTBEAT: Final = 10
_CONNECT_TIMEOUT: Final = 10
_LONGEST_WAIT: Final = 15.0
#: A message that came back from so many dead workers is not tried again.
_WORKERS_KILLED: Final = 3


class _Session:
    """One connection's life: its channel and what it has delivered. Tags mean nothing after it."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.arrived: list[tuple[int, Decoded]] = []
        self.wake = asyncio.Event()
        self.tag: str | None = None

    def take(self, tag: int, header: bytes | None, body: bytes) -> None:
        """Takes a delivery, see consumers/_stream.py."""
        frame: Any = unmarshal(header)[2] if header else None
        self.arrived.append((tag, _decoded(body, frame and frame.properties.headers)))
        self.wake.set()

    @property
    def lost(self) -> bool:
        """Whether the channel is gone."""
        return bool(self.channel.is_closed)


class _Link(TransportFactory):
    """Opens a link as the client would, with our reader in front of the client's."""

    async def create(self, url: Any, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A link to the broker; `deliveries` is what stands in front of its reader."""
        opens = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, writer = await opens.create(url, **options)
        client: Any = writer.transport.get_protocol()
        self.deliveries = Deliveries(client)
        writer.transport.set_protocol(self.deliveries)
        return reader, writer


class Consumer:
    """Consumes one queue.

    Args:
        batch: how many deliveries are absorbed in one transaction; twice as many are fetched ahead. One means alone: nothing
            else is fetched, so that what comes back from a dead worker is what it died of.
        linger: seconds a batch waits to fill.
        heartbeat: seconds; see HEARTBEAT.
        nudge: called after each batch, so that delivery looks for work at once.
    """

    def __init__(
        self,
        url: str,
        queue: Queue,
        intake: Intake,
        health: Health,
        *,
        batch: int = 1000,
        linger: float = 0.02,
        heartbeat: int = HEARTBEAT,
        nudge: Callable[[], None] = lambda: None,
    ) -> None:
        self._url, self._queue, self._intake, self._health = url, queue, intake, health
        self._batch, self._linger, self._heartbeat, self._nudge = batch, linger, heartbeat, nudge
        self._part = f"consumer:{queue.name}"

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop` is set; then finishes the batch at hand, acknowledges it and lets the rest go."""
        wait = 0.5
        while not stop.is_set():
            try:
                async with self._session() as session:
                    wait = 0.5
                    self._health.up(self._part)
                    await self._consume(session, stop)
            except Exception as error:
                if not broker_lost(error):
                    raise
                self._health.down(self._part, type(error).__name__)
                log.warning("broker away", queue=self._queue.name, error=type(error).__name__, again_in=round(wait, 1))
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._health.down(self._part, "connection lost")  # the client cancels its callers when a link dies
            if not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait * random.uniform(0.7, 1.3))  # noqa: S311 - not a secret
                wait = min(wait * 2, _LONGEST_WAIT)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[_Session]:
        connection, link = aio_pika.Connection(make_url(self._url, heartbeat=self._heartbeat)), _Link()
        connection.kwargs["transport_factory"] = link
        try:
            await connection.connect(timeout=_CONNECT_TIMEOUT)
            await self._queue.declare_with(await connection.channel())
            transport: Any = connection.transport
            channel = await transport.connection.channel(publisher_confirms=False)
            await channel.basic_qos(prefetch_count=2 * self._batch if self._batch > 1 else 1)
            session = _Session(channel)
            link.deliveries.listen(channel.number, session.take)
            answer = await channel.basic_consume(self._queue.name, _never)
            session.tag = answer.consumer_tag
            channel.on_consumer_cancel_callbacks.add(lambda _frame: session.wake.set())
            closing = asyncio.ensure_future(_closed(channel))
            closing.add_done_callback(lambda _done: session.wake.set())
            try:
                yield session
            finally:
                closing.cancel()
        finally:
            with suppress(Exception, asyncio.CancelledError):
                await asyncio.wait_for(connection.close(), _CONNECT_TIMEOUT)

    async def _consume(self, session: _Session, stop: asyncio.Event) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _done: session.wake.set())
        try:
            while not session.lost and session.tag in session.channel.consumers:
                if not session.arrived:
                    if stop.is_set():
                        return
                    await session.wake.wait()
                    session.wake.clear()
                    continue
                if len(session.arrived) < self._batch and not stop.is_set():
                    await asyncio.sleep(self._linger)
                if not await self._absorb(session, stop):
                    return
            raise ConnectionError("the channel or its consumer is gone")
        finally:
            stopping.cancel()

    async def _absorb(self, session: _Session, stop: asyncio.Event) -> bool:
        """Absorbs one batch and acknowledges it; False: we are to stop."""
        batch = session.arrived[: self._batch]
        wait = 0.1
        while True:
            try:
                await self._intake.absorb([message for _, message in batch], origin=self._queue.name)
                break
            except (LedgerAway, LedgerConflict) as error:
                self._health.down("database", str(error))
                log.warning("database away", queue=self._queue.name, error=str(error), again_in=round(wait, 1))
                if stop.is_set() or session.lost:
                    return not stop.is_set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait * random.uniform(0.7, 1.3))  # noqa: S311
                wait = min(wait * 2, _LONGEST_WAIT)
        self._health.up("database")
        del session.arrived[: len(batch)]
        if not session.lost:
            await session.channel.basic_ack(batch[-1][0], multiple=True, wait=False)
        self._nudge()
        return not stop.is_set()


async def _closed(channel: Any) -> None:
    """Returns when the channel is closed, whatever closed it."""
    with suppress(Exception):
        await channel.closing


async def _never(_message: Any) -> None:
    """The consumer the library asks for; deliveries do not come this way."""


def _decoded(body: bytes, headers: Any) -> Decoded:
    """The event in a delivery, unless it has killed workers before."""
    decoded = decode(body)
    if headers and headers.get("x-death") and int(headers.get("x-delivery-count") or 0) >= _WORKERS_KILLED:
        return Dead(
            field="body", reason="every worker that absorbed it died; look at it before you replay it", source=decoded.source,
            id=decoded.id, type=decoded.type, body=decoded.body, body_size=len(body), payload_hash=decoded.payload_hash,
        )  # fmt: skip
    return decoded
