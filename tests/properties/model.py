"""What the contract says of a loan, folded by hand from EVENTS.md: an independent and simple answer to "may this be said?"."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.properties.people import Person

Event = dict[str, Any]
FRESH = timedelta(minutes=30)
CAPPED = {"reminder", "collection", "payer", "visit"}
DAILY_CAP = 5


@dataclass(slots=True)
class Instalment:
    """One instalment, with what is known of it; money in cents."""

    due_on: date
    amount: int
    set_at: tuple[str, str]
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
    """A loan as these events leave it, whatever their order."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = sorted(events, key=place)
        self.instalments: dict[str, Instalment] = {}
        for event in self.events:
            if event["type"] in {"loan.disbursed", "loan.schedule.replaced"}:
                self._schedule(event)
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
        named = {str(line["no"]): line for line in event["data"]["instalments"]}
        for no, line in named.items():
            self.instalments[no] = Instalment(date.fromisoformat(line["due_on"]), minor(line["amount"]), place(event))
        if event["type"] == "loan.schedule.replaced":
            for no, each in self.instalments.items():
                if no not in named and each.replaced_at is None:
                    each.replaced_at = place(event)

    def payments(self) -> list[Event]:
        """The payments that were not taken back."""
        taken_back = {event["data"]["payment_id"] for event in self._of("loan.repayment.reversed")}
        return [event for event in self._of("loan.repayment.received") if event["data"]["payment_id"] not in taken_back]

    def _pay(self) -> None:
        """Money goes to the instalment it names, else to the oldest that was open then."""
        for event in self.payments():
            said, money = event["data"], minor(event["data"]["amount"])
            if "instalment_no" in said:
                targets = [self.instalments[no] for no in [str(said["instalment_no"])] if no in self.instalments]
            else:
                then = [
                    (each.due_on, no, each)
                    for no, each in self.instalments.items()
                    if each.replaced_at is None or event["time"] < each.replaced_at[0]
                ]
                targets = [each for _, _, each in sorted(then, key=lambda found: found[:2])]
            for each in targets:
                part = min(money, each.left)
                each.paid += part
                money -= part

    def _ended(self) -> tuple[str, str] | None:
        """When the whole loan ended, unless money was taken back after a settlement."""
        paid = {event["data"]["payment_id"] for event in self._of("loan.repayment.received")}
        back = [place(e) for e in self._of("loan.repayment.reversed") if e["data"]["payment_id"] in paid]
        settled = [place(e) for e in self._of("loan.settled") if place(e) > max(back, default=("", ""))]
        return max([*settled, *(place(e) for e in self._of("loan.written_off"))], default=None)

    def silent(self, purpose: str, at: datetime, person: Person) -> bool:
        """Whether a pause or a promise forbids this purpose at an instant."""
        return any(self._forbids(event, purpose, at) for event in self._of("loan.collection.paused")) or (
            purpose == "collection" and any(self._promised(event, at, person) for event in self._of("loan.promise_to_pay.made"))
        )

    def _forbids(self, event: Event, purpose: str, at: datetime) -> bool:
        reason = event["data"]["reason"]
        if purpose != "collection" and not (purpose in {"reminder", "visit"} and reason in {"deceased", "bankruptcy"}):
            return False
        ends = [
            datetime.fromisoformat(other["time"])
            for other in self._of("loan.collection.resumed")
            if place(other) > place(event) and other["data"].get("reason") in {None, reason}
        ]
        return datetime.fromisoformat(event["time"]) <= at < min(ends, default=at + timedelta(days=1))

    def _promised(self, event: Event, at: datetime, person: Person) -> bool:
        last = date.fromisoformat(event["data"]["pay_by"]) + timedelta(days=1)
        return datetime.fromisoformat(event["time"]) <= at and person.local(at).date() <= last
