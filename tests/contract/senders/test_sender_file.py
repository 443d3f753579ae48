"""The file sender: several processes, processes killed, disks full, files rotated."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path

import pytest

from service.senders import file as file_module
from service.senders._port import Accepted, Message, NotSent, Unknown
from service.senders.file import FileSender

ROOT = Path(__file__).parents[3]

#: A process that sends `count` messages in batches and prints each key once it is accepted.
WRITER = """
import asyncio, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from service.senders._port import Accepted, Message
from service.senders.file import FileSender
path, name, count, batch, limit = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
at = datetime(2026, 6, 17, tzinfo=UTC)
async def main() -> None:
    sender = FileSender(Path(path))
    for first in range(0, count, batch):
        keys = [f"{name}-{n}" for n in range(first, min(first + batch, count))]
        texts = [Message(k, "L", "t", "sms", "bulk", "reminder", "+1", "字" * 200, at, at, 1) for k in keys]
        outcomes = await sender.send(texts)
        for key, outcome in zip(keys, outcomes):
            print(key if isinstance(outcome, Accepted) else outcome.code, flush=True)
asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the texts go."""
    return tmp_path / "texts.jsonl"


def start(path: Path, name: str, count: int, batch: int, limit: int = 0) -> subprocess.Popen[str]:
    """A writing process."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(count), str(batch), str(limit)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def put(path: Path, data: bytes) -> None:
    """Somebody else's bytes in the place of the file's."""
    path.write_bytes(data)


def rotate(path: Path) -> None:
    """What logrotate does."""
    path.rename(path.with_suffix(".1"))


def keys_in(path: Path) -> list[str]:
    """The keys in a file, each line of which must be whole."""
    return [json.loads(line)["key"] for line in lines_of(path)]


def lines_of(path: Path) -> list[bytes]:
    """The lines in a file, with their ends."""
    return path.read_bytes().splitlines(keepends=True)


async def test_two_processes_share_a_file(path: Path) -> None:
    """Two processes with 2,000 texts each: 4,000 whole lines, each key once, each process in its order."""
    writers = [start(path, name, 2000, 7) for name in ("a", "b")]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    keys = keys_in(path)
    assert Counter(keys) == Counter(f"{name}-{n}" for name in "ab" for n in range(2000))
    assert [key for key in keys if key.startswith("a")] == [f"a-{n}" for n in range(2000)]


async def test_a_killed_process_loses_nothing_it_answered_for(path: Path, a_message: Callable[..., Message]) -> None:
    """Killed with -9 in the middle: every key answered for is there once, queries agree, the next append is clean."""
    for round_no in range(3):
        writer = start(path, f"r{round_no}", 1_000_000, 50)
        answered = [writer.stdout.readline().strip() for _ in range(120)]
        os.kill(writer.pid, signal.SIGKILL)
        answered += writer.stdout.read().split("\n")[:-1]
        writer.communicate(timeout=60)
        sender = FileSender(path)
        assert await sender.query(answered) == ["accepted"] * len(answered)
        assert await sender.send([a_message(f"after-{round_no}")]) == [Accepted()]
    counted = Counter(keys_in(path))
    assert set(counted.values()) == {1}
    assert {f"after-{n}" for n in range(3)} <= set(counted)


@pytest.mark.parametrize("tail", [b'{"key":"torn","bo', b'{"key":"torn"}', b'{"key":"torn","body":"' + b"x" * 200_000])
async def test_a_torn_line_is_cut_off_and_never_counts(path: Path, a_message: Callable[..., Message], tail: bytes) -> None:
    """A last line without its end was never accepted: a query says so, and the next append removes it."""
    sender = FileSender(path)
    await sender.send([a_message("whole")])
    with path.open("ab") as file:
        file.write(tail)
    assert await sender.query(["whole", "torn"]) == ["accepted", "never_arrived"]
    await sender.send([a_message("next")])
    assert keys_in(path) == ["whole", "next"]
    assert await sender.query(["whole", "torn", "next"]) == ["accepted", "never_arrived", "accepted"]


async def test_a_file_of_nothing_but_a_torn_line_starts_anew(path: Path, a_message: Callable[..., Message]) -> None:
    """The very first write was torn."""
    put(path, b'{"key":"torn')
    await FileSender(path).send([a_message("next")])
    assert keys_in(path) == ["next"]


async def test_a_query_after_a_restart_reads_the_whole_file(path: Path, a_message: Callable[..., Message]) -> None:
    """Another process, or this one started again, knows what was accepted before."""
    await FileSender(path).send([a_message("k1"), a_message("借款")])
    assert await FileSender(path).query(["k1", "借款", "k2"]) == ["accepted", "accepted", "never_arrived"]


async def test_a_query_reads_on_where_it_stopped(path: Path, a_message: Callable[..., Message]) -> None:
    """Nothing is read before the first query, and what was read is not read again."""
    sender = FileSender(path)
    assert await sender.query(["k0"]) == ["never_arrived"]
    await sender.send([a_message("k0")])
    assert sender._seen.keys == set()
    assert await sender.query(["k0"]) == ["accepted"]
    first = sender._seen._offset
    assert first == len(b"".join(lines_of(path)))
    garbled = b"#" * (first - 1) + b"\n"
    put(path, garbled + b'not ours\n[1]\n{"key":5}\n')
    await FileSender(path).send([a_message("k1")])
    assert await sender.query(["k0", "k1"]) == ["accepted", "accepted"]


async def test_a_rotated_file_is_followed(path: Path, a_message: Callable[..., Message]) -> None:
    """A rename starts a new file at the next append; what was known stays known."""
    sender = FileSender(path)
    await sender.send([a_message("old")])
    assert await sender.query(["old"]) == ["accepted"]
    rotate(path)
    assert await sender.query(["old"]) == ["accepted"]
    await sender.send([a_message("new")])
    assert await sender.query(["old", "new"]) == ["accepted", "accepted"]
    assert keys_in(path) == ["new"]


async def test_a_lock_that_is_never_given_back_does_not_hang(
    path: Path, a_message: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process stopped while it holds the lock: nothing is written, and queries say that they cannot tell."""
    monkeypatch.setattr(file_module, "_LOCK_TRIES", 3)
    sender = FileSender(path)
    await sender.send([a_message("k0")])
    with path.open("rb") as holder:
        flock(holder, LOCK_EX)
        assert await sender.send([a_message("k1")]) == [NotSent("file_EAGAIN")]
        assert await sender.query(["k0"]) == ["cannot_tell"]
        flock(holder, LOCK_UN)
    assert await sender.query(["k0", "k1"]) == ["accepted", "never_arrived"]


async def test_a_full_disk_accepts_none_of_a_batch(path: Path) -> None:
    """A write that stops half-way is taken back: the file keeps whole batches only."""
    out, _ = start(path, "full", 12, 4, limit=5000).communicate(timeout=60)
    assert out.split() == [f"full-{n}" for n in range(4)] + ["file_EFBIG"] * 8
    assert keys_in(path) == [f"full-{n}" for n in range(4)]


async def test_a_directory_that_vanished_is_not_sent(tmp_path: Path, a_message: Callable[..., Message]) -> None:
    """No file, no lines: another sender may take them."""
    assert await FileSender(tmp_path / "gone" / "texts.jsonl").send([a_message()]) == [NotSent("file_ENOENT")]


async def test_a_write_that_cannot_be_taken_back_is_unknown(a_message: Callable[..., Message]) -> None:
    """The kernel's own full disk: the write fails, and so does cutting off what it may have left."""
    assert await FileSender(Path("/dev/full")).send([a_message()]) == [Unknown("file_ENOSPC")]
