"""Why a notice is where it is: what decided in each state it has had, and what each rule says of it now. No personal data."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from duebell.rule_words import Looked, Told, concerns, said_by
from duebell.showing import instant
from service.gate import NO_CONTACTS, Contacts
from service.ledger import Transaction, claims, contacts, controls, reading
from service.notices import WAITING, State
from service.parties import DEFAULT_JURISDICTION
from service.phones import zones_of
from service.reasons import REASONS
from service.rule_kinds import Rule
from service.standing import PutBack, Standing
from service.vault import Vault
from service.wording import Around
from service.zones import local_date


async def explained(tx: Transaction, vault: Vault, standing: Standing, key: str, now: datetime) -> Told | None:
    """The notice of a key, with its steps, its rules and what would be decided now; None where there is none."""
    found = await tx.rows(reading.NOTICES, loan=None, state=None, key=key, n=1)
    if not found:
        return None
    looked, verdict = await _looked(tx, vault, standing, found[0], now)
    steps = await tx.rows(reading.STEPS_OF_NOTICE, key=key)
    attempts = await tx.rows(reading.ATTEMPTS_OF_NOTICE, key=key)
    stopped = [row for row in await tx.rows(controls.ACTIVE, now=now) if _stops(row, looked.notice)]
    known = {rule.name: rule for file in standing.rulebook.files.values() for rule in file.rules}
    return {
        **_headed(looked, standing),
        "steps": [_created(looked, steps), *(_step(row, known) for row in steps)],
        "attempts": [
            {"at": instant(row.at), "sender": row.sender, "outcome": row.outcome, "code": row.code} for row in attempts
        ],
        "paused_by_operator": [
            {"scope": row.scope, "name": row.name, "why": row.why, "until": instant(row.until)} for row in stopped
        ],
        "rules": [said_by(looked, rule) for rule in looked.rules.rules if concerns(looked, rule)],
        "now": _coming(looked, verdict, stopped),
    }


async def _looked(
    tx: Transaction, vault: Vault, standing: Standing, notice: Any, now: datetime
) -> tuple[Looked, PutBack | None]:
    """The notice with everything a worker would judge it by, and what the worker would say; None: it goes."""
    (row,) = await tx.rows(claims.DETAILS, c=[(notice.key, notice.key_month)], now=now)
    texts = await tx.rows(reading.LAST_TEXTS, k=[(notice.key,)])
    text = vault.text(texts[0].text) if texts and texts[0].text else None
    counted = await _counted(tx, standing, row, now)
    zones = zones_of(vault.text(row.phone)) if row.phone and row.party_zone is None else ()
    overdue = await tx.rows(claims.OVERDUE, l=[(row.loan_id, local_date(now, row.zone))]) if row.loan_id else ()
    older_open = Around({}, {}, {row.loan_id: overdue}, {}).older_open(row)
    verdict = standing.judge(row, zones, counted, older_open=older_open, now=now)
    looked = Looked(notice, row, standing.asked(row, zones, counted), standing.rules(row, now), text, now)
    return looked, verdict if isinstance(verdict, PutBack) else None


async def _counted(tx: Transaction, standing: Standing, row: Any, now: datetime) -> Mapping[str, Contacts]:
    """What its caps have counted, by rule id."""
    counters = standing.counters(row, now)
    found = await contacts.counted(tx, counters)
    return {counter.rule_id: found.get(counter.place, NO_CONTACTS) for counter in counters}


def _stops(control: Any, notice: Any) -> bool:
    """Whether an operator's pause holds this notice."""
    of = {"all": "", "lane": notice.lane, "template": notice.template, "channel": notice.channel, "loan": notice.loan_id}
    return control.scope in of and control.name == of[control.scope]


# ---------------------------------------------------------------- what has been


def _headed(looked: Looked, standing: Standing) -> Told:
    notice, row = looked.notice, looked.row
    return {
        "key": notice.key,
        "loan_id": notice.loan_id,
        "template": notice.template,
        "channel": notice.channel,
        "purpose": notice.purpose,
        "to_role": notice.role,
        "state": notice.state,
        "reason": notice.reason,
        "because": REASONS.get(notice.reason),
        "listed_in": notice.head,
        "not_before": instant(notice.not_before),
        "expires_at": instant(notice.expires_at),
        "jurisdiction": row.jurisdiction or DEFAULT_JURISDICTION,
        "rules_of": looked.rules.jurisdiction,
        "actor": standing.rulebook.actor,
        "zone": looked.asked.zone or looked.rules.default_zone,
    }


