"""The webhook sender against a real server that misbehaves in every way it can."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from service.senders import open_senders
from service.senders._port import Accepted, Message, NotSent, Outcome, Rejected, Throttled, Unknown
from service.senders.webhook import WebhookSender


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """A whole HTTP answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


@pytest.fixture
async def send_to(a_message: Callable[..., Message]) -> AsyncIterator[Callable[..., Awaitable[Outcome]]]:
    """Hands one message to a port, and closes the sender."""
    opened = []

    async def send(
        port: int,
        query: str = "timeout=2",
        scheme: str = "webhook+http",
        userinfo: str = "",
        messages: list[Message] | None = None,
    ) -> Outcome:
        (sender,) = open_senders(f"{scheme}://{userinfo}127.0.0.1:{port}/sms?{query}")
        opened.append(sender)
        return (await sender.send(messages or [a_message()]))[0]

    yield send
    for sender in opened:
        await sender.close()


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (answer("200 OK", b'{"id": "p-1", "more": 1}'), Accepted("p-1")),
        (answer("202 Accepted", b'{"id": 17}'), Accepted("17")),
        (answer("201 Created", b'{"id": true}'), Accepted(None)),
        (answer("200 OK", b"[" * 100_000), Accepted(None)),
        (answer("200 OK", b"thanks \xff"), Accepted(None)),
        (answer("204 No Content"), Accepted(None)),
        (answer("301 Moved", b"", "Location: /other"), Unknown("http_301")),
        (answer("400 Bad Request"), Rejected("content", "http_400")),
        (answer("409 Conflict"), Rejected("content", "http_409")),
        (answer("422 Unprocessable"), Rejected("content", "http_422")),
        (answer("401 Unauthorized"), Rejected("sender", "http_401")),
        (answer("402 Payment Required"), Rejected("sender", "http_402")),
        (answer("403 Forbidden"), Rejected("sender", "http_403")),
        (answer("404 Not Found"), Rejected("sender", "http_404")),
        (answer("410 Gone"), Rejected("sender", "http_410")),
        (answer("429 Slow", b"", "Retry-After: 7"), Throttled(7.0)),
        (answer("429 Slow"), Throttled(5.0)),
        (answer("429 Slow", b"", "Retry-After: soon"), Throttled(5.0)),
        (answer("429 Slow", b"", "Retry-After: 99999999999999999999"), Throttled(86400.0)),
        (
            answer("429 Slow", b"", "Date: Wed, 17 Jun 2026 02:00:00 GMT", "Retry-After: Wed, 17 Jun 2026 02:00:30 GMT"),
            Throttled(30.0),
        ),
        (
            answer("429 Slow", b"", "Date: Wed, 17 Jun 2026 02:00:00 GMT", "Retry-After: Wed, 17 Jun 2026 01:00:30 GMT"),
            Throttled(0.0),
        ),
        (answer("500 Oops"), Unknown("http_500")),
        (answer("503 Later", b"", "Retry-After: 3"), Unknown("http_503")),
        (b"HTTP/1.1 200 OK\r\nContent-Enco", Unknown("remote_protocol_error")),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": "cut', Unknown("remote_protocol_error")),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Unknown("remote_protocol_error")),
        (b"", Unknown("remote_protocol_error")),
    ],
)
async def test_each_answer_has_its_outcome(
    gateway: Callable[..., Awaitable[Any]], send_to: Callable[..., Awaitable[Outcome]], raw: bytes, outcome: Outcome
) -> None:
    """A whole answer means what its status says; one cut short, or none at all, leaves the outcome unknown."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(raw)

    server = await gateway(answer=once)
    assert await send_to(server.port) == outcome


async def test_a_refused_connection_is_not_sent(send_to: Callable[..., Awaitable[Outcome]]) -> None:
    """Nobody listens: no byte left, another sender may take it at once."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert await send_to(port) == NotSent("connect_error")


async def test_a_connection_that_never_opens_is_not_sent(send_to: Callable[..., Awaitable[Outcome]]) -> None:
    """A full backlog swallows the SYN: the time-out comes before any byte of the request left."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        assert await send_to(full.getsockname()[1], "timeout=0.2") == NotSent("connect_timeout")
        for each in waiting:
            each.close()


async def test_a_tls_handshake_that_fails_is_not_sent(
    gateway: Callable[..., Awaitable[Any]], send_to: Callable[..., Awaitable[Outcome]]
) -> None:
    """A URL of https for a server that speaks http: the handshake fails, the message stays here."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("400 Bad Request"))
        await reader.read()

    server = await gateway(answer=greet)
    assert await send_to(server.port, scheme="webhook+https") == NotSent("connect_error")


