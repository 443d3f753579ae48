"""Takes deliveries out of a connection's stream as it arrives, in front of the client, which reads all the rest.

The client reads a frame in three steps, makes an object of it and hands it on: of a small event that costs as much as its
decoding. A delivery needs three numbers of it and the body. See docs/decisions/frames-and-confirms.md.
"""

import asyncio
from collections.abc import Callable
from struct import Struct
from typing import Final

#: AMQP 0-9-1, 2.3.5: type, channel, size, then the payload and an end octet. 4.2.6: a header's payload is class, weight, the body's
#: size, then flags that say which properties follow.
_FRAME, _SIZE, _FLAGS, _TAG = Struct(">BHI"), Struct(">Q"), Struct(">H"), Struct(">Q")
_AROUND: Final = _FRAME.size + 1
_METHOD, _HEADER, _BODY, _BEAT = 1, 2, 3, 8
_END: Final = 0xCE
_DELIVER: Final = b"\x00\x3c\x00\x3c"
_HAS_HEADERS: Final = 1 << 13
_HEARTBEAT: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"

#: Gets a delivery: its tag, the header frame if the message has headers, and the body.
Taken = Callable[[int, bytes | None, bytes], None]


class Deliveries(asyncio.Protocol):
    """Stands between a transport and the client's protocol."""

    def __init__(self, client: asyncio.Protocol) -> None:
        self._client = client
        self._channel = 0
        self._taken: Taken = _nobody
        self._rest = b""
        self._is_amqp = True
        self._tag: int | None = None
        self._header: bytes | None = None
        self._parts: list[bytes] = []
        self._missing = 0

    def listen(self, channel: int, taken: Taken) -> None:
        """From now on takes the deliveries of a channel."""
        self._channel, self._taken = channel, taken

    def data_received(self, data: bytes) -> None:
        """Cuts what has arrived into frames; of the last one what is there is kept.

        A client that hears nothing takes the link for dead, so for a run of deliveries it hears a heartbeat.
        """
        if self._rest:
            data = self._rest + data
        at, kept, passed = 0, 0, list[bytes]()
        while self._is_amqp and len(data) - at >= _AROUND:
            kind, channel, size = _FRAME.unpack_from(data, at)
            self._is_amqp = kind in {_METHOD, _HEADER, _BODY, _BEAT}  # else the client says what is wrong with it
            after = at + size + _AROUND
            if not self._is_amqp or after > len(data):
                break
            if channel == self._channel and channel and data[after - 1] == _END and self._take(kind, data, at, after - 1):
                passed.append(data[kept:at])
                kept = after
            at = after
        passed.append(data[kept : at if self._is_amqp else len(data)])
        self._rest = data[at:] if self._is_amqp else b""
        if others := b"".join(passed) or (kept and _HEARTBEAT):
            self._client.data_received(others)

    def _take(self, kind: int, data: bytes, at: int, end: int) -> bool:
        """Takes a frame that belongs to a delivery; between two of them another method may come."""
        start = at + _FRAME.size
        if kind == _METHOD and data.startswith(_DELIVER, start):
            after_consumer = start + len(_DELIVER) + 1 + data[start + len(_DELIVER)]
            (self._tag,) = _TAG.unpack_from(data, after_consumer)
            self._parts = []
        elif self._tag is None:
            return False
        elif kind == _HEADER:
            (self._missing,), (flags,) = _SIZE.unpack_from(data, start + 4), _FLAGS.unpack_from(data, start + 12)
            self._header = data[at : end + 1] if flags & _HAS_HEADERS else None
            self._end_if_whole(self._tag)
        elif kind == _BODY:
            self._parts.append(data[start:end])
            self._missing -= end - start
            self._end_if_whole(self._tag)
        else:
            return False
        return True

    def _end_if_whole(self, tag: int) -> None:
        if self._missing <= 0:
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._tag, header, self._header = None, self._header, None
            self._taken(tag, header, body)

    def eof_received(self) -> bool | None:
        """The client's affair, as are the rest."""
        return self._client.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._client.connection_lost(error)

    def pause_writing(self) -> None:
        self._client.pause_writing()

    def resume_writing(self) -> None:
        self._client.resume_writing()


def _nobody(_tag: int, _header: bytes | None, _body: bytes) -> None:
    """Before anybody listens there is nothing to take: no channel has the number 0."""