def _created(looked: Looked, steps: Sequence[Any]) -> Told:
    """The first state, which leaves no step: planned, or unknown after a restore."""
    notice = looked.notice
    restored = not steps and notice.state == State.UNKNOWN
    calls = f"the event {notice.caused_by} calls for it" if notice.caused_by else "its ladder has this stage"
    if looked.row.only_to is not None:
        calls = "the person has written, and it answers that"
    return {
        "at": instant(notice.created_at),
        "state": notice.state if restored else "planned",
        "reason": notice.reason if restored else None,
        "because": REASONS[notice.reason] if restored else f"{calls}; for {looked.at(notice.moment)}",
        "rule": None,
        "rule_says": None,
    }


def _step(row: Any, known: Mapping[str, Rule]) -> Told:
    rule = known.get(row.rule)
    return {
        "at": instant(row.at),
        "state": row.state,
        "reason": row.reason,
        "because": REASONS.get(row.reason),
        "rule": row.rule,
        "rule_says": rule and rule.says,
    }


# ---------------------------------------------------------------- what would be decided now


def _coming(looked: Looked, verdict: PutBack | None, stopped: Sequence[Any]) -> Told:
    """What a worker would decide now, for what waits; what happens next, for the rest."""
    state = State(looked.notice.state)
    told: Told = {"verdict": "none", "reason": None, "until": None, "rule": None, "words": _next(looked)}
    if state not in WAITING:
        return told
    if looked.notice.expires_at <= looked.now:
        return told | {"verdict": "ends", "reason": "too_late", "words": REASONS["too_late"]}
    if stopped:
        return told | {"verdict": "stopped", "words": f"an operator has stopped it: {stopped[0].why}"}
    if looked.notice.not_before > looked.now:
        return told | _waits(looked)
    if verdict is not None:
        return told | _put_back(looked, verdict)
    return told | {"verdict": "goes", "words": "goes as soon as a worker takes it"}


def _waits(looked: Looked) -> Told:
    """A moment that lies ahead: nobody asks before it."""
    until, reason = looked.notice.not_before, looked.notice.reason
    words = f"waits until {looked.at(until)}" + (f": {REASONS[reason]}" if reason else ", and is judged then")
    return {"verdict": "waits", "reason": reason, "until": instant(until), "words": words}


def _put_back(looked: Looked, verdict: PutBack) -> Told:
    is_held = verdict.state is State.HELD
    until = verdict.not_before if is_held else None
    how = f"held until {looked.at(until)}" if until else f"ends as {verdict.state}"
    return {
        "verdict": "held" if is_held else "ends",
        "reason": verdict.reason,
        "until": instant(until),
        "rule": verdict.rule,
        "words": f"{how}: {REASONS[verdict.reason]}",
    }


_ENDED: Final = "it has ended and does not go any more"
#: What comes next in a state in which no rule is asked any more.
_NEXT: Final[dict[State, str]] = {
    State.SENDING: "a worker has it in hand: it is judged, made and handed over now, or given back when the lease is over",
    State.SENT: "handed over; nothing is asked any more",
    State.DELIVERED: "arrived; nothing is asked any more",
    State.UNDELIVERED: "the provider could not deliver it; nothing is asked any more",
    State.UNKNOWN: "the sender is asked what became of it; where it cannot tell, the purpose decides whether it is said again",
    **dict.fromkeys((State.FAILED, State.SUPERSEDED, State.EXPIRED, State.SUPPRESSED), _ENDED),
    State.CANCELLED: "it has ended; where a payment is taken back or a deadline moves back, it may be planned again",
}
#: What comes next where the reason, and not the state, says it.
_NEXT_FOR: Final = {
    "by_operator": _ENDED,
    "cured": _ENDED,
    "cannot_tell": "nobody can tell whether it arrived; it is not said again",
    "in_digest": "another text lists it; where that was not said after all, it is planned again",
    "paused": "it has ended; where word comes that there was no pause, it may be planned again",
}


def _next(looked: Looked) -> str:
    return _NEXT_FOR.get(looked.notice.reason) or _NEXT.get(State(looked.notice.state), "")
