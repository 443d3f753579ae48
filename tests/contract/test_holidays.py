"""Ladders that move off public holidays, planned and judged by the real engine."""

from pathlib import Path

import pytest

from tests.lender import Lender, at
from tests.virtual import opened

START = at("2026-09-01 10:00")


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    """A ladder that leaves China's golden week: the reminder goes before it, the collection text after it."""
    (tmp_path / "instalment.yaml").write_text(
        "kind: instalment\ncalendar: CN\nstages:\n"
        '  - {name: due_today, day: 0, at: "09:00", template: repayment_due_soon, holidays: before}\n'
        "  - {name: overdue_3, day: 3, template: repayment_overdue, purpose: collection, holidays: after}\n"
    )
    return tmp_path


@pytest.mark.parametrize("known_since", ["2026-09-01 10:00", "2026-09-30 08:00"], ids=["long before", "in the last hour"])
async def test_planner_and_judge_agree_on_moved_stages(any_database_url: str, moving: Path, known_since: str) -> None:
    """Due on 3 October: one text goes on 30 September and one on 8 October, however late the loan is known; keys keep the day."""
    async with opened(START, url=any_database_url, ladders=moving) as world:
        await world.run_until(at(known_since))
        await world.absorb(Lender().disbursed(world.clock.at, (1, "2026-10-03", "912.50")))
        await world.run_until(at("2026-10-10 00:00"))
        sent = {row.key: row.sent_at for row in await world.notices() if row.key.startswith("stage:")}
        assert sent == {
            "stage:L-1:instalment:1:2026-10-03:due_today:borrower": at("2026-09-30 09:00"),
            "stage:L-1:instalment:1:2026-10-03:overdue_3:borrower": at("2026-10-08 10:00"),
        }


async def test_a_party_that_moved_keeps_the_moved_day(any_database_url: str, moving: Path) -> None:
    """Planned for Shanghai's hour on the day before the holidays, in Berlin by then: held until that hour there."""
    async with opened(START, url=any_database_url, ladders=moving) as world:
        lender = Lender()
        await world.absorb(lender.disbursed(world.clock.at, (1, "2026-10-03", "912.50")))
        await world.run_until(at("2026-09-30 08:59"))
        await world.absorb(lender.party(world.clock.at, timezone="Europe/Berlin"))
        await world.run_until(at("2026-09-30 23:00"))
        notice = await world.notice("due_today")
        assert (notice.state, notice.sent_at) == ("sent", at("2026-09-30 09:00", "Europe/Berlin"))


@pytest.mark.parametrize("known_since", ["2026-09-01 10:00", "2026-09-30 08:00"], ids=["long before", "in the last hour"])
async def test_stages_that_holidays_bring_together_are_one_text(
    any_database_url: str, tmp_path: Path, known_since: str
) -> None:
    """Three reminders of one instalment move to one morning: one goes, however late the loan is known, and names it once."""
    stages = "".join(
        f"  - {{name: {name}, day: {day}, template: {template}, digest: due, holidays: before}}\n"
        for name, day, template in [
            ("soon", -3, "repayment_due_soon"),
            ("tomorrow", -1, "repayment_due_tomorrow"),
            ("today", 0, "repayment_due_today"),
        ]
    )
    (tmp_path / "instalment.yaml").write_text(f"kind: instalment\ncalendar: CN\nstages:\n{stages}")
    async with opened(START, url=any_database_url, ladders=tmp_path) as world:
        await world.run_until(at(known_since))
        await world.absorb(Lender().disbursed(world.clock.at, (1, "2026-10-04", "912.50")))
        await world.run_until(at("2026-10-01 00:00"))
        stages_kept = {row.key: row.sent_at for row in await world.notices() if row.key.startswith("stage:")}
        assert stages_kept == {"stage:L-1:instalment:1:2026-10-04:today:borrower": at("2026-09-30 10:00")}
