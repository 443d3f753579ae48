"""What goes back upstream: each notice's steps without a hole and as the contract has them, each opt-out and each answer once."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from service.ledger.statement import INSTANT, Statement
from tests.properties.judge import Judge

OUTBOX: Final = Statement(
    "SELECT type, key, loan_id, seq, state, reason, data, at FROM outbox ORDER BY id",
    returns={"at": INSTANT},
)
_WAITING: Final = frozenset({"planned", "held"})
_ENDED: Final = frozenset({"cancelled", "superseded", "expired", "suppressed"})
#: State → what may be told next. A claim is not told, so a waiting notice seems to go at once.
_NEXT: Final = {
    **dict.fromkeys(_WAITING, _WAITING | _ENDED | {"sent", "failed", "unknown"}),
    "unknown": frozenset({"sent", "failed", "planned"}),
    "sent": frozenset({"delivered", "undelivered", "planned"}),
}
#: Why something had ended that may be planned again: facts say now that it should not have.
_UNDONE: Final = {"superseded": {"in_digest"}, "suppressed": {"paused"}}
_FOR_EVER: Final = {"by_operator", "cured"}
_WITHOUT_REASON: Final = frozenset({"planned", "sent", "delivered"})


def problems(outbox: Sequence[Any], rows: Iterable[Any], judge: Judge) -> Iterator[str]:
    """What is wrong with what was told, given the notices at the end."""
    steps: dict[str, list[Any]] = defaultdict(list)
    for step in outbox:
        if step.key is not None:
            steps[step.key].append(step)
    for row in rows:
        yield from (f"{row.key}: {wrong}" for wrong in _of_notice(row, steps[row.key]))
    answers = [step for step in outbox if step.type == "operation.answered"]
    yield from judge.questions.wrong([_answer(step) for step in answers])
    wishes = Counter(wish for step in outbox if step.type in {"party.opted_out", "party.opted_in"} for wish in _wishes(step))
    for wish in sorted({*wishes, *judge.wishes.told}, key=str):
        if wishes[wish] != judge.wishes.told[wish]:
            yield f"{wish[0]} told {wishes[wish]} times for {judge.wishes.told[wish]}"


def _of_notice(row: Any, steps: Sequence[Any]) -> Iterator[str]:
    """The steps that one notice took."""
    if [step.seq for step in steps] != list(range(1, row.seq + 1)):
        yield f"the steps {[step.seq for step in steps]} of {row.seq} were told"
    state, reason = "planned", None
    for step in steps:
        if not _may_follow(state, reason, step):
            yield f"{step.state} was told after {state}, {reason}"
        state, reason = step.state, step.reason
        if (reason is None) != (state in _WITHOUT_REASON):
            yield f"{state} was told because {reason}"
    # a claim is not told, nor that a throttled text waits again
    is_as_told = state == row.state or (state in _WAITING and row.state in {"planned", "sending"})
    if not is_as_told:
        yield f"{row.state}, but {state} was told last"


def _may_follow(state: str, reason: str | None, step: Any) -> bool:
    if step.state == "planned" and state == "cancelled":
        return reason not in _FOR_EVER
    if step.state == "unknown" == state:  # it was asked about, and nobody can tell
        return reason != step.reason == "cannot_tell"
    return step.state in _NEXT.get(state, ()) or (step.state == "planned" and reason in _UNDONE.get(state, ()))


def _answer(step: Any) -> tuple[tuple[str, str], str, Any]:
    data = json.loads(step.data)
    return (data["loan_id"], data["operation_id"]), data["answer"], step.at


def _wishes(step: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Who opted out or in, and for what."""
    data = json.loads(step.data)
    for party in data["party_ids"]:
        yield step.type, party, tuple(sorted(data["purposes"]))
