"""Delivery: from a notice whose moment has come to a recorded hand-over.

A step claims ready notices of one lane, judges each by the facts as they are now, makes the texts, writes the intent for as
many as a sender can take at once, hands exactly those over, and records the outcomes. Three short transactions; none is
open while a sender is called.
"""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from service import digest, handover
from service.around import look_around
from service.composing import Composer, Ready, fresh_attempt
from service.couriers import Courier, tries_next
from service.gate import NO_CONTACTS, Contacts, Go
from service.ledger import Ledger, LedgerConflict, Transaction, claims, contacts, controls, digests, orders, outbox, visiting
from service.ledger.contacts import Place, Taker
from service.ledger.outbox import Alert, Step
from service.metrics import Metrics
from service.notices import Lane, Purpose, State
from service.phones import zones_of
from service.reasons import ALERTING
from service.senders._port import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown
from service.standing import PutBack
from service.vault import Vault
from service.wording import Around

MOST: Final = 1000  #: notices a claim takes at most
#: Waits after a round in which no sender took a notice.
NO_SENDER_WAITS: Final = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))
JITTER: Final = 0.2  #: share by which each of these waits varies, so that held texts do not come back all at once
#: A notice given back by the intent is looked at again after this.
_SOON: Final = timedelta(seconds=1)
#: A sender whose pace lets nothing go yet is asked again after this at the earliest: less is lost in rounding, and it would be at once.
_LEAST_WAIT: Final = timedelta(milliseconds=1)
_CONFLICT_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Claim:
    """What one step works on; nobody else may touch it until the lease is over."""

    lane: Lane
    token: str
    until: float  #: monotonic seconds
    rows: Sequence[Any]
    around: Around
    contacts: dict[Place, Contacts]


