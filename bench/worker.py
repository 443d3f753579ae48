"""Worker processes of ours: started as an operator would start them, looked at from outside, stopped with SIGTERM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.events import CLOCK_START
from bench.sizes import Sizes

ROOT: Final = Path(__file__).resolve().parent.parent
_PATIENCE: Final = 900.0  #: seconds; only a worker that hangs needs so many
_LOOK_EVERY: Final = 0.5


class WorkerError(RuntimeError):
    """A worker ended by itself, or does not get done; the text ends with the end of its log."""


class Process:
    """A program that works off a backlog while we look on.

    Args:
        command: what to run, in `folder`, where its log goes too.
        settings: its environment, beside what any program needs.
    """

    def __init__(self, command: Sequence[str], folder: Path, settings: dict[str, str]) -> None:
        self._command, self._folder, self._settings = command, folder, settings
        self._log = folder / "worker.log"

    def __enter__(self) -> Self:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUEBELL_")}
        path = os.pathsep.join(filter(None, (str(ROOT), inherited.get("PYTHONPATH"))))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=inherited | {"PYTHONPATH": path} | self._settings, stdout=log, stderr=log
            )  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def wait_until(self, is_done: Callable[[], bool]) -> None:
        """Looks twice a second, which costs the worker next to nothing.

        Raises:
            WorkerError: it ended before, or hangs.
        """
        give_up = time.monotonic() + _PATIENCE
        while not is_done():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise WorkerError(f"the worker did not get done; its log ends with:\n{self._log_end()}")
            time.sleep(_LOOK_EVERY)

    def peak_mb(self) -> float:
        """The most memory the process has had, MB of 1024 x 1024 bytes."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise WorkerError("the kernel does not say how much memory the worker has had")

    def _log_end(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


class Workers:
    """Workers of ours with the same roles and the same backlog; their texts go to texts.jsonl in the folder."""

    def __init__(self, folder: Path, database: str, broker: str, roles: str, sizes: Sizes) -> None:
        settings = {
            "DUEBELL_DATABASE_URL": database,
            "DUEBELL_BROKER_URL": broker,
            "DUEBELL_SENDERS": f"file://{folder}/texts.jsonl",
            "DUEBELL_DATA_DIR": str(folder),
            "DUEBELL_BATCH": str(sizes.batch),
            "DUEBELL_LOG_LEVEL": "warning",
            "DUEBELL_TEST": "1",
            "DUEBELL_CLOCK_START": CLOCK_START.isoformat(),
        }
        command = [sys.executable, "-m", "duebell", "run", "--roles", roles]
        self._processes = [Process(command, folder, settings) for _ in range(sizes.workers)]
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for process in self._processes:
            self._open.enter_context(process)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def wait_until(self, is_done: Callable[[], bool]) -> None:
        """As for one process; all of them must be alive at the end.

        Raises:
            WorkerError: one ended before, or hangs.
        """
        for process in self._processes:
            process.wait_until(is_done)

    def peak_mb(self) -> float:
        """The most memory that any one of them has had."""
        return max(process.peak_mb() for process in self._processes)
