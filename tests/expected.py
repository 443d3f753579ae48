"""Which event notices a list of events calls for, written by hand from the contract and not from the code that it checks."""

from collections.abc import Iterable, Mapping
from typing import Any

#: event type → the notice it gives the borrower.
TEMPLATES = {
    "loan.application.submitted": "application_received",
    "loan.application.limit_assessed": "credit_limit_assessed",
    "loan.application.approved": "application_approved",
    "loan.application.rejected": "application_rejected",
    "loan.contract.signed": "contract_signed",
    "loan.disbursed": "loan_disbursed",
    "loan.disbursement_failed": "disbursement_failed",
    "loan.schedule.replaced": "schedule_replaced",
    "loan.repayment.received": "repayment_received",
    "loan.repayment.reversed": "repayment_reversed",
    "loan.auto_debit.failed": "auto_debit_failed",
    "loan.repayment_method.changed": "repayment_method_changed",
    "loan.settled": "loan_settled",
    "loan.overdue.cured": "overdue_cured",
    "loan.promise_to_pay.made": "promise_recorded",
    "loan.security.anomaly_detected": "security_alert",
    "loan.visit.scheduled": "visit_notice",
    "loan.visit.rescheduled": "visit_rescheduled",
    "loan.visit.cancelled": "visit_cancelled",
    "loan.visit.completed": "visit_follow_up",
    "loan.delegation.authorised": "delegation_authorised",
    "loan.delegation.completed": "delegation_completed",
    "loan.delegation.revoked": "delegation_revoked",
    "loan.delegation.failed": "delegation_failed",
    "loan.negotiation.approved": "negotiation_approved",
    "loan.negotiation.agreement_signed": "negotiation_agreed",
    "loan.negotiation.broken": "negotiation_broken",
    "loan.repayment_account.changed": "repayment_account_changed",
}
#: event type → the notice it gives the payer.
PAYERS = {
    "loan.delegation.authorised": "delegation_request",
    "loan.delegation.completed": "delegation_completed",
    "loan.delegation.revoked": "delegation_revoked",
    "loan.delegation.failed": "delegation_failed",
}


def expected_event_keys(events: Iterable[Mapping[str, Any]]) -> set[str]:
    """The keys of every event notice that must exist, whatever became of it: one per event, however often it came."""
    return {
        f"event:{_quoted(event['source'])}:{_quoted(event['id'])}:{templates[event['type']]}:{role}"
        for event in events
        for role, templates in (("borrower", TEMPLATES), ("payer", PAYERS))
        if event["type"] in templates and event.get("duebellmode") != "backfill"
    }


def keys_that_may_end_unsent(events: Iterable[Mapping[str, Any]]) -> set[str]:
    """Of those, the keys that the story itself may end before they go.

    A receipt for a payment that is taken back, and what asks for an instalment: it may be paid, settled or replaced first.
    """
    events = list(events)
    reversed_payments = {_payment(event) for event in events if event["type"] == "loan.repayment.reversed"}
    return expected_event_keys(
        event
        for event in events
        if event["type"] == "loan.auto_debit.failed"
        or (event["type"] == "loan.repayment.received" and _payment(event) in reversed_payments)
    )


def _payment(event: Mapping[str, Any]) -> tuple[str, str]:
    return event["subject"], event["data"]["payment_id"]


def _quoted(part: str) -> str:
    return part.replace("%", "%25").replace(":", "%3A")
