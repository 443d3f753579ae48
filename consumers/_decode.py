"""Decodes a message body: one pass over the JSON, then the reaction of its type. Only what fails is looked at twice."""

from collections.abc import Callable
from functools import reduce
from hashlib import sha256
from operator import attrgetter, or_
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, create_model

from consumers._catalogue import models, process_files
from consumers._envelope import CloudEvent, Envelope, EventData, Heading, LoanData
from consumers._fields import ContractError
from consumers._refusals import WHOLE, Refused, names_in, not_plain, refusal
from service.events import Dead, Decoded, Event, Ignored, same_payload
from service.facts import (
    ConsentStated,
    DeadlineOpened,
    Fact,
    NoticeGiven,
    PartyErased,
    PartyFact,
    PaymentReceived,
    version_of,
)

__all__ = ["LIMIT", "MESSAGES", "MODELS", "Dead", "Decoded", "Event", "Ignored", "decode", "same_payload"]

LIMIT = 256 * 1024  #: bytes; what is longer is not read
_HEAD = 4 * 1024  #: what is kept of a body over the limit

MODELS = models(process_files())  #: event type → model of its data
#: Errors of the union itself: no model was tried.
_UNTAGGED = frozenset({"union_tag_invalid", "union_tag_not_found", "model_attributes_type", "json_invalid"})


def _message(data: type[EventData]) -> type[Envelope]:
    """The whole message of one event type."""
    fields: dict[str, Any] = {"type": (Literal[data.TYPE], ...), "data": (data, ...)}
    return create_model(f"{data.__name__}Message", __base__=Envelope, __doc__=data.__doc__, **fields)


MESSAGES = {type_: _message(data) for type_, data in MODELS.items()}  #: event type → model of the whole message
_ANY: Any = reduce(or_, MESSAGES.values())
_KNOWN: TypeAdapter[Envelope] = TypeAdapter(Annotated[_ANY, Field(discriminator="type")])


def decode(body: bytes) -> Decoded:
    """What a message body says. Never raises for anything a body can hold."""
    if len(body) > LIMIT:
        return _dead(body, Refused(WHOLE, f"send at most {LIMIT // 1024} KiB; this has {len(body)} bytes"))
    try:
        message = _KNOWN.validate_json(body)
        wrong = not_plain(body)
        return _dead(body, wrong) if wrong else _event(message, body)
    except ValidationError as error:
        return _not_known(body, error)
    except ContractError as error:
        return _dead(body, Refused(error.field, error.reason))


def _event(message: Envelope, body: bytes) -> Event:
    data = message.data
    heading = Heading(message.subject, message.time, version_of(message.time, message.source, message.id))
    facts = (*data.about(heading), *data.facts(heading))
    return Event(
        source=message.source,
        id=message.id,
        type=message.type,
        subject=message.subject,
        time=message.time,
        version=heading.version,
        loan_id=message.subject if isinstance(data, LoanData) else None,
        party_ids=_parties(facts),
        mode_backfill=message.duebellmode is not None,
        arrives_at=message.arrivesat,
        facts=facts,
        body=body,
        secret=data.SECRET,
    )


#: Where a fact names a person.
_PERSON: dict[type, Callable[[Any], str | None]] = {
    PartyFact: attrgetter("party_id"),
    ConsentStated: attrgetter("party_id"),
    PartyErased: attrgetter("party_id"),
    NoticeGiven: attrgetter("party_id"),
    PaymentReceived: attrgetter("payer_id"),
    DeadlineOpened: attrgetter("payer_id"),
}


def _parties(facts: tuple[Fact, ...]) -> tuple[str, ...]:
    """Everyone the facts name, once, in their order."""
    named = dict.fromkeys(_PERSON[type(fact)](fact) for fact in facts if type(fact) in _PERSON)
    return tuple(party for party in named if party is not None)


def _not_known(body: bytes, error: ValidationError) -> Ignored | Dead:
    """A body that none of our models took: of an unknown type, or wrong."""
    if error.errors(include_url=False, include_context=False, include_input=False)[0]["type"] not in _UNTAGGED:
        return _dead(body, refusal(error, tagged=True))
    try:
        other = CloudEvent.model_validate_json(body)
    except ValidationError as envelope:
        return _dead(body, refusal(envelope, tagged=False))
    if wrong := not_plain(body):
        return _dead(body, wrong)
    return Ignored(other.source, other.id, other.type, other.subject, other.time, body)


def _dead(body: bytes, refused: Refused) -> Dead:
    over = len(body) > LIMIT
    source, event_id, event_type = (None, None, None) if over else names_in(body)
    return Dead(*refused, source, event_id, event_type, body[:_HEAD] if over else body, len(body), sha256(body).digest())
