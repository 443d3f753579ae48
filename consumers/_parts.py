"""The parts that several events share: a person, an instalment, a way to repay."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from consumers._fields import (
    Amount,
    ContractError,
    Day,
    Email,
    Id,
    Jurisdiction,
    Last4,
    Locale,
    Number,
    Phone,
    Region,
    Words,
    ZoneName,
    money,
)
from service.facts import DeadlineOpened, Kind, PartyFact, Version
from service.money import Money
from service.phones import PhoneError, normalise


class Part(BaseModel):
    """Strict about what it knows, indifferent to what it does not: unknown fields stay in the body."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


class Party(Part):
    """A person; a field left out changes nothing."""

    party_id: Id
    name: Words | None = None
    phone: Phone | None = None
    region: Region | None = None  #: of a national phone number
    email: Email | None = None
    locale: Locale | None = None
    timezone: ZoneName | None = None
    jurisdiction: Jurisdiction | None = None

    def fact(self, version: Version, field: str) -> PartyFact:
        """What the event says about this person; `field` is where it says so.

        Raises:
            ContractError: nobody could dial the phone number.
        """
        phone = self.phone
        if phone is not None:
            try:
                phone = normalise(phone, self.region)
            except PhoneError as error:
                raise ContractError(f"{field}.phone", f"{error}; this is a string of {len(phone)} characters") from error
        return PartyFact(version, self.party_id, self.name, phone, self.email, self.locale, self.timezone, self.jurisdiction)


class RepaymentMethod(Part):
    """How the borrower repays."""

    method: Literal["auto_debit", "manual"]
    account_last4: Last4 | None = None


class Instalment(Part):
    """One line of a schedule."""

    no: Number
    due_on: Day
    amount: Amount


Schedule = Annotated[list[Instalment], Field(min_length=1, max_length=1200)]  #: a hundred years of months


def refuse_doubles(numbers: Sequence[int | str], field: str, name: str = "no", what: str = "instalment") -> None:
    """Each number of a list may be there once; `name`: its field, `what`: whose it is.

    Raises:
        ContractError: names the second one.
    """
    seen: set[int | str] = set()
    for i, number in enumerate(numbers):
        if number in seen:
            raise ContractError(f"{field}.{i}.{name}", f"write each {what} number once; this one stands in the list twice")
        seen.add(number)


def opened(
    version: Version,
    loan_id: str,
    schedule: Sequence[Instalment],
    currency: str,
    *,
    kind: Kind = Kind.INSTALMENT,
    request_id: str | None = None,
) -> list[DeadlineOpened]:
    """The deadlines of a schedule, in its order; a plan's belong to the request it was negotiated in.

    Raises:
        ContractError: a number twice, or an amount that the currency cannot have.
    """
    refuse_doubles([one.no for one in schedule], "data.instalments")
    return [
        DeadlineOpened(
            version,
            loan_id,
            kind,
            str(one.no),
            one.due_on,
            amount=money(one.amount, currency, f"data.instalments.{i}.amount"),
            request_id=request_id,
        )
        for i, one in enumerate(schedule)
    ]


def first_values(schedule: Sequence[Instalment], deadlines: Sequence[DeadlineOpened]) -> dict[str, object]:
    """What a text says of a whole schedule: how many there are, and the earliest."""
    first = min(range(len(schedule)), key=lambda i: (schedule[i].due_on, schedule[i].no))
    return {
        "instalment_count": len(schedule),
        "first_due_on": schedule[first].due_on,
        "first_amount": deadlines[first].amount,
    }


def last_values(schedule: Sequence[Instalment], deadlines: Sequence[DeadlineOpened]) -> dict[str, object]:
    """What they come to together, and the latest of several."""
    amounts = [deadline.amount for deadline in deadlines if deadline.amount]
    values: dict[str, object] = {"total": Money(sum(amount.minor for amount in amounts), amounts[0].currency)}
    if len(schedule) > 1:
        last = max(range(len(schedule)), key=lambda i: (schedule[i].due_on, schedule[i].no))
        values |= {"last_due_on": schedule[last].due_on, "last_amount": deadlines[last].amount}
    return values
