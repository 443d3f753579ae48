"""Bodies that break the contract, each in one of the ways that upstream systems have found so far."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

Data = dict[str, Any]


def malformed(n: int, seed: int) -> Iterator[bytes]:
    """So many bodies that no reader should take, going through all the ways in turn; each has its own id where it has one."""
    ways = [*_WAYS, *(_edited(path, value) for path, value in _EDITS)]
    for i in range(n):
        yield ways[i % len(ways)](_payment(i, seed))


def _payment(i: int, seed: int) -> Data:
    """A valid payment, to be spoilt."""
    loan_id = f"BAD{seed}-{i}"
    return {
        "specversion": "1.0",
        "id": f"bad-{seed}-{i}",
        "source": "urn:sample:lender",
        "type": "loan.repayment.received",
        "subject": loan_id,
        "time": "2026-06-01T10:00:00+08:00",
        "data": {
            "loan_id": loan_id,
            "payment_id": f"{loan_id}-PAY",
            "amount": "100.00",
            "paid_at": "2026-06-01T09:59:00+08:00",
            "method": "manual",
        },
    }


def _bytes(event: object) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


_LINE: Final[Data] = {"no": 1, "due_on": "2026-07-01", "amount": "10.00"}

Way = Callable[[Data], bytes]  #: spoils an event


def _luck(event: Data) -> Random:
    return Random(event["id"])  # noqa: S311 - invented data, repeatable on purpose


def _breaks_off(event: Data) -> bytes:
    return _bytes(event)[: _luck(event).randrange(1, 200)]


def _binary(event: Data) -> bytes:
    return b"\xff" + _luck(event).randbytes(200) + b"\x00"


def _long(event: Data) -> bytes:
    return _bytes(event | {"padding": "x" * _luck(event).choice((300_000, 300_000, 300_000, 5 * 1024 * 1024))})


def _twice(event: Data) -> bytes:
    return _bytes(event) * 2


def _in_utf_16(event: Data) -> bytes:
    return _bytes(event).decode().encode("utf-16")


def _instead(body: bytes) -> Way:
    return lambda _event: body


def _replaced(old: bytes, new: bytes) -> Way:
    return lambda event: _bytes(event).replace(old, new)


def _schedule(*instalments: Data) -> Way:
    def spoil(event: Data) -> bytes:
        data = {"loan_id": event["subject"], "instalments": list(instalments)}
        return _bytes(event | {"type": "loan.schedule.replaced", "data": data})

    return spoil


_WAYS: Final[list[Way]] = [
    *(_breaks_off, _binary, _long, _twice, _in_utf_16),
    *(_instead(body) for body in (b"", b"null", b"[1, 2]", b'"event"', b"42", b"NaN", b"true", b"{}")),
    _instead(b'{"deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    *(_replaced(b'"100.00"', number) for number in (b"NaN", b"-Infinity", b"1e400", b"9" * 5_000)),
    _replaced(b'"manual"', "手动".encode("gb18030")),
    _replaced(b'"amount"', b'"amount": "1.00", "amount"'),
    _replaced(b'"method"', b'"score": NaN, "method"'),
    _replaced(b"BAD", b"\\ud800"),
    *(_schedule(), _schedule(_LINE, _LINE)),
    *(_schedule(_LINE | {"due_on": day}) for day in ("2026-02-30", "01.07.2026", "2026-07-01T00:00:00Z", 20260701)),
    *(_schedule(_LINE | {"no": no}) for no in ("1", 1.5, 10**30, -1)),
    *(_schedule(_LINE | {"amount": amount}) for amount in ("0.00", 10.0, "")),
]

_GONE: Final = object()  #: the field is left out

#: path → what stands there.
_EDITS: Final[list[tuple[str, object]]] = [
    ("specversion", "0.3"),
    ("specversion", 1.0),
    ("id", _GONE),
    ("id", ""),
    ("id", 7),
    ("id", "x" * 201),
    ("source", "urn:\u0000"),
    ("type", _GONE),
    ("type", None),
    ("subject", "another loan"),
    ("time", "2026-06-01T10:00:00"),
    ("time", 1_780_000_000),
    ("time", "1780000000"),
    ("time", "0001-01-01T00:00:00+14:00"),
    ("duebellmode", "backfil"),
    ("arrivesat", "tomorrow"),
    ("data", _GONE),
    ("data", "text"),
    ("data.loan_id", ["L1"]),
    ("data.payment_id", _GONE),
    ("data.payment_id", "a\nb"),
    ("data.amount", 100),
    ("data.amount", "1,000.00"),
    ("data.amount", "-5.00"),
    ("data.amount", "1.005"),
    ("data.amount", "9" * 40),
    ("data.amount", "NaN"),
    ("data.amount", None),
    ("data.currency", "RMB"),
    ("data.currency", "cny"),
    ("data.timezone", "Mars/Olympus_Mons"),
    ("data.timezone", "UTC+8"),
    ("data.paid_at", "2026-06-31T10:00:00Z"),
    ("data.method", "barter"),
    ("data.instalment_no", True),
    ("data.covers", []),
    ("data.covers", [{"no": 1, "amount": "60.00"}, {"no": 2, "amount": "60.00"}]),
    ("data.covers", [{"no": 1, "amount": "60.00"}, {"no": 1, "amount": "20.00"}]),
    ("data.borrower", {"name": "nobody"}),
    ("data.borrower", {"party_id": "P1", "phone": "13800138000"}),
    ("data.borrower", {"party_id": "P1", "phone": "+86138"}),
    ("data.borrower", {"party_id": "P1", "phone": "+999123456789"}),
    ("data.borrower", {"party_id": "P1", "phone": "13800138000", "region": "XX"}),
    ("data.borrower", {"party_id": "P1", "phone": "call me"}),
    ("data.borrower", {"party_id": "P1", "phone": 13800138000}),
    ("data.borrower", {"party_id": "P1", "email": "nobody"}),
    ("data.borrower", {"party_id": "P1", "timezone": "China/Shanghai"}),
    ("data.borrower", {"party_id": "P1", "locale": "Chinese, simplified"}),
    ("data.borrower", {"party_id": "P1", "jurisdiction": "CN"}),
]


def _edited(path: str, value: object) -> Way:
    """A way that puts a value, or nothing, at a path."""

    def spoil(event: Data) -> bytes:
        *above, last = path.split(".")
        inside = event[above[0]] if above else event
        inside[last] = value
        if value is _GONE:
            del inside[last]
        return _bytes(event)

    return spoil
