"""The data of each status event as a model: what upstream may rely on. The published schemas are made from them."""

from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from service.facts import Role
from service.notices import Purpose, State

#: States of a notice that upstream is told of; the others are ours alone (service/ledger/outbox.py).
TOLD_STATES: Final = tuple(state for state in State if state not in {State.PLANNED, State.SENDING})


class StatusData(BaseModel):
    """What every status event says; later versions may say more."""

    model_config = ConfigDict(extra="allow", frozen=True)

    at: AwareDatetime = Field(description="when it came to be, UTC")


class NoticeStatus(StatusData):
    """A notice has come to a state."""

    key: str = Field(description="the notice's permanent key")
    loan_id: str | None = None
    template: str = Field(description="which text")
    channel: str
    purpose: Purpose
    party_id: str | None = Field(None, description="whom it is for; the loan's borrower where the notice names nobody")
    to_role: Role
    state: State
    reason: str | None = Field(
        None, description="why, in one word, which `duebell timeline` spells out; later versions may add words"
    )
    caused_by: str | None = Field(None, description="the id of the event that called for it; none: a reminder")
    seq: int = Field(ge=1, description="rises with each step of the notice")


class PartyOptedOut(StatusData):
    """A number asked by text not to be told of these purposes any more."""

    party_ids: list[str] = Field(description="everybody whose number it is")
    purposes: list[Purpose]


class PartyOptedIn(StatusData):
    """A number that had opted out by text has taken that back, for these purposes."""

    party_ids: list[str] = Field(description="everybody whose number it is")
    purposes: list[Purpose]


class OperationAnswered(StatusData):
    """An operation that was to be confirmed by text has its answer; expired: none came in time."""

    loan_id: str
    operation_id: str
    answer: Literal["confirmed", "declined", "expired"]


class AlertRaised(StatusData):
    """Something that people who operate the service must look at; what belongs to it stands beside its name."""

    alert: str = Field(description="which one, as duplicate_mismatch or sender_trouble")


class StatusEvent(BaseModel):
    """The CloudEvents 1.0 envelope of what goes back upstream."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"]
    id: str = Field(pattern=r"^duebell:[0-9]+$", description="the same for a repeated delivery: deduplicate by it")
    source: Literal["duebell"]
    type: str
    subject: str | None = Field(None, description="the loan's id, where there is one")
    time: AwareDatetime
    datacontenttype: Literal["application/json"]
    data: StatusData


def _status_event(type_: str, data: type[StatusData]) -> type[StatusEvent]:
    """The whole message of one type of status event."""
    name = "".join(part.title() for part in type_.replace("_", ".").split("."))
    fields: dict[str, Any] = {"type": (Literal[type_], ...), "data": (data, ...)}
    return create_model(f"{name}Message", __base__=StatusEvent, __doc__=data.__doc__, **fields)


def _of_state(state: State) -> type[NoticeStatus]:
    fields: dict[str, Any] = {"state": (Literal[state.value], ...)}
    return create_model(
        f"Notice{state.value.title()}", __base__=NoticeStatus, __doc__=f"A notice has come to the state {state}.", **fields
    )


_DATA: Final[dict[str, type[StatusData]]] = {
    **{f"notice.{state}": _of_state(state) for state in TOLD_STATES},
    "party.opted_out": PartyOptedOut,
    "party.opted_in": PartyOptedIn,
    "operation.answered": OperationAnswered,
    "alert.raised": AlertRaised,
}
#: Status event type, which is also the routing key → its whole message.
STATUS_MESSAGES: Final = {type_: _status_event(type_, data) for type_, data in _DATA.items()}

_AT: Final = "2026-07-03T01:00:00Z"
_NOTICE_EXAMPLE: Final[dict[str, Any]] = {
    "key": "stage:L-1001:instalment:1:2026-07-03:due_today:borrower",
    "loan_id": "L-1001",
    "template": "repayment_due_today",
    "channel": "sms",
    "purpose": "reminder",
    "party_id": "P-1001",
    "to_role": "borrower",
    "caused_by": None,
    "seq": 2,
    "at": _AT,
}
_REASON_EXAMPLES: Final = {
    State.UNDELIVERED: "rejected", State.FAILED: "rejected", State.UNKNOWN: "timeout", State.HELD: "window", State.CANCELLED: "paid",
    State.SUPERSEDED: "later_stage", State.SUPPRESSED: "opted_out", State.EXPIRED: "too_late",
}  # fmt: skip
_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    **{
        f"notice.{state}": {**_NOTICE_EXAMPLE, "state": state.value, "reason": _REASON_EXAMPLES.get(state)}
        for state in TOLD_STATES
    },
    "party.opted_out": {"party_ids": ["P-1001"], "purposes": ["collection", "marketing"], "at": _AT},
    "party.opted_in": {"party_ids": ["P-1001"], "purposes": ["collection", "marketing"], "at": _AT},
    "operation.answered": {"loan_id": "L-1001", "operation_id": "OP-7001", "answer": "confirmed", "at": _AT},
    "alert.raised": {"alert": "sender_trouble", "sender": "webhook", "code": "auth", "at": _AT},
}


def status_example(type_: str) -> dict[str, Any]:
    """A whole status event of a type."""
    data = _EXAMPLES[type_]
    event = {
        "specversion": "1.0",
        "id": "duebell:1",
        "source": "duebell",
        "type": type_,
        "time": _AT,
        "datacontenttype": "application/json",
        "data": data,
    }
    return event | {"subject": data["loan_id"]} if "loan_id" in data else event
