"""RabbitMQ for people's tools: setting up what service/topology.py lists, looking at it, and publishing.

This is the synchronous edge, with kombu, which is imported on first use. Workers speak to the broker through aio-pika.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit, urlunsplit

from service.topology import CONTENT_TYPE, EVENTS_EXCHANGE, TOPOLOGY, Exchange, Queue

_CONNECT_TIMEOUT: Final = 5
_PERSISTENT: Final = 2
_NOT_FOUND: Final = 404


class BrokerSettingError(ValueError):
    """The broker URL cannot be used; the text is one readable line and holds no password."""


class BrokerAway(Exception):  # noqa: N818 - the field's word
    """The broker cannot be reached, or takes nothing now; the text is one readable line. Try again later."""


class TopologyError(Exception):
    """An exchange or queue is missing or not as it should be; the text says which and what to do. Do not try again."""


# ------------------------------------------------------------ looking and setting up


@dataclass(frozen=True, slots=True)
class Finding:
    """What is there of one exchange or queue: `wrong` is none where it is as it should be, else one line with what to do."""

    what: str  #: exchange, queue
    name: str
    wrong: str | None


@dataclass(frozen=True, slots=True)
class Depth:
    """How full a queue is; `ready` is none where the queue is not there."""

    queue: str
    ready: int | None
    consumers: int


def apply(url: str) -> list[Finding]:
    """Declares everything; what is there already with other arguments stays as it is and is reported.

    Raises:
        BrokerAway, BrokerSettingError.
    """
    with _connected(url) as connection:
        return _each(connection, _declare)


def show(url: str) -> list[Finding]:
    """What is there and what differs. Changes nothing; bindings cannot be asked for over AMQP.

    Raises:
        BrokerAway, BrokerSettingError.
    """
    with _connected(url) as connection:
        return _each(connection, _look)


def depths(url: str) -> list[Depth]:
    """How full each queue is.

    Raises:
        BrokerAway, BrokerSettingError.
    """
    with _connected(url) as connection:
        return [_depth(connection, queue.name) for queue in TOPOLOGY.queues]


def _depth(connection: Any, name: str) -> Depth:
    with connection.channel() as channel:
        try:
            answer = channel.queue_declare(name, passive=True)
        except connection.channel_errors:
            return Depth(name, None, 0)
        return Depth(name, answer.message_count, answer.consumer_count)


def _each(connection: Any, act: Callable[[Any, Exchange | Queue], None]) -> list[Finding]:
    """Every part of the table on a channel of its own, since an error closes the channel."""
    found = []
    parts: tuple[Exchange | Queue, ...] = (*TOPOLOGY.exchanges, *TOPOLOGY.queues)
    for part in parts:
        wrong = None
        with connection.channel() as channel:
            try:
                act(channel, part)
            except connection.channel_errors as error:
                wrong = _in_words(error, part)
        found.append(Finding("queue" if isinstance(part, Queue) else "exchange", part.name, wrong))
    return found


def _look(channel: Any, part: Exchange | Queue) -> None:
    """Passive first, so that nothing comes to be; then the declaration, which for what is there only compares."""
    if isinstance(part, Exchange):
        channel.exchange_declare(part.name, "topic", passive=True)
        channel.exchange_declare(part.name, "topic", durable=True, auto_delete=False)
    else:
        channel.queue_declare(part.name, passive=True)
        channel.queue_declare(part.name, durable=True, auto_delete=False, arguments=dict(part.arguments))


def _declare(channel: Any, part: Exchange | Queue) -> None:
    if isinstance(part, Exchange):
        channel.exchange_declare(part.name, "topic", durable=True, auto_delete=False)
        return
    channel.queue_declare(part.name, durable=True, auto_delete=False, arguments=dict(part.arguments))
    for pattern in part.bindings:
        channel.queue_bind(part.name, EVENTS_EXCHANGE, pattern)


#: As in: inequivalent arg 'x' for queue 'q' in vhost '/': received the value '20' of type 'long' but current is none
_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<arg>[^']+)'.*?received (?P<ours>.+?) but current is (?P<theirs>.+)$", re.DOTALL
)
_VALUE = re.compile(r"'([^']*)'")


def _in_words(error: Any, part: Exchange | Queue) -> str:
    if getattr(error, "reply_code", None) == _NOT_FOUND:
        return "is not there; run: duebell topology apply"
    text = str(getattr(error, "reply_text", error))
    different = _INEQUIVALENT.search(text)
    if different is None:
        return f"the broker refuses: {text}"
    kind = "queue" if isinstance(part, Queue) else "exchange"
    ours, theirs = (
        (value[1] or "empty") if (value := _VALUE.search(different[name])) else "not set" for name in ("ours", "theirs")
    )
    return (
        f"{different['arg']} is {theirs}, should be {ours}; let the workers empty it, delete the {kind}, "
        "then run: duebell topology apply"
    )


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    """A connection of kombu's, closed at the end."""
    connection = _connect(url)
    try:
        yield connection
    except connection.connection_errors as error:
        raise _away(url, error) from None
    finally:
        connection.release()


def _connect(url: str) -> Any:
    """An open connection.

    Raises:
        BrokerAway: there is none, or it refuses us.
    """
    from kombu.connection import Connection  # noqa: PLC0415 - see the module's first lines

    plain, tls = _for_kombu(url)
    make: Any = Connection  # kombu's own annotations are incomplete
    connection = make(plain, connect_timeout=_CONNECT_TIMEOUT, ssl=tls)
    try:
        connection.connect()
    except connection.connection_errors + connection.channel_errors as error:
        connection.release()
        raise _away(url, error) from None
    return connection


