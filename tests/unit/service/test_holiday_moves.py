"""Stages that move off public holidays: when they go, and that nothing else about them changes."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.calendars import calendar_of
from service.ladders import (
    Ladder,
    LadderError,
    Ladders,
    expiry,
    is_passed,
    moment,
    moments_between,
    read_ladder,
    uncertain_holidays,
)
from service.zones import local_date
from tests.lender import at

ZONES = ("Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati")
#: China is off from 1 to 7 October 2026, and has been at work from 8 October on.
GOLDEN_WEEK = st.dates(date(2026, 9, 20), date(2026, 10, 20))
BEFORE = st.sampled_from(["", ", holidays: before"])
AFTER = st.sampled_from(["", ", holidays: after"])


def ladder(*stages: str, head: str = "calendar: CN\n") -> Ladder:
    """A ladder of instalments whose calendar is China's."""
    lines = "".join(f"  - {{{stage}, template: t}}\n" for stage in stages)
    return read_ladder(f"kind: instalment\n{head}stages:\n{lines}", "instalment.yaml")


@pytest.mark.parametrize(
    ("stage", "due", "goes"),
    [
        ('name: a, day: 0, at: "09:00", holidays: before', "2026-10-03", "2026-09-30 09:00"),
        ('name: a, day: 1, at: "09:00", holidays: after', "2026-10-02", "2026-10-08 09:00"),
        ('name: a, day: 0, at: "09:00"', "2026-10-03", "2026-10-03 09:00"),
        ("name: a, day: -3, holidays: before", "2026-10-08", "2026-09-30 10:00"),
        ("name: a, day: 3, holidays: after, calendar: GB", "2026-12-22", "2026-12-29 10:00"),
    ],
)
def test_a_stage_moves_off_the_holidays_of_its_calendar(stage: str, due: str, goes: str) -> None:
    """Its day moves, its hour stays; a stage that does not say so stays where it is."""
    (found,) = ladder(stage).stages
    assert moment(found, date.fromisoformat(due), "Asia/Shanghai") == at(goes)


def test_a_ladder_may_say_it_for_all_its_stages() -> None:
    """A stage's own word goes before the ladder's."""
    both = ladder("name: a, day: 0", "name: b, day: 1, holidays: after, calendar: GB", head="holidays: before\ncalendar: CN\n")
    assert [(stage.holidays, stage.calendar) for stage in both.stages] == [
        ("before", calendar_of("CN")),
        ("after", calendar_of("GB")),
    ]
    instants = read_ladder(
        "kind: delegation\nholidays: after\ncalendar: CN\nstages:\n  - {name: a, before: 2h, template: t}\n", "delegation.yaml"
    )
    assert instants.stages[0].holidays is None


@pytest.mark.parametrize(
    ("stages", "head", "line"),
    [
        ("name: a, day: 0, holidays: before", "", "instalment.yaml: stage a: holidays: say whose, as calendar: CN"),
        ("name: a, day: 0", "holidays: before\n", "instalment.yaml: stage a: holidays: say whose, as calendar: CN"),
        ("name: a, day: 0, holidays: never", "calendar: CN\n", "instalment.yaml: stage a: holidays: "),
        (
            "name: a, day: 0, holidays: before",
            "calendar: XX\n",
            "instalment.yaml: calendar: the public holidays of XX are not known",
        ),
        ("name: a, day: 0, calendar: 86", "", "instalment.yaml: stage a: calendar: must be a country, as CN"),
        (
            "name: a, before: 2h, holidays: after",
            "calendar: CN\n",
            "instalment.yaml: stage a: holidays: only a stage that counts days",
        ),
        (
            "name: a, day: 0, holidays: after",
            "calendar: CN\n",
            "instalment.yaml: stage a: holidays: a stage up to the due day moves before",
        ),
        (
            "name: a, day: 3",
            "holidays: before\ncalendar: CN\n",
            "instalment.yaml: stage a: holidays: a stage after the due day moves after",
        ),
        (
            "name: a, day: 1, when_grace: true, holidays: after",
            "calendar: CN\ngrace_days: 1\n",
            "instalment.yaml: stage a: holidays: what is said of the days of grace",
        ),
    ],
)
def test_a_mistake_is_one_line(stages: str, head: str, line: str) -> None:
    """File, stage and field."""
    with pytest.raises(LadderError) as caught:
        ladder(stages, head=head)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@given(BEFORE, AFTER, GOLDEN_WEEK, st.lists(st.integers(0, 20 * 86400), max_size=6))
