"""Starts a private RabbitMQ and a private PostgreSQL on free ports of 127.0.0.1, for tests and benchmarks.

As a command, `python scripts/private_servers.py run` prints one URL a line and holds the servers until SIGTERM or ctrl-C.
"""

import signal
import sys
from contextlib import ExitStack

from _private_postgres import PrivatePostgres
from _private_rabbit import PrivateRabbit
from _private_server import MissingServerError, PrivateServer, ServerFailedError

__all__ = ["MissingServerError", "PrivatePostgres", "PrivateRabbit", "PrivateServer", "ServerFailedError", "main"]


def main(arguments: list[str]) -> int:
    """Runs both servers until a signal comes; returns the exit code."""
    if arguments != ["run"]:
        print("usage: python scripts/private_servers.py run", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run()
    except KeyboardInterrupt:
        return 0
    except (MissingServerError, ServerFailedError) as error:
        print(error, file=sys.stderr)
    return 1


def _run() -> None:
    """Runs both servers; a signal ends it."""
    with ExitStack() as servers:
        for server in (PrivateRabbit, PrivatePostgres):
            print(servers.enter_context(server()).url, flush=True)
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
