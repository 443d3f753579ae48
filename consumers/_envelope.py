"""The CloudEvents 1.0 envelope, and what every event's data has in common.

A new event is one subclass of LoanData (or EventData) in its process file: its type, an example, its fields, its reaction.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import StringConstraints

from consumers._fields import ContractError, Currency, Id, Instant, Words, ZoneName, money
from consumers._parts import Part, Party, RepaymentMethod
from service.facts import Fact, LoanFact, Version
from service.money import Money

#: In any case; written out, because the pattern is published and not every reader of JSON Schema knows flags.
_JSON = "^" + "".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in "application/json") + r"(?:\s*;.*)?$"


class CloudEvent(Part):
    """What makes any message a CloudEvent, of whatever type."""

    specversion: Literal["1.0"]
    id: Id
    source: Id
    type: Id
    subject: Id | None = None
    time: Instant | None = None


class Envelope(CloudEvent):
    """An event of a type that a process file knows."""

    subject: Id
    time: Instant
    datacontenttype: Annotated[str, StringConstraints(pattern=_JSON)] | None = None
    duebellmode: Literal["backfill"] | None = None
    arrivesat: Instant | None = None
    data: "EventData"


class Heading(NamedTuple):
    """What a reaction may know of the envelope."""

    subject: str
    time: datetime
    version: Version  #: the event's place among all events


class EventData(Part):
    """The `data` of an event.

    Attributes:
        TYPE: the CloudEvents type, which is also the routing key.
        EXAMPLE: valid data, for documentation, tests and `duebell publish`.
        SECRET: the fields that are not stored once the event is absorbed, and shown to nobody.
    """

    TYPE: ClassVar[str]
    EXAMPLE: ClassVar[dict[str, Any]]
    SECRET: ClassVar[tuple[str, ...]] = ()

    def about(self, event: Heading) -> Iterator[Fact]:  # noqa: ARG002 - of the families, LoanData has something to say
        """The facts that every event of this family gives.

        Raises:
            ContractError: the data speak of something else than the subject.
        """
        return iter(())

    def facts(self, event: Heading) -> Iterator[Fact]:
        """The reaction: what this event establishes beyond that.

        Raises:
            ContractError: the event contradicts itself.
        """
        raise NotImplementedError


class LoanData(EventData):
    """The data of a loan.* event."""

    loan_id: Id
    borrower: Party | None = None
    product: Words | None = None
    currency: Currency | None = None
    timezone: ZoneName | None = None

    def money(self, amount: str, field: str, *, zero: bool = False) -> Money:
        """An amount of this event, in its currency; `field` is its path below data."""
        return money(amount, self.currency or "CNY", f"data.{field}", zero=zero)

    def about(self, event: Heading) -> Iterator[Fact]:
        """The borrower, and what is said about the loan."""
        if self.loan_id != event.subject:
            raise ContractError("data.loan_id", "write the same id in subject and in data.loan_id; they differ")
        if self.borrower is not None:
            yield self.borrower.fact(event.version, "data.borrower")
        yield self.loan(event.version)

    def loan(self, version: Version) -> LoanFact:
        """What the event says about the loan itself."""
        borrower_id = None if self.borrower is None else self.borrower.party_id
        return LoanFact(version, self.loan_id, self.product, self.currency, self.timezone, borrower_id)


class RepaidData(LoanData):
    """The data of an event that says how the loan is repaid."""

    repayment: RepaymentMethod

    def loan(self, version: Version) -> LoanFact:
        """As for every loan, and the repayment method with the account it debits."""
        said = super().loan(version)
        how = self.repayment
        return LoanFact(
            version, said.loan_id, said.product, said.currency, said.timezone, said.borrower_id, how.method, how.account_last4
        )


def example(data: type[EventData]) -> dict[str, Any]:
    """A whole valid event of a type."""
    said = data.EXAMPLE
    return {
        "specversion": "1.0",
        "id": f"example-{data.TYPE}",
        "source": "urn:example:lender",
        "type": data.TYPE,
        "subject": said.get("loan_id") or said.get("party_id") or said["party"]["party_id"],
        "time": "2026-06-01T10:00:00+08:00",
        "datacontenttype": "application/json",
        "data": said,
    }
