"""Deliveries are taken out of a stream wherever it is cut; the client gets the rest, byte for byte."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.frame import marshal, unmarshal
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from consumers._stream import Deliveries

OURS, THEIRS = 2, 1
BEAT = Heartbeat().marshal()


class Client(asyncio.Protocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard = b""
        self.told: list[str] = []

    def data_received(self, data: bytes) -> None:
        """Bytes."""
        self.heard += data

    def eof_received(self) -> bool | None:
        """The end."""
        self.told.append("eof")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """The very end."""
        self.told.append(f"lost {error}")

    def pause_writing(self) -> None:
        """Enough."""
        self.told.append("pause")

    def resume_writing(self) -> None:
        """More."""
        self.told.append("resume")


def delivery(channel: int, tag: int, parts: list[bytes], headers: dict[str, int] | None) -> list[bytes]:
    """The frames of a delivery, its body in parts."""
    properties = spec.Basic.Properties(content_type="application/cloudevents+json", headers=headers, delivery_mode=2)
    frames = [
        spec.Basic.Deliver(consumer_tag="c", delivery_tag=tag, exchange="loan.events", routing_key="loan.settled"),
        ContentHeader(body_size=sum(map(len, parts)), properties=properties),
        *(ContentBody(part) for part in parts),
    ]
    return [marshal(frame, channel) for frame in frames]


DELIVERIES = st.tuples(
    st.lists(st.binary(min_size=1, max_size=40), max_size=3),
    st.none() | st.dictionaries(st.sampled_from(["x-delivery-count", "x-death"]), st.integers(0, 9), min_size=1),
)
OTHERS = st.sampled_from(
    [
        BEAT,
        marshal(spec.Basic.Cancel(consumer_tag="c"), OURS),
        marshal(spec.Basic.QosOk(), OURS),
        *delivery(THEIRS, 7, [b"theirs"], None),
    ]
)


@given(st.lists(DELIVERIES | OTHERS, max_size=12), st.data())
def test_any_cutting_gives_the_same(
    story: list[tuple[list[bytes], dict[str, int] | None] | bytes], data: st.DataObject
) -> None:
    """Every delivery whole, once and in order; of other frames every byte, and nothing but heartbeats added."""
    frames, wanted, others = list[bytes](), list[tuple[int, dict[str, int] | None, bytes]](), b""
    for tag, each in enumerate(story, 1):
        if isinstance(each, bytes):
            frames.append(each)
            others += each.replace(BEAT, b"")
        else:
            frames += delivery(OURS, tag, *each)
            wanted.append((tag, each[1], b"".join(each[0])))
    stream = b"".join(frames)
    cuts = sorted({0, len(stream), *data.draw(st.lists(st.integers(0, len(stream)), max_size=8))})
    client, taken = Client(), list[tuple[int, dict[str, int] | None, bytes]]()
    deliveries = Deliveries(client)

    def take(tag: int, header: bytes | None, body: bytes) -> None:
        frame = unmarshal(header)[2] if header else None
        taken.append((tag, frame.properties.headers if isinstance(frame, ContentHeader) else None, body))

    deliveries.listen(OURS, take)
    for start, end in pairwise(cuts):
        deliveries.data_received(stream[start:end])
    assert taken == wanted
    assert client.heard.replace(BEAT, b"") == others


def test_a_client_hears_of_deliveries() -> None:
    """Where nothing but deliveries comes it hears a heartbeat, or it would take the link for dead."""
    client = Client()
    deliveries = Deliveries(client)
    deliveries.listen(OURS, lambda *_: None)
    deliveries.data_received(b"".join(delivery(OURS, 1, [b"{}"], None) * 3))
    assert client.heard == BEAT


def test_what_is_no_frame_is_the_clients_affair() -> None:
    """A server of another version says so, a broken frame is passed on, and so is all that follows."""
    for first in (b"AMQP\x00\x00\x09\x01", b"HTTP/1.1 400 Bad Request\r\n"):
        client = Client()
        deliveries = Deliveries(client)
        deliveries.listen(OURS, lambda *_: None)
        deliveries.data_received(first)
        deliveries.data_received(b"x")
        assert client.heard == first + b"x"
    client = Client()
    deliveries = Deliveries(client)
    deliveries.listen(OURS, lambda *_: None)
    broken = delivery(OURS, 1, [], None)[0][:-1] + b"\x00"
    deliveries.data_received(broken)
    assert client.heard == broken


def test_before_anybody_listens_the_client_gets_all() -> None:
    """Also deliveries, which are its own then."""
    client, stream = Client(), b"".join(delivery(OURS, 1, [b"{}"], None))
    Deliveries(client).data_received(stream)
    assert client.heard == stream


def test_the_ends_reach_the_client() -> None:
    """End of file, a lost link, and how fast it may write."""
    client = Client()
    deliveries = Deliveries(client)
    assert deliveries.eof_received()
    deliveries.pause_writing()
    deliveries.resume_writing()
    deliveries.connection_lost(None)
    assert client.told == ["eof", "pause", "resume", "lost None"]
