"""The one table of exchanges and queues; each declares itself over an aio-pika channel, service/broker.py declares them with kombu."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

EVENTS_EXCHANGE: Final = "loan.events"
NOTICES_EXCHANGE: Final = "duebell.notices"
EVENTS_QUEUE: Final = "duebell.events"
CRITICAL_QUEUE: Final = "duebell.events.critical"
DEAD_QUEUE: Final = "duebell.dead"
CONTENT_TYPE: Final = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable topic exchange."""

    name: str

    async def declare_with(self, channel: Any) -> Any:
        """Declares it over an aio-pika channel; gives that library's exchange."""
        return await channel.declare_exchange(self.name, "topic", durable=True)


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue.

    Attributes:
        arguments: its x-arguments; a broker refuses to declare the same queue with others.
        exchange, bindings: where its messages come from; none: only by its name, through the default exchange.
    """

    name: str
    arguments: MappingProxyType[str, str | int]
    exchange: Exchange | None = None
    bindings: tuple[str, ...] = ()

    async def declare_with(self, channel: Any) -> None:
        """Declares and binds it over an aio-pika channel, with its exchange and the queue of its dead letters."""
        if self.name != DEAD_QUEUE:
            await TOPOLOGY.dead.declare_with(channel)
        queue = await channel.declare_queue(self.name, durable=True, arguments=dict(self.arguments))
        if self.exchange is not None:
            exchange = await self.exchange.declare_with(channel)
            for pattern in self.bindings:
                await queue.bind(exchange, pattern)


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that must be there."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]

    @property
    def dead(self) -> Queue:
        """Where the broker puts what no worker survived."""
        return self.queue(DEAD_QUEUE)

    def queue(self, name: str) -> Queue:
        """A queue by its name."""
        return next(queue for queue in self.queues if queue.name == name)


def _work_queue(name: str, *bindings: str) -> Queue:
    """At-least-once dead lettering needs reject-publish and a quorum queue; the limit is that of RabbitMQ 4."""
    arguments: dict[str, str | int] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": DEAD_QUEUE,
        "x-dead-letter-strategy": "at-least-once",
    }
    return Queue(name, MappingProxyType(arguments), Exchange(EVENTS_EXCHANGE), bindings)


#: RabbitMQ 4 drops what was delivered twenty times, where nothing else is said: the last queue must not.
_DEAD = Queue(DEAD_QUEUE, MappingProxyType({"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}))

#: In the order in which it is declared: what dead letters go to comes first.
TOPOLOGY: Final = Topology(
    exchanges=(Exchange(EVENTS_EXCHANGE), Exchange(NOTICES_EXCHANGE)),
    queues=(
        _DEAD,
        _work_queue(EVENTS_QUEUE, "loan.#", "party.#"),
        _work_queue(CRITICAL_QUEUE, "loan.operation.#", "loan.security.#"),
    ),
)


async def declare_notices_with(channel: Any) -> Any:
    """Declares the exchange of status events over an aio-pika channel; gives that library's exchange."""
    return await Exchange(NOTICES_EXCHANGE).declare_with(channel)
