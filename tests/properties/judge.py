"""Judges each text at its intent: by the facts that had been recorded, the person's hours and number, their wishes, and the cap."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from service.senders._port import Message, Reply
from tests.properties import promising, visiting
from tests.properties.asking import Questions
from tests.properties.caps import Counted
from tests.properties.delegating import Delegation, of_the_debt, sums_in
from tests.properties.model import FRESH, Event, Loan, place
from tests.properties.people import BORROWERS, OWNERS, PEOPLE, Person
from tests.properties.wishes import CONFIRMED, Wishes

UNVERIFIED = "4444"  #: the last digits of accounts that nobody verified


class Stage(NamedTuple):
    """What a reminder's key says."""

    loan: str
    kind: str
    ref: str
    anchor: str
    name: str


def stage_of(key: str) -> Stage | None:
    """The stage a key is of, if it is of one."""
    parts = key.split(":")
    return Stage(*parts[1:6]) if parts[0] == "stage" else None


class Judge:
    """Knows which event and which word was recorded by which commit."""

    def __init__(self, *, strict: bool) -> None:
        self.recorded: dict[str, tuple[int, Event]] = {}
        self.wishes, self.questions = Wishes(), Questions()
        self._letters: set[str] = set()
        self._announced: set[tuple[str | None, str]] = set()
        self._counted = Counted(strict=strict)

    def record(self, event: Event, commit: int, now: datetime) -> None:
        """An event was absorbed."""
        if event["id"] not in self.recorded:
            self.recorded[event["id"]] = commit, event
            self.questions.record(event, commit, now)

    def heard(self, letter: Reply, commit: int, now: datetime) -> None:
        """What somebody wrote was taken in."""
        if letter.id in self._letters:
            return
        self._letters.add(letter.id)
        owner = OWNERS[letter.number]
        is_theirs = self.number_of(owner, commit) == letter.number
        if letter.text in CONFIRMED:
            places, whose = ([owner.jurisdiction], owner.party_id) if is_theirs else (["cn"], None)
            self.wishes.heard(letter.number, letter.text, commit, places, whose)
        elif is_theirs:
            self.questions.heard(letter, owner, commit, now)

    def known(self, loan: str, commit: int) -> Loan:
        """The loan as it was when this commit began."""
        return Loan(event for at, event in self.recorded.values() if at < commit and event["subject"] == loan)

    def number_of(self, person: Person, commit: int) -> str | None:
        """The number that a person had when this commit began; who is to be forgotten has none."""
        if any(at < commit and _forgets(event, person) for at, event in self.recorded.values()):
            return None
        said = [
            (place(event), found["phone"])
            for at, event in self.recorded.values()
            for found in (event["data"].get(name) for name in ("borrower", "payer", "party"))
            if at < commit and found and found["party_id"] == person.party_id
        ]
        return max(said)[1] if said else None

    def objections(self, message: Message, parts: Sequence[str], commit: int) -> Iterator[str]:
        """What speaks against a text; `parts`: every key it speaks for."""
        if message.at >= message.expires_at:
            yield "its point was over"
        if message.key.startswith("reply:"):
            if self.wishes.deny(message.key, message.to, message.template, commit):
                yield "confirms what is not so"
            return
        if self.wishes.forbid(message.to, message.purpose, commit):
            yield "they had opted out"
        person = PEOPLE[BORROWERS[message.loan_id or ""]]
        if message.key.endswith(":payer"):
            delegation = Delegation(self.known(message.loan_id or "", commit), self._delegation(message.key))
            yield from delegation.objections(message.template, message.at)
            yield from of_the_debt(message.body, delegation.sums())
            person = delegation.payer or person
        yield from self._to_whom(message, parts, person, commit)
        yield from self._when(message, person)
        yield from self._whether(message, parts, person, commit)

    def _whether(self, message: Message, parts: Sequence[str], person: Person, commit: int) -> Iterator[str]:
        """Whether what the text speaks of is still so."""
        if UNVERIFIED in message.body:
            yield "names an account that nobody verified"
        stages, event = [stage for key in parts if (stage := stage_of(key))], self._event_of(message.key)
        if event and event.get("duebellmode") == "backfill":
            yield "tells of an event that only establishes facts"
        if message.template == "operation_reply" and event and self.questions.is_answered(event, commit):
            yield "it was answered"
        if message.purpose == "visit":
            yield from self._visit(
                message, stages[0].ref if stages else str(event and event["data"]["visit_id"]), person, commit
            )
        elif stages and stages[0].kind == "promise_to_pay":
            loan = self.known(stages[0].loan, commit)
            yield from promising.objections(loan, stages[0].ref, stages[0].anchor, message, person)
        elif stages and stages[0].kind in {"instalment", "plan_instalment"}:
            yield from self._asks(message, stages, person, commit)
        elif stages and stages[0].kind in {"contract_signing", "agreement_signing"}:
            loan = self.known(stages[0].loan, commit)
            if loan.signing(stages[0].kind) != stages[0].anchor:
                yield f"{stages[0].loan} is not to be signed any more"

    def _visit(self, message: Message, ref: str, person: Person, commit: int) -> Iterator[str]:
        """A text about a visit: as the facts allow, and a reminder only where somebody had been told of it."""
        loan = self.known(message.loan_id or "", commit)
        yield from visiting.objections(loan, ref, message.template, message.at, person)
        if message.template == "visit_reminder" and (message.loan_id, ref) not in self._announced:
            yield "a reminder of a visit that was not announced"

    def _delegation(self, key: str) -> str:
        stage, event = stage_of(key), self._event_of(key)
        return stage.ref if stage else str(event and event["data"]["delegation_id"])

    def _event_of(self, key: str) -> Event | None:
        """The event that a text tells of."""
        found = self.recorded.get(key.split(":")[2].replace("%3A", ":")) if key.startswith("event:") else None
        return found and found[1]

    def _to_whom(self, message: Message, parts: Sequence[str], person: Person, commit: int) -> Iterator[str]:
        if message.to != self.number_of(person, commit):
            yield "somebody else's number"
        for key in parts:
            stage = stage_of(key)
            if stage and key.endswith(":borrower") and PEOPLE[BORROWERS[stage.loan]] is not person:
                yield f"tells of another person's loan {stage.loan}"

    def _when(self, message: Message, person: Person) -> Iterator[str]:
        caused = self._event_of(message.key)
        if message.purpose == "security":
            ends = caused and caused["data"].get("expires_at")
            if ends and message.at >= datetime.fromisoformat(ends):
                yield "the code was not valid any more"
        elif not person.is_decent(message.at):
            is_fresh = caused and message.at - datetime.fromisoformat(caused["time"]) < FRESH
            if message.purpose != "service" or not is_fresh:
                yield f"outside the window, at {person.local(message.at):%H:%M}"

    def _asks(self, message: Message, stages: Sequence[Stage], person: Person, commit: int) -> Iterator[str]:
        """A text that asks for instalments: each must be open, unpaused, due on that day; the sums are those of now."""
        left = 0
        for stage in stages:
            loan = self.known(stage.loan, commit)
            instalment = loan.instalments.get((stage.kind, stage.ref))
            if instalment is None or not instalment.is_open:
                yield f"{stage.loan} {stage.ref} is not open any more"
                continue
            if instalment.due_on.isoformat() != stage.anchor:
                yield f"{stage.loan} {stage.ref} is due on {instalment.due_on} now"
            if loan.silent(message.purpose, message.at, person):
                yield f"{stage.loan} is paused"
            left += instalment.left
        if message.purpose == "reminder":
            yield from _wording(message.body, left, {stage.anchor for stage in stages}, person.local(message.at).date())
            if message.template.startswith("digest") != (len(stages) > 1):
                yield f"{message.template} speaks for {len(stages)}"

    def handed_over(self, message: Message) -> None:
        """A text left, whether or not it arrived."""
        event = self._event_of(message.key)
        if event and message.template in {"visit_notice", "visit_rescheduled"}:
            self._announced.add((event["subject"], event["data"]["visit_id"]))

    def arrived(self, message: Message) -> Iterator[str]:
        """Counts a text that reached somebody; says if it was one too many."""
        event = self._event_of(message.key)
        if event and message.template == "operation_reply":
            self.questions.arrived(message, event)
        day = OWNERS[message.to].local(message.at).date()
        yield from (f"{message.key}: {wrong}" for wrong in self._counted.over(message.to, message.purpose, day))


def _forgets(event: Event, person: Person) -> bool:
    return bool(event["type"] == "party.erased" and event["subject"] == person.party_id)


def _wording(body: str, left: int, anchors: set[str], today: date) -> Iterator[str]:
    sums = sums_in(body)
    if left not in sums:
        yield f"says {sorted(sums)} where {left} is left"
    days = {(date.fromisoformat(anchor) - today).days for anchor in anchors}
    if (re.search("今天|today", body) and 0 not in days) or (re.search("明天|tomorrow", body) and 1 not in days):
        yield "says today or tomorrow when it is not"
