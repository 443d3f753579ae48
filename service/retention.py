"""Retention: what the rules say is kept long enough is deleted, by purpose and jurisdiction, a page at a time, and audited.

A walk goes through the outbox or the inbox in the order of time and keeps its place, so that a row is looked at once for
each term. Rules that change begin a walk of their own.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import takewhile
from typing import Any, Final

from service.ledger import Ledger, Transaction, audit, inbox, letters
from service.ledger import retention as sql
from service.ledger.audit import Deed
from service.notices import Purpose
from service.rule_kinds import Cap
from service.rulebook import OTHER, Rulebook
from service.vault import Vault

_PAGE: Final = 5_000
_PAGES: Final = 200  #: of one walk in one run; the next run goes on
#: The planner looks two weeks back for the usual number of plans.
_COUNTERS_KEPT: Final = timedelta(days=31)
_DAY: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Term:
    """What is kept equally long: (jurisdiction, purpose), sorted."""

    keep: timedelta
    kept: tuple[tuple[str, str], ...]

    def walk(self, what: str) -> str:
        """The name under which a walk keeps its place."""
        return f"retention:{what}:{self.keep.days}:{sha256(repr(self.kept).encode()).hexdigest()[:8]}"


def terms(rulebook: Rulebook, day: date, purposes: Iterable[Purpose] = Purpose) -> list[Term]:
    """The terms in force on a day, the shortest first; what has none is kept for ever."""
    found: dict[timedelta, list[tuple[str, str]]] = defaultdict(list)
    for jurisdiction in sorted(rulebook.files):
        for purpose in sorted(purposes):
            keep = rulebook.of(jurisdiction, day).retain(purpose)
            if keep is not None:
                found[keep].append((jurisdiction, purpose.value))
    return [Term(keep, tuple(found[keep])) for keep in sorted(found)]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a walk: where it ends, what it deleted, and whether another follows."""

    place: Any
    deleted: dict[str, int]
    more: bool


