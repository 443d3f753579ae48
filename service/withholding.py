"""Withholding: what a claim holds and may not go now is held, ended or given back, with its reason."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from service.composing import Ready
from service.couriers import TROUBLE_WAITS
from service.handover import Claim, place
from service.ledger import Ledger, Transaction, claims, digests, outbox, visiting
from service.ledger.outbox import Alert, Step, step_of
from service.metrics import Metrics
from service.notices import State
from service.reasons import ALERTING
from service.standing import PutBack, Standing

#: A notice whose facts have changed under its claim is looked at again after this.
SOON: Final = timedelta(seconds=1)


class Withholding:
    """Writes back what does not go; only while the claim still holds it.

    Args:
        clock: gives the instant, UTC.
        jitter: share by which waits for a sender vary, so that held texts do not come back all at once.
    """

    def __init__(
        self, ledger: Ledger, standing: Standing, *, clock: Callable[[], datetime], metrics: Metrics, jitter: float
    ) -> None:
        self._ledger, self._standing, self._clock, self._metrics, self._jitter = ledger, standing, clock, metrics, jitter
        self._alerted: set[tuple[str, str | None]] = set()

    def no_sender(self, row: Any) -> PutBack:
        """Held, longer each time."""
        wait = TROUBLE_WAITS[min(row.tries, len(TROUBLE_WAITS) - 1)]
        jitter = wait * random.uniform(-self._jitter, self._jitter)  # noqa: S311 - not a secret
        return PutBack(State.HELD, "no_sender", self._clock() + wait + jitter)

    async def put_back(self, claim: Claim, back: Sequence[tuple[Any, PutBack]]) -> None:
        """Holds or ends what was judged so, unless the facts have changed since."""
        async with self._ledger.transaction() as tx:
            now = self._clock()
            still = await self._still_so(tx, claim, back, now)
            refused = {(row.loan_id, row.ref, v.reason): v.alert for row, v in still if v.alert is not None}
            closed = await visiting.close(tx, refused) if refused else ()
            if still:
                await self.write(tx, claim, still, now)
            if refused:
                await self._end_visits(tx, refused, closed, now)
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
            await tx.run(claims.UNCLAIM, o=sorted(changed.items()), token=claim.token, not_before=now + SOON)
        return [(row, verdict) for row, verdict in back if row.key not in changed]

    async def write(self, tx: Transaction, claim: Claim, back: Sequence[tuple[Any, PutBack]], now: datetime) -> None:
        """Holds or ends notices as they were judged, and tells so."""
        rules = {row.key: verdict.rule for row, verdict in back}
        cells = [
            (
                row.key, row.key_month, v.state.value, v.reason, v.not_before or row.moment,
                row.tries + 1 if v.reason == "no_sender" else row.tries,
            )
            for row, v in sorted(back, key=lambda pair: str(pair[0].key))
        ]  # fmt: skip
        changed = await tx.rows(claims.PUT_BACK, b=cells, token=claim.token)
        steps: list[Step | Alert] = [replace(step_of(row, now), rule=rules[row.key]) for row in changed]
        await outbox.record(tx, [*steps, *self._rule_alerts(back, now)])
        self._metrics.came_to(outbox.states_of(steps))

    def _rule_alerts(self, back: Sequence[tuple[Any, PutBack]], now: datetime) -> list[Alert]:
        """One alert for each template that a rule refuses, and none again while this process lives."""
        refused = {(row.template, v.rule): (row, v) for row, v in back if v.reason in ALERTING}
        new = [found for place, found in refused.items() if place not in self._alerted]
        return [Alert(v.reason, {"template": row.template, "rule": v.rule or ""}, now, row.loan_id) for row, v in new]

    async def _end_visits(
        self, tx: Transaction, refused: Mapping[visiting.Refused, Mapping[str, str | int]],
        closed: Collection[tuple[str, str]], now: datetime,
    ) -> None:  # fmt: skip
        """Ends what else asks about visits that may not take place, and tells ops of those closed now."""
        steps: list[Step | Alert] = [step_of(row, now) for row in await tx.rows(visiting.END, v=sorted(refused))]
        alerts = [
            Alert(why, dict(about), now, loan) for (loan, ref, why), about in sorted(refused.items()) if (loan, ref) in closed
        ]
        await outbox.record(tx, [*steps, *alerts])
        self._metrics.came_to(outbox.states_of(steps))

    async def give_back(self, claim: Claim, ready: Sequence[Ready], wait: timedelta) -> None:
        """Gives notices back as if they had not been claimed."""
        async with self._ledger.transaction() as tx:
            now, rows = self._clock(), [row for r in ready for row in r.rows]
            await outbox.record(tx, await given_back(tx, claim, rows, ready, now + wait, now))


async def given_back(
    tx: Transaction, claim: Claim, rows: Sequence[Any], ready: Sequence[Ready], not_before: datetime, now: datetime
) -> list[Step]:
    """Makes rows wait again as if they had not been claimed; what had ended as part of these texts comes back too."""
    await tx.run(claims.UNCLAIM, o=[place(row) for row in rows], token=claim.token, not_before=not_before)
    heads = [(r.row.key,) for r in ready if r.others]
    return [step_of(row, now) for row in await tx.rows(digests.BRING_BACK, h=heads, token=claim.token)] if heads else []


async def taken_back(
    tx: Transaction, claim: Claim, rows: Sequence[Any], ready: Sequence[Ready], not_before: datetime, now: datetime
) -> list[Step]:
    """The same of what may have had an intent; where a sweep has called that unknown since, it is told."""
    places = [place(row) for row in rows]
    known = await tx.rows(claims.UNDOUBT, o=places, token=claim.token, not_before=not_before)
    return [*(step_of(row, now) for row in known), *await given_back(tx, claim, rows, ready, not_before, now)]