def _for_kombu(url: str) -> tuple[str, dict[str, Any] | bool]:
    """The URL without its query, and TLS that checks the broker's certificate (`?cafile=…` names our own authority's).

    Raises:
        BrokerSettingError: it is not an AMQP URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise BrokerSettingError("DUEBELL_BROKER_URL is not an AMQP URL, as in amqp://user:password@host:5672/")
    if "@" in parts.path + parts.query + parts.fragment:  # then what looks like its host is part of a password
        raise BrokerSettingError("DUEBELL_BROKER_URL: write @ / ? # in a name or password as %40 %2F %3F %23")
    plain = urlunsplit(parts._replace(query="", fragment="", path=parts.path or "/"))
    if parts.scheme == "amqp":
        return plain, False
    trust = {name: values[0] for name, values in parse_qs(parts.query).items() if name in {"cafile", "capath"}}
    return plain, {"context": {"check_hostname": True, **trust}, "server_hostname": parts.hostname}


def _away(url: str, error: BaseException) -> BrokerAway:
    parts = urlsplit(url)
    code = getattr(error, "reply_code", None)
    why = f"{type(error).__name__}{f' {code}' if code else ''}"
    return BrokerAway(f"the broker at {parts.hostname}:{parts.port or 5672} cannot be used ({why}); see DUEBELL_BROKER_URL")


# ------------------------------------------------------------ publishing


class Publisher:
    """Publishes CloudEvents, persistent, mandatory and confirmed, in windows: it waits for the broker only when one is full.

    kombu confirms one message at a time (2,400 a second); this counts the acknowledgements of py-amqp's channel below it.
    On a lost connection it connects again and repeats what was not confirmed: the inbox takes each event once.

    Args:
        window: messages under way at most.
        patience: seconds without any progress after which it gives up.

    Attributes:
        confirmed: how many messages the broker has taken, unroutable ones included.
        unroutable: numbers of messages, as `send` was given them, that no queue wanted.
    """

    def __init__(
        self,
        url: str,
        *,
        window: int = 1000,
        patience: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url, self._window, self._patience = url, window, patience
        self._monotonic, self._sleep = monotonic, sleep
        self._waiting: dict[int, tuple[str, bytes]] = {}  # number → what is not confirmed yet
        self._numbers: dict[int, int] = {}  # delivery tag of this channel → number
        self._tag = 0
        self.confirmed = 0
        self.unroutable: set[int] = set()
        self._connection = _connect(url)
        try:
            self._channel = self._open()
        except self._connection.connection_errors as error:
            self._connection.release()
            raise _away(url, error) from None

    def send(self, event_type: str, body: bytes, number: int) -> None:
        """Puts one event under way; `number` is the caller's own name for it, unique.

        Raises:
            BrokerAway: the broker took nothing for as long as our patience lasts.
            TopologyError: the exchange is not there.
        """
        self._waiting[number] = (event_type, body)
        self._keeping_at_it(lambda: self._put(number))
        if len(self._waiting) >= self._window:
            self._keeping_at_it(lambda: self._settle(self._window // 2))

    def flush(self) -> None:
        """Waits until everything is confirmed; raises as `send` does."""
        while self._waiting:
            self._keeping_at_it(lambda: self._settle(0))

    def close(self) -> None:
        """Lets the connection go."""
        self._connection.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    def _open(self) -> Any:
        """A channel that tells us what the broker has taken."""
        channel = self._connection.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        self._tag = 0
        self._numbers.clear()
        return channel

    def _put(self, number: int) -> None:
        event_type, body = self._waiting[number]
        message = self._channel.prepare_message(
            body, content_type=CONTENT_TYPE, properties={"delivery_mode": _PERSISTENT, "message_id": str(number)}
        )
        self._tag += 1
        self._numbers[self._tag] = number
        self._channel.basic_publish(message, exchange=EVENTS_EXCHANGE, routing_key=event_type, mandatory=True)

    def _settle(self, at_most: int) -> None:
        """Reads acknowledgements until at most so many messages are under way."""
        while len(self._waiting) > at_most:
            self._connection.drain_events(timeout=self._patience)

    def _on_ack(self, tag: int, multiple: bool) -> None:
        tags = list(takewhile(lambda one: one <= tag, self._numbers)) if multiple else [tag]
        for one in tags:
            del self._waiting[self._numbers.pop(one)]
        self.confirmed += len(tags)

    def _on_nack(self, _tag: int, _multiple: bool) -> None:
        """A queue could not take it: the same as a lost connection, everything unconfirmed goes again."""
        raise ConnectionError("nacked")

    def _on_return(self, _error: Exception, _exchange: str, _key: str, message: Any) -> None:
        self.unroutable.add(int(message.properties["message_id"]))

    def _keeping_at_it(self, work: Callable[[], None]) -> None:
        """Does the work; where the connection is lost, begins again with a new one until there is progress or no patience."""
        lost, give_up, wait = None, self._monotonic() + self._patience, 0.2
        while True:
            try:
                if lost is not None:
                    self._begin_again()
                    return
                work()
            except BrokerAway as error:
                lost = error
            except self._connection.connection_errors as error:
                lost = _away(self._url, error)
            except self._connection.channel_errors as error:
                raise TopologyError(f"{EVENTS_EXCHANGE} {_in_words(error, Exchange(EVENTS_EXCHANGE))}") from None
            else:
                return
            if self._monotonic() >= give_up:
                raise lost
            self._sleep(wait)
            wait = min(wait * 2, 5.0)

    def _begin_again(self) -> None:
        """Connects anew and repeats everything unconfirmed, in order; returns when the broker has taken it."""
        self._connection.release()
        self._connection = _connect(self._url)
        self._channel = self._open()
        for number in list(self._waiting):
            self._put(number)
        self._settle(0)