class Retention:
    """Deletes what has been kept long enough; any replica may run it.

    Args:
        publishes: status events go to a broker, so that a step nobody has published stays.
    """

    def __init__(self, ledger: Ledger, vault: Vault, rulebook: Rulebook, *, publishes: bool) -> None:
        self._ledger, self._vault, self._rulebook, self._publishes = ledger, vault, rulebook, publishes

    def _place(self, row: Any) -> str:
        """Whose rules hold for a row."""
        return row.jurisdiction if row.jurisdiction in self._rulebook.files else OTHER

    async def step(self, now: datetime) -> int:
        """Walks on for every term; gives the number of things deleted."""
        day, total = now.date(), 0
        told = terms(self._rulebook, day)
        for term in told:
            total += await self._walk(term.walk("texts"), self._steps(term, now, is_last=term is told[-1]), now)
        events = terms(self._rulebook, day, [Purpose.SERVICE])
        for term in events:
            total += await self._walk(term.walk("payloads"), self._payloads(term, now), now)
        if events:
            total += await self._walk("retention:letters", self._letters(now - events[0].keep, now), now)
            total += await self._walk("retention:replies", self._replies(now - events[0].keep, now), now)
        return total + await self._walk("retention:counters", self._counters(now), now)

    async def _walk(self, name: str, page: Callable[[Transaction, Any], Awaitable[Page]], now: datetime) -> int:
        """Goes through pages, each in its transaction with its row in the audit, until the end or enough for one run."""
        total = 0
        for _ in range(_PAGES):
            async with self._ledger.transaction() as tx:
                await tx.run(sql.ADD, name=name)
                places = await tx.rows(sql.PLACE, name=name)
                if not places:
                    return total
                done = await page(tx, places[0])
                deleted = {what: n for what, n in done.deleted.items() if n}
                if done.place is not None:
                    row, at = (done.place, None) if isinstance(done.place, int) else (None, done.place)
                    await tx.run(sql.MOVE, name=name, place=row, watermark=at, now=now)
                if deleted:
                    why = ", ".join(f"{n} {what}" for what, n in deleted.items())
                    await audit.append(tx, self._vault, [Deed("duebell", "retain", name, why)], now)
            total += sum(deleted.values())
            if not done.more:
                break
        return total

    def _steps(self, term: Term, now: datetime, *, is_last: bool) -> Callable[[Transaction, Any], Awaitable[Page]]:
        """Values, texts and steps of notices, by their steps; the longest term also takes what is of no notice."""
        before = now - term.keep

        async def page(tx: Transaction, place: Any) -> Page:
            after = place.place or 0
            rows = await tx.rows(sql.STEPS, after=after, n=_PAGE)
            old = list(takewhile(lambda row: row.at <= before and not (row.waits and self._publishes), rows))
            if not old:
                return Page(None, {}, more=False)
            until = old[-1].id
            ended = await tx.rows(sql.ENDED, after=after, until=until)
            keys = sorted({(r.key, r.key_month) for r in ended if (self._place(r), r.purpose) in term.kept})
            deleted = {
                "values": await tx.run(sql.EMPTY_CONTEXTS, k=keys),
                "texts": await tx.run(sql.EMPTY_TEXTS, k=keys, before=before),
                "steps": await tx.run(sql.DROP_STEPS, k=keys, until=until),
                "alerts": await tx.run(sql.DROP_OTHERS, after=after, until=until) if is_last else 0,
            }
            return Page(until, deleted, more=len(old) == _PAGE)

        return page

    def _payloads(self, term: Term, now: datetime) -> Callable[[Transaction, Any], Awaitable[Page]]:
        """Events, kept as long as what they tell people."""
        before = now - term.keep
        places = {jurisdiction for jurisdiction, _ in term.kept}

        async def page(tx: Transaction, place: Any) -> Page:
            after = place.watermark or _BEGINNING
            (end,) = await tx.rows(sql.PAYLOADS_END, after=after, before=before, n=_PAGE)
            if end.received_at is None:
                return Page(None, {}, more=False)
            rows = await tx.rows(sql.PAYLOADS, after=after, until=end.received_at)
            n = await tx.run(inbox.EMPTY, h=sorted((row.hash,) for row in rows if self._place(row) in places))
            return Page(end.received_at, {"payloads": n}, more=True)

        return page

    def _letters(self, before: datetime, now: datetime) -> Callable[[Transaction, Any], Awaitable[Page]]:
        """Bodies of dead letters, which nobody can read: kept for the shortest term of events; an open letter ends."""

        async def page(tx: Transaction, _place: Any) -> Page:
            ids = [(row.id,) for row in await tx.rows(sql.OLD_BODIES, before=before, n=_PAGE)]
            await tx.run(letters.EMPTY, ids=ids)
            return Page(now, {"bodies of dead letters": len(ids)}, more=len(ids) == _PAGE)

        return page

    def _replies(self, before: datetime, now: datetime) -> Callable[[Transaction, Any], Awaitable[Page]]:
        """What people wrote back; kept for the same time, since a number may be anybody's."""

        async def page(tx: Transaction, _place: Any) -> Page:
            n = await tx.run(sql.EMPTY_REPLIES, before=before, n=_PAGE)
            return Page(now, {"replies": n}, more=n == _PAGE)

        return page

    def _counters(self, now: datetime) -> Callable[[Transaction, Any], Awaitable[Page]]:
        """Contacts that no cap looks at any more; once a day is enough."""
        caps = [rule.within.length for file in self._rulebook.files.values() for rule in file.rules if isinstance(rule, Cap)]
        kept = max([_COUNTERS_KEPT, *(length + 2 * _DAY for length in caps)])

        async def page(tx: Transaction, place: Any) -> Page:
            if place.watermark is not None and now - place.watermark < _DAY:
                return Page(None, {}, more=False)
            times = await tx.run(sql.DROP_TIMES, before=now - kept, n=_PAGE)
            n = await tx.run(sql.DROP_COUNTERS, day=(now - kept).date(), of_spans=date.min, n=_PAGE)
            more = _PAGE in {times, n}
            return Page(None if more else now, {"counters": n, "contacts": times}, more=more)

        return page
