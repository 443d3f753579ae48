"""Counting contacts: what a text takes from its caps' counters before it goes, and gives back where it was not said.

One natural day has a row of `contacts` with its number. Longer spans have a row of `contact_times` for each contact, and one of
`contacts` on a day of its own, which is locked while they are counted.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from service.gate import Contacts, Counter
from service.ledger.engine import Transaction
from service.ledger.statement import DATE, INSTANT, INT, TEXT, Rows, Statement

Place = tuple[str, date]

_DAYS = Statement(
    "SELECT contacts.counter, contacts.day, contacts.n FROM contacts JOIN {c} ON contacts.counter = c.counter AND contacts.day = c.day",
    returns={"day": DATE},
    c=Rows(counter=TEXT, day=DATE),
)
_SPANS = Statement(
    """
    SELECT t.counter, count(*) AS n, min(t.at) AS oldest FROM {c} JOIN contact_times t ON t.counter = c.counter AND t.at > c.since
    GROUP BY t.counter
    """,
    returns={"oldest": INSTANT},
    c=Rows(counter=TEXT, since=INSTANT),
)

#: Counts one contact on each counter that has room; gives those that had.
_COUNT = Statement(
    """
    INSERT INTO contacts (counter, day, n) SELECT c.counter, c.day, 1 FROM {c} WHERE c.most > 0
    ON CONFLICT (counter, day) DO UPDATE SET n = contacts.n + 1 WHERE contacts.n < :most
    RETURNING counter, day
    """,
    returns={"day": DATE},
    c=Rows(counter=TEXT, day=DATE, most=INT),
    most=INT,
)
#: Locks counters until the transaction ends, and gives what they have counted.
_LOCK = Statement(
    """
    INSERT INTO contacts (counter, day, n) SELECT c.counter, c.day, 0 FROM {c} {where_true}
    ON CONFLICT (counter, day) DO UPDATE SET n = contacts.n
    RETURNING counter, day, n
    """,
    returns={"day": DATE},
    c=Rows(counter=TEXT, day=DATE),
)
_ADD = Statement(
    "UPDATE contacts SET n = contacts.n + c.n FROM {c} WHERE contacts.counter = c.counter AND contacts.day = c.day",
    c=Rows(counter=TEXT, day=DATE, n=INT),
)
_ADD_TIMES = Statement(
    "INSERT INTO contact_times (counter, at, attempt) SELECT c.counter, :now, c.attempt FROM {c}",
    c=Rows(counter=TEXT, attempt=TEXT),
    now=INSTANT,
)

#: Attempts that still hold a contact; locked, so that it is given back once.
_HOLDING = Statement(
    """
    SELECT attempts.id, attempts.cap_key FROM attempts JOIN {a} ON attempts.id = a.id WHERE attempts.cap_key IS NOT NULL
    ORDER BY attempts.id {for_update}
    """,
    a=Rows(id=TEXT),
)
_LET_GO = Statement("UPDATE attempts SET cap_key = NULL FROM {a} WHERE attempts.id = a.id", a=Rows(id=TEXT))
_UNCOUNT = Statement(
    """
    UPDATE contacts SET n = CASE WHEN contacts.n > c.n THEN contacts.n - c.n ELSE 0 END
    FROM {c} WHERE contacts.counter = c.counter AND contacts.day = c.day
    """,
    c=Rows(counter=TEXT, day=DATE, n=INT),
)
_FORGET_TIMES = Statement(
    "DELETE FROM contact_times WHERE (counter, attempt) IN (SELECT c.counter, c.attempt FROM {c})",
    c=Rows(counter=TEXT, attempt=TEXT),
)


@dataclass(frozen=True, slots=True)
class Taker:
    """A text that is about to go: its notice's key, its attempt, and the counters it takes from."""

    key: str
    attempt: str
    counters: tuple[Counter, ...]


def cap_key(counters: Iterable[Counter]) -> str | None:
    """What an attempt keeps of its counters, so that it can give back its contacts; None where it has none."""
    return "\n".join(f"{counter.name} {counter.day.isoformat()}" for counter in counters) or None


async def counted(tx: Transaction, counters: Iterable[Counter]) -> dict[Place, Contacts]:
    """What counters have counted; those that have counted nothing may be left out."""
    asked = set(counters)
    days = sorted(counter.place for counter in asked if counter.since is None)
    rows = await tx.rows(_DAYS, c=days) if days else ()
    return {(row.counter, row.day): Contacts(row.n) for row in rows} | await _in_spans(tx, asked)


