"""Intents and outcomes: what is written just before a sender is called, and just after.

An intent is committed only for what may still go, by the facts as they are under its locks. From there on a text may have been
said: only its outcome, or a sender that knows, says whether it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from service import handover
from service.composing import Composer, Ready
from service.couriers import tries_next
from service.handover import Claim
from service.ledger import Ledger, Transaction, claims, contacts, controls, digests, orders, outbox
from service.ledger.contacts import Taker
from service.ledger.outbox import Alert, Step, step_of
from service.metrics import Metrics
from service.notices import Lane, Purpose
from service.senders._port import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown
from service.vault import Vault
from service.withholding import SOON, Withholding, taken_back


class Intents:
    """Writes intents, and what became of them.

    Args:
        clock: gives the instant, UTC.
    """

    def __init__(
        self,
        ledger: Ledger,
        vault: Vault,
        composer: Composer,
        withholding: Withholding,
        *,
        clock: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._ledger, self._vault, self._composer, self._withholding = ledger, vault, composer, withholding
        self._standing, self._clock, self._metrics = composer.standing, clock, metrics
        self._troubled: set[str] = set()

    async def write(self, sender: str, claim: Claim, chunk: Sequence[Ready]) -> tuple[list[Ready], datetime]:
        """Commits the intent for those that may still go; what the cap refuses is held, what has ended is left alone."""
        async with self._ledger.transaction() as tx:
            await tx.run(orders.HEED)
            asking = sorted({(row.loan_id,) for r in chunk for row in r.rows if row.asks and row.loan_id})
            loans = {row.loan_id: row for row in await tx.rows(claims.SHARE_LOANS, l=asking)} if asking else {}
            now = self._clock()
            paused = await controls.paused(tx, now)
            rows = await tx.rows(
                claims.INTEND,
                i=[
                    (row.key, row.key_month, row.party_id, row.phone_key, r.left_open) for r in chunk for row in r.rows
                    if now < r.until and (not row.asks or self._is_as_judged(row, loans.get(row.loan_id), now))
                ],
                token=claim.token, sender=sender, now=now, paused=paused,
            )  # fmt: skip
            granted = {row.key for row in rows}
            intended = [r for r in chunk if not r.others and r.row.key in granted]
            if lists := [r for r in chunk if r.others]:
                intended += await self._listed_anew(tx, claim, lists, granted, paused, now)
            heard = {row.key for r in intended for row in r.rows}
            if refused := [row for r in chunk for row in r.rows if row.key not in heard]:
                await outbox.record(tx, await taken_back(tx, claim, refused, lists, now + SOON, now))
            intended = await self._within_caps(tx, claim, intended, now)
            if intended:
                await tx.run(claims.ADD_ATTEMPTS, a=[self._attempt_row(r) for r in intended], sender=sender, now=now)
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

    async def _within_caps(self, tx: Transaction, claim: Claim, intended: list[Ready], now: datetime) -> list[Ready]:
        """Takes the contacts; what finds none left is held."""
        full = await contacts.take(tx, [Taker(r.row.key, r.attempt, r.counters) for r in intended], now)
        if not full:
            return intended
        held = [
            (row, self._standing.over_cap(row, full[r.row.key], handover.zones(row, self._vault), now))
            for r in intended if r.row.key in full for row in r.rows
        ]  # fmt: skip
        await self._withholding.write(tx, claim, held, now)
        return [r for r in intended if r.row.key not in full]

    def _attempt_row(self, r: Ready) -> tuple[Any, ...]:
        sealed = self._vault.encrypt(r.text.kept)
        cap_key = contacts.cap_key(r.counters)
        return (r.attempt, r.row.key, r.row.phone_key, sealed, r.text.version, r.locale, r.text.segments, cap_key)

    async def take_back(self, claim: Claim, intended: Sequence[Ready]) -> None:
        """Takes back intents whose call was not made: the lease was over before it."""
        async with self._ledger.transaction() as tx:
            now = self._clock()
            await tx.run(claims.END_ATTEMPTS, a=[(r.attempt, "not_sent", "lease_over", None) for r in intended], now=now)
            await outbox.record(tx, await taken_back(tx, claim, [row for r in intended for row in r.rows], intended, now, now))
            await contacts.give_back(tx, [r.attempt for r in intended])

    async def conclude(self, sender: str, claim: Claim, pairs: Sequence[tuple[Ready, Outcome]], *, broke: bool) -> None:
        """Records outcomes; what was not said gives back its contact."""
        async with self._ledger.transaction() as tx:
            now = self._clock()
            await tx.run(claims.END_ATTEMPTS, a=[handover.attempt_end(r, outcome) for r, outcome in pairs], now=now)
            ended = [place for r, outcome in pairs if (end := handover.ending(outcome, now)) for place in handover.ends(r, end)]
            rows = await tx.rows(claims.CONCLUDE, o=ended, token=claim.token) if ended else []
            steps: list[Step | Alert] = [step_of(row, now) for row in rows]
            elsewhere = [handover.place(row) for r, outcome in pairs if tries_next(outcome) for row in r.rows]
            if elsewhere:
                await tx.run(claims.UNINTEND, o=elsewhere, token=claim.token)
            for r, outcome in pairs:
                if isinstance(outcome, Throttled):
                    wait = now + timedelta(seconds=outcome.retry_after)
                    steps += await taken_back(tx, claim, r.rows, [r], wait, now)
            await contacts.give_back(tx, [r.attempt for r, o in pairs if r.counters and not isinstance(o, (Accepted, Unknown))])
            steps += self._sender_alerts(sender, [outcome for _, outcome in pairs], now, broke=broke)
            await outbox.record(tx, steps)
        self._note(claim.lane, [r for r, outcome in pairs if isinstance(outcome, Accepted)], steps, now)

    def _sender_alerts(self, sender: str, outcomes: Sequence[Outcome], now: datetime, *, broke: bool) -> list[Alert]:
        """One alert when a sender gets into trouble of its own, and none again until it has accepted something."""
        if any(isinstance(outcome, Accepted) for outcome in outcomes):
            self._troubled.discard(sender)
        trouble = next(
            (outcome.code for outcome in outcomes if isinstance(outcome, (NotSent, Rejected)) and tries_next(outcome)), None
        )
        if (trouble is None and not broke) or sender in self._troubled:
            return []
        self._troubled.add(sender)
        return [Alert("sender_trouble", {"sender": sender, "code": trouble or "error_rate"}, now)]

    def _note(self, lane: Lane, sent: Sequence[Ready], steps: Sequence[Step | Alert], now: datetime) -> None:
        self._metrics.came_to(outbox.states_of(steps))
        lateness = self._metrics.lateness.labels(lane.value)
        for r in sent:
            lateness.observe(max((now - r.row.moment).total_seconds(), 0.0))
