"""What sweeps settle: validity that ended, leases that ran out, hand-overs whose outcome nobody knows."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from service.couriers import TROUBLE_WAITS, Courier
from service.ledger import Ledger, contacts, digests, notices, outbox, questions, visiting
from service.ledger import settling as sql
from service.ledger.outbox import Alert, Step
from service.metrics import Metrics
from service.notices import SAID_AGAIN, Purpose
from service.senders._port import Answer, Sender

_PAGE: Final = 5_000
#: Purposes that are said again only where the sender knows our key and will not say it twice.
_SAID_AGAIN_IF_SAFE: Final = frozenset({Purpose.SERVICE, Purpose.REMINDER, Purpose.PAYER, Purpose.MARKETING})
#: How long a request may still be on its way before its sender is asked.
ON_ITS_WAY: Final = timedelta(seconds=2)
#: How long a reference may wait for what it refers to, and a broken plan for a schedule, before ops are told.
_MISSING_AFTER: Final = timedelta(hours=24)

#: How long after a visit its values are kept, and how far back visits are looked at again.
_FORGOTTEN_AFTER: Final = timedelta(days=1)
_LOOKED_BACK: Final = timedelta(days=60)


class Settling:
    """Settles what no claim will touch any more. Each method is one sweep and gives the rows it changed."""

    def __init__(self, ledger: Ledger, couriers: Sequence[Courier], metrics: Metrics) -> None:
        self._ledger, self._metrics = ledger, metrics
        self._senders = {courier.name: courier.sender for courier in couriers}

    async def expire(self, now: datetime) -> int:
        """Ends what has lost its point."""
        return await self._sweep(sql.EXPIRE, now)

    async def release(self, now: datetime) -> int:
        """Gives back what a dead worker had claimed; what it may have said becomes unknown."""
        return await self._sweep(sql.RELEASE, now)

    async def _sweep(self, statement: Any, now: datetime) -> int:
        total = 0
        while True:
            async with self._ledger.transaction() as tx:
                rows = await tx.rows(statement, now=now, n=_PAGE)
                await outbox.record(tx, [Step(r.key, r.loan_id, r.seq, r.state, r.reason, now) for r in rows])
            self._metrics.came_to((r.state, r.reason) for r in rows)
            total += len(rows)
            if len(rows) < _PAGE:
                return total

    async def settle(self, now: datetime) -> int:
        """Asks the senders what became of unknown hand-overs; where they cannot tell, the purpose decides."""
        async with self._ledger.transaction() as tx:
            rows = await tx.rows(sql.UNKNOWN, before=now - ON_ITS_WAY, n=_PAGE)
        if not rows:
            return 0
        answers = await self._asked(rows)
        told_in = {**_told_elsewhere(rows, answers), **{row.key: row.told_in for row in rows if row.told_in}}
        ends = [self._end_of(row, answers[row.key], told_in.get(row.key), now) for row in rows]
        told: dict[Answer, str] = {"accepted": "accepted", "never_arrived": "not_sent", "cannot_tell": "unknown"}
        async with self._ledger.transaction() as tx:
            changed = [*await tx.rows(sql.SETTLE, s=ends)]
            attempts = await tx.rows(sql.SETTLE_ATTEMPTS, s=[(row.key, told[answers[row.key]]) for row in changed], now=now)
            await contacts.give_back(tx, [attempt.id for attempt in attempts if attempt.outcome == "not_sent"])
            replies = [(row.key, row.key_month) for row in rows if row.is_answer]
            if replies:  # an answer to somebody who has written again does not go again
                changed += await tx.rows(notices.END_OVERTAKEN_ANSWERS, k=replies)
            unsaid = [(row.key,) for row in rows if row.lists and answers[row.key] == "never_arrived"]
            if unsaid:
                changed += await tx.rows(digests.BRING_BACK, h=unsaid, token=None)
            await outbox.record(tx, [Step(r.key, r.loan_id, r.seq, r.state, r.reason, now) for r in changed])
        self._metrics.came_to((r.state, r.reason) for r in changed)
        return len(changed)

    async def _asked(self, rows: Sequence[Any]) -> dict[str, Answer]:
        """What the senders say of the messages that may have gone through them."""
        keys: dict[str | None, list[str]] = {}
        for row in rows:
            keys.setdefault(row.sender, []).append(row.key)
        answers: dict[str, Answer] = {}
        for name, asked in keys.items():
            told = [await sender.query(asked) for sender in self._senders_of(name)]
            answers.update({key: _together([each[i] for each in told]) for i, key in enumerate(asked)})
        return answers

    def _senders_of(self, name: str | None) -> list[Sender]:
        """The sender a message was handed to, if it is still configured; all of them where that is not known (a restore)."""
        return [sender for known, sender in self._senders.items() if name in {None, known}]

    def _end_of(self, row: Any, answer: Answer, told_in: str | None, now: datetime) -> tuple[Any, ...]:
        """A row of service.ledger.settling.SETTLE; `told_in`: another text that may have said it."""
        state, reason, head, alone = self._settled(row, answer, told_in)
        senders = self._senders_of(row.sender)
        doubted = senders[0].name if len(senders) == 1 else None
        return row.key, row.key_month, row.handed_at, state, reason, head, alone, doubted, now + _wait(row)

    def _settled(self, row: Any, answer: Answer, told_in: str | None) -> tuple[str, str | None, str | None, bool]:
        """State, reason, the text that said it, and whether it goes again by itself."""
        if answer == "accepted":
            return "sent", None, None, False
        if told_in is not None:
            return "superseded", "in_digest", told_in, False
        if answer == "never_arrived":
            return "planned", None, None, False
        if not row.moot and self._goes_again(row):
            return "planned", None, None, True
        return "unknown", "cannot_tell", None, False

    def _goes_again(self, row: Any) -> bool:
        """Whether it is said again on a guess: under the same key, by itself, so never a text that listed others."""
        purpose = Purpose(row.purpose)
        if purpose in SAID_AGAIN:
            return True
        senders = self._senders_of(row.sender)
        is_safe = purpose in _SAID_AGAIN_IF_SAFE and len(senders) == 1 and senders[0].idempotent
        return is_safe and not row.lists and not row.may_be_listed

    async def unanswered(self, now: datetime) -> int:
        """Tells upstream of operations that nobody answered in time."""
        total = 0
        while True:
            async with self._ledger.transaction() as tx:
                rows = await tx.rows(questions.EXPIRE, now=now, n=_PAGE)
                await outbox.record(tx, [questions.told(row, now) for row in rows])
            total += len(rows)
            if len(rows) < _PAGE:
                return total

    async def forget(self, now: datetime) -> int:
        """Removes codes, and whatever else security texts were made of, once these have ended."""
        total = 0
        while True:
            async with self._ledger.transaction() as tx:
                forgotten = await tx.run(sql.FORGET, now=now, n=_PAGE)
            total += forgotten
            if forgotten < _PAGE:
                return total

    async def missing(self, now: datetime) -> int:
        """Tells ops, once each, of references that nobody has explained for a day, and of broken plans without a schedule."""
        before = now - _MISSING_AFTER
        async with self._ledger.transaction() as tx:
            unscheduled = await tx.rows(sql.TELL_UNSCHEDULED, before=before, n=_PAGE)
            stubs = [
                *await tx.rows(sql.TELL_STUBS, now=now, before=before, n=_PAGE),
                *await tx.rows(sql.TELL_REVERSALS, now=now, before=before, n=_PAGE),
            ]
            alerts = [Alert("unmatched_reference", {"kind": row.kind, "ref": row.ref}, now, row.loan_id) for row in stubs]
            alerts += [Alert("no_schedule", {}, now, row.loan_id) for row in unscheduled]
            await outbox.record(tx, alerts)
        return len(alerts)

    async def forget_visits(self, now: datetime) -> int:
        """Forgets who came to visits a day past, and by which code they were known."""
        total = 0
        while True:
            async with self._ledger.transaction() as tx:
                n = await tx.run(
                    visiting.FORGET, before=now - _FORGOTTEN_AFTER, after=now - _FORGOTTEN_AFTER - _LOOKED_BACK, n=_PAGE
                )
            total += n
            if n < _PAGE:
                return total


def _wait(row: Any) -> timedelta:
    """How long a guess waits: each try counts as a contact, and a sender in trouble needs time. What must arrive waits a tenth."""
    wait = TROUBLE_WAITS[min(row.tries, len(TROUBLE_WAITS) - 1)]
    return wait / 10 if row.purpose in SAID_AGAIN else wait


def _told_elsewhere(rows: Sequence[Any], answers: Mapping[str, Answer]) -> dict[str, str]:
    """After a restore: the text of the same digest that has gone, by the keys of those it may have listed."""
    said = {_digest_of(row): row.key for row in rows if _digest_of(row) and answers[row.key] == "accepted"}
    return {row.key: said[_digest_of(row)] for row in rows if row.reason == "restored" and _digest_of(row) in said}


def _digest_of(row: Any) -> tuple[Any, ...] | None:
    return (row.borrower_id, row.moment, row.purpose, row.digest) if row.digest and row.borrower_id else None


def _together(answers: Sequence[Answer]) -> Answer:
    """What several senders know of one message; one that is not configured any more cannot tell."""
    if "accepted" in answers:
        return "accepted"
    return "cannot_tell" if not answers or "cannot_tell" in answers else "never_arrived"
