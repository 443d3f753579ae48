"""Taking a request body apart."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.bodies import MOST_EVENTS, BatchError, events_in

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(_JSON), st.sampled_from([None, 1]), st.booleans())
def test_an_array_falls_into_its_elements(values: list[object], indent: int | None, ascii_only: bool) -> None:
    """Whatever they are and however they are spaced, each is given as it stood there."""
    body = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    found = events_in(f" {body}\n".encode(errors="surrogatepass"), "application/json")
    assert found is not None
    assert [json.loads(element) for element in found] == values


def test_what_an_element_says_is_not_touched() -> None:
    """Keys that stand twice, NaN, long numbers and lone surrogates reach the reader of events, who refuses them."""
    odd = [b'{"a": 1, "a": 2}', b"NaN", b"9" * 5000, b'"\\ud800"', b'"\x01"']
    assert events_in(b"[" + b" , ".join(odd) + b"]", "application/cloudevents-batch+json") == odd


@given(st.lists(st.binary(min_size=1).filter(lambda line: line.strip() and b"\n" not in line)))
def test_lines_are_split_at_line_feeds_only(lines: list[bytes]) -> None:
    """Also where a line is no UTF-8: that is its own fault, not its neighbours'. Blank lines do not count."""
    assert events_in(b"\n\n".join([*lines, b" \r"]), "application/x-ndjson; charset=utf-8") == lines


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"a": 1}', "application/json"),
        (b"", "application/json"),
        (b"not JSON", "application/json"),
        (b"[1]", "application/cloudevents+json; charset=utf-8"),
        (b"{}", "Application/CloudEvents+JSON"),
    ],
)
def test_one_event_is_left_as_it_is(body: bytes, content_type: str) -> None:
    """An object, and whatever is sent as a single CloudEvent, is for the reader of events to judge."""
    assert events_in(body, content_type) is None


@pytest.mark.parametrize(
    "body",
    [b"{}", b"", b"[", b"[1", b"[1,", b"[1,]", b"[,]", b"[1 2]", b"[1] 2", b"[][]", b"[\xff]", b"[" * 100_000, b'["', b"[tru]"],
)
def test_an_array_that_cannot_be_read_is_refused_whole(body: bytes) -> None:
    """Half a batch is not taken: nobody could say which half. The refusal says where and repeats nothing."""
    with pytest.raises(BatchError) as refused:
        events_in(body, "application/cloudevents-batch+json")
    assert refused.value.status_code == 400


def test_an_empty_array_is_an_empty_batch() -> None:
    """Nothing is asked for, nothing is done."""
    assert events_in(b" [ ] ", "application/json") == []


def test_too_many_events_are_refused() -> None:
    """A batch has a greatest number of events."""
    assert len(events_in(b"0\n" * MOST_EVENTS, "application/x-ndjson") or []) == MOST_EVENTS
    with pytest.raises(BatchError) as refused:
        events_in(b"0\n" * (MOST_EVENTS + 1), "application/x-ndjson")
    assert refused.value.status_code == 413


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_other_content_types_are_refused(content_type: str) -> None:
    """Those that a page of another site may send without asking are among them."""
    with pytest.raises(BatchError) as refused:
        events_in(b"{}", content_type)
    assert refused.value.status_code == 415
