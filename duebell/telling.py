"""A loan's story in time order: events, deadlines, the steps of each notice, hand-overs; without personal data."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from consumers._decode import Event, decode
from duebell.showing import instant, order
from service.facts import (
    DeadlineClosed,
    DeadlineOpened,
    DeadlinesClosed,
    Fact,
    LoanCured,
    OverdueStated,
    PaymentReceived,
    PaymentReversed,
    PlanAgreed,
    PlanBroken,
)
from service.ledger import Transaction, reading
from service.money import Money
from service.reasons import REASONS
from service.vault import Vault

_ALL: Final = 10_000_000
Line = dict[str, Any]


async def story(tx: Transaction, vault: Vault, loan_id: str) -> list[Line]:
    """Every line of a loan, in the order of `at`; none where the loan is not known.

    Each has at, what (event, deadline, step, attempt), and what belongs to its kind; a deadline stands at the day it is due.
    """
    notices = await tx.rows(reading.NOTICES, loan=loan_id, state=None, key=None, n=_ALL)
    templates = {row.key: row.template for row in notices}
    heads = {row.key: row.head for row in notices}
    told = [
        *(_event(row, vault) for row in await tx.rows(reading.EVENTS, loan=loan_id)),
        *(_deadline(row) for row in await tx.rows(reading.DEADLINES, loan=loan_id)),
        *(_planned(row) for row in notices),
        *(_step(row, templates, heads) for row in await tx.rows(reading.STEPS, loan=loan_id)),
        *(_attempt(row, templates) for row in await tx.rows(reading.ATTEMPTS, loan=loan_id)),
    ]
    return sorted(told, key=lambda line: order(line["at"]))


def _event(row: Any, vault: Vault) -> Line:
    told = decode(vault.decrypt(row.payload)) if row.payload is not None else None
    details = list(_details(told)) if isinstance(told, Event) else []
    return {
        "at": instant(row.event_time or row.received_at),
        "what": "event",
        "type": row.type,
        "state": row.state,
        "details": details,
        "received_at": instant(row.received_at),
    }


def _details(event: Event) -> Iterator[str]:
    for fact in event.facts:
        if words := _WORDS.get(type(fact)):
            yield words(fact)


#: fact → what it says, in amounts, days and references only.
_WORDS: Final[dict[type[Fact], Callable[[Any], str]]] = {
    DeadlineOpened: lambda f: (
        f"{f.kind} {f.ref} due {f.due_on or instant(f.due_at)}" + (f", {_sum(f.amount)}" if f.amount else "")
    ),
    DeadlineClosed: lambda f: f"{f.kind} {f.ref} closed: {f.reason}",
    DeadlinesClosed: lambda f: f"every {f.kind or 'deadline'} closed: {f.reason}",
    PaymentReceived: lambda f: f"payment {f.payment_id}: {_sum(f.amount)}, {f.method}",
    PaymentReversed: lambda f: f"payment {f.payment_id} taken back",
    OverdueStated: lambda f: f"instalment {f.ref} {f.days_past_due} days past due, {_sum(f.amount_due)} due",
    LoanCured: lambda _: "everything past due cleared",
    PlanAgreed: lambda f: f"plan {f.request_id} agreed",
    PlanBroken: lambda f: f"plan {f.request_id} broken",
}


def _sum(money: Money) -> str:
    return f"{money.amount} {money.currency}"


def _deadline(row: Any) -> Line:
    return {
        "at": row.due_on.isoformat() if row.due_on else instant(row.due_at),
        "what": "deadline",
        "kind": row.kind,
        "ref": row.ref,
        "amount": None if row.amount is None else _sum(Money(row.amount, row.currency)),
        "paid": None if row.amount is None else _sum(Money(row.paid, row.currency)),
        "state": row.state,
        "reason": row.reason,
    }


def _planned(row: Any) -> Line:
    """A notice coming to be, which leaves no step of its own."""
    return {
        "at": instant(row.created_at),
        "what": "notice",
        "key": row.key,
        "template": row.template,
        "to_role": row.role,
        "purpose": row.purpose,
        "not_before": instant(row.moment),
        "expires_at": instant(row.expires_at),
    }


def _step(row: Any, templates: dict[str, str], heads: dict[str, str | None]) -> Line:
    return {
        "at": instant(row.at),
        "what": "step" if row.key else "alert",
        "key": row.key,
        "template": templates.get(row.key),
        "state": row.state or row.type,
        "reason": row.reason,
        "because": REASONS.get(row.reason),
        "rule": row.rule,
        "head": heads.get(row.key) if row.reason == "in_digest" else None,
        "data": row.data,
    }


def _attempt(row: Any, templates: dict[str, str]) -> Line:
    return {
        "at": instant(row.at),
        "what": "attempt",
        "key": row.key,
        "template": templates.get(row.key),
        "sender": row.sender,
        "outcome": row.outcome,
        "code": row.code,
        "segments": row.segments,
        "locale": row.locale,
    }


def in_words(line: Line) -> tuple[str, str, str]:
    """A line for people: when, what, and the rest in words."""
    return (line["at"] or "", line["what"], _IN_WORDS[line["what"]](line))


def _deadline_words(x: Line) -> str:
    amount = f": {x['paid']} of {x['amount']} paid" if x["amount"] else ""
    return f"{x['kind']} {x['ref']} is due{amount}, {x['state']}{_why(x)}"


def _why(x: Line) -> str:
    return f" ({x['reason']})" if x["reason"] else ""


def _attempt_words(x: Line) -> str:
    code = f" ({x['code']})" if x["code"] else ""
    parts = f"{x['segments']} {'part' if x['segments'] == 1 else 'parts'}"
    return f"{x['template']} handed to {x['sender']}: {x['outcome'] or 'no answer yet'}{code}, {x['locale']}, {parts}"


def _event_words(x: Line) -> str:
    unusual = f" [{x['state']}]" if x["state"] != "absorbed" else ""
    details = f": {'; '.join(x['details'])}" if x["details"] else ""
    return f"{x['type'] or 'unreadable'}{unusual}{details}"


def _step_words(x: Line) -> str:
    because = f": {x['reason']}, {x['because']}" if x["reason"] else ""
    head = f" ({x['head']})" if x["head"] else ""
    return f"{x['template']} {x['state']}{because}{head}"


_IN_WORDS: Final[dict[str, Callable[[Line], str]]] = {
    "event": _event_words,
    "deadline": _deadline_words,
    "notice": lambda x: f"{x['template']} planned for {x['not_before']}, to the {x['to_role']} ({x['purpose']})",
    "step": _step_words,
    "alert": lambda x: f"{x['state']} {x['data']}",
    "attempt": _attempt_words,
}
