"""A scheduler that was away for three days: what it missed goes once if it still has a point, and never at night."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from consumers._decode import decode
from duebell.engine import Engine
from duebell.opening import open_engine
from duebell.simulation import VirtualClock
from service.notices import Lane
from service.settings import Settings
from service.zones import zone
from tests.integration.rig import BASE, as_bodies, rows
from tests.integration.stories import disbursed, paid

pytestmark = pytest.mark.integration

HOME = zone("Asia/Shanghai")
DOWN, UP = BASE, datetime(2026, 6, 20, 23, 30, tzinfo=HOME)
END = datetime(2026, 6, 22, 8, tzinfo=HOME)
STEP = timedelta(minutes=30)

#: Loan → the day its instalment is due, in June, and what becomes of each stage: when it was sent, or how it ended. The last
#: sweep before the gap plans up to the 18th at 10:00.
STORIES = {
    "A": (20, {
        "due_soon": "17 10:00",
        "due_tomorrow": "expired",
        "due_today": "superseded",
        "due_today_evening": "expired",
        "grace": "21 10:00",
    }),
    "B": (21, {
        "due_soon": "18 10:00",
        "due_tomorrow": "expired",
        "due_today": "21 09:00",
        "due_today_evening": "21 17:30",
    }),
    "C": (17, {
        "due_soon": "expired",
        "due_tomorrow": "expired",
        "due_today": "17 10:00",
        "due_today_evening": "17 17:30",
        "grace": "18 10:00",
        "overdue_3": "21 08:00",
    }),
    "D": (18, {
        "due_soon": "expired",
        "due_tomorrow": "17 10:00",
        "due_today": "18 09:00",
        "due_today_evening": "expired",
        "grace": "21 08:00",
        "overdue_3": "21 10:00",
    }),
    "E": (19, {"due_soon": "17 10:00", "due_tomorrow": "18 10:00"}),
}  # fmt: skip
#: Loan E is paid while the scheduler is away.
PAID_AT = datetime(2026, 6, 19, 8, tzinfo=HOME)


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at the beginning."""
    return VirtualClock(BASE.astimezone(UTC))


@pytest.fixture
async def engine(postgres_url: str, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Engine]:
    """An engine on PostgreSQL whose time is the virtual clock's."""
    settings = Settings(database_url=postgres_url, data_dir=tmp_path, senders="memory://")
    engine = await open_engine(settings, clock=clock.now, monotonic=clock.monotonic)
    yield engine
    await engine.close()


async def absorb(engine: Engine, *events: dict[str, object]) -> None:
    """Takes events in."""
    await engine.intake.absorb([decode(body) for _, body in as_bodies(events)], origin="test")


async def lived(engine: Engine, clock: VirtualClock) -> None:
    """From BASE to END by half hours: delivery always works, the planner not between DOWN and UP."""
    at = BASE
    while at < END:
        clock.at = at.astimezone(UTC)
        if at == PAID_AT:
            await absorb(engine, paid("E", 1, at=at))
        if at <= DOWN or at >= UP:
            await engine.planner.step(clock.at)
        await engine.settling.expire(clock.at)
        for lane in Lane:
            while await engine.delivery.step(lane):
                continue
        at += STEP


def told(url: str) -> dict[str, dict[str, str]]:
    """Loan → stage → when it was sent, or how it ended."""
    found: dict[str, dict[str, str]] = {loan: {} for loan in STORIES}
    stages = (
        "SELECT loan_id, stage, state, reason, sent_at FROM notices WHERE stage IS NOT NULL AND moment < %s ORDER BY moment"
    )
    for loan, stage, state, reason, sent_at in rows(url, stages, END):
        assert state == "sent" or reason
        found[loan][stage] = f"{sent_at.astimezone(HOME):%d %H:%M}" if state == "sent" else state
    return found


async def test_a_scheduler_catches_up_after_three_days(engine: Engine, clock: VirtualClock, postgres_url: str) -> None:
    """Back at half past eleven at night, it sends in the morning what still has a point, and says of the rest why not."""
    await absorb(engine, *(disbursed(loan, i, date(2026, 6, day)) for i, (loan, (day, _)) in enumerate(STORIES.items())))
    await lived(engine, clock)
    assert told(postgres_url) == {loan: stages for loan, (_, stages) in STORIES.items()}
    texts = [message.at.astimezone(HOME) for message in engine.couriers[0].sender.messages]  # type: ignore[attr-defined]
    assert {at.hour for at in texts} <= set(range(8, 22))
    keys = [message.key for message in engine.couriers[0].sender.messages]  # type: ignore[attr-defined]
    assert len(keys) == len(set(keys))
