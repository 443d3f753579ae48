"""`duebell queues`: how much waits where, how old the oldest is, and what is paused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from duebell.commands._ledger import opened, waited_for
from duebell.commands._terminal import FAILED, AsJson, fail, lines, say, span, table
from duebell.showing import instant
from service.notices import Lane

if TYPE_CHECKING:
    from service.ledger import Transaction

Line = dict[str, Any]
_RATE: Final = timedelta(minutes=5)


def queues(as_json: AsJson = False) -> None:
    """Show lanes, the inbox, the outbox, dead letters and the broker's queues: depth, oldest age, rate, who paused what.

    `ready` could go now; `waiting` includes what waits for its moment. A growing oldest age is what to worry about.
    """
    found, broker_away = waited_for(_look())
    if as_json:
        lines(found)
    else:
        _show(found)
    if broker_away:
        fail(broker_away, FAILED)


async def _look() -> tuple[list[Line], str | None]:
    """Every line, and why the broker's are missing, if they are."""
    async with opened() as now_open:
        now, url = now_open.clock(), now_open.broker_url
        async with now_open.ledger.transaction() as tx:
            found = await _lanes(tx, now) + await _backlog(tx, now, url) + await _rate(tx, now) + await _pauses(tx, now)
    if url is None:
        return found, None
    from service import broker  # noqa: PLC0415 - heavy

    try:
        depths = broker.depths(url)
    except broker.BrokerAway as error:
        return found, str(error)
    return found + [{"kind": "queue", "name": d.queue, "ready": d.ready, "consumers": d.consumers} for d in depths], None


async def _lanes(tx: "Transaction", now: datetime) -> list[Line]:
    from service.ledger import controls, reading  # noqa: PLC0415 - heavy

    waiting = {row.lane: row for row in await tx.rows(reading.LANES, now=now)}
    flying = {(row.lane, row.state): row.n for row in await tx.rows(reading.IN_FLIGHT)}
    paused = await tx.rows(controls.ACTIVE, now=now)
    return [_lane(lane, waiting.get(lane), flying, paused, now) for lane in Lane]


def _lane(lane: Lane, row: Any, flying: dict[tuple[str, str], int], paused: Sequence[Any], now: datetime) -> Line:
    oldest = row.oldest if row else None
    stops = [one for one in paused if one.scope == "all" or (one.scope, one.name) == ("lane", lane)]
    return {
        "kind": "lane",
        "name": lane.value,
        "ready": row.ready if row else 0,
        "waiting": row.waiting if row else 0,
        "sending": flying.get((lane.value, "sending"), 0),
        "unknown": flying.get((lane.value, "unknown"), 0),
        **_oldest(oldest, now),
        "paused_by": [f"{one.scope} ({one.who}: {one.why})" for one in stops],
    }


async def _backlog(tx: "Transaction", now: datetime, url: str | None) -> list[Line]:
    """Embedded, status events are read over HTTP and nobody takes them out of the outbox."""
    from service.ledger import reading  # noqa: PLC0415 - heavy

    row = (await tx.rows(reading.BACKLOG))[0]
    outbox = {"kind": "outbox", "name": "status events not published", "ready": row.outbox, **_oldest(row.outbox_oldest, now)}
    return [
        {"kind": "inbox", "name": "events not absorbed yet", "ready": row.inbox, **_oldest(row.inbox_oldest, now)},
        *([] if url is None else [outbox]),
        {"kind": "dead", "name": "open dead letters", "ready": row.dead, **_oldest(row.dead_oldest, now)},
    ]


async def _rate(tx: "Transaction", now: datetime) -> list[Line]:
    from service.ledger import reading  # noqa: PLC0415 - heavy

    row = (await tx.rows(reading.SENT_SINCE, since=now - _RATE))[0]
    per_second = round(row.n / _RATE.total_seconds(), 2)
    return [{"kind": "rate", "name": "texts sent in the last five minutes", "n": row.n, "per_second": per_second}]


async def _pauses(tx: "Transaction", now: datetime) -> list[Line]:
    from service.ledger import controls  # noqa: PLC0415 - heavy

    return [
        {
            "kind": "pause", "name": f"{row.scope} {row.name}".strip(), "who": row.who, "why": row.why,
            "since": instant(row.since), "until": instant(row.until),
        }
        for row in await tx.rows(controls.ACTIVE, now=now)
    ]  # fmt: skip


def _oldest(since: datetime | None, now: datetime) -> Line:
    seconds = None if since is None else max(0, round((now - since).total_seconds()))
    return {"oldest": instant(since), "oldest_seconds": seconds}


def _show(found: list[Line]) -> None:
    by_kind: dict[str, list[Line]] = {}
    for line in found:
        by_kind.setdefault(line["kind"], []).append(line)
    table(
        ("lane", "ready", "oldest", "waiting", "sending", "unknown", "paused by"),
        (
            (x["name"], x["ready"], _age(x), x["waiting"], x["sending"], x["unknown"], "; ".join(x["paused_by"]))
            for x in by_kind["lane"]
        ),
    )
    say("")
    table(
        ("beside them", "number", "oldest"),
        ((x["name"], x["ready"], _age(x)) for kind in ("inbox", "outbox", "dead") for x in by_kind.get(kind, [])),
    )
    rate = by_kind["rate"][0]
    say(f"\n{rate['name']}: {rate['n']} ({rate['per_second']} a second)")
    if pauses := by_kind.get("pause"):
        table(
            ("paused", "by", "why", "since", "until"),
            ((x["name"], x["who"], x["why"], x["since"], x["until"] or "resumed") for x in pauses),
            title="\nPaused",
        )
    if on_broker := by_kind.get("queue"):
        cells = (
            (x["name"], "not there: duebell topology apply" if x["ready"] is None else x["ready"], x["consumers"])
            for x in on_broker
        )
        say("")
        table(("broker queue", "ready", "consumers"), cells)


def _age(line: Line) -> str | None:
    return None if line["oldest_seconds"] is None else span(line["oldest_seconds"])
