"""A broker whose last word and whose end come together, as TLS delivers them, is away: it ends no loop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pamqp.commands import Channel, Connection
from pamqp.frame import marshal

from consumers._rabbit import Consumer
from service.broker import BrokerAway, Publisher
from service.health import Health
from service.ledger import Ledger
from service.metrics import Metrics
from service.status import StatusPublisher
from service.topology import Queue

_CONFIRMS = {"capabilities": {"publisher_confirms": True}}
#: What a broker says to a client that connects and opens a channel, each in answer to what the client said.
_WORDS = [
    marshal(Connection.Start(server_properties=_CONFIRMS, mechanisms="PLAIN", locales="en_US"), 0),
    marshal(Connection.Tune(channel_max=2047, frame_max=131_072, heartbeat=10), 0),
    marshal(Connection.OpenOk(), 0),
    marshal(Channel.OpenOk(), 1),
]


def _certificate(folder: Path) -> Path:
    """Certificate and key of `localhost` in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "broker.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


@pytest.fixture(params=range(1, len(_WORDS) + 1))
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A broker over TLS that closes together with its first, second, third or fourth word."""
    words: Sequence[bytes] = _WORDS[: request.param]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            for word in words:
                await reader.read(4096)
                writer.write(word)
        writer.close()

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(_certificate(tmp_path))
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        yield f"amqps://guest:guest@localhost:{server.sockets[0].getsockname()[1]}/?cafile={tmp_path / 'broker.pem'}"


async def test_the_consumer_tries_again(url: str) -> None:
    """It tells its health, waits, and ends when it is told to."""
    nothing: Any = None
    health, stop = Health(), asyncio.Event()
    queue = Queue("duebell.dead", MappingProxyType({}))
    consuming = asyncio.ensure_future(Consumer(url, queue, nothing, health).run(stop))
    while not health.away and not consuming.done():  # noqa: ASYNC110 - health is no event
        await asyncio.sleep(0.01)
    assert list(health.away) == ["consumer:duebell.dead"]
    stop.set()
    await consuming


async def test_the_publisher_says_that_the_broker_is_away(url: str) -> None:
    """In the one way its loop knows."""
    publisher = StatusPublisher(Ledger("sqlite://"), url, lambda: datetime.now(UTC), Metrics())
    with pytest.raises(ConnectionError):
        await publisher._publish([("notice.sent", b"{}")])


@pytest.mark.parametrize("url", [len(_WORDS)], indirect=True)
async def test_publishing_to_it_ends_in_one_readable_line(url: str) -> None:
    """The synchronous edge is told the same while it opens its channel."""
    with pytest.raises(BrokerAway, match="cannot be used"):
        await asyncio.to_thread(Publisher, url)
