"""The planner's pages: every loan once, however many fit on a page, and PostgreSQL free to join whole tables for them."""

from unittest.mock import patch

import pytest

from schedules import planner
from service.ledger import planning
from service.ledger.statement import Statement
from tests.lender import Lender, at
from tests.virtual import opened

_EVERYWHERE = ("Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "UTC")
_ALLOWED = Statement(
    "SELECT current_setting('plan_cache_mode') AS plans, current_setting('enable_seqscan') AS scans, "
    "current_setting('enable_hashjoin') AS hashes, current_setting('enable_mergejoin') AS merges"
)
_PLANNED = Statement("UPDATE loans SET replan = false")


@pytest.mark.parametrize("page", [1, 2, 5, 100])
async def test_every_loan_is_planned_however_small_the_page(page: int, any_database_url: str) -> None:
    """Loans of five zones with one due day are planned once each, whether a page holds one of them or all."""
    async with opened(at("2026-06-01 10:00"), url=any_database_url) as world:
        for number in range(10):
            loan = Lender(f"L-{number}", timezone=_EVERYWHERE[number % 5])
            await world.absorb(loan.disbursed(world.clock.at, (1, "2026-06-20", "100.00"), (2, "2026-08-20", "100.00")))
        await world.run(_PLANNED)  # so that the slice finds them, not the marks
        world.go(at("2026-06-17 01:30"))  # 10:00 on the 17th lies within a day, everywhere
        with patch.object(planner, "PAGE", page):
            rows = await world.plan()
        found = [row.loan_id for row in await world.notices() if ":due_soon:" in row.key]
        assert sorted(found) == [f"L-{number}" for number in range(10)]
        assert rows == len(found)


@pytest.mark.integration
async def test_a_sweep_may_join_whole_tables_and_nothing_else_may(postgres_url: str) -> None:
    """What the planner allows PostgreSQL ends with its transaction: other statements keep to one look-up per key."""
    async with opened(at("2026-06-01 10:00"), url=postgres_url, empty=True) as world:
        ledger = world.engine.ledger
        async with ledger.transaction() as tx:
            usual = tuple((await tx.rows(_ALLOWED))[0])
            await planning.expect_sets(tx)
            assert tuple((await tx.rows(_ALLOWED))[0]) == ("force_custom_plan", "on", "on", "on")
        async with ledger.transaction() as tx:
            assert tuple((await tx.rows(_ALLOWED))[0]) == usual
