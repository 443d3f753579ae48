"""Where to listen."""

import asyncio
import socket

import pytest

from console.serving import _listener, parse_address, serve
from service.settings import SettingError


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:80", ("::1", 80)),
        (" localhost:0 ", ("localhost", 0)),
        ("a-b.example:65535", ("a-b.example", 65535)),
    ],
)
def test_an_address_is_host_and_port(setting: str, address: tuple[str, int]) -> None:
    """IPv6 stands in brackets."""
    assert parse_address(setting) == address


@pytest.mark.parametrize(
    "setting", ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "http://localhost:80", "a b:1"]
)
def test_anything_else_is_one_readable_line(setting: str) -> None:
    """It says how to write it."""
    with pytest.raises(SettingError, match=r"^DUEBELL_HTTP: write host:port, as in 127\.0\.0\.1:8080"):
        parse_address(setting)


async def test_a_port_that_is_taken_is_one_readable_line() -> None:
    """It names the address and what the system says."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"DUEBELL_HTTP: cannot listen on 127.0.0.1:{port}: .+"):
            await serve(None, "127.0.0.1", port, asyncio.Event())


async def test_a_host_that_nobody_knows_is_one_readable_line() -> None:
    """A name that does not resolve."""
    with pytest.raises(SettingError, match=r"DUEBELL_HTTP: cannot listen on nowhere\.invalid:80: .+"):
        await serve(None, "nowhere.invalid", 80, asyncio.Event())


def test_answers_are_not_held_back() -> None:
    """The listener names its protocol, which is what asyncio asks before it turns Nagle's delay off."""
    with _listener("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
