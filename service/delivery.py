"""Delivery: from a notice whose moment has come to a recorded hand-over.

A step claims ready notices of one lane, judges each by the facts as they are now, makes the texts, writes the intent for as
many as a sender can take at once, hands exactly those over, and records the outcomes. Three short transactions; none is
open while a sender is called.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from service import digest, handover
from service.around import look_around
from service.composing import Composer, Ready, fresh_attempt
from service.couriers import Courier, tries_next
from service.gate import NO_CONTACTS, Contacts, Go
from service.handover import Claim
from service.intents import Intents
from service.ledger import Ledger, LedgerConflict, claims, contacts, controls, digests
from service.ledger.contacts import Place
from service.metrics import Metrics
from service.notices import Lane
from service.standing import PutBack
from service.vault import Vault
from service.withholding import Withholding

MOST: Final = 1000  #: notices a claim takes at most
JITTER: Final = 0.2  #: share by which waits for a sender vary, so that held texts do not come back all at once
#: A sender whose pace lets nothing go yet is asked again after this at the earliest: less is lost in rounding, and it would be at once.
_LEAST_WAIT: Final = timedelta(milliseconds=1)
_CONFLICT_TRIES: Final = 5


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
        self._clock, self._monotonic, self._metrics, self._lease = clock, monotonic, metrics, lease
        self._withholding = Withholding(ledger, composer.standing, clock=clock, metrics=metrics, jitter=jitter)
        self._intents = Intents(ledger, vault, composer, self._withholding, clock=clock, metrics=metrics)
        self._most = MOST

    async def step(self, lane: Lane) -> int:
        """Works on what is ready in a lane; gives the number of notices claimed."""
        claim = await self._again(lambda: self._claim(lane))
        if claim is None:
            return 0
        now = self._clock()
        back, ready = self._judged(claim, now)
        if back:
            await self._again(lambda: self._withholding.put_back(claim, back))
        for courier in claim.couriers:
            if ready:
                ready = await self._through(courier, claim, ready)
        if ready:
            held = [(row, verdict) for r in ready for verdict in [self._withholding.no_sender(r.row)] for row in r.rows]
            await self._again(lambda: self._withholding.put_back(claim, held))
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
            paused = await controls.paused(tx, now)
            speaking = [courier for courier in self._couriers if ("sender", courier.name) not in paused]
            if ("all", "") in paused or ("lane", lane.value) in paused or (self._couriers and not speaking):
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
        return Claim(lane, token, until, rows, around, found, speaking)

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
        return self._standing.judge(
            row, handover.zones(row, self._vault), counted, older_open=claim.around.older_open(row), now=now
        )

    # ------------------------------------------------------------ handing over

    async def _through(self, courier: Courier, claim: Claim, ready: list[Ready]) -> list[Ready]:
        """Hands what it can to one sender; gives back what another sender should be asked for."""
        left = [r for r in ready if handover.is_bound_elsewhere(r.row, courier.name)]
        ready = [r for r in ready if not handover.is_bound_elsewhere(r.row, courier.name)]
        while ready:
            admitted = courier.admit([r.text.segments for r in ready], claim.lane.value)
            if admitted.elsewhere:
                return left + ready
            if admitted.is_full:
                await courier.place()
                continue
            if admitted.n == 0:
                wait = courier.wait(claim.lane.value, ready[0].text.segments)
                await self._withholding.give_back(claim, ready, max(timedelta(seconds=wait), _LEAST_WAIT))
                return left
            left += await self._send(courier, claim, ready[: admitted.n])
            ready = ready[admitted.n :]
        return left

    async def _send(self, courier: Courier, claim: Claim, chunk: Sequence[Ready]) -> list[Ready]:
        """Intent, call, outcomes, for messages that have a place in the sender's window."""
        try:
            intended, at = await self._again(lambda: self._intents.write(courier.name, claim, chunk))
            if not intended:
                return []
            if self._monotonic() >= claim.until:
                await self._again(lambda: self._intents.take_back(claim, intended))
                return []
            outcomes, broke = await courier.send([handover.message_of(r, claim.lane, at) for r in intended])
        finally:
            courier.leave(len(chunk))
        pairs = list(zip(intended, outcomes, strict=True))
        await self._again(lambda: self._intents.conclude(courier.name, claim, pairs, broke=broke))
        return [replace(r, attempt=fresh_attempt()) for r, outcome in pairs if tries_next(outcome)]

    async def _again(self, transaction: Callable[[], Any]) -> Any:
        """Runs a transaction once more where it met a deadlock or a serialization failure."""
        for _ in range(_CONFLICT_TRIES):
            try:
                return await transaction()
            except LedgerConflict:
                self._metrics.delivery_conflicts.inc()
        return await transaction()
