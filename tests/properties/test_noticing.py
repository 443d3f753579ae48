"""The model notices: with one statement or function broken on purpose a history that had no problem has one."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import pytest

from consumers import negotiation
from service import gate, handover, mailbox, opting, standing
from service.history import LoanHistory
from service.intents import Intents
from service.ledger import Ledger, claims, notices, outbox, questions, settling
from service.ledger.statement import Statement
from service.rule_kinds import Window
from tests.properties.happenings import Happens, Provider, Seconds, Step, Story, Until, Works, Writes
from tests.properties.playing import Play

pytestmark = pytest.mark.chaos

_TAKEN_IN: list[Step] = [Works(("consume",)), Works(("listen",)), Works(("plan",))]
_DISBURSED: list[Step] = [Happens("disbursed", "L-1", 1), *_TAKEN_IN]
_READY: list[Step] = [*_DISBURSED, Until("10:00"), Works(("plan",))]
_VISIT: list[Step] = [Happens(what, "L-1", 0) for what in ("disbursed late", "visit approved", "visit")] + _TAKEN_IN
_ANSWERED: list[Step] = [Writes("wang", "Y"), Works(("listen",)), Seconds(5), Works(("sweep",)), Works(("deliver",))]
_MANY: list[Step] = [Happens("disbursed", "L-1", 0), *_TAKEN_IN]
_STILL_OPEN = """d.state = 'open' AND (notices.stage IS NULL OR d.anchor = notices.anchor)
        AND (i.left_open IS NULL OR d.amount - d.paid = i.left_open)"""
_ASKED: list[Step] = [Happens("question", "L-1", 0), *_TAKEN_IN, Works(("deliver",))]


@dataclass(frozen=True)
class Case:
    """What is broken, a history that shows it, and what the judge says."""

    says: str
    steps: list[Step]
    statements: dict[tuple[Any, str], tuple[str, str]] = field(default_factory=dict)
    functions: dict[tuple[Any, str], Any] = field(default_factory=dict)
    tells: bool = True
    strict: bool = False


def _indiscreet(*args: Any) -> Any:
    """A text that says too much."""
    message = _MESSAGE_OF(*args)
    return replace(message, body=f"{message.body} 已逾期3天") if message.key.endswith(":payer") else message


def _without_cancellations(steps: list[Any]) -> list[Any]:
    """What is recorded, but for the end of what was cancelled."""
    return [step for step in steps if getattr(step, "state", None) != "cancelled"]


def _trusting(said: negotiation.RepaymentAccountChanged, event: Any) -> Any:
    """Takes every account for a verified one."""
    return _ACCOUNT_FACTS(said.model_copy(update={"verified": True, "account_type": "corporate"}), event)


_ACCOUNT_FACTS = negotiation.RepaymentAccountChanged.facts
_RECORD = outbox.record
_MESSAGE_OF = handover.message_of
_IDLE = ("WHERE", "WHERE false AND")
_BLIND = {
    (claims, "INTEND"): ("d.state = 'open'", "true"),
    (claims, "DETAILS"): ("d.state AS deadline_state", "'open' AS deadline_state"),
    (notices, "CANCEL"): _IDLE,
}
CASES = {
    "payment": Case(
        "is not open any more",
        [*_READY, Happens("paid one", "L-1", 0), Works(("remind", "consume"), (True,))],
        {**_BLIND, (claims, "INTEND"): (_STILL_OPEN, "true")},
    ),
    "number": Case(
        "somebody else's number",
        [*_DISBURSED, Happens("moved", "L-1", 1), Works(("deliver", "consume"), (True, True, True, False, False, True, True))],
        {(claims, "INTEND"): ("EXISTS (SELECT 1 FROM parties p WHERE", "EXISTS (SELECT 1 FROM parties p WHERE true OR")},
    ),
    "opt-out": Case(
        "they had opted out",
        [*_DISBURSED, Writes("wang", "STOP"), *_TAKEN_IN],
        {
            (claims, "INTEND"): ("suppressions s WHERE", "suppressions s WHERE false AND"),
            (claims, "DETAILS"): ("suppressions s WHERE", "suppressions s WHERE false AND"),
        },
    ),
    "confirmation": Case(
        "confirms what is not so",
        [*_DISBURSED, Writes("wang", "STOP"), *_TAKEN_IN, Writes("wang", "START"), *_TAKEN_IN],
        {
            (notices, "END_ANSWERS"): _IDLE,
            (claims, "INTEND"): ("'opt_out_confirmed'", "'nothing'"),
            (claims, "DETAILS"): ("'opt_out_confirmed'", "'nothing'"),
        },
        tells=False,
    ),
    "third party": Case(
        "tells a third party of the debt: 逾期",
        [Happens("disbursed", "L-1", 1), Happens("authorised", "L-1", 1), *_TAKEN_IN],
        functions={(handover, "message_of"): _indiscreet},
    ),
    "revocation": Case(
        "the delegation is over: loan.delegation.revoked",
        [Happens("disbursed", "L-1", 1), Happens("authorised", "L-1", 1), *_TAKEN_IN, Happens("revoked", "L-1", 1), *_TAKEN_IN],
        _BLIND,
    ),
    "agreement": Case(
        "is not open any more",
        [*_READY, Happens("agreed", "L-1", 1), Works(("remind", "consume"), (True,))],
        {**_BLIND, (claims, "INTEND"): (_STILL_OPEN, "true")},
    ),
    "broken plan": Case(
        "plan_due_soon:borrower: L-1 1 is not open any more",
        [Happens("agreed", "L-1", 2), *_TAKEN_IN, Happens("broke", "L-1", 1), *_TAKEN_IN],
        _BLIND,
    ),
    "account": Case(
        "names an account that nobody verified",
        [Happens("account", "L-1", 1), *_TAKEN_IN],
        functions={(negotiation.RepaymentAccountChanged, "facts"): _trusting},
    ),
    "visit": Case(
        "the visit is not approved",
        [Happens("disbursed late", "L-1", 0), Happens("visit", "L-1", 0), *_TAKEN_IN],
        functions={(standing, "refusal"): lambda *_, **__: None},
    ),
    "declined visit": Case(
        "the visit is not approved",
        [*_DISBURSED, *_VISIT, Happens("visit declined", "L-1", 0), Works(("deliver", "consume"), (False, False, True, True))],
        functions={(Intents, "_is_as_judged"): lambda *_: True},
    ),
    "answer": Case(
        "it was answered",
        [Happens("question", "L-1", 0), *_TAKEN_IN, Provider(("lost but arrived",)), Works(("deliver",)), *_ANSWERED],
        {(questions, "END_ASKING"): _IDLE},
        {(standing, "_answered"): lambda _row: None},
        tells=False,
    ),
    "promise kept": Case(
        "the promise was kept",
        [Happens("disbursed", "L-1", 0), Happens("promised", "L-1", 2), Happens("paid one", "L-1", 0), *_TAKEN_IN],
        functions={(LoanHistory, "_paid_since"): lambda *_: 0},
    ),
    "promise after the end": Case(
        "the loan ended behind the promise",
        [Happens("promised", "L-1", 1), *_TAKEN_IN, Happens("settled", "L-1", 0), *_TAKEN_IN],
        _BLIND,
    ),
    "days past due": Case(
        "a visit, and the loan was 89 days past due",
        [Happens("disbursed late", "L-1", 3), Happens("visit approved", "L-1", 0), Happens("visit", "L-1", 0), *_TAKEN_IN],
        functions={(LoanHistory, "_days_past_due"): lambda *_: 90},
    ),
    "announced": Case(
        "a reminder of a visit that was not announced",
        [*_VISIT, Writes("wang", "STOP"), *_TAKEN_IN, Writes("wang", "START"), *_TAKEN_IN],
        {(claims, "DETAILS"): ("'never' END", "'yes' END")},
    ),
    "no answer": Case("('L-1', 'OP-0'): told 0 answers", _ASKED, {(questions, "EXPIRE"): _IDLE}),
    "answer too soon": Case(
        "told expired before its time",
        [*_ASKED, Works(("sweep",))],
        {(questions, "EXPIRE"): ("expires_at <= :now", ":now IS NOT NULL")},
    ),
    "wrong answer": Case(
        "told confirmed, which nobody said then",
        [*_ASKED, Writes("wang", "N"), Works(("listen",))],
        functions={(mailbox, "_ANSWERS"): {"yes": "confirmed", "no": "confirmed"}},
    ),
    "opt-out told": Case(
        "party.opted_out told 0 times for 1",
        [*_DISBURSED, Writes("wang", "STOP"), *_TAKEN_IN],
        functions={(opting, "_note"): lambda *_: None},
    ),
    "step lost": Case(
        "the steps [] of 1 were told",
        [*_DISBURSED, Happens("paid one", "L-1", 0), *_TAKEN_IN],
        functions={(outbox, "record"): lambda tx, steps: _RECORD(tx, _without_cancellations(steps))},
    ),
    "end of an end": Case(
        "expired was told after cancelled, paid",
        [*_DISBURSED, Happens("paid one", "L-1", 0), *_TAKEN_IN],
        {(settling, "EXPIRE"): ("'planned', 'held'", "'planned', 'held', 'cancelled'")},
    ),
    "signing": Case(
        "is not to be signed any more",
        [Happens("approved", "L-1", 0), *_TAKEN_IN, Happens("signed", "L-1", 0), *_TAKEN_IN],
        _BLIND,
    ),
    "pause": Case(
        "L-1 is paused",
        [Happens("disbursed", "L-1", 0), *_TAKEN_IN, Happens("paused", "L-1", 0), *_TAKEN_IN],
        functions={(standing.Standing, "is_paused"): lambda *_: False},
    ),
    "cap of a number": Case("in 1 days", _MANY, functions={(standing.Standing, "counters"): lambda *_: ()}, strict=True),
    "cap of a person": Case("in 7 days", _DISBURSED, functions={(standing.Standing, "counters"): lambda *_: ()}, strict=True),
    "window": Case(
        "outside the window, at 21:00",
        [Happens("disbursed", "L-3", 0), Happens("authorised", "L-3", 1), *_TAKEN_IN],
        functions={(gate, "CHECKS"): {kind: check for kind, check in gate.CHECKS.items() if kind is not Window}},
    ),
    "code": Case(
        "the code was not valid any more",
        [Happens("code", "L-1", 1), *_TAKEN_IN, Until("10:00")],
        {
            (claims, "CLAIM"): ("n.expires_at > :now", "true"),
            (claims, "INTEND"): ("notices.expires_at > :now", "true"),
            (settling, "EXPIRE"): _IDLE,
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_model_would_notice(stage: tuple[asyncio.Runner, Ledger], case: Case) -> None:
    """Broken on purpose, the product is caught; as it is, it is not."""
    runner, ledger = stage
    story = Story(tells=case.tells, strict=case.strict, steps=case.steps)
    with ExitStack() as broken:
        for (module, name), (old, new) in case.statements.items():
            statement = getattr(module, name)
            assert old in statement.sql
            broken.enter_context(patch.object(module, name, Statement(statement.sql.replace(old, new), **statement.params)))
            getattr(module, name).returns = statement.returns
        for (module, name), function in case.functions.items():
            broken.enter_context(patch.object(module, name, function))
        problems = runner.run(Play(ledger, story).run())
    assert case.says in "\n".join(problems)
    assert runner.run(Play(ledger, story).run()) == []
