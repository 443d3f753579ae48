"""What the events of negotiating establish, beyond the notices they give."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from service.events import Event
from service.facts import DeadlineClosed, DeadlineOpened, Kind, LoanFact, NoticeGiven, PlanAgreed, PlanBroken
from service.money import Money

EventOf = Callable[..., Event]


def said(event: Event) -> list[Any]:
    """The facts but what every event says of its loan."""
    return [fact for fact in event.facts if not isinstance(fact, LoanFact)]


def test_approval_opens_the_signing_of_the_agreement(event_of: EventOf) -> None:
    """By a day; the deadline is named after the request, and the notice speaks of it."""
    event = event_of("loan.negotiation.approved")
    opened, notice = said(event)
    assert opened == DeadlineOpened(event.version, "L-1001", Kind.AGREEMENT_SIGNING, "N-3001", date(2026, 10, 20))
    assert (notice.kind, notice.ref) == (Kind.AGREEMENT_SIGNING, "N-3001")


def test_rejection_closes_the_signing_of_its_request(event_of: EventOf) -> None:
    """Other requests are not touched."""
    event = event_of("loan.negotiation.rejected")
    assert said(event)[0] == DeadlineClosed(event.version, "L-1001", Kind.AGREEMENT_SIGNING, "N-3001", "closed")


def test_a_signature_puts_the_plan_in_place(event_of: EventOf) -> None:
    """One fact ends what was due, and each instalment of the plan keeps the request; the loan learns how it is repaid."""
    event = event_of("loan.negotiation.agreement_signed", {"data.repayment": {"method": "auto_debit", "account_last4": "4321"}})
    agreed, *opened, notice = said(event)
    assert agreed == PlanAgreed(event.version, "L-1001", "N-3001")
    assert opened[2] == DeadlineOpened(
        event.version, "L-1001", Kind.PLAN_INSTALMENT, "3", date(2027, 1, 10), amount=Money(136000), request_id="N-3001"
    )
    assert (notice.values["method"], notice.values["account_last4"]) == ("auto_debit", "4321")
    (loan,) = [fact for fact in event.facts if isinstance(fact, LoanFact)]
    assert (loan.method, loan.account_last4) == ("auto_debit", "4321")


def test_a_plan_of_one_instalment_has_no_last_one(event_of: EventOf) -> None:
    """Nothing is said twice."""
    one = [{"no": 1, "due_on": "2026-11-10", "amount": "1360.00"}]
    notice = said(event_of("loan.negotiation.agreement_signed", {"data.instalments": one}))[-1]
    assert (notice.values["instalment_count"], notice.values["total"]) == (1, Money(136000))
    assert not {"last_due_on", "last_amount"} & set(notice.values)


def test_first_and_last_are_by_day(event_of: EventOf) -> None:
    """A schedule may come in any order."""
    notice = said(event_of("loan.negotiation.agreement_signed", {"data.instalments.0.due_on": "2027-06-10"}))[-1]
    assert (notice.values["first_due_on"], notice.values["last_due_on"]) == (date(2026, 12, 10), date(2027, 6, 10))


def test_a_breach_is_of_its_request(event_of: EventOf) -> None:
    """The fact names it."""
    event = event_of("loan.negotiation.broken")
    assert said(event)[0] == PlanBroken(event.version, "L-1001", "N-3001")


@pytest.mark.parametrize(
    "changes",
    [{"data.verified": False}, {"data.account_type": "personal"}, {"data.verified": False, "data.account_type": "personal"}],
)
def test_only_a_verified_corporate_account_is_announced(event_of: EventOf, changes: dict[str, Any]) -> None:
    """Of any other the notice is refused, and holds nothing that could be announced."""
    (notice,) = said(event_of("loan.repayment_account.changed", changes))
    assert isinstance(notice, NoticeGiven)
    assert (notice.refused, notice.values) == ("unverified_account", {})
    (fit,) = said(event_of("loan.repayment_account.changed"))
    assert (fit.refused, fit.values["account_last4"]) == (None, "8821")