def test_slices_meet_every_moved_moment_exactly_once(first: str, second: str, day: date, cuts: list[int]) -> None:
    """However the time is cut into slices, each stage of each due day is found once, at its moment, with its validity."""
    both = ladder(f"name: a, day: -1{first}", f"name: b, day: 2{second}")
    start = at(f"{day} 00:00")
    edges = [start, *(start + timedelta(seconds=cut) for cut in sorted(cuts)), start + timedelta(days=20)]
    found = [each for after, until in pairwise(edges) for each in moments_between(both, after, until, ZONES)]
    wanted = {
        (stage.name, due, zone)
        for stage in both.stages
        for due in (day + timedelta(days=n) for n in range(-45, 66))
        for zone in ZONES
        if start < moment(stage, due, zone) <= edges[-1]
    }
    assert sorted((each.stage.name, each.due_on, each.zone) for each in found) == sorted(wanted)
    assert all(each.moment == moment(each.stage, each.due_on, each.zone) for each in found)
    assert all(each.moment < each.expires_at == expiry(both, each.stage, each.due_on, each.zone) for each in found)


@given(BEFORE, GOLDEN_WEEK, st.sampled_from(ZONES))
def test_nothing_moves_onto_a_holiday(move: str, due: date, zone: str) -> None:
    """Where a stage moves, the local day it goes on is none."""
    (stage,) = ladder(f"name: a, day: 0{move}").stages
    goes_on = local_date(moment(stage, due, zone), zone)
    assert not (move and calendar_of("CN").is_holiday(goes_on))
    assert move or goes_on == due


@pytest.mark.parametrize(
    ("due", "names"),
    [("2026-10-03", "today fifth"), ("2026-10-10", "soon today third fifth"), ("2026-09-30", "soon today fifth")],
)
def test_of_stages_that_holidays_bring_together_only_the_last_one_is(due: str, names: str) -> None:
    """Due in the golden week: one text before it, one after it. The one for loans repaid by hand stands in for no other."""
    whole = ladder(
        "name: soon, day: -3, holidays: before",
        'name: today, day: 0, at: "09:00", holidays: before',
        "name: third, day: 3, holidays: after",
        "name: fifth, day: 5, holidays: after",
    )
    found = moments_between(whole, at("2026-09-01 00:00"), at("2026-11-01 00:00"), ["Asia/Shanghai"])
    assert [each.stage.name for each in found if each.due_on == date.fromisoformat(due)] == names.split()
    some = ladder("name: soon, day: -3, holidays: before", "name: today, day: 0, method: manual, holidays: before")
    assert not is_passed(some, some.stages[0], date.fromisoformat(due), "Asia/Shanghai")


def test_holidays_that_are_not_certain_are_said() -> None:
    """This year's, and two months before it begins the next one's; nothing where no stage moves."""
    moving = Ladders({"instalment": ladder("name: a, day: 0, holidays: before")})  # type: ignore[dict-item]
    assert uncertain_holidays(moving, date(2026, 6, 1)) == []
    (line,) = uncertain_holidays(moving, date(2049, 6, 1))
    assert line.startswith("instalment.yaml: calendar CN: the public holidays of 2049 are not certain yet; ")
    assert len(uncertain_holidays(moving, date(2048, 12, 1))) == 2
    assert uncertain_holidays(Ladders({"instalment": ladder("name: a, day: 0")}), date(2049, 6, 1)) == []  # type: ignore[dict-item]
