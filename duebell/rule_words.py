"""What each contact rule says of a notice now, in words for people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from duebell.showing import local
from service.gate import Asked, is_fresh, objection, opening
from service.reasons import REASONS
from service.rule_kinds import Cap, Consent, Content, LeadTime, OptOut, Recipient, Retain, Rule, Window
from service.rulebook import Rules

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """A notice as it is looked at now.

    Attributes:
        row: one of service.ledger.claims.DETAILS.
        text: as it was last handed over; None: it never was.
    """

    notice: Any
    row: Any
    asked: Asked
    rules: Rules
    text: str | None
    now: datetime

    def at(self, moment: datetime) -> str:
        """A moment on the party's clock, in UTC where its zone is not known."""
        zone = self.asked.zone or self.rules.default_zone or "UTC"
        return f"{local(moment.isoformat(), zone)} ({zone})"


def concerns(looked: Looked, rule: Rule) -> bool:
    """Whether a rule is for notices like this one."""
    return looked.asked.purpose in rule.purposes and (not isinstance(rule, Content) or looked.asked.role in rule.roles)


def said_by(looked: Looked, rule: Rule) -> Told:
    """One rule, and what it says of the notice now."""
    objects = objection(looked.asked, looked.rules, rule, looked.now)
    refused = rule.objection(looked.text) if isinstance(rule, Content) and looked.text else None
    opted_out = isinstance(rule, OptOut) and looked.asked.suppressed
    return {
        "rule": rule.name,
        "kind": rule.kind,
        "says": rule.says,
        "evidence": rule.evidence,
        "source": rule.source,
        "objects": objects is not None or refused is not None or opted_out,
        "now": _NOW[type(rule)](looked, rule),
    }


def _window_now(looked: Looked, window: Window) -> str:
    if is_fresh(looked.asked, window, looked.now) and looked.asked.event_time:
        return f"news may go at any hour until {looked.at(looked.asked.event_time + window.fresh)}"
    opens, closes = opening(looked.asked, looked.rules, looked.now)
    where = "" if looked.asked.zone or looked.rules.default_zone else ", in every zone the number may be in"
    if opens <= looked.now:
        return f"open, closes {looked.at(closes)}{where}"
    return f"closed, opens {looked.at(opens)}{where}"


def _cap_now(looked: Looked, cap: Cap) -> str:
    found = looked.asked.contacts.get(cap.id)
    if found is None:
        return f"nothing is counted: no {cap.per} is known yet"
    full = objection(looked.asked, looked.rules, cap, looked.now)
    until = getattr(full, "until", None)
    return f"{found.n} of {cap.limit} counted" + (f", full; goes from {looked.at(until)}" if until else "")


def _content_now(looked: Looked, content: Content) -> str:
    if looked.text is None:
        return "looked at when the text is made"
    return (
        "the text last handed over keeps to it"
        if content.objection(looked.text) is None
        else "the text last handed over breaks it"
    )


def _recipient_now(looked: Looked, rule: Recipient) -> str:
    refused = objection(looked.asked, looked.rules, rule, looked.now)
    return REASONS[refused.reason] if refused else f"the {looked.asked.role} may be told"


def _consent_now(looked: Looked, _rule: Consent) -> str:
    return "given" if looked.asked.consented else "not given"


def _lead_time_now(looked: Looked, rule: LeadTime) -> str:
    due_at = looked.row.due_at
    return f"to be announced by {looked.at(due_at - rule.notice.length)}" if due_at else "the appointment is not known"


def _retain_now(looked: Looked, rule: Retain) -> str:
    return f"until {looked.at(looked.notice.created_at + rule.keep.length)}"


def _opt_out_now(looked: Looked, _rule: OptOut) -> str:
    if looked.row.only_to is not None:
        return "it answers the number, so it goes all the same"
    return "the number is suppressed" if looked.asked.suppressed else "the number has not opted out"


_NOW: Final[dict[type, Callable[[Looked, Any], str]]] = {
    Window: _window_now,
    Cap: _cap_now,
    Content: _content_now,
    Recipient: _recipient_now,
    Consent: _consent_now,
    LeadTime: _lead_time_now,
    Retain: _retain_now,
    OptOut: _opt_out_now,
}
