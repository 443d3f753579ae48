"""Intake: a batch of events becomes rows, in one transaction.

`absorb` is called by the broker's door and by the embedded inbox alike. It takes events in (each once for ever), folds
their facts into parties and loans, ends what a payment or a replacement ends, adds the notices they call for, and buries
what cannot be understood. When it returns, everything is committed: only then may the caller acknowledge.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from service import addressing, context
from service.catalogue import Catalogue
from service.effects import Effects, already_closed, effects_of, taken_back, with_details
from service.events import PARTIES_NAMED, Dead, Decoded, Event, Ignored, same_payload, without
from service.facts import AnswerAwaited, LoanChange, LoanCured, NoticeGiven
from service.ledger import (
    Ledger,
    LedgerConflict,
    LedgerRefused,
    Transaction,
    erasure,
    inbox,
    letters,
    loans,
    notices,
    outbox,
    pausing,
    people,
    questions,
)
from service.ledger.outbox import Alert, Step, step_of
from service.ledger.statement import Statement
from service.metrics import Metrics
from service.notices import event_key, lane_of
from service.pauses import PromiseTerms
from service.vault import Vault

Clock = Callable[[], datetime]
Verdict = Literal["accepted", "duplicate", "ignored", "dead"]

#: How often a batch that met a deadlock or a serialization failure is tried before it is halved.
_CONFLICT_TRIES = 5


@dataclass(slots=True)
class _Batch:
    """What one transaction works on."""

    events: list[Event] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    steps: list[Step | Alert] = field(default_factory=list)


class Intake:
    """Absorbs events into the ledger.

    Args:
        clock: gives the instant, UTC. It is read twice in a transaction: at its start, and when the loans are locked, so
            that the recording of a payment is never earlier than an intent it came after.
        promises: how promises to pay are judged.
    """

    def __init__(
        self,
        ledger: Ledger,
        vault: Vault,
        catalogue: Catalogue,
        clock: Clock,
        metrics: Metrics,
        promises: PromiseTerms = PromiseTerms(),  # noqa: B008 - a frozen value
    ) -> None:
        self._ledger, self._vault, self._catalogue, self._clock, self._metrics = ledger, vault, catalogue, clock, metrics
        self._promises = promises

    async def absorb(self, batch: Sequence[Decoded], *, origin: str) -> list[Verdict]:
        """Absorbs a batch and gives one verdict per message, in order.

        A batch the database refuses is halved until the culprit is alone; it becomes a dead letter.

        Raises:
            LedgerAway: nothing is committed beyond what earlier halves committed; try the same batch again.
        """
        return await self._tried(batch, origin, self._absorb_once)

    async def receive(self, batch: Sequence[Decoded], *, origin: str) -> list[Verdict]:
        """Puts a batch aside, to be absorbed later; gives one verdict per message, in order. Never `ignored`.

        What cannot be understood is buried at once, and takes nothing's place in the inbox.

        Raises:
            LedgerAway: as `absorb`.
        """
        return await self._tried(batch, origin, self._receive_once)

    async def spoil(self, spoilt: Sequence[tuple[bytes, str]]) -> None:
        """Makes dead letters of inbox rows that nobody can read any more: (hash of source and id, why)."""
        now = self._clock()
        async with self._ledger.transaction() as tx:
            await tx.run(inbox.BURY_SPOILT, s=spoilt, now=now)
            await tx.run(inbox.SPOIL, s=spoilt, now=now)
        self._metrics.events_in["dead"].inc(len(spoilt))

    async def _tried(
        self, batch: Sequence[Decoded], origin: str, once: Callable[[Sequence[Decoded], str], Awaitable[list[Verdict]]]
    ) -> list[Verdict]:
        for _ in range(_CONFLICT_TRIES):
            try:
                return await once(batch, origin)
            except LedgerConflict:
                self._metrics.intake_conflicts.inc()
            except LedgerRefused as error:
                if len(batch) == 1:
                    return await once([_refused(batch[0], error)], origin)
                break
        if len(batch) == 1:
            raise LedgerConflict("the same conflict over and over")
        middle = len(batch) // 2
        return [*await self._tried(batch[:middle], origin, once), *await self._tried(batch[middle:], origin, once)]

    async def _absorb_once(self, batch: Sequence[Decoded], origin: str) -> list[Verdict]:
        now = self._clock()
        async with self._ledger.transaction() as tx:
            new, steps = await self._take_in(tx, batch, inbox.TAKE, now)
            work = _sorted(batch, new)
            work.steps += steps
            await self._bury(tx, work.dead, origin, now)
            await self._react(tx, work, now)
            await outbox.record(tx, work.steps)
        return self._counted(_verdicts(batch, new))

    async def _receive_once(self, batch: Sequence[Decoded], origin: str) -> list[Verdict]:
        now = self._clock()
        async with self._ledger.transaction() as tx:
            new, steps = await self._take_in(tx, [m for m in batch if not isinstance(m, Dead)], inbox.RECEIVE, now)
            await self._bury(tx, [m for m in batch if isinstance(m, Dead)], origin, now)
            await outbox.record(tx, steps)
        verdicts: list[Verdict] = ["accepted" if verdict == "ignored" else verdict for verdict in _verdicts(batch, new)]
        self._counted(verdict for verdict in verdicts if verdict != "accepted")  # the others are counted when they are absorbed
        return verdicts

    def _counted(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        counted = list(verdicts)
        for verdict in counted:
            self._metrics.events_in[verdict].inc()
        return counted

    # ------------------------------------------------------------ the inbox

    async def _take_in(
        self, tx: Transaction, batch: Sequence[Decoded], take: Statement, now: datetime
    ) -> tuple[set[bytes], list[Step | Alert]]:
        """The hashes of the events that `take` finds new, and an alert for each that came with another payload before."""
        rows: dict[bytes, tuple[object, ...]] = {}
        differing: list[tuple[bytes, bytes, Decoded]] = []
        for message in batch:
            key = message.id_hash
            if key is None:
                continue
            if key in rows:
                differing.append((key, message.payload_hash, message))
            else:
                rows[key] = self._inbox_row(key, message, absorbed=take is inbox.TAKE)
        if not rows:
            return set(), []
        new = {row.hash for row in await tx.rows(take, e=[rows[key] for key in sorted(rows)], now=now)}
        known = [
            (m.id_hash, m.payload_hash, m) for m in batch if m.id_hash and m.id_hash not in new and not isinstance(m, Dead)
        ]
        return new, await self._mismatches(tx, [*known, *differing], now)

    def _inbox_row(self, key: bytes, message: Decoded, *, absorbed: bool) -> tuple[object, ...]:
        state = "absorbed" if isinstance(message, Event) else "ignored" if isinstance(message, Ignored) else "dead"
        event = message if isinstance(message, Event) else None
        kept = event.kept if event and absorbed else message.body
        sealed = None if isinstance(message, Dead) else self._vault.encrypt(kept)  # its dead letter keeps the body
        named = [self._vault.keyed_hash(party) for party in event.party_ids] if event else []
        return (
            key, state, message.payload_hash, sealed, *(*named, None, None)[:PARTIES_NAMED], message.type,
            event.loan_id if event else None, event.time if event else None,
        )  # fmt: skip

    async def _mismatches(
        self, tx: Transaction, seen: Sequence[tuple[bytes, bytes, Decoded]], now: datetime
    ) -> list[Step | Alert]:
        """The same event with another payload: counted, and told to ops."""
        if not seen:
            return []
        messages = {(key, digest): message for key, digest, message in seen}
        found = await tx.rows(inbox.DIFFERING, seen=list(messages))
        stored = {row.hash: row for row in found if row.payload is not None}
        alerts: dict[bytes, Step | Alert] = {}
        for (key, _), message in messages.items():
            row = stored.get(key)
            if row is not None and not _says_the_same(self._vault.decrypt(row.payload), message):
                self._metrics.duplicate_mismatches.inc()
                alerts[key] = Alert("duplicate_mismatch", {"type": row.type or "", "event_hash": key.hex()}, now)
        return list(alerts.values())

    async def _bury(self, tx: Transaction, dead: Sequence[Dead], origin: str, now: datetime) -> None:
        rows = {
            d.payload_hash: (
                d.payload_hash, d.id_hash, d.type, d.field, d.reason, d.body_size, self._vault.encrypt(d.body), origin,
            )
            for d in dead
        }  # fmt: skip
        if rows:
            await tx.run(letters.BURY, d=[rows[key] for key in sorted(rows)], now=now)

    # ------------------------------------------------------------ parties, loans, notices

    async def _react(self, tx: Transaction, work: _Batch, now: datetime) -> None:
        facts = [fact for event in work.events for fact in event.facts]
        told = await people.absorb(tx, self._vault, [f for f in facts if isinstance(f, people.PersonFact)], now)
        loaded = await loans.lock(tx, (event.loan_id for event in work.events if event.loan_id), now)
        detailed = with_details(work.events)
        await loans.load_details(tx, loaded, detailed)
        recorded_at = self._clock()
        for event in work.events:
            if event.loan_id:
                changes = [f for f in event.facts if isinstance(f, LoanChange)]
                loaded[event.loan_id].history.absorb(changes, plan_from=recorded_at if event.mode_backfill else None)
        for loan_id in detailed:
            loaded[loan_id].history.derive(self._promises.tolerance)
        planned = addressing.with_plans(work.events, loaded)
        effects = effects_of(loaded, planned)
        await loans.save(tx, loaded, effects.replan, recorded_at)
        added = self._notice_rows(work.events, recorded_at)
        if added:
            await tx.run(notices.ADD, n=added, now=recorded_at)
        await self._address(tx, work, loaded, planned, recorded_at)
        await self._reconcile(tx, work, loaded, effects, told.reachable | effects.borrowers, recorded_at)
        if told.erased:
            gone = await erasure.erase(tx, self._vault, told.erased, who="upstream", why="party.erased", now=recorded_at)
            work.steps += gone.steps

    def _notice_rows(self, events: Iterable[Event], now: datetime) -> list[tuple[object, ...]]:
        rows = [
            self._notice_row(event, fact, now)
            for event in events
            if not event.mode_backfill
            for fact in event.facts
            if isinstance(fact, NoticeGiven)
        ]
        return sorted(rows, key=lambda row: str(row[0]))

    def _notice_row(self, event: Event, fact: NoticeGiven, now: datetime) -> tuple[object, ...]:
        spec = self._catalogue[fact.template]
        key = event_key(event.source, event.id, event.time, fact.template, fact.role)
        expires_at = fact.not_later_than or event.time + spec.valid
        sealed = self._vault.encrypt(context.to_json(fact.values)) if fact.values else None
        return (
            key.key, key.month, fact.loan_id, fact.party_id, fact.role, fact.template, spec.channels[0], spec.purpose.value,
            lane_of(spec.purpose, is_stage=False).value, spec.asks, fact.is_receipt, fact.kind and fact.kind.value, fact.ref,
            fact.payment_id, " ".join(spec.needs) or None, sealed, event.id, event.time, min(event.time, now), now, expires_at,
        )  # fmt: skip

    async def _address(
        self, tx: Transaction, work: _Batch, loaded: Mapping[str, loans.Loaded], planned: set[str], now: datetime
    ) -> None:
        """Says which deadlines and people notices are about, where only the loan tells, and ends those that must not go."""
        if planned:
            aims = addressing.aims(planned, loaded)
            work.steps += [step_of(row, now) for row in await tx.rows(notices.REVIVE_AIMED, s=aims, now=now)]
            await tx.run(notices.AIM, s=aims)
        if payers := addressing.payers(work.events, loaded):
            await tx.run(notices.NAME_PAYERS, d=payers)
        if refused := list(addressing.refusals(work.events)):
            rows = await tx.rows(notices.REFUSE, r=[(key.key, key.month, reason) for key, reason, _ in refused])
            work.steps += [step_of(row, now) for row in rows]
            work.steps += [addressing.alert_of(key, reason, fact, now) for key, reason, fact in refused]

    async def _reconcile(
        self,
        tx: Transaction,
        work: _Batch,
        loaded: Mapping[str, loans.Loaded],
        effects: Effects,
        reachable: set[str],
        now: datetime,
    ) -> None:
        """Ends, revives and frees notices as the facts now stand."""
        changed: list[object] = []
        ended = effects.ended + already_closed(work.events, loaded)
        if ended:
            changed += await tx.rows(notices.CANCEL, d=ended)
        if effects.reworded:
            await tx.run(notices.REWORD, d=effects.reworded)
        if effects.reopened:
            changed += await tx.rows(notices.REVIVE, d=effects.reopened, now=now)
        if effects.repaused:
            changed += await pausing.revive(tx, effects.repaused, self._promises.grace_days, now)
        if reversals := taken_back(work.events, loaded):
            changed += await tx.rows(notices.DROP_RECEIPTS, p=reversals)
        awaited = [f for event in work.events if not event.mode_backfill for f in event.facts if isinstance(f, AnswerAwaited)]
        if awaited:
            changed += await questions.ask(tx, awaited)
        cured = {(f.loan_id,) for event in work.events for f in event.facts if isinstance(f, LoanCured)}
        if cured:
            changed += await tx.rows(notices.CANCEL_CURED, l=sorted(cured))
        explained = [(loan_id,) for loan_id in sorted(effects.explained)]
        if explained:
            changed += await tx.rows(notices.FREE_FACTS, l=explained)
        if reachable:
            changed += await tx.rows(notices.FREE_CONTACT, p=[(party,) for party in sorted(reachable)])
        work.steps += [step_of(row, now) for row in changed]


# ---------------------------------------------------------------- pure parts


def _says_the_same(stored: bytes, message: Decoded) -> bool:
    """Whether a body says what is stored, as far as that was kept."""
    if isinstance(message, Event) and message.secret:
        return same_payload(without(stored, message.secret), message.kept)
    return same_payload(stored, message.body)


def _verdicts(batch: Sequence[Decoded], new: set[bytes]) -> list[Verdict]:
    """What became of each message, given the hashes that were new."""
    verdicts: list[Verdict] = []
    left = set(new)
    for message in batch:
        if isinstance(message, Dead):
            verdicts.append("dead")
        elif message.id_hash not in left:
            verdicts.append("duplicate")
        else:
            verdicts.append("ignored" if isinstance(message, Ignored) else "accepted")
            left.discard(message.id_hash)
    return verdicts


def _sorted(batch: Sequence[Decoded], new: set[bytes]) -> _Batch:
    """New events once each, in order; dead letters all."""
    work, seen = _Batch(), set[bytes]()
    for message in batch:
        if isinstance(message, Dead):
            work.dead.append(message)
        elif message.id_hash in new and message.id_hash not in seen:
            seen.add(message.id_hash)
            if isinstance(message, Event):
                work.events.append(message)
            else:
                work.ignored.append(message)
    return work


def _refused(message: Decoded, error: LedgerRefused) -> Dead:
    """A message whose data the database cannot hold."""
    return Dead(
        field="data", reason=f"the database refuses a value of this event (SQLSTATE {error})", source=message.source,
        id=message.id, type=message.type, body=message.body, body_size=len(message.body), payload_hash=message.payload_hash,
    )  # fmt: skip
