"""May a claimed notice still go? Pure: the facts as the claim read them, the ladder, the gate, and now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from service.delinquency import bucket, is_cured
from service.facts import Kind, version_time
from service.gate import Asked, Contacts, Counter, Drop, Go, Hold, counters_of, decide, rules_of
from service.ladders import Ladders, Stage, moment
from service.money import Money
from service.notices import Purpose, State
from service.parties import DEFAULT_JURISDICTION
from service.pauses import NO_PAUSES, is_silent, words_in
from service.plans import in_force
from service.plans import words_in as plan_words_in
from service.rule_kinds import LeadTime, Window
from service.rulebook import Rulebook, Rules
from service.visits import APPROVAL_COMES_WITHIN, REFUSALS, Visit, VisitHours, awaits_approval, refusal, visits_in
from service.zones import local_date

#: A stage whose visit is about to be announced is looked at again after this.
_LOOK_AGAIN: Final = timedelta(minutes=1)


_PLAN_ENDED: Final = "negotiation_broken"
_PURPOSES: Final = {purpose.value: purpose for purpose in Purpose}  #: quicker than Purpose(…), which is asked for each text


@dataclass(frozen=True, slots=True)
class PutBack:
    """It may not go now: it ends, or is held until `not_before`."""

    state: State
    reason: str
    not_before: datetime | None = None
    rule: str | None = None
    alert: Mapping[str, str | int] | None = None  #: what ops are told of a visit that is refused


@dataclass(frozen=True, slots=True)
class Standing:
    """What is judged by: the ladders and the rules in force."""

    ladders: Ladders
    rulebook: Rulebook

    def judge(
        self, row: Any, phone_zones: tuple[str, ...], contacts: Mapping[str, Contacts], *, older_open: bool, now: datetime
    ) -> PutBack | Go:
        """Whether it may go. `row` is one of service.ledger.claims.DETAILS; `contacts`: what its caps have counted, by rule id."""
        return (
            self.by_facts(row, now)
            or _overtaken(row, older_open=older_open)
            or self._stage(row, now)
            or self._gate(row, phone_zones, contacts, now)
        )

    def by_facts(self, row: Any, now: datetime) -> PutBack | None:
        """What the facts of a notice's own loan and party say of it: the party is erased, some are missing, it is over or paused."""
        missing_or_over = _erased(row) or _answered(row) or _facts_missing(row) or _ended(row) or _replaced(row, now)
        if missing_or_over is None and self.is_paused(row, row.pauses, now):
            return PutBack(State.SUPPRESSED, "paused", now)
        return missing_or_over or self._visit(row, now)

    def _visit(self, row: Any, now: datetime) -> PutBack | None:
        """A visit is announced and moved only where it may take place, and reminded of and called off only where it was announced."""
        if row.kind != Kind.VISIT_APPOINTMENT:
            return None
        if row.announced == "soon":
            return PutBack(State.HELD, "awaiting_facts", now + _LOOK_AGAIN)
        if row.announced == "never":
            return PutBack(State.SUPPRESSED, "not_announced")
        return self._refused_visit(row, now) if row.purpose == Purpose.VISIT else None

    def _refused_visit(self, row: Any, now: datetime) -> PutBack | None:
        visit = visits_in(row.visits).get(row.ref) or Visit(row.ref)
        hours, rules = self._visit_hours(row)
        reason = refusal(visit, row.due_at, self.ladders.visit_terms, hours, row.zone, now=now, told=row.stage is not None)
        if reason is None:
            return None
        if reason == "visit_not_allowed" and row.stage is None and awaits_approval(visit, row.created_at, now):
            return PutBack(State.HELD, "awaiting_facts", row.created_at + APPROVAL_COMES_WITHIN)
        return PutBack(State.SUPPRESSED, reason, rule=rules.get(reason), alert=_about(visit))

    def _visit_hours(self, row: Any) -> tuple[VisitHours, dict[str, str]]:
        """What the party's jurisdiction asks of a visit on its day, and by which rule, for each reason to refuse it."""
        rules = self.rulebook.of(row.jurisdiction or DEFAULT_JURISDICTION, local_date(row.due_at, row.zone))
        windows, leads = rules.of_kind(Window, Purpose.VISIT), rules.of_kind(LeadTime, Purpose.VISIT)
        opens, closes = (windows[0].opens, windows[0].closes) if windows else (time.min, time.max)
        hours = VisitHours(opens, closes, leads[0].notice.length if leads else timedelta())
        named = {"visit_window": windows, "visit_lead_time": leads}
        return hours, {reason: found[0].name for reason, found in named.items() if found}

    def is_paused(self, row: Any, pauses: str | None, now: datetime) -> bool:
        """Whether a stage's moment lies in a pause for its purpose, or one holds while it asks; `pauses` is the loan's column."""
        if not pauses or pauses == NO_PAUSES or not (row.asks or row.stage):
            return False
        moments = (row.moment, now) if row.stage else (now,)
        words, grace_days = words_in(pauses), self.ladders.promise_terms.grace_days
        purpose = _PURPOSES[row.purpose]
        return any(is_silent(words, purpose, row.kind, at, zone=row.zone, grace_days=grace_days) for at in moments)

    def counters(self, row: Any, now: datetime) -> tuple[Counter, ...]:
        """What this notice takes from when it goes."""
        number = None if row.phone_key is None else row.phone_key.hex()
        rules = self.rules(row, now)
        return counters_of(_PURPOSES[row.purpose], rules, row.party_zone, now, number=number, person=row.party_id)

    def over_cap(self, row: Any, contacts: Mapping[str, Contacts], phone_zones: tuple[str, ...], now: datetime) -> PutBack:
        """What becomes of a text whose counters another worker filled: as if they had been full when it was judged."""
        verdict = self._gate(row, phone_zones, contacts, now)
        return verdict if isinstance(verdict, PutBack) else PutBack(State.HELD, "daily_cap", row.expires_at)

    def refused_text(self, row: Any, text: str, now: datetime) -> PutBack | None:
        """Whether a rule objects to what the text says."""
        for rule in self.rules(row, now).contents(_PURPOSES[row.purpose], row.role):
            if reason := rule.objection(text):
                return PutBack(State.SUPPRESSED, reason, rule=rule.name)
        return None

    def rules(self, row: Any, now: datetime) -> Rules:
        """The rules that hold for its party now."""
        return rules_of(row.party_zone, row.jurisdiction or DEFAULT_JURISDICTION, self.rulebook, now)

    def _gate(self, row: Any, phone_zones: tuple[str, ...], contacts: Mapping[str, Contacts], now: datetime) -> PutBack | Go:
        match decide(self.asked(row, phone_zones, contacts), self.rulebook, now):
            case Hold(until, reason, rule):
                return PutBack(State.HELD, reason, until, rule)
            case Drop(reason, rule):
                return PutBack(State.SUPPRESSED, reason, rule=rule)
            case go:
                return go

    def asked(self, row: Any, phone_zones: tuple[str, ...], contacts: Mapping[str, Contacts]) -> Asked:
        """What the gate must know of it."""
        named_by = json.loads(row.party_set_by or "{}").get("phone") if self.rulebook.asks_number_age else None
        return Asked(
            _PURPOSES[row.purpose], row.jurisdiction or DEFAULT_JURISDICTION, row.party_zone, row.role, phone_zones, row.event_time,
            suppressed=row.suppressed, consented=row.consented, number_seen=named_by and version_time(named_by), contacts=contacts,
        )  # fmt: skip

    def _stage(self, row: Any, now: datetime) -> PutBack | None:
        """A stage keeps the party's hour, wherever the party is now, and its least amount."""
        stage = self._stage_of(row)
        if stage is None:
            return None
        if stage.day is not None and row.due_on is not None:
            at = moment(stage, row.due_on, row.zone)
            if at > now:
                return PutBack(State.HELD, "zone_changed", at)
        if stage.min_amount is not None and row.amount is not None:
            least = Money.of(stage.min_amount, row.currency)
            if row.amount - row.paid < least.minor:
                return PutBack(State.SUPPRESSED, "min_amount")
        return None

    def _stage_of(self, row: Any) -> Stage | None:
        if row.stage is None:
            return None
        ladder = self.ladders.get(Kind(row.kind))
        return ladder.stage(row.stage) if ladder else None


