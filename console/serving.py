"""Serves an app over HTTP until it is told to stop."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
import uvicorn

from service.settings import SettingError

log = structlog.get_logger(__name__)

_ADDRESS: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})")
_LARGEST_PORT: Final = 65535
#: Seconds that requests under way get when the process stops.
_GRACE: Final = 10
#: Seconds an idle connection stays open: longer than clients and proxies keep theirs, so that it is they who close it.
_KEEP_ALIVE: Final = 75
_BACKLOG: Final = 512


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Does not."""
        yield


def parse_address(setting: str) -> tuple[str, int]:
    """Host and port of DUEBELL_HTTP, as `127.0.0.1:8080` or `[::1]:8080`.

    Raises:
        SettingError: it is not of that form.
    """
    found = _ADDRESS.fullmatch(setting.strip())
    if found is None or int(found["port"]) > _LARGEST_PORT:
        raise SettingError("DUEBELL_HTTP: write host:port, as in 127.0.0.1:8080 or [::1]:8080")
    return found["v6"] or found["host"], int(found["port"])


async def serve(app: Any, host: str, port: int, stop: asyncio.Event) -> None:
    """Serves until `stop` is set, then lets the requests under way finish.

    Raises:
        SettingError: nobody can listen there.
    """
    with _listener(host, port) as listener:
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, proxy_headers=False, lifespan="off", ws="none",
            timeout_graceful_shutdown=_GRACE, timeout_keep_alive=_KEEP_ALIVE,
        )  # fmt: skip
        server = _Server(config)
        telling = asyncio.create_task(_tell(server, stop))
        log.info("listening", host=host, port=listener.getsockname()[1])
        try:
            await server.serve(sockets=[listener])
        finally:
            telling.cancel()


def _listener(host: str, port: int) -> socket.socket:
    """A socket that listens. Its protocol is named: without it asyncio leaves Nagle's delay of 40 ms on every answer."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)[
            0
        ]
        listener = socket.socket(family, kind, protocol)
        with _closed_on_error(listener):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
    except OSError as error:
        raise SettingError(f"DUEBELL_HTTP: cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


@contextmanager
def _closed_on_error(listener: socket.socket) -> Iterator[None]:
    try:
        yield
    except OSError:
        listener.close()
        raise


async def _tell(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True
