"""A consumer in a thread of its own, so that a test can watch it, and strike, without waiting in its loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from consumers import _rabbit
from duebell.engine import Engine
from duebell.opening import open_engine
from service.health import Health
from service.settings import Settings
from service.topology import EVENTS_QUEUE, TOPOLOGY
from tests.integration.rig import Rig, eventually


class Reader:
    """Consumes duebell.events; `deliveries` counts what the broker has handed it, copies included."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        self._rig, self._options = rig, options
        self.deliveries = 0
        self.health = Health()
        self.engine: Engine | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._decoded = _rabbit._decoded
        monkeypatch.setattr(_rabbit, "_decoded", self._counted)
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._consume(),))

    def _counted(self, body: bytes, headers: Any) -> Any:
        self.deliveries += 1
        return self._decoded(body, headers)

    async def _consume(self) -> None:
        settings = Settings(database_url=self._rig.database, data_dir=self._rig.folder, senders="memory://")
        self.engine = await open_engine(settings, clock=self._rig.now)
        queue = TOPOLOGY.queue(EVENTS_QUEUE)
        consumer = _rabbit.Consumer(self._rig.rabbit.url, queue, self.engine.intake, self.health, **self._options)
        await consumer.run(self._stop)
        await self.engine.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Starts it, waits until it consumes, and stops it at the end."""
        self._thread.start()
        try:
            eventually(lambda: self._rig.depth(EVENTS_QUEUE)[1])
            yield
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(60)
            assert not self._thread.is_alive()
            self._loop.close()
