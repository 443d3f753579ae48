"""What is counted towards the caps, and given back where a text was not said."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.ledger.statement import TEXT, Statement
from service.notices import Lane
from service.rulebook import FOLDER
from service.senders._port import Accepted, Outcome, Rejected, Throttled, Unknown
from service.senders.memory import MemorySender
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

START = at("2026-06-01 10:00")
DUE = (1, "2026-06-20", "912.50")
NUMBERS = "+8613800138000"
_COUNTED = Statement(
    """
    SELECT (SELECT sum(n) FROM contacts WHERE counter <> 'planned') AS by_day, (SELECT count(*) FROM contact_times) AS in_spans,
        (SELECT count(*) FROM attempts WHERE cap_key IS NOT NULL) AS held
    """
)
_RULE = Statement("SELECT rule FROM outbox WHERE key = :key AND state IN ('held', 'suppressed') ORDER BY id DESC", key=TEXT)
_ALERTS = Statement("SELECT data FROM outbox WHERE type = 'alert.raised' ORDER BY id")

WEEK_PER_PERSON = (
    "{id: x-week, version: 2, kind: cap, purposes: [reminder, collection], limit: 3, within: 7 days, per: person, source: s}"
)
HOURS_PER_NUMBER = (
    "{id: x-hours, version: 1, kind: cap, purposes: [reminder, collection], limit: 3, within: 30 hours, source: s}"
)
DAY_PER_PERSON = "{id: x-day, version: 1, kind: cap, purposes: [reminder, collection], limit: 2, per: person, source: s}"
DAY_PER_NUMBER = "{id: x-more, version: 1, kind: cap, purposes: [reminder, collection], limit: 3, source: s}"


@pytest.fixture
def book(tmp_path: Path) -> Any:
    """Makes a folder of rules: everyone's window, and these rows."""

    def made(*rows: str) -> Path:
        folder = tmp_path / "rules"
        folder.mkdir(exist_ok=True)
        window = next(FOLDER.glob("cn.yaml")).read_text("utf-8").partition("  - id: cn-cap-1")[0]
        for name in ("cn", "other"):
            text = window.replace("jurisdiction: cn", f"jurisdiction: {name}") + "".join(f"  - {row}\n" for row in rows)
            (folder / f"{name}.yaml").write_text(text, "utf-8")
        return folder

    return made


async def _counted(world: Virtual) -> tuple[int, int, int]:
    (row,) = await world.rows(_COUNTED)
    return int(row.by_day or 0), row.in_spans, row.held


async def _at_nine(world: Virtual, *lenders: Lender, day: str = "2026-06-20") -> None:
    """Loans due today, and their reminders ready."""
    await world.absorb(*(lender.disbursed(world.clock.at, (1, day, "912.50")) for lender in lenders))
    await world.deliver()
    world.go(at(f"{day} 09:00"))
    await world.plan()
    await world.engine.settling.expire(world.clock.at)


async def _states(world: Virtual, stage: str = "due_today") -> list[str]:
    return sorted(state for key, state in (await world.states()).items() if key.endswith(f":{stage}:borrower"))


async def _rules(world: Virtual, name: str) -> set[str]:
    found = [row for row in await world.notices() if f":{name}:" in row.key]
    return {told[0].rule for row in found if (told := await world.rows(_RULE, key=row.key))}


@pytest.fixture
def sender() -> MemorySender:
    """A sender that a test scripts."""
    return MemorySender()


# ---------------------------------------------------------------- given back


async def test_every_text_that_was_not_said_gives_its_contact_back(sender: MemorySender) -> None:
    """Of four reminders to one number three are refused in one call: one counts."""
    async with opened(START, sender) as world:
        await _at_nine(world, *(Lender(f"L-{i}", NUMBERS) for i in range(4)))
        sender.script(Rejected("recipient", "21211"), Accepted("id"), *[Rejected("recipient", "21211")] * 2)
        await world.deliver()
        assert await _counted(world) == (1, 0, 1)


@pytest.mark.parametrize(
    "rows", [(), (DAY_PER_PERSON, DAY_PER_NUMBER, WEEK_PER_PERSON, HOURS_PER_NUMBER)], ids=["one cap", "four caps"]
)
@pytest.mark.parametrize(
    ("outcome", "counts"),
    [(Rejected("recipient", "1"), 0), (Throttled(30), 0), (Accepted("id"), 1), (Unknown("timeout"), 1)],
    ids=["rejected", "throttled", "accepted", "unknown"],
)
async def test_only_what_may_have_been_said_counts(
    any_database_url: str, sender: MemorySender, book: Any, rows: tuple[str, ...], outcome: Outcome, counts: int
) -> None:
    """A contact counts on every cap's counter, or on none."""
    async with opened(START, sender, url=any_database_url, rules=book(*rows) if rows else None) as world:
        await _at_nine(world, Lender())
        sender.script(outcome)
        await world.deliver()
        daily, spans = (2 if rows else 1), (2 if rows else 0)
        assert await _counted(world) == (counts * daily, counts * spans, counts)


