"""The one catalogue of machine-readable reasons: why a notice is held, or ended without being sent."""

from typing import Final

#: reason → what it tells an operator or an upstream team.
REASONS: Final[dict[str, str]] = {
    # held
    "window": "outside the hours in which this purpose may reach this party; goes when the window opens",
    "daily_cap": "the number or the person has had its texts for today; goes in the next window",
    "cap": "the number or the person has had its texts for the days or hours of a rule; goes when the oldest is out of them",
    "no_contact": "no phone number is known yet; goes when intake learns it",
    "awaiting_facts": "a fact the text needs has not arrived yet; goes when it does",
    "zone_changed": "the party's time zone changed and the stage's hour lies ahead",
    "no_sender": "no sender could take it; tried again until its validity ends",
    # cancelled
    "paid": "the deadline was paid in full",
    "kept": "the promise to pay was kept",
    "closed": "the deadline was closed",
    "replaced": "a new schedule or plan took the place of what this speaks of",
    "plan_broken": "the negotiated plan was broken",
    "revoked": "the delegation was revoked",
    "moved": "the deadline moved to another day",
    "settled": "the loan was settled",
    "written_off": "the loan was written off",
    "cured": "everything past due was cleared",
    "by_operator": "an operator cancelled it",
    "answered": "the operation was answered before the question went",
    # superseded
    "newer_notice": "the same was to be said again, with newer facts",
    "later_stage": "a later stage of the same deadline was due at the same time",
    "older_instalment": "an older instalment of the loan is still open; its stages speak for the loan",
    "later_reply": "the person has written something else since, or an operator has undone what it confirms",
    "in_digest": "part of another text that lists it",
    # suppressed
    "opted_out": "the party asked not to be told",
    "erased": "the person was erased; nothing is known of them any more",
    "not_for_role": "the rules let nobody of this role be told of this purpose",
    "stale_number": "no event has named the number for longer than a rule allows",
    "no_consent": "the party has not agreed to be told of this purpose",
    "content_forbidden": "the text holds what a rule forbids",
    "content_missing": "the text does not hold what a rule wants in it",
    "number_changed": "it answers a text from a number that is not the party's any more",
    "reversed": "the payment was taken back before its receipt went",
    "min_amount": "what is open is less than the stage's minimum",
    "unverified_account": "the account is not a verified corporate one; it is announced to nobody",
    "visit_not_allowed": "the visit is not approved, or the loan is not overdue enough for one",
    "visit_visitors": "too few visitors",
    "visit_window": "the visit lies outside the hours for visits",
    "visit_lead_time": "the visit is too near to be announced",
    "not_announced": "the visit was not announced, so nobody hears more of it",
    "paused": "its moment lies in a pause for its purpose, or in the time for which the borrower has promised to pay",
    # expired
    "too_late": "its validity ended before it could go",
    # failed
    "rejected": "the provider refused it",
    "no_sender_left": "no sender took it before its validity ended",
    "cannot_render": "the text could not be made: a value is missing or not allowed",
    # unknown
    "timeout": "the request left and no answer came",
    "lease_over": "the worker died between its intent and the outcome",
    "restored": "the ledger was restored from a backup; it may have gone in the time that was lost",
    "cannot_tell": "the sender cannot say whether it arrived; not sent again",
}

#: Reasons that ops must know of, since only a change of texts, ladders or rules helps: alert.raised, once for a template and rule.
ALERTING: Final = frozenset({"not_for_role", "content_forbidden", "content_missing"})


def check_reason(reason: str) -> str:
    """The reason itself.

    Raises:
        KeyError: it is not in the catalogue.
    """
    if reason not in REASONS:
        raise KeyError(f"the reason {reason!r} is not in service/reasons.py")
    return reason
