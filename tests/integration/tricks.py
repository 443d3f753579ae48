"""Workers that do something to themselves, run as `python tricks.py NAME`; otherwise they are `duebell run`."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from duebell import running
from service.events import Dead
from service.intake import Intake
from service.senders.file import FileSender
from service.settings import load_settings
from service.topology import DEAD_QUEUE, TOPOLOGY, Queue

POISON = b"this one kills"
_WORKING = frozenset({"consume", "schedule", "deliver"})


def die_after_writing() -> None:
    """Dies between the file's line and the outcome's commit, at the batch whose number is TRICK_BATCH."""
    send, left = FileSender.send, [int(os.environ["TRICK_BATCH"])]

    async def deadly(self: FileSender, messages: Sequence[Any]) -> Any:
        outcomes = await send(self, messages)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcomes

    FileSender.send = deadly  # type: ignore[method-assign]


def die_before_writing() -> None:
    """Dies between the intent's commit and the file's line."""

    async def deadly(_self: FileSender, _messages: Sequence[Any]) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    FileSender.send = deadly  # type: ignore[method-assign]


def send_slowly() -> None:
    """Takes a second for each call of the sender."""
    send = FileSender.send

    async def slow(self: FileSender, messages: Sequence[Any]) -> Any:
        await asyncio.sleep(1)
        return await send(self, messages)

    FileSender.send = slow  # type: ignore[method-assign]


def die_of_poison() -> None:
    """Dies of one message, and is started again at once, like under a supervisor; a fork each, to save the imports.

    Its queues give a message up after three deliveries, not twenty.
    """
    running.TOPOLOGY = replace(TOPOLOGY, queues=tuple(_impatient(queue) for queue in TOPOLOGY.queues))
    absorb = Intake.absorb

    async def deadly(self: Intake, batch: Sequence[Any], *, origin: str) -> Any:
        if any(POISON in message.body for message in batch if not isinstance(message, Dead)):
            os.kill(os.getpid(), signal.SIGKILL)
        return await absorb(self, batch, origin=origin)

    Intake.absorb = deadly  # type: ignore[method-assign]
    while child := os.fork():
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            sys.exit("it was not the poison")


def _impatient(queue: Queue) -> Queue:
    if queue.name == DEAD_QUEUE:
        return queue
    return replace(queue, arguments=MappingProxyType({**queue.arguments, "x-delivery-limit": 2}))


TRICKS: dict[str, Callable[[], None]] = {
    trick.__name__: trick for trick in (die_after_writing, die_before_writing, send_slowly, die_of_poison)
}

if __name__ == "__main__":
    TRICKS[sys.argv[1]]()
    asyncio.run(running.run(load_settings(), _WORKING))
