"""From lines of a scenario to the CloudEvents they stand for; what is required and goes without saying is filled in."""

import json
import re
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, Final, Literal, get_origin

from consumers._decode import MODELS, Dead, decode
from duebell.scenario._file import Happening, LoanGiven, Scenario, checked
from duebell.scenario._yaml import Document, Place
from duebell.simulation import Arrival
from service.zones import in_utc, local_instant, zone

_SOURCE: Final = "urn:scenario"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?([+-]\d\d:\d\d)?")
_DATED: Final = re.compile(r"\d{4}-\d\d-\d\d.*")
_DUE: Final = re.compile(r"(?:(\d+)\) )?(\d{4}-\d\d-\d\d) (\d+(?:\.\d+)?)")
_MONTHLY: Final = re.compile(r"(\d+) x (\d+(?:\.\d+)?) monthly from (\d{4}-\d\d-\d\d)")
_PERSONS: Final = frozenset({"borrower", "payer", "party"})
#: A required instant of this name is the event's own time where it is left out; other instants must be said.
_WHEN_IT_HAPPENED: Final = re.compile(r"(?!expires_at)\w+_at")


@dataclass(slots=True)
class Cast:
    """The people and loans of a scenario, and what has been said of each loan so far."""

    scenario: Scenario
    document: Document
    events: int = 0
    known: set[str] = field(default_factory=set)
    payments: dict[str, list[str]] = field(default_factory=dict)

    def instant(self, moment: datetime) -> datetime:
        """A moment of the file, with the offset of the scenario's zone where it has none of its own."""
        if moment.tzinfo is not None:
            return moment
        return local_instant(moment.date(), moment.time(), self.scenario.zone).astimezone(zone(self.scenario.zone))

    def party(self, name: str, place: Place) -> dict[str, Any]:
        """A person as events name them: the party id is the name they have in the file.

        Raises:
            ScenarioError: nobody has that name.
        """
        people = self.scenario.given.people
        if name not in people:
            raise self.document.wrong(place, f"there is nobody called {name!r}; there are: {', '.join(people)}")
        number = list(people).index(name)
        told = {"phone": f"+86138001380{number:02d}", "locale": "zh-CN", **people[name]}
        return {"party_id": name, **{key: value for key, value in told.items() if value is not None}}

    def loan(self, loan_id: str | None, place: Place) -> tuple[str, LoanGiven]:
        """A loan by its id; without one, the only loan there is.

        Raises:
            ScenarioError: there is no such loan, or it is not clear which is meant.
        """
        loans = self.scenario.loans()
        if loan_id is None and len(loans) > 1:
            raise self.document.wrong(place, f"say which loan: {', '.join(loans)}")
        chosen = loan_id or next(iter(loans))
        if chosen not in loans:
            raise self.document.wrong((*place, "loan"), f"there is no loan {chosen!r}; there are: {', '.join(loans)}")
        return chosen, loans[chosen]


def arrivals_of(scenario: Scenario, document: Document) -> list[Arrival]:
    """Every delivery of every event that the scenario tells of.

    Raises:
        ScenarioError: a line is wrong, or its event breaks the contract without saying so.
    """
    cast = Cast(scenario, document)
    told = [*_disbursements(cast), *_happenings(cast)]
    return [
        arrival for one, place in sorted(told, key=lambda pair: in_utc(pair[0].at)) for arrival in _arrivals(cast, one, place)
    ]


def _disbursements(cast: Cast) -> Iterator[tuple[Happening, Place]]:
    for loan_id, loan in cast.scenario.loans().items():
        if loan.disbursed is None:
            continue
        place: Place = ("given", "loans", loan_id) if cast.scenario.given.loans else ("given", "loan")
        said = {
            "at": loan.disbursed.isoformat(" ", "minutes"), "type": "loan.disbursed", "loan": loan_id, "backfill": loan.backfill,
            "arrives": loan.arrives and loan.arrives.isoformat(" ", "minutes"),
            "amount": loan.amount, "instalments": list(loan.instalments), "account_last4": loan.account,
            "repayment": {"method": loan.method, "account_last4": loan.account}, "product": loan.product,
        }  # fmt: skip
        happening = checked(Happening, {key: value for key, value in said.items() if value is not None}, place, cast.document)
        yield happening.model_copy(update={"at": cast.instant(happening.at)}), place


