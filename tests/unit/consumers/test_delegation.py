"""What the events of delegating establish: a window, a payer of their own, and notices to two people."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from service.catalogue import Catalogue
from service.events import Event
from service.facts import DeadlineClosed, DeadlineOpened, Kind, LoanFact, NoticeGiven, PartyFact
from service.money import Money
from service.wording import PAYER_IS_TOLD

EventOf = Callable[..., Event]
PAY_BY = datetime(2026, 8, 5, 10, tzinfo=UTC)


def notices(event: Event) -> list[tuple[str, str, str | None]]:
    """Template, role and party of each notice."""
    return [(fact.template, fact.role, fact.party_id) for fact in event.facts if isinstance(fact, NoticeGiven)]


def said(event: Event) -> list[Any]:
    """The facts but what is said of loan and people."""
    return [fact for fact in event.facts if not isinstance(fact, LoanFact | PartyFact)]


def test_a_payer_is_a_party_of_their_own(event_of: EventOf) -> None:
    """With their own contact data; and the event names them for erasure, beside the borrower."""
    event = event_of("loan.delegation.authorised", {"data.borrower": {"party_id": "P-1001"}})
    people = [fact for fact in event.facts if isinstance(fact, PartyFact)]
    assert people == [
        PartyFact(event.version, "P-1001"),
        PartyFact(event.version, "P-2002", "李明", "+8613900139000", locale="zh-CN"),
    ]
    assert event.party_ids == ("P-1001", "P-2002")


def test_authorisation_opens_a_window(event_of: EventOf) -> None:
    """Until an instant, for an amount, for a payer, perhaps for one instalment."""
    event = event_of("loan.delegation.authorised")
    assert said(event)[0] == DeadlineOpened(
        event.version, "L-1001", Kind.DELEGATION, "D-4001", due_at=PAY_BY, amount=Money(408000), payer_id="P-2002", for_ref="2"
    )


def test_the_borrower_is_told_and_the_payer_is_asked(event_of: EventOf, gone: object) -> None:
    """The request names no instalment and lasts as long as the window."""
    event = event_of("loan.delegation.authorised", {"data.instalment_no": gone})
    opened, told, asked = said(event)
    assert opened.for_ref is None
    assert notices(event) == [("delegation_authorised", "borrower", None), ("delegation_request", "payer", "P-2002")]
    assert told.values == {"agreement_no": "DA-2026-004001", "amount": Money(408000), "due_at": PAY_BY}
    assert (asked.values, asked.not_later_than) == ({"agreement_no": "DA-2026-004001"}, PAY_BY)


@pytest.mark.parametrize(
    ("what", "closed", "values"),
    [
        ("completed", "paid", {"amount": Money(408000), "paid_at": datetime(2026, 8, 4, 12, 15, tzinfo=UTC)}),
        ("revoked", "revoked", {}),
        ("failed", None, {"reason_public": "代还账户余额不足"}),
    ],
)
def test_both_are_told_what_became_of_it(event_of: EventOf, what: str, closed: str | None, values: dict[str, Any]) -> None:
    """The payer is whom the delegation names. A completion and a revocation end it, a failure does not."""
    event = event_of(f"loan.delegation.{what}")
    template = f"delegation_{what}"
    assert notices(event) == [(template, "borrower", None), (template, "payer", None)]
    facts = said(event)
    assert [fact for fact in facts if isinstance(fact, DeadlineClosed)] == (
        [DeadlineClosed(event.version, "L-1001", Kind.DELEGATION, "D-4001", closed)] if closed else []
    )
    assert {(fact.kind, fact.ref) for fact in facts} == {(Kind.DELEGATION, "D-4001")}
    assert facts[-1].values == values


def test_every_notice_to_a_payer_is_for_payers(event_of: EventOf) -> None:
    """Its notice.yaml says so, it is a request or tells what became of one, and nothing but what a payer is told is in reach."""
    catalogue = Catalogue.load()
    for what in ("authorised", "completed", "revoked", "failed"):
        for template, role, _ in notices(event_of(f"loan.delegation.{what}")):
            assert role in catalogue[template].to
    assert not {"days_past_due", "due_on", "open", "overdue_total", "ref", "left", "reason_public"} & PAYER_IS_TOLD
