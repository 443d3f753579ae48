"""What is kept of a loan: a deadline, a payment, a closing. Money in minor units."""

from dataclasses import dataclass
from datetime import date, datetime

from service.facts import Version

DeadlineKey = tuple[str, str]  #: kind, ref


@dataclass(slots=True)
class Deadline:
    """Something due on a loan; a stub (no `set_by`) is only referred to so far."""

    kind: str
    ref: str
    due_on: date | None = None
    due_at: datetime | None = None
    amount: int | None = None
    currency: str | None = None
    set_by: Version | None = None
    closed_by: Version | None = None
    closed_because: str | None = None
    stated: int | None = None
    stated_by: Version | None = None
    stated_dpd: int | None = None
    request_id: str | None = None
    payer_id: str | None = None
    for_ref: str | None = None
    plan_from: datetime | None = None
    # derived
    anchor: str | None = None
    paid: int = 0
    state: str = "stub"
    reason: str | None = None

    @property
    def left(self) -> int:
        """What is still open, in minor units."""
        return max((self.amount or 0) - self.paid, 0)

    @property
    def says_something(self) -> bool:
        """Whether an event spoke of it; a stub that only others refer to is made anew while deriving."""
        return bool(self.set_by or self.closed_by or self.stated_by)


@dataclass(slots=True)
class Payment:
    """Money that came in; without `set_by` only its reversal is known so far."""

    payment_id: str
    amount: int | None = None
    currency: str | None = None
    paid_at: datetime | None = None
    method: str | None = None
    payer_id: str | None = None
    ref: str | None = None
    covers: tuple[tuple[str, int], ...] | None = None
    set_by: Version | None = None
    reversed_by: Version | None = None
    # derived
    covered: tuple[tuple[str, str, int], ...] = ()

    @property
    def counts(self) -> bool:
        """Whether the money is there: known, and not taken back."""
        return self.set_by is not None and self.reversed_by is None


@dataclass(frozen=True, slots=True)
class Closing:
    """All deadlines of a kind (None: of the loan) opened before `version` are over."""

    kind: str | None
    version: Version
    reason: str