async def _in_spans(tx: Transaction, counters: Iterable[Counter]) -> dict[Place, Contacts]:
    spans: dict[str, datetime] = {}  # where parties of one number live in two zones, the longer span counts
    for counter in counters:
        if counter.since is not None:
            spans[counter.name] = min(counter.since, spans.get(counter.name, counter.since))
    rows = await tx.rows(_SPANS, c=sorted(spans.items())) if spans else ()
    return {(row.counter, date.min): Contacts(row.n, row.oldest) for row in rows}


async def take(tx: Transaction, takers: Sequence[Taker], now: datetime) -> dict[str, dict[str, Contacts]]:
    """Counts each text on all of its counters, or on none where one is full.

    Gives those that found one full: by the notice's key, what their counters have counted, by rule id. Exact under any number of
    workers: the counters are locked, in order, until the transaction ends.
    """
    counters = [counter for taker in takers for counter in taker.counters]
    alone = all(len(taker.counters) < 2 for taker in takers)  # noqa: PLR2004 - one counter each
    if alone and len({counter.place for counter in counters}) == len(counters) and not any(c.since for c in counters):
        return await _take_one_each(tx, [taker for taker in takers if taker.counters])
    return await _take_all(tx, takers, now)


async def _take_one_each(tx: Transaction, takers: Sequence[Taker]) -> dict[str, dict[str, Contacts]]:
    """The common case: each text has one counter, of a natural day, and none has the same one."""
    full: dict[str, dict[str, Contacts]] = {}
    for most in sorted({taker.counters[0].most for taker in takers}):
        asked = {taker.counters[0].place: taker for taker in takers if taker.counters[0].most == most}
        rows = await tx.rows(_COUNT, c=[(*place, most) for place in sorted(asked)], most=most)
        had_room = {(row.counter, row.day) for row in rows}
        full |= {
            taker.key: {taker.counters[0].rule_id: Contacts(most)} for place, taker in asked.items() if place not in had_room
        }
    return full


async def _take_all(tx: Transaction, takers: Sequence[Taker], now: datetime) -> dict[str, dict[str, Contacts]]:
    """The general case: the counters are locked, and each text takes its turn."""
    every = {counter for taker in takers for counter in taker.counters}
    locked = await tx.rows(_LOCK, c=sorted({counter.place for counter in every}))
    contacts = {(row.counter, row.day): Contacts(row.n) for row in locked} | await _in_spans(tx, every)
    full, added, times = {}, Tally[Place](), []
    for taker in takers:
        if any(contacts[counter.place].n >= counter.most for counter in taker.counters):
            full[taker.key] = {counter.rule_id: contacts[counter.place] for counter in taker.counters}
            continue
        for counter in taker.counters:
            contacts[counter.place] = contacts[counter.place].one_more(now)
            if counter.since is None:
                added[counter.place] += 1
            else:
                times.append((counter.name, taker.attempt))
    if added:
        await tx.run(_ADD, c=sorted((*place, n) for place, n in added.items()))
    if times:
        await tx.run(_ADD_TIMES, c=sorted(times), now=now)
    return full


async def give_back(tx: Transaction, attempts: Iterable[str]) -> None:
    """Gives back the contacts of attempts that were not said; of each once, whoever finds out and however often."""
    ids = [(attempt,) for attempt in sorted(attempts)]
    held = await tx.rows(_HOLDING, a=ids) if ids else ()
    if not held:
        return
    await tx.run(_LET_GO, a=[(row.id,) for row in held])
    days, times = _held(held)
    if days:
        await tx.run(_UNCOUNT, c=sorted((*place, n) for place, n in days.items()))
    if times:
        await tx.run(_FORGET_TIMES, c=times)


def _held(rows: Iterable[object]) -> tuple[Mapping[Place, int], list[tuple[str, str]]]:
    """The natural days that attempts counted on, and the spans, from their `cap_key`."""
    days, times = Tally[Place](), []
    for row in rows:
        for line in row.cap_key.split("\n"):  # type: ignore[attr-defined]
            name, _, day = line.rpartition(" ")
            if date.fromisoformat(day) == date.min:
                times.append((name, row.id))  # type: ignore[attr-defined]
            else:
                days[name, date.fromisoformat(day)] += 1
    return days, times
