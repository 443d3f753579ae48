"""A message to hand over, and a real HTTP server to hand it to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from service.senders._port import Message

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def a_message() -> Callable[..., Message]:
    """A factory of messages; what is not said is ordinary."""

    def make(key: str = "stage:L1:instalment:1:2026-06-20:due_soon:borrower", **fields: object) -> Message:
        at = datetime(2026, 6, 17, 2, 0, tzinfo=UTC)
        values = {
            "key": key,
            "loan_id": "L1",
            "template": "repayment_due_soon",
            "channel": "sms",
            "lane": "bulk",
            "purpose": "reminder",
            "to": "+8613800138000",
            "body": "【示例】您的借款将于6月20日还款。\nReply T to stop.",
            "at": at,
            "expires_at": at.replace(day=19),
            "segments": 1,
        }
        return Message(**(values | fields))

    return make


@dataclass
class Gateway:
    """A server on a free port that answers each connection as told, and keeps the requests it has read."""

    answer: Answering
    port: int = 0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def read(self, reader: asyncio.StreamReader) -> bool:
        """Reads one request; False: the client has gone."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        headers = {name: next(x for x in lines if x.lower().startswith(name + ":")).split(": ", 1)[1] for name in headers}
        self.requests.append(
            ({":path": lines[0].split()[1], **headers}, await reader.readexactly(int(headers["content-length"])))
        )
        return True


@pytest.fixture
async def gateway() -> AsyncIterator[Callable[..., Awaitable[Gateway]]]:
    """Starts servers; `start(raw)` answers every request of a connection with these bytes, `start(answer=f)` as f does."""
    servers: list[asyncio.Server] = []

    async def start(raw: bytes = b"", answer: Answering | None = None) -> Gateway:
        async def same(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await here.read(reader):
                writer.write(raw)
                await writer.drain()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await here.answer(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        here = Gateway(answer or same)
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        here.port = server.sockets[0].getsockname()[1]
        servers.append(server)
        return here

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
