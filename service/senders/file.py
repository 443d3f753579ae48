"""file:///path appends one JSON line per accepted message, and answers queries by reading the file."""

import asyncio
import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from hashlib import blake2b
from json import loads
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import unquote

from service.senders._port import Accepted, Answer, Message, NotSent, Outcome, Reply, Sender, SenderSettingError, Unknown
from service.senders._url import parts_of, refuse_options
from service.senders._wire import as_json, replies_in

_LOCK_TRIES, _LOCK_PAUSE = 2500, 0.002  # five seconds: a process stopped while it held the lock must not stop all others
_CHUNK = 65536


class FileSender(Sender):
    """Appends to a file that several processes share. A line counts as accepted once its end is in the file.

    The file is opened for each batch, so that it may be rotated; it is created for its owner only, since texts are private.
    """

    schemes: ClassVar[tuple[str, ...]] = ("file",)

    def __init__(self, path: Path) -> None:
        self.name = f"file://{path}"
        self.window = 10_000  # nobody waits for an answer here
        self.idempotent = False
        self._path = path
        self._seen = _Seen()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """`file:///absolute/path`, percent-encoded where it must be; its directory exists.

        Raises:
            SenderSettingError: anything else.
        """
        refuse_options(url)
        parts = parts_of(url)
        path = Path(unquote(parts.path))
        if parts.netloc not in {"", "localhost"} or not path.is_absolute():
            raise SenderSettingError("write three slashes and an absolute path, as file:///var/lib/duebell/texts.jsonl")
        if path.is_dir() or not path.parent.is_dir():
            raise SenderSettingError(f"{path} is a directory, or is in one that does not exist")
        return cls(path)

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """Accepted once the operating system has the lines; not sent when the file could not be opened, locked or written."""
        data = b"".join(as_json(message) + b"\n" for message in messages)
        outcome = await asyncio.to_thread(self._append, data)
        return [outcome] * len(messages)

    async def query(self, keys: Sequence[str]) -> list[Answer]:
        """Accepted when the file holds the key's line, else never arrived; what was read before is not read again."""
        try:
            await asyncio.to_thread(self._read)
        except OSError:
            return ["cannot_tell"] * len(keys)
        return ["accepted" if key in self._seen else "never_arrived" for key in keys]

    def parse_replies(self, body: bytes) -> list[Reply]:
        """Replies in our own form."""
        return replies_in(body)

    async def close(self) -> None:
        """Nothing stays open between calls."""

    def _append(self, data: bytes) -> Outcome:
        try:
            with _locked(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, LOCK_EX) as fd:
                end = _cut_partial_line(fd)
                try:
                    _write_all(fd, data)
                except OSError as error:
                    return _take_back(fd, end, error)
        except OSError as error:
            return NotSent(_code(error))
        return Accepted()

    def _read(self) -> None:
        try:
            with _locked(self._path, os.O_RDONLY, LOCK_SH) as fd:
                self._seen.read(fd)
        except FileNotFoundError:
            return  # nothing was accepted yet, or it was rotated away; what was read before stays known


class _Seen:
    """The keys in the file as far as it was read; sixteen bytes of hash each, since there may be millions."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self._inode = 0
        self._offset = 0

    def __contains__(self, key: str) -> bool:
        return _digest(key) in self.keys

    def read(self, fd: int) -> None:
        """Reads on from where it stopped, whole lines only; a file put in the place of the old one from its beginning."""
        state = os.fstat(fd)
        if state.st_ino != self._inode or state.st_size < self._offset:
            self._inode, self._offset = state.st_ino, 0
        with os.fdopen(os.dup(fd), "rb") as lines:
            lines.seek(self._offset)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._learn(line)

    def _learn(self, line: bytes) -> None:
        try:
            self.keys.add(_digest(loads(line)["key"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return  # somebody else's line


def _digest(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@contextmanager
def _locked(path: Path, flags: int, kind: int) -> Iterator[int]:
    """The file, opened and locked.

    Raises:
        OSError: it cannot be opened, or (EAGAIN) somebody has held the lock for five seconds.
    """
    fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        _lock(fd, kind)
        yield fd
    finally:
        os.close(fd)


def _lock(fd: int, kind: int) -> None:
    for _ in range(_LOCK_TRIES):
        try:
            return flock(fd, kind | LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE)
    raise BlockingIOError(errno.EAGAIN, "somebody else holds the lock")


def _cut_partial_line(fd: int) -> int:
    """Cuts off what a process killed in the middle of a write left behind the last whole line; the file's size then."""
    size = end = os.fstat(fd).st_size
    while end > 0:
        start = max(0, end - _CHUNK)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(fd, end)
    return end


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _take_back(fd: int, end: int, error: OSError) -> Outcome:
    """A full disk: what was written of the batch is cut off again, so that none of it counts."""
    try:
        os.ftruncate(fd, end)
    except OSError:
        return Unknown(_code(error))
    return NotSent(_code(error))


def _code(error: OSError) -> str:
    return f"file_{errno.errorcode.get(error.errno or 0, 'error')}"
