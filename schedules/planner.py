"""The planner: which reminders become rows now. Moments are worked out here, rows are written set by set.

It plans a day ahead and reads only the slice of moments between its watermark and that horizon, plus the loans that intake
marked. What it missed while it was down lies in the slice too: it becomes a row all the same, and the claim or the expiry
sweep says what came of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from service.catalogue import Catalogue
from service.facts import Kind
from service.ladders import Ladder, Ladders, Stage, expiry, is_passed, moment, moments_between, spans_between
from service.ledger import Ledger, Transaction, controls, outbox, planning
from service.ledger.outbox import Alert
from service.notices import lane_of, stage_key
from service.zones import in_utc

HORIZON: Final = timedelta(hours=24)
#: The next sweep is worth while this long before the horizon of the last one.
MARGIN: Final = timedelta(hours=1)
#: Loans a transaction plans for.
PAGE: Final = 20_000
REPLAN_PAGE: Final = 2_000
#: A day that plans this many times the usual number is held for a person to look at.
SURGE: Final = 3
_SURGE_DAYS, _SURGE_LEAST = 7, 1_000
_SWEEP: Final = "plan"
#: Zones that a party or a loan without one may come to.
_FALLBACK_ZONES: Final = frozenset({"Asia/Shanghai", "UTC"})


@dataclass(frozen=True, slots=True)
class Planned:
    """How many rows a sweep wrote, and when the next one is worth while."""

    rows: int
    next: datetime


class Planner:
    """Plans stages of ladders as notices."""

    def __init__(self, ledger: Ledger, ladders: Ladders, catalogue: Catalogue) -> None:
        self._ledger, self._ladders, self._catalogue = ledger, ladders, catalogue
        #: Kinds whose stages may move off holidays, and so may change places.
        self._moving = {kind.value for kind, ladder in ladders.items() if any(stage.holidays for stage in ladder.stages)}

    async def step(self, now: datetime) -> Planned:
        """Plans everything whose moment comes within a day, or came since the last sweep."""
        horizon = now + HORIZON
        rows = await self._slice(now, horizon)
        rows += await self._replan(now, horizon)
        if rows:
            await self._look_out_for_surge(rows, now)
        return Planned(rows, now + HORIZON - MARGIN)

    # ------------------------------------------------------------ the slice

    async def _slice(self, now: datetime, horizon: datetime) -> int:
        """Plans the moments in (watermark, horizon], page by page; the last page moves the watermark."""
        async with self._ledger.transaction() as tx:
            await tx.run(planning.ADD_SWEEP, name=_SWEEP)
            found = await tx.rows(planning.WATERMARK, name=_SWEEP)
            if not found:
                return 0
            watermark = found[0].watermark or now
            zones = _FALLBACK_ZONES | {row.zone for row in await tx.rows(planning.ZONES)}
            by_day = [row for ladder in self._ladders.values() for row in self._day_rows(ladder, watermark, horizon, zones)]
            by_instant = [
                row for ladder in self._ladders.values() for row in await self._instant_rows(tx, ladder, watermark, horizon)
            ]
            if not by_day and not by_instant:
                await tx.run(planning.MOVE_WATERMARK, name=_SWEEP, watermark=horizon, now=now)
                return 0
        rows = await self._plan_pages(planning.PAGE_END_BY_DAY, planning.PLAN_BY_DAY, by_day, now)
        rows += await self._plan_pages(planning.PAGE_END_BY_INSTANT, planning.PLAN_BY_INSTANT, by_instant, now)
        async with self._ledger.transaction() as tx:
            await tx.run(planning.MOVE_WATERMARK, name=_SWEEP, watermark=horizon, now=now)
        return rows

    async def _plan_pages(self, page_end: Any, plan: Any, moments: list[tuple[Any, ...]], now: datetime) -> int:
        rows, after = 0, ""
        due = sorted({(kind, on or at) for kind, *_, on, at, _, _, _, _ in moments})
        while due:
            async with self._ledger.transaction() as tx:
                await planning.expect_sets(tx)
                until = (await tx.rows(page_end, m=due, after=after, n=PAGE))[0].loan_id
                if until is None:
                    break
                rows += await tx.run(plan, m=moments, after=after, until=until, now=now)
                after = until
        return rows

    def _day_rows(self, ladder: Ladder, after: datetime, until: datetime, zones: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        for found in moments_between(ladder, after, until, sorted(zones)):
            for role in found.stage.to:
                yield (
                    *self._stage_cells(ladder.kind, found.stage, role), found.due_on, None, found.zone, found.moment, found.expires_at,
                    found.due_on.year * 100 + found.due_on.month,
                )  # fmt: skip

    async def _instant_rows(self, tx: Transaction, ladder: Ladder, after: datetime, until: datetime) -> list[tuple[Any, ...]]:
        rows = []
        for span in spans_between(ladder, after, until):
            for row in await tx.rows(planning.INSTANTS, kind=ladder.kind.value, after=span.after, until=span.until):
                at = in_utc(row.due_at)
                rows += [
                    (
                        *self._stage_cells(ladder.kind, span.stage, role), None, at, None, moment(span.stage, at, "UTC"),
                        expiry(ladder, span.stage, at, "UTC"), at.year * 100 + at.month,
                    )
                    for role in span.stage.to
                ]  # fmt: skip
        return rows

    def _stage_cells(self, kind: Kind, stage: Stage, role: str) -> tuple[Any, ...]:
        spec = self._catalogue[stage.template]
        purpose = stage.purpose or spec.purpose
        lane = lane_of(purpose, is_stage=True)
        return (
            kind.value, stage.name, role, stage.template, purpose.value, lane.value, spec.asks, stage.digest, stage.method, stage.product,
        )  # fmt: skip

    # ------------------------------------------------------------ marked loans

    async def _replan(self, now: datetime, horizon: datetime) -> int:
        """Plans for loans that intake marked: what lies before the horizon and is not decided yet."""
        rows = 0
        while True:
            async with self._ledger.transaction() as tx:
                ids = [(row.loan_id,) for row in await tx.rows(planning.REPLAN, n=REPLAN_PAGE)]
                if not ids:
                    return rows
                due = await tx.rows(planning.REPLAN_DEADLINES, ids=ids)
                stages = [row for deadline in due for row in self._deadline_rows(deadline, horizon)]
                if stages:
                    rows += await tx.run(planning.ADD_STAGES, s=stages, now=now)
                await tx.run(planning.REPLANNED, ids=ids)

    def _deadline_rows(self, deadline: Any, horizon: datetime) -> Iterator[tuple[Any, ...]]:
        """The stages of one open deadline whose moment has come, or comes before the horizon."""
        ladder = self._ladders.get(Kind(deadline.kind))
        due = deadline.due_at or deadline.due_on
        if ladder is None or due is None:
            return
        for stage in ladder.stages:
            at = moment(stage, due, deadline.zone)
            if at > horizon and deadline.kind not in self._moving:
                return
            if at > horizon or not _applies(stage, deadline) or (deadline.plan_from is not None and at < deadline.plan_from):
                continue
            if deadline.kind in self._moving and is_passed(ladder, stage, due, deadline.zone):
                continue
            ends = expiry(ladder, stage, due, deadline.zone)
            yield from self._rows_of(deadline, stage, at, ends)

    def _rows_of(self, deadline: Any, stage: Stage, at: datetime, ends: datetime) -> Iterator[tuple[Any, ...]]:
        for role in stage.to:
            if role == "payer" and deadline.payer_id is None:
                continue
            key = stage_key(deadline.loan_id, deadline.kind, deadline.ref, deadline.anchor, stage.name, role)
            kind, name, _, template, purpose, lane, asks, digest, *_ = self._stage_cells(Kind(deadline.kind), stage, role)
            yield (
                key.key, key.month, deadline.loan_id, deadline.payer_id if role == "payer" else None, role, template, purpose, lane, asks,
                kind, deadline.ref, deadline.anchor, name, digest, at, ends,
            )  # fmt: skip

    # ------------------------------------------------------------ too much at once

    async def _look_out_for_surge(self, rows: int, now: datetime) -> None:
        """Holds the bulk lane when today plans far more than the days before: a mistake upstream, or a good day to look."""
        today = in_utc(now).date()
        async with self._ledger.transaction() as tx:
            planned = (await tx.rows(planning.COUNT_PLANNED, day=today, n=rows))[0].n
            before = (await tx.rows(planning.USUAL, day=today, since=today - timedelta(days=14)))[0]
            if before.days < _SURGE_DAYS or planned < _SURGE_LEAST or planned <= SURGE * float(before.usual):
                return
            if await controls.hold_lane(tx, "bulk", "planner", "plan_surge", now):
                about: dict[str, str | int] = {"planned": planned, "usual": round(float(before.usual))}
                await outbox.record(tx, [Alert("plan_surge", about, now)])


def _applies(stage: Stage, deadline: Any) -> bool:
    return stage.method in {None, deadline.method} and stage.product in {None, deadline.product}