def _happenings(cast: Cast) -> Iterator[tuple[Happening, Place]]:
    for i, said in enumerate(cast.scenario.when):
        if "do" not in said:
            happening = checked(Happening, said, ("when", i), cast.document)
            yield happening.model_copy(update={"at": cast.instant(happening.at)}), ("when", i)


def _arrivals(cast: Cast, one: Happening, place: Place) -> Iterator[Arrival]:
    """The event as it arrives: once, or a second time."""
    cast.events += 1
    body = json.dumps(_event(cast, one, place), ensure_ascii=False).encode()
    message = decode(body)
    _see_that_it_is_taken(cast, message, one, place)
    first = one.at if one.arrives is None else cast.instant(one.arrives)
    for at in (first, *([cast.instant(one.again)] if one.again else [])):
        yield Arrival(in_utc(at), cast.document.line(place), message)


def _see_that_it_is_taken(cast: Cast, message: Any, one: Happening, place: Place) -> None:
    field_, reason = (message.field, message.reason) if isinstance(message, Dead) else (None, "it keeps the contract")
    if field_ == one.refused:
        return
    if one.refused:
        raise cast.document.wrong(
            (*place, "refused"), f"the event is not refused for this: {reason if field_ is None else f'{field_}: {reason}'}"
        )
    steps = [int(step) if step.isdigit() else step for step in (field_ or "").removeprefix("data.").split(".")]
    raise cast.document.wrong((*place, *steps), reason)


def _event(cast: Cast, one: Happening, place: Place) -> dict[str, Any]:
    """The whole CloudEvent of a line."""
    model = MODELS.get(one.type)
    if model is None:
        near = get_close_matches(one.type, MODELS, 1)
        raise cast.document.wrong(
            (*place, "type"), f"no event is called {one.type!r}" + (f"; is it {near[0]}?" if near else "")
        )
    data = {key.removeprefix("data."): value for key, value in (one.model_extra or {}).items()}
    if one.type.startswith("party."):
        subject = one.person or next(iter(cast.scenario.given.people))
        data = _party_data(cast, model, data, subject, place)
    else:
        subject, loan = cast.loan(one.loan, place)
        data = _loan_data(cast, one, data, (subject, loan), place)
    written = _written(cast, data, place)
    event = {
        "specversion": "1.0", "id": one.id or f"e-{cast.events}", "source": _SOURCE, "type": one.type, "subject": subject,
        "time": one.at.isoformat(), "datacontenttype": "application/json", "data": _filled(model, written, one.at),
    }  # fmt: skip
    return event | ({"duebellmode": "backfill"} if one.backfill else {})


def _party_data(cast: Cast, model: Any, data: dict[str, Any], subject: str, place: Place) -> dict[str, Any]:
    if "party_id" in model.model_fields:
        return {"party_id": subject, **data}
    cast.party(subject, place)
    return {"party": {"party_id": subject, **data}}


