"""Negotiated plans: which was in force when, and what each agreement and each breach ended. Pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from service.facts import Kind, Version, version_time

#: Beyond the days that an event may name.
_LONG_AGO, _FOR_EVER = datetime(1900, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class PlanWord:
    """A plan was agreed, or it was broken."""

    version: Version
    request_id: str
    word: str  #: agreed, broken

    @property
    def is_agreed(self) -> bool:
        """Whether it makes a plan, and does not end one."""
        return self.word == "agreed"

    def breaks(self, agreement: "PlanWord") -> bool:
        """Whether it ends this agreement."""
        return not self.is_agreed and self.request_id == agreement.request_id and self.version > agreement.version


def words_in(text: str) -> list[PlanWord]:
    """The words as a loan's row keeps them."""
    return [PlanWord(*cells) for cells in json.loads(text)]


def in_force(words: Iterable[PlanWord], at: datetime) -> bool:
    """Whether the newest plan agreed by then (aware) had not been broken by then."""
    said = [word for word in words if version_time(word.version) <= at]
    newest = max((word for word in said if word.is_agreed), default=None)
    return newest is not None and not any(word.breaks(newest) for word in said)


def breach(words: Iterable[PlanWord]) -> PlanWord | None:
    """The agreement that was the newest one and has been broken, if it has."""
    said = list(words)
    newest = max((word for word in said if word.is_agreed), default=None)
    return newest if newest is not None and any(word.breaks(newest) for word in said) else None


def endings(words: Iterable[PlanWord], kind: str, request_id: str | None) -> Iterator[tuple[Version, str]]:
    """When, and why, plans ended the deadlines of a kind that were opened before; `request_id` is the deadline's own."""
    reason = _ENDED_BY_AGREEMENT.get(kind)
    for word in words if reason else ():
        if word.is_agreed:
            yield word.version, reason or ""
        elif kind == Kind.PLAN_INSTALMENT and word.request_id == request_id:
            yield word.version, "plan_broken"


_ENDED_BY_AGREEMENT = {
    Kind.INSTALMENT.value: "replaced",
    Kind.PLAN_INSTALMENT.value: "replaced",
    Kind.AGREEMENT_SIGNING.value: "closed",
}


def spans(words: Iterable[PlanWord]) -> list[tuple[str, datetime, datetime]]:
    """What an instalment's number meant from when until when: the loan's own schedule, or a plan's."""
    said = list(words)
    edges = [_LONG_AGO, *sorted({version_time(word.version) for word in said}), _FOR_EVER]
    kinds = [Kind.PLAN_INSTALMENT if in_force(said, edge) else Kind.INSTALMENT for edge in edges]
    return [(kind.value, start, end) for kind, start, end in zip(kinds, edges, edges[1:], strict=False)]
