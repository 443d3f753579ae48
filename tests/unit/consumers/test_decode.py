"""From a body to an event, to an ignored one, or to a dead letter that says what to do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers._decode import LIMIT, MODELS, decode
from consumers._envelope import example
from duebell.sample import malformed
from service.events import Dead, Decoded, Event, Ignored, same_payload

Outcome = Callable[..., Decoded]
PAID = "loan.repayment.received"


def body_of(event: dict[str, Any]) -> bytes:
    """An event as it travels."""
    return json.dumps(event).encode()


def test_the_envelope_is_kept(outcome_of: Outcome) -> None:
    """An event has its names, its time, its place among all events, and its body as it came."""
    event = outcome_of(PAID, {"duebellmode": "backfill", "arrivesat": "2026-06-02T00:00:00Z"})
    assert isinstance(event, Event)
    assert (event.source, event.id, event.subject, event.loan_id) == (
        "urn:example:lender",
        f"example-{PAID}",
        "L-1001",
        "L-1001",
    )
    assert event.time == datetime(2026, 6, 1, 2, tzinfo=UTC)
    assert event.version.startswith("2026-06-01T02:00:00.000000\x1furn:example:lender\x1fexample-")
    assert (event.mode_backfill, event.arrives_at) == (True, datetime(2026, 6, 2, tzinfo=UTC))
    assert event.id_hash == sha256(f"urn:example:lender\0example-{PAID}".encode()).digest()
    assert event.payload_hash == sha256(event.body).digest()


def test_an_ordinary_event_is_no_backfill(outcome_of: Outcome) -> None:
    """Without the extension attributes notices are given, and the event arrives at its time."""
    event = outcome_of(PAID)
    assert isinstance(event, Event)
    assert (event.mode_backfill, event.arrives_at) == (False, None)


def test_unknown_fields_break_nothing(outcome_of: Outcome) -> None:
    """Fields that nobody has agreed on are accepted, in the envelope and in the data, and stay in the body."""
    event = outcome_of(
        PAID, {"traceparent": "00-ab-cd-01", "partitionkey": 7, "data.score": {"a": [1.5, None]}, "data.ok": True}
    )
    assert isinstance(event, Event)
    assert b"partitionkey" in event.body


def test_null_means_not_said(outcome_of: Outcome) -> None:
    """An optional field may be null."""
    assert isinstance(outcome_of(PAID, {"data.payer_id": None, "data.borrower": None, "arrivesat": None}), Event)


@pytest.mark.parametrize(
    "changes",
    [
        {"datacontenttype": "application/json; charset=utf-8"},
        {"time": "2026-06-01T10:00:00.123456789Z"},
        {"time": "2026-06-01t10:00:00-03:30"},
        {"data.amount": "999999999999999.99", "data.instalment_no": 0},
        {"data.amount": "922337203685477.5807", "data.currency": "CLF"},
        {"data.amount": "1"},
        {"data.covers": [{"no": 1, "amount": "0.01"}], "data.instalment_no": None},
        {
            "data.borrower": {
                "party_id": "P",
                "locale": "zh-Hant-TW",
                "timezone": "UTC",
                "jurisdiction": "us-ca",
                "email": "a@b.example",
            }
        },
        {"data.borrower": {"party_id": "P", "phone": "(415) 555-0123", "region": "us"}},
    ],
)
def test_what_the_contract_allows(outcome_of: Outcome, changes: dict[str, Any]) -> None:
    """The edges of the contract are inside it."""
    assert isinstance(outcome_of(PAID, changes), Event)


def test_a_missing_content_type_is_json(outcome_of: Outcome, gone: object) -> None:
    """CloudEvents lets a producer leave datacontenttype out."""
    assert isinstance(outcome_of(PAID, {"datacontenttype": gone}), Event)


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (PAID, {"datacontenttype": "text/xml"}, "datacontenttype", "write application/json"),
    (PAID, {"specversion": "0.3"}, "specversion", "write '1.0'"),
    (PAID, {"id": ""}, "id", "a string of 0 characters"),
    (PAID, {"id": "a\x00b"}, "id", "without control characters"),
    (PAID, {"source": "x" * 201}, "source", "a string of 201 characters"),
    (PAID, {"time": "2026-06-01T10:00:00"}, "time", "with seconds and an offset"),
    (PAID, {"time": 1780000000}, "time", "this is a number"),
    (PAID, {"duebellmode": "Backfill"}, "duebellmode", "write 'backfill'"),
    (PAID, {"data": None}, "data", "write a JSON object"),
    (PAID, {"data.loan_id": "L-2"}, "data.loan_id", "they differ"),
    (PAID, {"data.amount": 14}, "data.amount", "decimal string"),
    (PAID, {"data.amount": "12.345"}, "data.amount", "at most 2 digits"),
    (PAID, {"data.amount": "12.3", "data.currency": "JPY"}, "data.amount", "at most 0 digits"),
    (PAID, {"data.amount": "0.00"}, "data.amount", "above zero"),
    (PAID, {"data.amount": "922337203685477.5808", "data.currency": "CLF"}, "data.amount", "at most 922337203685477.5807"),
    (PAID, {"data.amount": "999999999999999", "data.currency": "UYW"}, "data.amount", "an amount in UYW is at most"),
    (PAID, {"data.amount": "１２"}, "data.amount", "a string of 2 characters"),
    (PAID, {"data.currency": "XXQ"}, "data.currency", "ISO 4217"),
    (PAID, {"data.timezone": "Mars/Base"}, "data.timezone", "tzdata"),
    (PAID, {"data.method": "cheque"}, "data.method", "'delegated'"),
    (PAID, {"data.instalment_no": 1.0}, "data.instalment_no", "whole number"),
    (PAID, {"data.instalment_no": True}, "data.instalment_no", "true or false"),
    (PAID, {"data.covers": [{"no": 1, "amount": "1.00"}]}, "data.covers", "both are there"),
    (PAID, {"data.covers": {}}, "data.covers", "write a JSON array"),
    (PAID, {"data.borrower": {"name": "x"}}, "data.borrower.party_id", "required, and missing"),
    (PAID, {"data.borrower": {"party_id": "P", "phone": "13800138000"}}, "data.borrower.phone", "region"),
    (PAID, {"data.borrower": {"party_id": "P", "email": "at home"}}, "data.borrower.email", "e-mail"),
    (PAID, {"data.borrower": {"party_id": "P", "name": "two\nlines"}}, "data.borrower.name", "one line"),
    ("loan.disbursed", {"data.account_last4": "62220"}, "data.account_last4", "last four digits"),
    ("loan.disbursed", {"data.repayment.account_last4": 6789}, "data.repayment.account_last4", "this is a number"),
    ("loan.disbursed", {"data.instalments": []}, "data.instalments", "at least one"),
    ("loan.disbursed", {"data.instalments.1.no": 1}, "data.instalments.1.no", "stands in the list twice"),
    ("loan.disbursed", {"data.instalments.0.due_on": "2026-02-30"}, "data.instalments.0.due_on", "ISO date"),
    ("loan.disbursed", {"data.instalments.2.amount": "-1.00"}, "data.instalments.2.amount", "decimal string"),
    ("loan.disbursed", {"data.instalments.2.amount": "1.001"}, "data.instalments.2.amount", "at most 2 digits"),
    ("loan.disbursement_failed", {"data.reason_public": ""}, "data.reason_public", "one line"),
    ("loan.visit.scheduled", {"data.visitors.1.badge_no": "C-1024"}, "data.visitors.1.badge_no", "badge number once"),
    ("party.updated", {"data.party.party_id": "P-2"}, "data.party.party_id", "they differ"),
    ("party.updated", {"data.party.phone": "+8612"}, "data.party.phone", "too few or too many digits"),
    ("party.updated", {"data.party.region": "Q1"}, "data.party.region", "two letters"),
]


@pytest.mark.parametrize(("event_type", "changes", "field", "words"), REFUSED)
def test_what_breaks_the_contract(
    outcome_of: Outcome, event_type: str, changes: dict[str, Any], field: str, words: str
) -> None:
    """A dead letter names the field and says what to write there."""
    dead = outcome_of(event_type, changes)
    assert isinstance(dead, Dead)
    assert dead.field == field
    assert words in dead.reason


def test_covers_that_contradict_the_payment(outcome_of: Outcome) -> None:
    """Covers name each instalment once and add up to the amount at most; what is left is credit."""
    exact = [{"no": 1, "amount": "4000.00"}, {"no": 2, "amount": "80.00"}]
    assert isinstance(outcome_of(PAID, {"data.instalment_no": None, "data.covers": exact}), Event)
    for covers, field in (([*exact, {"no": 3, "amount": "0.01"}], "data.covers"), ([exact[0], exact[0]], "data.covers.1.no")):
        dead = outcome_of(PAID, {"data.instalment_no": None, "data.covers": covers})
        assert isinstance(dead, Dead)
        assert dead.field == field


def test_a_dead_letter_keeps_what_is_known(outcome_of: Outcome) -> None:
    """Its names, its whole body, size and hash; several faults are counted."""
    dead = outcome_of(PAID, {"data.amount": 1, "data.method": 2, "data.paid_at": 3})
    assert isinstance(dead, Dead)
    assert (dead.source, dead.id, dead.type) == ("urn:example:lender", f"example-{PAID}", PAID)
    assert dead.id_hash == sha256(f"urn:example:lender\0example-{PAID}".encode()).digest()
    assert (dead.body_size, dead.payload_hash) == (len(dead.body), sha256(dead.body).digest())
    assert dead.reason.endswith("(2 more fields are wrong)")


def test_one_more_fault_is_counted_in_the_singular(outcome_of: Outcome) -> None:
    """Two faults: the first is said, the other counted."""
    dead = outcome_of(PAID, {"data.amount": 1, "data.method": 2})
    assert isinstance(dead, Dead)
    assert dead.reason.endswith("(1 more field is wrong)")


def test_a_truncated_body_still_tells_its_names() -> None:
    """What came before the break is read, so that the sender can be found."""
    dead = decode(body_of(example(MODELS[PAID]))[:-30])
    assert isinstance(dead, Dead)
    assert (dead.field, dead.source, dead.type) == ("body", "urn:example:lender", PAID)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\xfe", b"nothing"])
def test_a_body_without_names_has_no_inbox_key(body: bytes) -> None:
    """Where source and id cannot be read there is nothing to identify it by."""
    dead = decode(body)
    assert isinstance(dead, Dead)
    assert (dead.source, dead.id, dead.type, dead.id_hash) == (None, None, None, None)


def test_a_body_over_the_limit_is_not_kept() -> None:
    """Only its hash, its size and its first 4 KiB are; one byte less is read."""
    event = example(MODELS[PAID])
    event["padding"] = "x" * (LIMIT - len(body_of(event | {"padding": ""})))
    assert len(body_of(event)) == LIMIT
    assert isinstance(decode(body_of(event)), Event)
    body = body_of(event) + b" "
    dead = decode(body)
    assert isinstance(dead, Dead)
    assert (dead.field, dead.body, dead.body_size) == ("body", body[:4096], LIMIT + 1)
    assert dead.payload_hash == sha256(body).digest()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"amount"', b'"amount": "1.00", "amount"', "data.amount"),
        (b'"method"', b'"score": [1.0, {"a": NaN}], "method"', "data.score.1.a"),
        (b'"method"', b'"score": -Infinity, "method"', "data.score"),
        (b'"method"', b'"+86138": 1, "+86138": 2, "method"', "data.?"),
    ],
)
def test_what_readers_of_json_do_not_agree_on(old: bytes, new: bytes, field: str) -> None:
    """A key twice in one object, NaN and Infinity are refused also where nobody reads them; odd keys are not repeated."""
    for event_type in (PAID, "loan.unknown"):
        dead = decode(body_of(example(MODELS[PAID]) | {"type": event_type}).replace(old, new))
        assert isinstance(dead, Dead)
        assert dead.field == field


def test_a_number_too_long_to_read() -> None:
    """Python reads at most 4300 digits; a longer one breaks nothing but its own body."""
    for digits in (4_299, 4_300, 4_301, 20_000):
        body = body_of(example(MODELS[PAID])).replace(b'"method"', b'"score": -' + b"9" * digits + b', "method"')
        assert isinstance(decode(body), Event | Dead)


def test_an_unknown_type_is_ignored_and_kept() -> None:
    """A CloudEvent of another type is no fault, whatever its data; subject and time are optional there."""
    event = {"specversion": "1.0", "id": "1", "source": "urn:x", "type": "loan.sold", "data": [1]}
    body = body_of(event)
    assert decode(body) == Ignored("urn:x", "1", "loan.sold", None, None, body)
    whole = decode(body_of(event | {"subject": "L", "time": "2026-06-01T00:00:00Z"}))
    assert isinstance(whole, Ignored)
    assert (whole.subject, whole.time) == ("L", datetime(2026, 6, 1, tzinfo=UTC))
    assert whole.id_hash == sha256(b"urn:x\x001").digest()
    assert whole.payload_hash == sha256(whole.body).digest()


@pytest.mark.parametrize(
    ("change", "field"), [({"id": 4}, "id"), ({"type": ""}, "type"), ({"type": 5}, "type"), ({"time": "now"}, "time")]
)
def test_an_unknown_type_must_still_be_a_cloud_event(change: dict[str, Any], field: str) -> None:
    """An envelope that is wrong is a dead letter whatever the type."""
    dead = decode(body_of({"specversion": "1.0", "id": "1", "source": "urn:x", "type": "loan.sold"} | change))
    assert isinstance(dead, Dead)
    assert dead.field == field


def test_the_same_payload_otherwise_spelt(outcome_of: Outcome) -> None:
    """White space and the order of keys make no difference; a value does, and so does its type."""
    event = example(MODELS[PAID])
    other = json.dumps(dict(reversed(event.items())), indent=2).encode()
    assert same_payload(body_of(event), other)
    assert same_payload(b"not json", b"not json")
    assert not same_payload(body_of(event), body_of(event | {"id": 1}))
    assert not same_payload(b"not json", b"neither")
    assert not same_payload(b"[" * 100_000, b"[1]")
    assert isinstance(outcome_of(PAID), Event)


def test_a_thousand_malformed_bodies() -> None:
    """Each is a dead letter with its field and its reason."""
    for body in malformed(1000, seed=3):
        dead = decode(body)
        assert isinstance(dead, Dead), body[:500]
        assert dead.field
        assert dead.reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
PATHS = [
    (event_type, field)
    for event_type in MODELS
    for field in ["id", "time", "data", *(f"data.{name}" for name in MODELS[event_type].model_fields)]
]


@given(JSON)
def test_any_json_is_a_dead_letter(value: object) -> None:
    """No JSON value raises, and none passes for an event by chance."""
    assert isinstance(decode(body_of(value)), Dead)  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_dead_letter(body: bytes) -> None:
    """Nothing that can arrive raises."""
    assert isinstance(decode(body), Dead)


@given(st.sampled_from(PATHS), JSON)
def test_any_value_in_any_field(place: tuple[str, str], value: object) -> None:
    """Whatever stands in one field, the outcome is an event or a dead letter that names a field at or below it, or the body."""
    event_type, path = place
    event = json.loads(body_of(example(MODELS[event_type])))
    *above, last = path.split(".")
    (event[above[0]] if above else event)[last] = value
    outcome = decode(body_of(event))
    assert isinstance(outcome, Event | Dead)
    if isinstance(outcome, Dead):
        assert outcome.field.startswith((path, "body", "data"))


@given(st.sampled_from(sorted(MODELS)), st.randoms(use_true_random=False))
def test_the_order_of_fields_does_not_matter(event_type: str, rng: Any) -> None:
    """The same event with its fields in another order gives the same facts."""
    event = example(MODELS[event_type])
    shuffled = body_of(_shuffled(event, rng))
    a, b = decode(body_of(event)), decode(shuffled)
    assert isinstance(a, Event)
    assert isinstance(b, Event)
    assert (a.facts, a.version) == (b.facts, b.version)
    assert same_payload(a.body, b.body)


def _shuffled(value: Any, rng: Any) -> Any:
    if isinstance(value, dict):
        pairs = list(value.items())
        rng.shuffle(pairs)
        return {key: _shuffled(inner, rng) for key, inner in pairs}
    return [_shuffled(inner, rng) for inner in value] if isinstance(value, list) else value


SECRET = "13912345678"


@given(
    st.sampled_from([field for field in PATHS if field[1] != "data"]),
    st.sampled_from(
        [SECRET, int(SECRET), [SECRET], {SECRET: SECRET}, f"{SECRET}\n", float(SECRET), {"party_id": SECRET, "phone": SECRET}]
    ),
)
def test_a_reason_never_says_the_value(place: tuple[str, str], value: object) -> None:
    """Dead letters are read by people: the field and the reason hold no part of what stood there."""
    event_type, path = place
    event = json.loads(body_of(example(MODELS[event_type])))
    *above, last = path.split(".")
    (event[above[0]] if above else event)[last] = value
    outcome = decode(body_of(event))
    if isinstance(outcome, Dead):
        assert SECRET not in outcome.field + outcome.reason