class Delivery:
    """Delivers the notices of all lanes; any number of processes may do so at once.

    Args:
        couriers: in the order in which they are asked.
        clock: gives the instant, UTC.
        monotonic: seconds that go on while the clock may be set.
        lease: how long a claim is valid.
        jitter: share by which waits for a sender vary; none in a simulation.
    """

    def __init__(
        self,
        ledger: Ledger,
        vault: Vault,
        composer: Composer,
        couriers: Sequence[Courier],
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        metrics: Metrics,
        lease: timedelta = timedelta(seconds=30),
        jitter: float = JITTER,
    ) -> None:
        self._ledger, self._vault, self._composer, self._couriers = ledger, vault, composer, couriers
        self._standing = composer.standing
        self._clock, self._monotonic, self._metrics, self._lease, self._jitter = clock, monotonic, metrics, lease, jitter
        self._most = MOST
        self._troubled: set[str] = set()
        self._alerted: set[tuple[str, str | None]] = set()

    async def step(self, lane: Lane) -> int:
        """Works on what is ready in a lane; gives the number of notices claimed."""
        claim = await self._again(lambda: self._claim(lane))
        if claim is None:
            return 0
        now = self._clock()
        back, ready = self._judged(claim, now)
        if back:
            await self._again(lambda: self._put_back(claim, back))
        for courier in self._couriers:
            if ready:
                ready = await self._through(courier, claim, ready)
        if ready:
            held = [(row, verdict) for r in ready for verdict in [self._no_sender(r.row)] for row in r.rows]
            await self._again(lambda: self._put_back(claim, held))
        self._learn(claim)
        return len(claim.rows)

    async def next_moment(self) -> datetime | None:
        """When the next waiting notice may go, or loses its point."""
        async with self._ledger.transaction() as tx:
            row = (await tx.rows(claims.NEXT_READY))[0]
        return min(filter(None, (row.at, row.ends)), default=None)

    # ------------------------------------------------------------ the claim

    async def _claim(self, lane: Lane) -> Claim | None:
        now, token = self._clock(), token_hex(16)
        until = self._monotonic() + self._lease.total_seconds()
        async with self._ledger.transaction() as tx:
            paused = await _paused(tx, now)
            if ("all", "") in paused or ("lane", lane.value) in paused:
                return None
            taken = await tx.rows(
                claims.CLAIM,
                lane=lane.value,
                token=token,
                lease_until=now + self._lease,
                now=now,
                n=self._claim_size(),
                paused=paused,
            )
            if not taken:
                return None
            taken = [
                *taken,
                *await digests.take_along(tx, taken, token=token, lease_until=now + self._lease, now=now, paused=paused),
            ]
            rows = await tx.rows(claims.DETAILS, c=[(row.key, row.key_month) for row in taken], now=now)
            around = await look_around(tx, rows, now)
            found = await contacts.counted(tx, {c for row in rows for c in self._standing.counters(row, now)})
        return Claim(lane, token, until, rows, around, found)

    def _claim_size(self) -> int:
        """What the senders can take in a third of the lease."""
        paces = [courier.sender.pace for courier in self._couriers]
        if not paces or None in paces:
            return self._most
        return max(1, min(self._most, int(sum(p.count / p.period for p in paces if p) * self._lease.total_seconds() / 3)))

    def _learn(self, claim: Claim) -> None:
        """Claims half as many after a claim that took longer than its lease, and a few more again after a full one that did not.

        What is not said within the lease is given back: a machine too slow for its claims would never say anything.
        """
        if self._monotonic() >= claim.until:
            self._most = max(1, len(claim.rows) // 2)
        elif len(claim.rows) >= self._most:
            self._most = min(MOST, self._most + self._most // 8 + 1)

    # ------------------------------------------------------------ judging and rendering

    def _judged(self, claim: Claim, now: datetime) -> tuple[list[tuple[Any, PutBack]], list[Ready]]:
        """Which notices go back, and the texts of the others."""
        back, ready, found = [], [], dict(claim.contacts)
        for group in digest.groups(claim.rows):
            verdicts = [(row, self._verdict(row, claim, found, now)) for row in group]
            back += [(row, verdict) for row, verdict in verdicts if isinstance(verdict, PutBack)]
            fit = [(row, verdict.until) for row, verdict in verdicts if isinstance(verdict, Go)]
            made = self._composer.made([row for row, _ in fit], claim.around, now, min(u for _, u in fit)) if fit else None
            if isinstance(made, PutBack):
                back += [(row, made) for row, _ in fit]
            elif made:
                ready.append(made)
                for counter in made.counters:
                    found[counter.place] = found.get(counter.place, NO_CONTACTS).one_more(now)
        return back, ready

    def _verdict(self, row: Any, claim: Claim, found: dict[Place, Contacts], now: datetime) -> PutBack | Go:
        counted = {counter.rule_id: found.get(counter.place, NO_CONTACTS) for counter in self._standing.counters(row, now)}
        return self._standing.judge(row, self._zones(row), counted, older_open=claim.around.older_open(row), now=now)

    def _zones(self, row: Any) -> tuple[str, ...]:
        """The zones of a number's country, where the party's own is not known."""
        return zones_of(self._vault.text(row.phone)) if row.phone and row.party_zone is None else ()

    # ------------------------------------------------------------ handing over

    async def _through(self, courier: Courier, claim: Claim, ready: list[Ready]) -> list[Ready]:
        """Hands what it can to one sender; gives back what another sender should be asked for."""
        left: list[Ready] = []
        while ready:
            admitted = courier.admit([r.text.segments for r in ready], claim.lane.value)
            if admitted.elsewhere:
                return left + ready
            if admitted.n == 0:
                wait = courier.wait(claim.lane.value, ready[0].text.segments)
                await self._unclaim(claim, ready, max(timedelta(seconds=wait), _LEAST_WAIT))
                return left
            left += await self._send(courier, claim, ready[: admitted.n])
            ready = ready[admitted.n :]
        return left

    async def _send(self, courier: Courier, claim: Claim, chunk: Sequence[Ready]) -> list[Ready]:
        """Intent, call, outcomes, for no more messages than the sender's window."""
        intended, at = await self._again(lambda: self._intend(courier, claim, chunk))
        if not intended:
            return []
        if self._monotonic() >= claim.until:
            await self._again(lambda: self._unsaid(claim, intended))
            return []
        outcomes, broke = await courier.send([handover.message_of(r, claim.lane, at) for r in intended])
        pairs = list(zip(intended, outcomes, strict=True))
        await self._again(lambda: self._conclude(courier, claim, pairs, broke=broke))
        return [replace(r, attempt=fresh_attempt()) for r, outcome in pairs if tries_next(outcome)]

    async def _intend(self, courier: Courier, claim: Claim, chunk: Sequence[Ready]) -> tuple[list[Ready], datetime]:
        """Commits the intent for those that may still go; what the cap refuses is held, what has ended is left alone."""
        async with self._ledger.transaction() as tx:
            await tx.run(orders.HEED)
            asking = sorted({(row.loan_id,) for r in chunk for row in r.rows if row.asks and row.loan_id})
            loans = {row.loan_id: row for row in await tx.rows(claims.SHARE_LOANS, l=asking)} if asking else {}
            now, asked = self._clock(), [row for r in chunk for row in r.rows]
            paused = await _paused(tx, now)
            rows = await tx.rows(
                claims.INTEND,
                i=[
                    (row.key, row.key_month, row.party_id, row.phone_key, r.left_open) for r in chunk for row in r.rows
                    if now < r.until and (not row.asks or self._is_as_judged(row, loans.get(row.loan_id), now))
                ],
                token=claim.token, sender=courier.name, now=now, paused=paused,
            )  # fmt: skip
            granted = {row.key for row in rows}
            intended = [r for r in chunk if not r.others and r.row.key in granted]
            if lists := [r for r in chunk if r.others]:
                intended += await self._listed_anew(tx, claim, lists, granted, paused, now)
            heard = {row.key for r in intended for row in r.rows}
            full = await contacts.take(tx, [Taker(r.row.key, r.attempt, r.counters) for r in intended], now)
            if full:
                held = [
                    (row, self._standing.over_cap(row, full[r.row.key], self._zones(row), now))
                    for r in intended if r.row.key in full for row in r.rows
                ]  # fmt: skip
                await self._write_back(tx, claim, held, now)
                intended = [r for r in intended if r.row.key not in full]
            refused = [row for row in asked if row.key not in heard]
            if refused:
                steps = await _take_back(tx, claim, refused, lists, now + _SOON, now)
                await outbox.record(tx, steps)
            if intended:
                await tx.run(claims.ADD_ATTEMPTS, a=[self._attempt_row(r) for r in intended], sender=courier.name, now=now)
        return intended, now

    def _is_as_judged(self, row: Any, loan: Any, now: datetime) -> bool:
        """Whether what the loan, locked now, says of pauses and visits lets a text that asks go."""
        if loan is None:
            return True
        is_same_visit = row.purpose != Purpose.VISIT or loan.visits == row.visits
        return is_same_visit and not self._standing.is_paused(row, loan.pauses, now)

    async def _listed_anew(
        self,
        tx: Transaction,
        claim: Claim,
        lists: Sequence[Ready],
        granted: set[str],
        paused: Sequence[tuple[str, str]],
        now: datetime,
    ) -> list[Ready]:
        """Digests made again from what the intent granted, read under its locks; what they list learns of its head."""
        asked = [(row.key, row.key_month) for r in lists for row in r.rows if row.key in granted]
        fresh = {row.key: row for row in await tx.rows(claims.DETAILS, c=asked, now=now)} if asked else {}
        made: list[Ready] = []
        for r in lists:
            to = r.row.party_id, r.row.phone_key
            rows = [new for row in r.rows if (new := fresh.get(row.key)) and (new.party_id, new.phone_key) == to]
            again = (
                self._composer.made(rows, claim.around, now, r.until)
                if rows and ("template", r.template) not in paused
                else None
            )
            if isinstance(again, Ready):
                made.append(replace(again, attempt=r.attempt))
        listed = [(row.key, row.key_month, r.row.key) for r in made for row in r.others]
        if listed:
            await tx.run(digests.NAME_HEAD, p=listed)
        return made

    def _attempt_row(self, r: Ready) -> tuple[Any, ...]:
        sealed = self._vault.encrypt(r.text.kept)
        cap_key = contacts.cap_key(r.counters)
        return (r.attempt, r.row.key, r.row.phone_key, sealed, r.text.version, r.locale, r.text.segments, cap_key)

    async def _conclude(self, courier: Courier, claim: Claim, pairs: Sequence[tuple[Ready, Outcome]], *, broke: bool) -> None:
        """Records outcomes; what was not said gives back its contact."""
        async with self._ledger.transaction() as tx:
            now = self._clock()
            await tx.run(claims.END_ATTEMPTS, a=[handover.attempt_end(r, outcome) for r, outcome in pairs], now=now)
            ended = [place for r, outcome in pairs if (end := handover.ending(outcome, now)) for place in handover.ends(r, end)]
            rows = await tx.rows(claims.CONCLUDE, o=ended, token=claim.token) if ended else []
            steps: list[Step | Alert] = [_step(row, now) for row in rows]
            elsewhere = [handover.place(row) for r, outcome in pairs if tries_next(outcome) for row in r.rows]
            if elsewhere:
                await tx.run(claims.UNINTEND, o=elsewhere, token=claim.token)
            for r, outcome in pairs:
                if isinstance(outcome, Throttled):
                    wait = now + timedelta(seconds=outcome.retry_after)
                    steps += await _take_back(tx, claim, r.rows, [r], wait, now)
            await contacts.give_back(tx, [r.attempt for r, o in pairs if r.counters and not isinstance(o, (Accepted, Unknown))])
            steps += self._sender_alerts(courier, [outcome for _, outcome in pairs], now, broke=broke)
            await outbox.record(tx, steps)
        self._note(claim.lane, [r for r, outcome in pairs if isinstance(outcome, Accepted)], steps, now)

    def _sender_alerts(self, courier: Courier, outcomes: Sequence[Outcome], now: datetime, *, broke: bool) -> list[Alert]:
        """One alert when a sender gets into trouble of its own, and none again until it has accepted something."""
        if any(isinstance(outcome, Accepted) for outcome in outcomes):
            self._troubled.discard(courier.name)
        trouble = next(
            (outcome.code for outcome in outcomes if isinstance(outcome, (NotSent, Rejected)) and tries_next(outcome)), None
        )
        if (trouble is None and not broke) or courier.name in self._troubled:
            return []
        self._troubled.add(courier.name)
        return [Alert("sender_trouble", {"sender": courier.name, "code": trouble or "error_rate"}, now)]

    # ------------------------------------------------------------ putting back

    def _no_sender(self, row: Any) -> PutBack:
        """Held, longer each time."""
        wait = NO_SENDER_WAITS[min(row.tries, len(NO_SENDER_WAITS) - 1)]
        jitter = wait * random.uniform(-self._jitter, self._jitter)  # noqa: S311 - not a secret
        return PutBack(State.HELD, "no_sender", self._clock() + wait + jitter)

    async def _put_back(self, claim: Claim, back: Sequence[tuple[Any, PutBack]]) -> None:
        async with self._ledger.transaction() as tx:
            now = self._clock()
            still = await self._still_so(tx, claim, back, now)
            refused = {(row.loan_id, row.ref, v.reason): v.alert for row, v in still if v.alert is not None}
            closed = await visiting.close(tx, refused) if refused else ()
            if still:
                await self._write_back(tx, claim, still, now)
            if refused:
                await self._end_visits(tx, claim, refused, closed, now)
        self._alerted |= {(row.template, v.rule) for row, v in still if v.reason in ALERTING}

    async def _still_so(
        self, tx: Transaction, claim: Claim, back: Sequence[tuple[Any, PutBack]], now: datetime
    ) -> Sequence[tuple[Any, PutBack]]:
        """Looks again at what facts decided, under their lock; where they have changed, the notice is judged anew.

        Intake frees what is held for a fact and revives what it reopens, but passes over what a claim has in its hands: a
        fact that came since the claim would be lost.
        """
        decided = {row.key: verdict for row, _ in back if (verdict := self._standing.by_facts(row, now))}
        if not decided:
            return back
        rows = [row for row, _ in back if row.key in decided]
        await tx.rows(claims.SHARE_PARTIES, p=sorted({(row.party_id,) for row in rows if row.party_id}))
        await tx.rows(claims.SHARE_LOANS, l=sorted({(row.loan_id,) for row in rows if row.loan_id}))
        again = await tx.rows(claims.DETAILS, c=[(row.key, row.key_month) for row in rows], now=now)
        changed = {row.key: row.key_month for row in again if self._standing.by_facts(row, now) != decided[row.key]}
        if changed:
            await tx.run(claims.UNCLAIM, o=sorted(changed.items()), token=claim.token, not_before=now + _SOON)
        return [(row, verdict) for row, verdict in back if row.key not in changed]

    async def _write_back(self, tx: Transaction, claim: Claim, back: Sequence[tuple[Any, PutBack]], now: datetime) -> None:
        rules = {row.key: verdict.rule for row, verdict in back}
        cells = [
            (
                row.key, row.key_month, v.state.value, v.reason, v.not_before or row.moment,
                row.tries + 1 if v.reason == "no_sender" else row.tries,
            )
            for row, v in sorted(back, key=lambda pair: str(pair[0].key))
        ]  # fmt: skip
        changed = await tx.rows(claims.PUT_BACK, b=cells, token=claim.token)
        steps: list[Step | Alert] = [replace(_step(row, now), rule=rules[row.key]) for row in changed]
        await outbox.record(tx, [*steps, *self._rule_alerts(back, now)])
        self._note(claim.lane, [], steps, now)

    def _rule_alerts(self, back: Sequence[tuple[Any, PutBack]], now: datetime) -> list[Alert]:
        """One alert for each template that a rule refuses, and none again while this process lives."""
        refused = {(row.template, v.rule): (row, v) for row, v in back if v.reason in ALERTING}
        new = [found for place, found in refused.items() if place not in self._alerted]
        return [Alert(v.reason, {"template": row.template, "rule": v.rule or ""}, now, row.loan_id) for row, v in new]

    async def _unsaid(self, claim: Claim, intended: Sequence[Ready]) -> None:
        """Takes back intents whose call was not made: the lease was over before it."""
        async with self._ledger.transaction() as tx:
            now = self._clock()
            await tx.run(claims.END_ATTEMPTS, a=[(r.attempt, "not_sent", "lease_over", None) for r in intended], now=now)
            await outbox.record(tx, await _take_back(tx, claim, [row for r in intended for row in r.rows], intended, now, now))
            await contacts.give_back(tx, [r.attempt for r in intended])

    async def _end_visits(
        self, tx: Transaction, claim: Claim, refused: Mapping[visiting.Refused, Mapping[str, str | int]],
        closed: Collection[tuple[str, str]], now: datetime,
    ) -> None:  # fmt: skip
        """Ends what else asks about visits that may not take place, and tells ops of those closed now."""
        steps: list[Step | Alert] = [_step(row, now) for row in await tx.rows(visiting.END, v=sorted(refused))]
        alerts = [
            Alert(why, dict(about), now, loan) for (loan, ref, why), about in sorted(refused.items()) if (loan, ref) in closed
        ]
        await outbox.record(tx, [*steps, *alerts])
        self._note(claim.lane, [], steps, now)

    async def _unclaim(self, claim: Claim, ready: Sequence[Ready], wait: timedelta) -> None:
        """Gives notices back as if they had not been claimed."""
        async with self._ledger.transaction() as tx:
            now, rows = self._clock(), [row for r in ready for row in r.rows]
            await outbox.record(tx, await _give_back(tx, claim, rows, ready, now + wait, now))

    def _note(self, lane: Lane, sent: Sequence[Ready], steps: Iterable[Step | Alert], now: datetime) -> None:
        self._metrics.came_to(outbox.states_of(steps))
        lateness = self._metrics.lateness.labels(lane.value)
        for r in sent:
            lateness.observe(max((now - r.row.moment).total_seconds(), 0.0))

    async def _again(self, transaction: Callable[[], Any]) -> Any:
        """Runs a transaction once more where it met a deadlock or a serialization failure."""
        for _ in range(_CONFLICT_TRIES):
            try:
                return await transaction()
            except LedgerConflict:
                self._metrics.delivery_conflicts.inc()
        return await transaction()


# ---------------------------------------------------------------- rows


async def _paused(tx: Transaction, now: datetime) -> list[tuple[str, str]]:
    return [(row.scope, row.name) for row in await tx.rows(controls.ACTIVE, now=now)]


async def _give_back(
    tx: Transaction, claim: Claim, rows: Sequence[Any], ready: Sequence[Ready], not_before: datetime, now: datetime
) -> list[Step]:
    """Makes rows wait again as if they had not been claimed; what had ended as part of these texts comes back too."""
    await tx.run(claims.UNCLAIM, o=[handover.place(row) for row in rows], token=claim.token, not_before=not_before)
    heads = [(r.row.key,) for r in ready if r.others]
    return [_step(row, now) for row in await tx.rows(digests.BRING_BACK, h=heads, token=claim.token)] if heads else []


async def _take_back(
    tx: Transaction, claim: Claim, rows: Sequence[Any], ready: Sequence[Ready], not_before: datetime, now: datetime
) -> list[Step]:
    """The same of what may have had an intent; where a sweep has called that unknown since, it is told."""
    places = [handover.place(row) for row in rows]
    known = await tx.rows(claims.UNDOUBT, o=places, token=claim.token, not_before=not_before)
    return [*(_step(row, now) for row in known), *await _give_back(tx, claim, rows, ready, not_before, now)]


def _step(row: Any, now: datetime) -> Step:
    return Step(row.key, row.loan_id, row.seq, row.state, row.reason, now)