def _loan_data(cast: Cast, one: Happening, data: dict[str, Any], loan: tuple[str, LoanGiven], place: Place) -> dict[str, Any]:
    """What every event of a loan says, and the borrower in its first one."""
    loan_id, given = loan
    told: dict[str, Any] = {"loan_id": loan_id, "currency": given.currency, "timezone": given.timezone}
    if loan_id not in cast.known:
        told["borrower"] = given.borrower or next(iter(cast.scenario.given.people))
        cast.known.add(loan_id)
    if "instalments" in data:
        data["instalments"] = _schedule(cast, data["instalments"], (*place, "instalments"))
    if one.type == "loan.disbursed" and "amount" not in data:
        data["amount"] = str(sum(Decimal(due["amount"]) for due in data["instalments"]))
    model = MODELS[one.type]
    if "payment_id" in model.model_fields and "payment_id" not in data:
        told["payment_id"] = _payment_id(cast, loan_id, is_new=one.type == "loan.repayment.received")
    if one.type == "loan.repayment.received":
        told["method"] = given.method
    return {key: value for key, value in {**told, **data}.items() if value is not None}


def _payment_id(cast: Cast, loan_id: str, *, is_new: bool) -> str:
    """A payment that is not named is a new one; whatever else speaks of a payment speaks of the last one."""
    ids = cast.payments.setdefault(loan_id, [])
    if is_new or not ids:
        ids.append(f"PAY-{loan_id}-{len(ids) + 1}")
    return ids[-1]


def _schedule(cast: Cast, said: object, place: Place) -> list[dict[str, Any]]:
    """Instalments in short: `2026-07-03 1000.00`, `2) 2026-08-03 1000.00`, `12 x 1000.00 monthly from 2026-07-03`; or in full."""
    if not isinstance(said, list):
        raise cast.document.wrong(place, "write a list, as [2026-07-03 1000.00, 2026-08-03 1000.00]")
    dues: list[dict[str, Any]] = []
    for i, one in enumerate(said):
        if isinstance(one, dict):
            dues.append(one)
        elif match := _DUE.fullmatch(str(one)):
            no = int(match[1]) if match[1] else _next_no(dues)
            dues.append({"no": no, "due_on": match[2], "amount": match[3]})
        elif match := _MONTHLY.fullmatch(str(one)):
            dues += _monthly(_next_no(dues), int(match[1]), match[2], date.fromisoformat(match[3]))
        else:
            raise cast.document.wrong((*place, i), "write a day and an amount, as 2026-07-03 1000.00")
    return dues


def _next_no(dues: Sequence[Mapping[str, Any]]) -> int:
    return int(dues[-1]["no"]) + 1 if dues else 1


def _monthly(no: int, times: int, amount: str, first: date) -> Iterator[dict[str, Any]]:
    for i in range(times):
        year, month = first.year + (first.month - 1 + i) // 12, (first.month - 1 + i) % 12 + 1
        day = date(year, month, min(first.day, monthrange(year, month)[1]))
        yield {"no": no + i, "due_on": day.isoformat(), "amount": amount}


def _written(cast: Cast, value: Any, place: Place, key: str = "") -> Any:
    """A value as the contract wants it: persons in full, times of the file as instants."""
    if isinstance(value, dict):
        return {name: _written(cast, inner, (*place, name), name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_written(cast, inner, (*place, i)) for i, inner in enumerate(value)]
    if isinstance(value, str) and key in _PERSONS:
        return cast.party(value, place)
    if isinstance(value, str) and _TIME.fullmatch(value):
        return cast.instant(datetime.fromisoformat(value)).isoformat()
    return value


def _filled(model: Any, data: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The data with what is required and goes without saying: ids and words from the example, `…_at` from the line."""
    filled = dict(data)
    for name, field_ in model.model_fields.items():
        if field_.is_required() and name not in data:
            example = model.EXAMPLE.get(name)
            if _WHEN_IT_HAPPENED.fullmatch(name):
                filled[name] = at.isoformat()
            elif isinstance(example, str) and get_origin(field_.annotation) is not Literal and not _is_quantity(example):
                filled[name] = example
    return filled


def _is_quantity(text: str) -> bool:
    """A day, an instant or an amount: these must be said."""
    if _DATED.fullmatch(text):
        return True
    try:
        return "." in text and Decimal(text).is_finite()
    except InvalidOperation:
        return False
