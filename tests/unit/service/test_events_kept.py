"""What is kept of a body that holds a code."""

import json

import pytest

from service.events import without

BODY = {"id": "e", "data": {"loan_id": "L-1", "operation": "更换账户", "code": "482913", "old_code": None}}


def test_a_mark_stands_for_what_is_not_kept() -> None:
    """Everything else is as it was; what is not there does not appear."""
    kept = json.loads(without(json.dumps(BODY).encode(), ("code", "old_code", "pin")))
    assert kept == BODY | {"data": BODY["data"] | {"code": "••••"}}


def test_it_can_be_done_again() -> None:
    """What has been taken out stays out."""
    once = without(json.dumps(BODY).encode(), ("code",))
    assert json.loads(without(once, ("code",))) == json.loads(once)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"data": 7}', b'{"code": "482913"}', b"\xff", b"[" * 100_000])
def test_of_what_cannot_be_read_nothing_is_kept(body: bytes) -> None:
    """A code might be anywhere in it."""
    assert without(body, ("code",)) == "••••".encode()
