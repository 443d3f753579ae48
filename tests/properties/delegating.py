"""What the contract says of a delegation, folded by hand: who was asked, whether they may still be, and what they must not learn."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from tests.properties.model import Event, Loan, minor, place
from tests.properties.people import BORROWERS, PAYERS, PEOPLE, Person

#: Texts to a payer that ask, or have a point only while somebody is asked.
_ASKING: Final = {"delegation_request", "delegation_closing", "delegation_failed", "delegation_expired"}
_BEFORE_THE_END: Final = {"delegation_request", "delegation_closing"}
_OF_DEBT: Final = re.compile(
    r"逾期|欠|催|债|債|罚息|罰息|征信|徵信|分期|第 ?\d+ ?期|剩余|overdue|past due|arrears|debt|owe|instalment|penalty|\d+ ?(天|days?)",
    re.IGNORECASE,
)


class Delegation:
    """One delegation of a loan as these events leave it."""

    def __init__(self, loan: Loan, ref: str) -> None:
        self._loan = loan
        self._events = [event for event in loan.events if event["data"].get("delegation_id") == ref]
        words = self._of("loan.delegation.authorised")
        self._word = words[-1] if words else None
        self._is_only_one = sum(event["type"] == "loan.delegation.authorised" for event in loan.events) == 1
        self.payer: Person | None = PEOPLE[PAYERS[ref]] if self._word else None

    def _of(self, *types: str) -> list[Event]:
        return [event for event in self._events if event["type"] in types]

    def objections(self, template: str, at: datetime) -> Iterator[str]:
        """What speaks against saying this to the payer now."""
        if self._word is None:
            yield "nobody was asked"
        elif template in _ASKING and (why := self._over(self._word)):
            yield f"the delegation is over: {why}"
        elif template in _BEFORE_THE_END and at >= datetime.fromisoformat(self._word["data"]["pay_by"]):
            yield "the window has closed"

    def _over(self, word: Event) -> str | None:
        for event in self._of("loan.delegation.revoked", "loan.delegation.completed"):
            if place(event) > place(word):
                return str(event["type"])
        if self._loan.ended is not None and self._loan.ended > place(word):
            return "the loan ended"
        instalment = self._loan.instalments.get(("instalment", str(word["data"].get("instalment_no"))))
        if instalment is not None and not instalment.is_open and not self._loan.has_plans:
            return "its instalment is closed"
        return "paid" if self._is_only_one and any(self._pays(word, event) for event in self._loan.payments()) else None

    def _pays(self, word: Event, payment: Event) -> bool:
        said = payment["data"]
        enough = minor(said["amount"]) >= minor(word["data"]["amount"])
        return enough and said.get("payer_id") == word["data"]["payer"]["party_id"] and place(payment) > place(word)

    def sums(self) -> set[int]:
        """The amounts that the payer may hear of."""
        return {minor(event["data"]["amount"]) for event in self._events if "amount" in event["data"]}


def of_the_debt(body: str, sums: Iterable[int]) -> Iterator[str]:
    """What a text tells a third party that is none of their business."""
    if found := _OF_DEBT.search(body):
        yield f"tells a third party of the debt: {found[0]}"
    if strange := sums_in(body) - set(sums):
        yield f"tells a third party of other sums: {sorted(strange)}"
    if any(loan in body for loan in BORROWERS) or "6789" in body:
        yield "tells a third party of the loan"


def sums_in(body: str) -> set[int]:
    """Every sum of money that a text says, in cents."""
    found: Sequence[str] = re.findall(r"[\d,]+\.\d\d", body)
    return {round(float(each.replace(",", "")) * 100) for each in found}
