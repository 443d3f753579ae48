"""The mailbox: takes in what people write back and does what it asks, in the transaction that records it.

STOP and START are the matter of service/opting.py; Y and N answer the question that went to the number last. Anything else
is kept for people to read.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from service.events import id_hash_of
from service.inbound import Letter, Work, keys_of, turns
from service.ledger import Ledger, LedgerConflict, Transaction, audit, orders, outbox, questions, replies
from service.metrics import Metrics
from service.opting import Opting
from service.replies import Meaning, meaning_of
from service.senders._port import Reply, Sender
from service.vault import Vault

Verdict = Literal["accepted", "duplicate"]

#: Replies one transaction takes at most.
_CHUNK: Final = 200
_CONFLICT_TRIES: Final = 5
#: How far a provider's clock may be behind ours.
_SKEW: Final = timedelta(minutes=1)
_ANSWERS: Final[Mapping[Meaning, str]] = {"yes": "confirmed", "no": "declined"}


class UnknownSenderError(LookupError):
    """No sender of this name is set, or several are: name one as `duebell doctor` shows it."""


class Mailbox:
    """Takes replies in; any number of processes may do so at once.

    Args:
        senders: those that are set; each reads its provider's form.
        clock: gives the instant, UTC.
    """

    def __init__(
        self,
        ledger: Ledger,
        vault: Vault,
        opting: Opting,
        senders: Sequence[Sender],
        clock: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._ledger, self._vault, self._opting = ledger, vault, opting
        self._senders, self._clock, self._metrics = senders, clock, metrics

    async def post(self, name: str, body: bytes) -> list[tuple[str, Verdict]]:
        """Takes what a provider sends to the sender of a name; gives the id and the verdict of each reply, in order.

        Raises:
            UnknownSenderError: there is no such sender.
            ReplyError: the body is not in the provider's form; nothing was taken.
            LedgerAway: send the same again.
        """
        sender = self._sender(name)
        found = sender.parse_replies(body)
        verdicts: list[Verdict] = []
        for start in range(0, len(found), _CHUNK):
            verdicts += await self.take(sender.name, found[start : start + _CHUNK])
        return [(reply.id, verdict) for reply, verdict in zip(found, verdicts, strict=True)]

    def _sender(self, name: str) -> Sender:
        """The sender of this name, or the only one of this scheme."""
        exact = [sender for sender in self._senders if sender.name == name]
        schemes = [(sender, sender.name.partition("://")[0]) for sender in self._senders]
        found = exact or [sender for sender, scheme in schemes if name in {scheme, scheme.partition("+")[0]}]
        if len(found) != 1:
            raise UnknownSenderError(name)
        return found[0]

    async def take(self, sender: str, found: Sequence[Reply]) -> list[Verdict]:
        """Takes replies that came through a sender, all in one transaction; one verdict each, in order.

        Raises:
            LedgerAway: nothing was taken; try the same again.
        """
        letters = [self._letter(sender, reply) for reply in found]
        first = {letter.hash: letter for letter in reversed(letters)}
        new = await self._again(sender, first)
        for key in new:
            self._metrics.replies.labels(first[key].meaning).inc()
        return ["accepted" if letter.hash in new and first[letter.hash] is letter else "duplicate" for letter in letters]

    def _letter(self, sender: str, reply: Reply) -> Letter:
        key = self._vault.keyed_hash(reply.number)
        return Letter(id_hash_of(sender, reply.id), key, meaning_of(reply.text), reply.at, reply.number, reply.text)

    async def _again(self, sender: str, letters: Mapping[bytes, Letter]) -> set[bytes]:
        """Runs the transaction once more where it met a deadlock or a serialization failure."""
        for _ in range(_CONFLICT_TRIES):
            try:
                return await self._take_once(sender, letters)
            except LedgerConflict:
                self._metrics.intake_conflicts.inc()
        return await self._take_once(sender, letters)

    async def _take_once(self, sender: str, letters: Mapping[bytes, Letter]) -> set[bytes]:
        rows = [
            (key, letter.phone_key, self._vault.encrypt(letter.text), letter.meaning, letter.at)
            for key, letter in sorted(letters.items())
        ]
        async with self._ledger.transaction() as tx:
            if any(letter.meaning == "stop" for letter in letters.values()):
                await tx.run(orders.FORBID)
            work = Work(self._clock(), sender)
            new = {row.hash for row in await tx.rows(replies.TAKE, r=rows, sender=sender, now=work.now)}
            for turn in turns(letters[key] for key in new if letters[key].meaning != "other"):
                await self._do(tx, turn, work)
            await audit.append(tx, self._vault, work.deeds, work.now)
            await outbox.record(tx, work.steps)
        self._metrics.came_to(outbox.states_of(work.steps))
        return new

    async def _do(self, tx: Transaction, turn: Sequence[Letter], work: Work) -> None:
        """What these letters ask for, each number once."""
        whose: dict[bytes, list[Any]] = defaultdict(list)
        for row in await tx.rows(replies.WHOSE, k=keys_of(turn)):
            whose[row.phone_key].append(row)
        if stops := [letter for letter in turn if letter.meaning == "stop"]:
            await self._opting.out(tx, stops, whose, work)
        if starts := [letter for letter in turn if letter.meaning == "start"]:
            await self._opting.back_in(tx, starts, whose, work)
        if answers := [letter for letter in turn if letter.meaning in _ANSWERS]:
            await _answer(tx, answers, work)


async def _answer(tx: Transaction, answers: Sequence[Letter], work: Work) -> None:
    """Answers the question that went to each number last before it was answered; without one nothing happens."""
    waiting: dict[bytes, list[Any]] = defaultdict(list)
    for row in await tx.rows(questions.OPEN, k=keys_of(answers), now=work.now):
        waiting[row.phone_key].append(row)
    given = {}
    for letter in answers:
        asked = next((row for row in waiting[letter.phone_key] if row.at <= letter.at + _SKEW), None)
        if asked is not None:
            given[asked.loan_id, asked.operation_id] = _ANSWERS[letter.meaning]
    if given:
        rows = await tx.rows(questions.ANSWER, a=[(*key, given[key]) for key in sorted(given)], now=work.now)
        work.steps += [questions.told(row, work.now) for row in rows]
        work.stepped(await tx.rows(questions.END_ASKING, q=sorted(given)))
