"""What intake takes: an event with its facts, an event of a type unknown here, or a dead letter."""

import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from service.facts import Fact, Version
from service.secret import MARK

PARTIES_NAMED: Final = 2  #: people an event can name: a borrower and a payer


def id_hash_of(source: str, event_id: str) -> bytes:
    """What identifies an event for ever: SHA-256 over source, NUL, id (neither can hold a NUL)."""
    return sha256(f"{source}\0{event_id}".encode()).digest()


@dataclass(frozen=True, slots=True)
class _Identified:
    """What is worked out once of a message's source, id and body.

    Attributes:
        id_hash: the inbox key, 32 bytes.
        payload_hash: SHA-256 of the body as it came; where it differs for one id, ask `same_payload`.
    """

    id_hash: bytes = dataclasses.field(init=False, repr=False)
    payload_hash: bytes = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        said: Any = self
        object.__setattr__(self, "id_hash", id_hash_of(said.source, said.id))
        object.__setattr__(self, "payload_hash", sha256(said.body).digest())


@dataclass(frozen=True, slots=True)
class Event(_Identified):
    """An event that keeps the contract, with what it establishes.

    Attributes:
        time: when it happened upstream, aware.
        loan_id: None for party.* events.
        party_ids: the people it speaks of, for erasure.
        mode_backfill: give facts only, no notices for what is past.
        arrives_at: the moment it arrives in a simulation, if later than its time.
        body: as it came; what is stored until it is absorbed.
        secret: fields of `data` that are not stored any longer than that.
    """

    source: str
    id: str
    type: str
    subject: str
    time: datetime
    version: Version
    loan_id: str | None
    party_ids: tuple[str, ...]
    mode_backfill: bool
    arrives_at: datetime | None
    facts: tuple[Fact, ...] = dataclasses.field(repr=False)
    body: bytes = dataclasses.field(repr=False)
    secret: tuple[str, ...] = ()

    @property
    def kept(self) -> bytes:
        """What is stored of the body once it is absorbed."""
        return without(self.body, self.secret) if self.secret else self.body


@dataclass(frozen=True, slots=True)
class Ignored(_Identified):
    """A valid CloudEvent of a type that no process file knows; kept, so that a newer version can absorb it."""

    source: str
    id: str
    type: str
    subject: str | None
    time: datetime | None
    body: bytes = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True)
class Dead:
    """A body that breaks the contract.

    Attributes:
        field: path of the first field that is wrong, as data.instalments.0.amount; `body` where the whole is.
        reason: what to write instead, and the shape of what stood there; never the value itself.
        source, id, type: as far as they could be read.
        body: as it came; only its first 4 KiB where it was over the limit.
        body_size: of the whole, in bytes.
        payload_hash: SHA-256 of the whole.
    """

    field: str
    reason: str
    source: str | None
    id: str | None
    type: str | None
    body: bytes = dataclasses.field(repr=False)
    body_size: int
    payload_hash: bytes

    @property
    def id_hash(self) -> bytes | None:
        """The inbox key, where source and id could be read."""
        return None if self.source is None or self.id is None else id_hash_of(self.source, self.id)


Decoded = Event | Ignored | Dead


def same_payload(a: bytes, b: bytes) -> bool:
    """Whether two bodies say the same, whatever their white space and the order of their keys."""
    return a == b or _canonical(a) == _canonical(b)


def without(body: bytes, fields: Collection[str]) -> bytes:
    """A body with a mark in place of these fields of its data; of one that cannot be read nothing but the mark."""
    try:
        whole = json.loads(body)
        data = whole["data"]
        whole["data"] = {name: MARK if name in fields and value is not None else value for name, value in data.items()}
        return json.dumps(whole, ensure_ascii=False).encode()
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return MARK.encode()


def _canonical(body: bytes) -> str | bytes:
    """JSON with sorted keys; a body that is not JSON stands for itself."""
    try:
        return json.dumps(json.loads(body), sort_keys=True)
    except (ValueError, RecursionError):
        return body
