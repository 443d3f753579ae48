"""What private servers have in common: a temporary folder, a port, processes of our own, and a certain end."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Self

#: Waits until its standard input ends, which is when the process that started it is gone, however it went. Then it ends what
#: still runs from the folder ($1) and removes the folder. A pid counts only while its working directory lies in the folder.
_GUARD = """
read -r _
for pid in $(cat "$1/pids"); do
  case "$(readlink "/proc/$pid/cwd")" in "$1"*) kill -KILL "$pid" ;; esac
done
sleep 1
rm -rf "$1"
"""


class MissingServerError(RuntimeError):
    """The server is not installed; the text names the Debian package."""


class ServerFailedError(RuntimeError):
    """The server did not start; the text ends with the end of its log."""


def free_port() -> int:
    """A free TCP port on 127.0.0.1.

    It lies below the range that Linux gives to outgoing connections: while a server is down for a restart, a client that
    keeps trying could otherwise be given the server's own port, and keep it. Tests run side by side, and a server binds its
    port some seconds after this: until we end, nobody else who asks here is given the same.
    """
    for port in random.sample(range(20_000, 32_000), k=100):
        claim, probe = socket.socket(socket.AF_UNIX), socket.socket()
        with probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                claim.bind(f"\0duebell-port-{port}")  # a name that ends with the process that has it
                probe.bind(("127.0.0.1", port))
            except OSError:
                claim.close()
                continue
            claim.detach()  # stays open
            return port
    raise ServerFailedError("none of a hundred ports on 127.0.0.1 is free")


class PrivateServer(ABC):
    """A server of our own: `with` starts it, and at the end stops it and removes its data.

    `stop()` and `kill()` keep the data and the port, so that `start()` carries on where they left off.
    """

    name: str
    user: str | None = None  #: whom the processes run as, where that is not us
    patience = 150.0  #: seconds that a start or a stop may take

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"duebell-{self.name}-")).resolve()
        self._processes: list[subprocess.Popen[bytes]] = []  # the server is the last
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(self.folder)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        (self.folder / "pids").touch()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @abstractmethod
    def _launch(self) -> None:
        """Starts the processes with `_spawn`, the server itself last."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether a client is let in."""

    def start(self) -> Self:
        """Starts the server and waits until it lets a client in.

        Raises:
            ServerFailedError: it ended, or let nobody in in time.
        """
        self._launch()
        deadline = time.monotonic() + self.patience
        while not self._is_ready():
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerFailedError(f"{self.name} did not start; its log ends with:\n{self._log_end()}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """Shuts the server down in order; what hangs is killed."""
        self._end(self._stop_signal())

    def _end(self, how: signal.Signals) -> None:
        if self._processes:
            self._processes[-1].send_signal(how)
            self._wait(self._processes[-1])
        self.kill()

    def kill(self) -> None:
        """Ends the whole server with SIGKILL, as a power cut would; returns when every process of it is gone."""
        for process in reversed(self._processes):
            pids = [process.pid, *_descendants(process.pid)]
            if process.poll() is None:
                for pid in pids:
                    _kill(pid)
            process.wait()
            _wait_until_gone(pids, self.patience)
        self._processes.clear()
        (self.folder / "pids").write_text("")

    def restart(self) -> None:
        """Stops and starts it on the same data and the same port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Ends it, without care for its data, and removes its folder; it cannot be started again."""
        if self.folder.exists():
            self._end(self._close_signal())
            self._guard.kill()
            self._guard.communicate()
            shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stop_signal(self) -> signal.Signals:
        return signal.SIGTERM

    def _close_signal(self) -> signal.Signals:
        """How a server ends whose data nobody needs."""
        return signal.SIGKILL

    def _spawn(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:
        """Starts a process in a session of its own, so that ctrl-C reaches us and not the server."""
        with (self.folder / "output.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else (),
            )
        self._processes.append(process)
        (self.folder / "pids").write_text(" ".join(str(each.pid) for each in self._processes))

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(self.patience)
        except subprocess.TimeoutExpired:
            return

    def _log_end(self) -> str:
        return (self.folder / "output.log").read_text(errors="replace")[-2000:]


def _descendants(pid: int) -> Iterator[int]:
    """The children of a process, and theirs: PostgreSQL's have sessions of their own, so a signal to a group misses them."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return
    for child in map(int, children.split()):
        yield child
        yield from _descendants(child)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait_until_gone(pids: list[int], patience: float) -> None:
    """Waits for processes that need not be our children; a zombie counts as gone."""
    deadline = time.monotonic() + patience
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