def _about(visit: Visit) -> dict[str, str | int]:
    """What ops must know of a visit that is refused."""
    about: dict[str, str | int] = {"visit_id": visit.visit_id, "approved": int(visit.approved), "visitors": visit.visitors}
    late = visit.days_past_due
    return about if late is None else {**about, "days_past_due": late, "bucket": bucket(late)}


def _erased(row: Any) -> PutBack | None:
    return PutBack(State.SUPPRESSED, "erased") if row.erased else None


def _facts_missing(row: Any) -> PutBack | None:
    needs = (row.needs or "").split()
    if ("deadline" in needs and row.deadline_set_by is None) or ("payment" in needs and row.payment_set_by is None):
        return PutBack(State.HELD, "awaiting_facts", row.expires_at)
    if row.phone is None:
        return PutBack(State.HELD, "no_contact", row.expires_at)
    if row.only_to is not None and row.only_to != row.phone_key:
        return PutBack(State.SUPPRESSED, "number_changed")
    return None


def _answered(row: Any) -> PutBack | None:
    return PutBack(State.CANCELLED, "answered") if row.answered else None


def _ended(row: Any) -> PutBack | None:
    """Whether what it asks for is over, or what it confirms was taken back."""
    if row.receipt and row.payment_reversed_by is not None:
        return PutBack(State.SUPPRESSED, "reversed")
    if not row.asks or row.kind is None:
        return None
    if row.deadline_state == "closed":
        refused = row.stage is None and row.deadline_reason in REFUSALS
        return PutBack(State.SUPPRESSED if refused else State.CANCELLED, row.deadline_reason or "closed")
    moot = _moot(row)
    return PutBack(State.CANCELLED, moot) if moot else None


def _replaced(row: Any, now: datetime) -> PutBack | None:
    """The end of a plan is not told to somebody who has a newer one."""
    if row.template != _PLAN_ENDED or not in_force(plan_words_in(row.plans), max(now, row.event_time)):
        return None
    return PutBack(State.SUPPRESSED, "replaced")


def _moot(row: Any) -> str | None:
    """Why nobody is to be asked by this notice, though its deadline is open, if so."""
    if row.role == "payer" and row.party_id != row.deadline_payer:
        return "replaced"
    if row.stage is not None and row.deadline_anchor != row.anchor:
        return "moved"
    if row.purpose == Purpose.COLLECTION and is_cured(row.due_on, row.stated_by, row.cured_by, row.zone):
        return "cured"
    return None


def _overtaken(row: Any, *, older_open: bool) -> PutBack | None:
    if row.overtaken:
        return PutBack(State.SUPERSEDED, "later_stage")
    if row.said_anew:
        return PutBack(State.SUPERSEDED, "newer_notice")
    if row.undone:
        return PutBack(State.SUPERSEDED, "later_reply")
    if row.purpose == Purpose.COLLECTION and row.stage is not None and older_open:
        return PutBack(State.SUPERSEDED, "older_instalment")
    return None