async def test_an_unknown_that_never_arrived_gives_its_contacts_back(
    any_database_url: str, sender: MemorySender, book: Any
) -> None:
    """Once, however often it is settled; the text goes again and counts again."""
    async with opened(START, sender, url=any_database_url, rules=book(DAY_PER_NUMBER, WEEK_PER_PERSON)) as world:
        await _at_nine(world, Lender())
        sender.script(Unknown("timeout"), arrived=False)
        await world.deliver()
        assert await _counted(world) == (1, 1, 1)
        world.wait(5)
        await world.sweep()
        await world.sweep()
        assert await _counted(world) == (0, 0, 0)
        await world.deliver()
        assert await world.state("due_today") == "sent"
        assert await _counted(world) == (1, 1, 1)


async def test_an_intent_whose_lease_was_over_before_the_call_gives_its_contact_back() -> None:
    """A worker that slept between intent and call says nothing, and counts nothing."""
    async with opened(START) as world:
        await _at_nine(world, Lender())
        delivery, intend = world.engine.delivery, world.engine.delivery._intents.write

        async def slowly(*arguments: Any) -> Any:
            intended = await intend(*arguments)
            world.wait(31)
            return intended

        delivery._intents.write = slowly  # type: ignore[method-assign]
        await delivery.step(Lane.BULK)
        assert await world.state("due_today") == "planned"
        assert await _counted(world) == (0, 0, 0)
        delivery._intents.write = intend  # type: ignore[method-assign]
        await world.deliver()
        assert await world.state("due_today") == "sent"


# ---------------------------------------------------------------- several caps


async def test_a_person_with_two_numbers_has_one_cap(any_database_url: str, book: Any) -> None:
    """Three loans of one person whose number changes in between: the third text of the day waits, by the person's cap."""
    async with opened(START, url=any_database_url, rules=book(DAY_PER_PERSON)) as world:
        lenders = [Lender(f"L-{i}", party_id="B") for i in range(3)]
        await _at_nine(world, *lenders)
        await world.absorb(lenders[0].party(world.clock.at, phone="+8613900139000"))
        await world.deliver()
        assert await _states(world) == ["sent", "superseded in_digest", "superseded in_digest"]
        world.go(at("2026-06-20 17:30"))
        await world.deliver()
        assert await _states(world, "due_today_evening") == ["held daily_cap", "held daily_cap", "sent"]
        assert await _rules(world, "due_today_evening") == {"x-day@1"}


async def test_of_several_caps_each_is_kept(any_database_url: str, book: Any) -> None:
    """Five people share a number: each has had less than its own cap, the number has had its three."""
    async with opened(START, url=any_database_url, rules=book(DAY_PER_PERSON, DAY_PER_NUMBER)) as world:
        await _at_nine(world, *(Lender(f"L-{i}", NUMBERS) for i in range(5)))
        await world.deliver()
        assert await _states(world) == ["held daily_cap"] * 2 + ["sent"] * 3
        assert await _rules(world, "due_today") == {"x-more@1"}


@pytest.mark.parametrize(
    ("row", "stage", "reached", "rule"),
    [
        (WEEK_PER_PERSON, "overdue_3", "2026-06-24 08:00", "x-week@2"),
        (HOURS_PER_NUMBER.replace("limit: 3", "limit: 2"), "grace", "2026-06-21 15:00", "x-hours@1"),
    ],
    ids=["seven days", "thirty hours"],
)
async def test_days_are_natural_days_and_hours_go_by_the_clock(
    any_database_url: str, book: Any, row: str, stage: str, reached: str, rule: str
) -> None:
    """The text over a cap of seven days goes when the day of its oldest contact is a week ago, one of hours to the minute."""
    async with opened(START, url=any_database_url, rules=book(row)) as world:
        await world.absorb(Lender().disbursed(START, DUE))
        await world.run_until(at("2026-06-26 00:00"))
        told = await world.notice(stage)
        assert (told.state, told.sent_at) == ("sent", at(reached))
        assert await _rules(world, stage) == {rule}


# ---------------------------------------------------------------- what rules refuse


async def test_a_text_that_a_rule_refuses_is_kept_and_ops_are_told_once(any_database_url: str, book: Any) -> None:
    """Two texts of one template that a rule forbids: both suppressed with rule and version, one alert."""
    row = "{id: x-words, version: 4, kind: content, purposes: [reminder], none_of: [到期], source: s}"
    async with opened(START, url=any_database_url, rules=book(row)) as world:
        await _at_nine(world, Lender("L-1"), Lender("L-2", "+8613800138001"))
        await world.deliver()
        assert await _states(world) == ["suppressed content_forbidden"] * 2
        assert await _rules(world, "due_today") == {"x-words@4"}
        (alert,) = await world.rows(_ALERTS)
        assert alert.data == '{"alert": "content_forbidden", "rule": "x-words@4", "template": "repayment_due_today"}'


async def test_a_window_that_closes_before_the_intent_holds_the_text() -> None:
    """Judged a second before closing, handed over a second after it: no, it is held."""
    async with opened(START) as world:
        await _at_nine(world, Lender())
        world.go(at("2026-06-20 21:59") + timedelta(seconds=59))
        delivery, intend = world.engine.delivery, world.engine.delivery._intents.write

        async def late(*arguments: Any) -> Any:
            world.wait(2)
            return await intend(*arguments)

        delivery._intents.write = late  # type: ignore[method-assign]
        await delivery.step(Lane.BULK)
        delivery._intents.write = intend  # type: ignore[method-assign]
        world.wait(2)
        await world.deliver()
        assert world.sent == ["loan_disbursed"]
        assert await world.state("due_today_evening") == "held window"
