"""What the contract says of a loan, folded by hand from EVENTS.md: an independent and simple answer to "may this be said?"."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.properties.people import Person

Event = dict[str, Any]
#: What opens the time to sign, and what ends it.
_SIGNING = {
    "contract_signing": ("loan.application.approved", "loan.contract.signed", "loan.application.rejected"),
    "agreement_signing": ("loan.negotiation.approved", "loan.negotiation.agreement_signed", "loan.negotiation.rejected"),
}
FRESH = timedelta(minutes=30)


@dataclass(slots=True)
class Instalment:
    """One instalment of a loan or of its plan, with what is known of it; money in cents."""

    due_on: date
    amount: int
    set_at: tuple[str, str]
    request_id: str | None = None
    replaced_at: tuple[str, str] | None = None
    paid: int = 0
    is_open: bool = False

    @property
    def left(self) -> int:
        """What is still to be paid."""
        return max(self.amount - self.paid, 0)


def place(event: Event) -> tuple[str, str]:
    """Where an event stands among all: by its time, then its id (all have one source)."""
    return event["time"], event["id"]


def minor(amount: str) -> int:
    """An amount in cents."""
    return round(float(amount) * 100)


class Loan:
    """A loan as these events leave it, whatever their order. Instalments by kind and number."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = sorted(events, key=place)
        self.instalments: dict[tuple[str, str], Instalment] = {}
        for event in self.events:
            if event["type"] in {"loan.disbursed", "loan.schedule.replaced"}:
                self._schedule(event)
            elif event["type"] == "loan.negotiation.agreement_signed":
                self._agree(event)
            elif event["type"] == "loan.negotiation.broken":
                self._break(event)
        self._pay()
        self.ended = self._ended()
        for each in self.instalments.values():
            over = self.ended is not None and self.ended > each.set_at
            each.is_open = each.replaced_at is None and each.left > 0 and not over

    @property
    def has_plans(self) -> bool:
        """Whether anything was negotiated."""
        return bool(self._of("loan.negotiation.agreement_signed"))

    def _of(self, *types: str) -> list[Event]:
        return [event for event in self.events if event["type"] in types]

    def _schedule(self, event: Event) -> None:
        """Names open or move; with a new schedule the others close."""
        named = self._open("instalment", event)
        if event["type"] == "loan.schedule.replaced":
            self._end(event, [each for key, each in self.instalments.items() if key not in named and key[0] == "instalment"])

    def _agree(self, event: Event) -> None:
        """A plan stands in place of all that was due."""
        named = self._open("plan_instalment", event)
        self._end(event, [each for key, each in self.instalments.items() if key not in named])

    def _break(self, event: Event) -> None:
        """The plan of a request is over."""
        request = event["data"]["request_id"]
        self._end(event, [each for each in self.instalments.values() if each.request_id == request])

    def _open(self, kind: str, event: Event) -> set[tuple[str, str]]:
        named = {(kind, str(line["no"])): line for line in event["data"]["instalments"]}
        for key, line in named.items():
            due_on, request = date.fromisoformat(line["due_on"]), event["data"].get("request_id")
            self.instalments[key] = Instalment(due_on, minor(line["amount"]), place(event), request)
        return set(named)

    def _end(self, event: Event, over: Iterable[Instalment]) -> None:
        for each in over:
            each.replaced_at = each.replaced_at or place(event)

    def payments(self) -> list[Event]:
        """The payments that were not taken back."""
        taken_back = {event["data"]["payment_id"] for event in self._of("loan.repayment.reversed")}
        return [event for event in self._of("loan.repayment.received") if event["data"]["payment_id"] not in taken_back]

    def _pay(self) -> None:
        """Money goes to the instalment it names, else to the oldest that was open then."""
        for event in self.payments():
            said, money = event["data"], minor(event["data"]["amount"])
            for line in said.get("covers", ()):
                for each in self._meant(line["no"], event["time"]):
                    each.paid += minor(line["amount"])
            if "covers" in said:
                continue
            for each in self._meant(said.get("instalment_no"), event["time"]):
                part = min(money, each.left)
                each.paid += part
                money -= part

    def _meant(self, no: int | None, at: str) -> list[Instalment]:
        """What money of a moment is for: under a plan what stood then, else the loan's own."""
        lasted = {key: each for key, each in self.instalments.items() if each.replaced_at is None or at < each.replaced_at[0]}
        if self._has_plan(at):
            stood = {key: each for key, each in lasted.items() if each.set_at[0] <= at}
            if no is not None:
                return sorted((each for key, each in stood.items() if key[1] == str(no)), key=lambda each: each.set_at)[-1:]
        elif no is not None:
            return [each for key, each in self.instalments.items() if key == ("instalment", str(no))]
        else:
            stood = {key: each for key, each in lasted.items() if key[0] == "instalment"}
        return [each for _, each in sorted(stood.items(), key=lambda found: (found[1].due_on, found[0][1]))]

    def _has_plan(self, at: str) -> bool:
        """Whether the newest plan agreed by then had not been broken by then."""
        agreed = [event for event in self._of("loan.negotiation.agreement_signed") if event["time"] <= at]
        broken = [event for event in self._of("loan.negotiation.broken") if event["time"] <= at]
        same = agreed and agreed[-1]["data"]["request_id"]
        return bool(agreed) and not any(
            place(event) > place(agreed[-1]) and event["data"]["request_id"] == same for event in broken
        )

    def signing(self, kind: str) -> str | None:
        """Until when a contract or an agreement is to be signed, if it still is."""
        opens, *closes = _SIGNING[kind]
        offers, ends = self._of(opens), self._of(*closes)
        places = [*(place(event) for event in ends), *filter(None, [self.ended])]
        is_over = not offers or any(each > place(offers[-1]) for each in places)
        return None if is_over else str(offers[-1]["data"]["sign_by"])

    def _ended(self) -> tuple[str, str] | None:
        """When the whole loan ended."""
        return max([*self._settled(), *(place(e) for e in self._of("loan.written_off"))], default=None)

    def _settled(self) -> list[tuple[str, str]]:
        """When it was settled, unless money was taken back after that."""
        paid = {event["data"]["payment_id"] for event in self._of("loan.repayment.received")}
        back = [place(e) for e in self._of("loan.repayment.reversed") if e["data"]["payment_id"] in paid]
        return [place(e) for e in self._of("loan.settled") if place(e) > max(back, default=("", ""))]

    def days_past_due(self, at: str) -> int:
        """Of the oldest instalment that was there and not paid at a time (of an event, in the loan's zone)."""
        paid = Loan(e for e in self.events if e["type"] != "loan.repayment.received" or e["time"] <= at)
        late = [
            (date.fromisoformat(at[:10]) - each.due_on).days
            for (_, ref), each in paid.instalments.items()
            if each.left and not self._was_over(ref, each, at)
        ]
        return max([0, *late])

    def _was_over(self, ref: str, instalment: Instalment, at: str) -> bool:
        """Whether an instalment had been replaced, settled or cured by a time; a write-off ends no debt."""
        stated = [place(e) for e in self._of("loan.overdue.entered") if str(e["data"]["instalment_no"]) == ref]
        cured = [place(e) for e in self._of("loan.overdue.cured") if instalment.due_on.isoformat() < e["time"][:10]]
        ends = [
            *filter(None, [instalment.replaced_at]),
            *(each for each in self._settled() if each > instalment.set_at),
            *(each for each in cured[-1:] if each > max(stated, default=("", ""))),
        ]
        return any(time <= at for time, _ in ends)

    def silent(self, purpose: str, at: datetime, person: Person) -> bool:
        """Whether a pause or a promise forbids to ask for instalments at an instant."""
        return self.is_paused(purpose, at) or (
            purpose == "collection" and any(self._promised(event, at, person) for event in self._of("loan.promise_to_pay.made"))
        )

    def is_paused(self, purpose: str, at: datetime) -> bool:
        """Whether a pause forbids this purpose at an instant."""
        return any(self._forbids(event, purpose, at) for event in self._of("loan.collection.paused"))

    def _forbids(self, event: Event, purpose: str, at: datetime) -> bool:
        reason = event["data"]["reason"]
        if purpose != "collection" and not (purpose in {"reminder", "visit"} and reason in {"deceased", "bankruptcy"}):
            return False
        ends = [
            datetime.fromisoformat(other["time"])
            for other in self._of("loan.collection.resumed")
            if place(other) > place(event) and other["data"].get("reason") in {None, reason}
        ]
        if until := event["data"].get("until"):
            ends.append(datetime.fromisoformat(until))
        return datetime.fromisoformat(event["time"]) <= at < min(ends, default=at + timedelta(days=1))

    def _promised(self, event: Event, at: datetime, person: Person) -> bool:
        last = date.fromisoformat(event["data"]["pay_by"]) + timedelta(days=1)
        return datetime.fromisoformat(event["time"]) <= at and person.local(at).date() <= last