async def test_a_host_that_cannot_be_looked_up_is_not_sent(a_message: Callable[..., Message]) -> None:
    """A name that DNS refuses at once is a sender's trouble, never an exception."""
    (sender,) = open_senders(f"webhook+http://{'a' * 64}.invalid/x?timeout=1")
    (outcome,) = await sender.send([a_message()])
    assert isinstance(outcome, NotSent)
    await sender.close()


async def test_a_server_that_hangs_leaves_it_unknown(
    gateway: Callable[..., Awaitable[Any]], a_message: Callable[..., Message]
) -> None:
    """The request left and no answer came within the time-out."""

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        await reader.read()

    server = await gateway(answer=hang)
    sender = WebhookSender(httpx.URL(f"http://127.0.0.1:{server.port}/"))
    client = sender._new_client()
    client.timeout = httpx.Timeout(30, read=0.2)  # short for this phase alone: the machine may stall in any
    sender._idle.append(client)
    assert await sender.send([a_message()]) == [Unknown("read_timeout")]
    await sender.close()


async def test_an_answer_that_drips_ends_too(gateway: Callable[..., Awaitable[Any]], a_message: Callable[..., Message]) -> None:
    """A byte now and then keeps each read alive; the whole is bounded all the same."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    server = await gateway(answer=drip)
    sender = WebhookSender(httpx.URL(f"http://127.0.0.1:{server.port}/"), timeout=30)
    sender._idle.append(sender._new_client())
    sender._patience = 0.1  # for the whole alone: no single read ends first, however long the machine stalls
    assert await sender.send([a_message()]) == [Unknown("timeout_error")]
    await sender.close()


async def test_a_connection_closed_between_messages_is_opened_again(
    gateway: Callable[..., Awaitable[Any]], a_message: Callable[..., Message]
) -> None:
    """A gateway that keeps no connection still gets every message."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(answer("200 OK"))

    server = await gateway(answer=once)
    (sender,) = open_senders(f"webhook+http://127.0.0.1:{server.port}/?timeout=2&window=1")
    for n in range(3):
        assert await sender.send([a_message(f"k{n}")]) == [Accepted()]
        await asyncio.sleep(0.02)
    await sender.close()


async def test_connections_are_kept_and_the_window_holds(
    gateway: Callable[..., Awaitable[Any]], a_message: Callable[..., Message]
) -> None:
    """Thirty messages with a window of four: never more than four unanswered, on four connections."""
    unanswered, most, connections = 0, 0, 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal unanswered, most, connections
        connections += 1
        while await server.read(reader):
            unanswered += 1
            most = max(most, unanswered)
            await asyncio.sleep(0.005)
            unanswered -= 1
            writer.write(answer("200 OK"))

    server = await gateway(answer=count)
    (sender,) = open_senders(f"webhook+http://127.0.0.1:{server.port}/?window=4")
    assert sender.window == 4
    assert await sender.send([a_message(f"k{n}") for n in range(30)]) == [Accepted()] * 30
    assert most == connections == 4
    await sender.close()


async def test_the_request_is_the_contract(
    gateway: Callable[..., Awaitable[Any]], send_to: Callable[..., Awaitable[Outcome]], a_message: Callable[..., Message]
) -> None:
    """The object as JSON, the key as Idempotency-Key, our options gone from the URL, userinfo as basic auth."""
    server = await gateway(answer("200 OK"))
    message = a_message("event:核心%3A1:42:loan_disbursed:borrower")
    await send_to(server.port, "window=3&token=t%2F1&timeout=2&pace=5/s", userinfo="user:p%40ss@", messages=[message])
    ((headers, body),) = server.requests
    assert headers[":path"] == "/sms?token=t%2F1"
    assert headers["idempotency-key"] == "event:%E6%A0%B8%E5%BF%83%3A1:42:loan_disbursed:borrower"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Basic dXNlcjpwQHNz"
    assert json.loads(body) == {
        "key": message.key,
        "loan_id": "L1",
        "template": "repayment_due_soon",
        "channel": "sms",
        "lane": "bulk",
        "to": "+8613800138000",
        "body": message.body,
        "at": "2026-06-17T02:00:00+00:00",
    }


async def test_no_secret_and_no_person_in_name_outcome_or_log(
    gateway: Callable[..., Awaitable[Any]], a_message: Callable[..., Message], caplog: pytest.LogCaptureFixture
) -> None:
    """Password, token, phone and text stay out of the name, the outcome and the log at its most talkative."""
    caplog.set_level(logging.DEBUG)
    server = await gateway(answer("500 Oops"))
    (sender,) = open_senders(f"webhook+http://user:hushhush@127.0.0.1:{server.port}/sms?token=whisper")
    outcomes = await sender.send([a_message()])
    await sender.close()
    said = f"{sender.name} {outcomes} {caplog.text}"
    assert sender.name == f"webhook+http://127.0.0.1:{server.port}/sms"
    assert not [secret for secret in ("hushhush", "whisper", "13800138000", "示例") if secret in said]
