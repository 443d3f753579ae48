"""Compares what must have happened with what did: complete, each line once, and what differs beside its nearest match."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from duebell.scenario._file import Line, Scenario
from duebell.scenario._yaml import Document
from duebell.simulation import Simulation
from service.ledger import reading
from service.zones import local_date, zone

_ALERT: Final = "alert.raised"


@dataclass(frozen=True, slots=True)
class Happened:
    """A notice and what became of it, or word to ops or upstream.

    Attributes:
        at: aware, UTC.
        what: template, alert or type of a status event.
        held_for: why it was held on its way.
    """

    at: datetime
    state: str
    what: str
    reason: str | None = None
    role: str | None = None
    person: str | None = None
    loan: str | None = None
    about: str | None = None
    held_for: tuple[str, ...] = ()
    text: str | None = field(default=None, repr=False)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the two part: `line` of the file, if it has one; `fields` that differ between neighbours."""

    line: int | None
    expected: str | None
    happened: str | None
    fields: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What is wrong, in words."""
        if self.expected is None:
            return "was not expected"
        return f"differs in: {', '.join(self.fields)}" if self.happened else "did not happen"


async def happened(simulation: Simulation) -> list[Happened]:
    """Everything that happened, in time order."""
    async with simulation.ledger.transaction() as tx:
        held: dict[str, tuple[str, ...]] = {}
        for row in await tx.rows(reading.HELD):
            held[row.key] = (*held.get(row.key, ()), row.reason)
        words = [_word(row) for row in await tx.rows(reading.WORDS)]
    notices = [
        Happened(
            datetime.fromisoformat(line["at"]), row.state, row.template, row.reason, row.role, row.party_id, row.loan_id, row.ref,
            held.get(row.key, ()), line["body"], row.key,
        )
        for row, line in await simulation.told()
    ]  # fmt: skip
    return sorted([*notices, *words], key=lambda one: one.at)


def _word(row: Any) -> Happened:
    data = json.loads(row.data)
    said = ", ".join(f"{name} {value}" for name, value in data.items() if name != "alert")
    if row.type == _ALERT:
        return Happened(row.at, "alert", data["alert"], loan=row.loan_id, text=said)
    return Happened(row.at, "upstream", row.type, loan=row.loan_id, text=said)


def differences(scenario: Scenario, document: Document, found: Sequence[Happened]) -> list[Difference]:
    """What was expected and did not happen so, and what happened and was not expected, both as lines of the file."""
    happening = [one for one in found if _counts(scenario, one)]
    fits = [[not misfits(line, one, scenario.zone) for one in happening] for line in scenario.then]
    matched = _matched(fits)
    left = [one for j, one in enumerate(happening) if j not in matched.values()]
    told = []
    for i, line in enumerate(scenario.then):
        if i in matched:
            continue
        expected = _flow(document.value["then"][i])
        near = _nearest(line, left, scenario.zone)
        if near is not None:
            left.remove(near)
        wrong = misfits(line, near, scenario.zone) if near else ()
        shown = in_words(near, scenario.zone, wrong) if near else None
        told.append(Difference(document.line(("then", i)), expected, shown, wrong))
    return told + [Difference(None, None, in_words(one, scenario.zone, _TELLING)) for one in left]


def _counts(scenario: Scenario, one: Happened) -> bool:
    """Whether it happened by the last day, and `only` and `ignore` let a scenario look at it."""
    if one.state == "planned" and local_date(one.at, scenario.zone) > scenario.until:
        return False
    marks = {one.state, one.what, one.role, one.person, one.loan}
    return (not scenario.only or not marks.isdisjoint(scenario.only)) and marks.isdisjoint(scenario.ignore)


def _matched(fits: Sequence[Sequence[bool]]) -> dict[int, int]:
    """The largest pairing of expected lines with happenings that fit them (augmenting paths)."""
    taken: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        for j, fit in enumerate(fits[i]):
            if fit and j not in seen:
                seen.add(j)
                if j not in taken or place(taken[j], seen):
                    taken[j] = i
                    return True
        return False

    for i in range(len(fits)):
        place(i, set())
    return {i: j for j, i in taken.items()}


def _nearest(line: Line, left: Sequence[Happened], zone_name: str) -> Happened | None:
    """What was probably meant: the same text, or the same moment, with the fewest differences."""
    akin = [one for one in left if one.what == line.what or "at" not in misfits(line, one, zone_name)]
    return min(akin, key=lambda one: (one.what != line.what, len(misfits(line, one, zone_name))), default=None)


def misfits(line: Line, one: Happened, zone_name: str) -> tuple[str, ...]:
    """The fields in which a happening is not what a line says."""
    return tuple(name for name, fits in _CHECKS.items() if not fits(line, one, zone_name))


def _at_fits(line: Line, one: Happened, zone_name: str) -> bool:
    if line.at is None:
        return True
    local = one.at.astimezone(zone(zone_name))
    if not isinstance(line.at, datetime):
        return local.date() == line.at
    if line.at.tzinfo is not None:
        return one.at == line.at
    return local.replace(tzinfo=None, second=0, microsecond=0) == line.at.replace(second=0)


def _to_fits(line: Line, one: Happened, _zone: str) -> bool:
    if one.role is None:
        return line.to is None
    return (line.to or "borrower") in {one.role, one.person}


def _says_fits(line: Line, one: Happened, _zone: str) -> bool:
    text = one.text or ""
    return all(words in text for words in line.says) and not any(words in text for words in line.says_not)


_CHECKS: Final[dict[str, Callable[[Line, Happened, str], bool]]] = {
    "text": lambda line, one, _: line.what == one.what,
    "state": lambda line, one, _: line.state == one.state,
    "at": _at_fits,
    "reason": lambda line, one, _: line.reason == one.reason,
    "to": _to_fits,
    "loan": lambda line, one, _: line.loan in {None, one.loan},
    "about": lambda line, one, _: line.about in {None, one.about},
    "held_for": lambda line, one, _: line.held_for is None or line.held_for in one.held_for,
    "says": _says_fits,
}


#: What is shown of a happening that nobody expected.
_TELLING: Final = ("loan", "about", "held_for")


def in_words(one: Happened, zone_name: str, fields: Sequence[str]) -> str:
    """What happened, as a line of the file would say it; `fields` are those worth a look."""
    said: dict[str, Any] = {"at": f"{one.at.astimezone(zone(zone_name)):%Y-%m-%d %H:%M}", one.state: one.what}
    if one.reason:
        said["reason"] = one.reason
    if one.role and (one.role != "borrower" or "to" in fields):
        said["to"] = one.person
    said |= {name: value for name in ("loan", "about") if name in fields and (value := getattr(one, name)) is not None}
    if one.held_for and "held_for" in fields:
        said["held_for"] = one.held_for[-1]
    if "says" in fields:
        said["says"] = one.text
    return _flow(said)


def _flow(said: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in said.items()) + "}"
