"""Ladders: what the files may say, when stages go, and when they have lost their point."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import Kind, Role
from service.ladders import (
    Ladder,
    LadderError,
    Ladders,
    check,
    expiry,
    moment,
    moments_between,
    read_ladder,
    spans_between,
)
from service.notices import Purpose
from service.pauses import PromiseTerms
from service.visits import VisitTerms
from service.zones import end_of_day, local_date, zone

SHIPPED = Path(__file__).parents[3] / "schedules" / "ladders"
LADDERS = Ladders.load(SHIPPED)
INSTALMENT = LADDERS[Kind.INSTALMENT]

ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "America/Santiago",
    "America/St_Johns",
    "Asia/Beirut",
    "Australia/Lord_Howe",
)
#: Days near clock changes of those zones, month ends and leap days; any other day now and then.
DAYS = st.one_of(
    st.sampled_from(
        [date(2011, 12, 30), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1), date(2010, 11, 6), date(2028, 2, 29)]
    ),
    st.dates(date(2005, 1, 1), date(2035, 12, 31)),
).flatmap(lambda day: st.integers(-4, 4).map(lambda days: day + timedelta(days=days)))


def utc(*parts: int) -> datetime:
    """An instant in UTC."""
    return datetime(*parts, tzinfo=UTC)


def day_ladder(*stages: str, grace_days: int = 0) -> Ladder:
    """A ladder of instalments from stages in YAML flow style, without braces and template."""
    lines = "".join(f"  - {{{stage}, template: t}}\n" for stage in stages)
    return read_ladder(f"kind: instalment\ngrace_days: {grace_days}\nstages:\n{lines}", "instalment.yaml")


@st.composite
def some_ladders(draw: st.DrawFn) -> Ladder:
    """Any ladder of day stages, at any minute, some with a validity of their own."""
    offsets = draw(st.sets(st.tuples(st.integers(-4, 6), st.integers(0, 1439)), min_size=1, max_size=6))
    validity = st.sampled_from(["", ", expires: end_of_day", ", expires: 3d", ", expires: 90m"])
    return day_ladder(
        *(
            f'name: s{n}, day: {day}, at: "{minute // 60:02}:{minute % 60:02}"{draw(validity)}'
            for n, (day, minute) in enumerate(sorted(offsets))
        )
    )


def test_the_shipped_ladders_say_what_the_contract_says() -> None:
    """Instalments and signings have the stages, hours and purposes of the event contract."""
    stages = [(stage.name, stage.day, stage.hour, stage.template) for stage in INSTALMENT.stages]
    assert stages == [
        ("due_soon", -3, time(10), "repayment_due_soon"),
        ("due_tomorrow", -1, time(10), "repayment_due_tomorrow"),
        ("due_today", 0, time(9), "repayment_due_today"),
        ("due_today_evening", 0, time(17, 30), "repayment_due_today_evening"),
        ("grace", 1, time(10), "repayment_grace"),
        ("overdue_3", 3, time(10), "repayment_overdue"),
        ("overdue_7", 7, time(10), "repayment_overdue"),
        ("overdue_15", 15, time(10), "repayment_overdue_15"),
        ("overdue_30", 30, time(10), "repayment_overdue_30"),
        ("overdue_60", 60, time(10), "repayment_overdue_60"),
    ]
    assert [stage.name for stage in INSTALMENT.stages if stage.digest == "due"] == ["due_soon", "due_tomorrow", "due_today"]
    assert [stage.purpose for stage in INSTALMENT.stages] == [None] * 5 + [Purpose.COLLECTION] * 5
    assert [stage.name for stage in LADDERS[Kind.CONTRACT_SIGNING].stages] == ["signing_reminder", "signing_last_day"]
    promise, visit = LADDERS[Kind.PROMISE_TO_PAY], LADDERS[Kind.VISIT_APPOINTMENT]
    assert [(stage.name, stage.day, stage.hour, stage.purpose) for stage in promise.stages] == [
        ("promise_due", 0, time(9), None),
        ("promise_broken", 2, time(10), Purpose.COLLECTION),
    ]
    assert [(stage.name, stage.before, stage.template) for stage in visit.stages] == [
        ("visit_reminder_24h", timedelta(hours=24), "visit_reminder"),
        ("visit_reminder_2h", timedelta(hours=2), "visit_reminder"),
    ]
    assert (LADDERS.promise_terms, LADDERS.visit_terms) == (PromiseTerms(1, Decimal(0)), VisitTerms(90, 2))
    assert (Ladders().promise_terms, Ladders().visit_terms) == (PromiseTerms(), VisitTerms())
    assert LADDERS["contract_signing"] is LADDERS[Kind.CONTRACT_SIGNING]


def test_only_a_promise_has_a_tolerance() -> None:
    """Other deadlines are paid or they are not."""
    stages = "stages:\n  - {name: a, day: 1, template: t}\n"
    assert read_ladder(f'kind: promise_to_pay\ntolerance: "5.00"\n{stages}', "p.yaml").tolerance == Decimal(5)
    with pytest.raises(LadderError, match=r"^i\.yaml: tolerance: only a ladder of promise_to_pay has one$"):
        read_ladder(f'kind: instalment\ntolerance: "5.00"\n{stages}', "i.yaml")


def test_the_grace_stage_needs_days_of_grace() -> None:
    """Without days of grace the stage for them does not exist, and the evening's text leads to the next one."""
    stages = ('name: eve, day: 0, at: "18:00"', "name: grace, day: 1, when_grace: true", "name: overdue, day: 2")
    assert day_ladder(*stages).stage("grace") is None
    grace = day_ladder(*stages, grace_days=1).stage("grace")
    assert grace is not None
    assert grace.day == 1


@pytest.mark.parametrize(
    ("stages", "line"),
    [
        ("", "i.yaml: stages: a ladder needs at least one stage"),
        (
            "{name: a, day: 1, template: t}, {name: a, day: 2, template: t}",
            "i.yaml: stage a: name: there is a stage of this name already",
        ),
        ("{name: a, day: 1, before: 2h, template: t}", "i.yaml: stage a: day: say exactly one of day, before and at_end"),
        ("{name: a, template: t}", "i.yaml: stage a: day: say exactly one of day, before and at_end"),
        ('{name: a, before: 2h, at: "10:00", template: t}', "i.yaml: stage a: at: an hour needs a day"),
        ('{name: a, day: 1, at: "25:00", template: t}', 'i.yaml: stage a: at: must be a local time in quotes, as "09:00"'),
        ("{name: a, day: 1, at: 10:00, template: t}", 'i.yaml: stage a: at: must be a local time in quotes, as "09:00"'),
        ("{name: a, before: 0h, template: t}", 'i.yaml: stage a: before: must be a duration, as "3d", "24h" or "30m"'),
        (
            "{name: a, day: 1, expires: soon, template: t}",
            'i.yaml: stage a: expires: must be a duration, as "3d", "24h" or "30m"',
        ),
        ("{name: a, day: 1, hour: 3, template: t}", "i.yaml: stage a: hour: unknown field"),
        ("{name: a, day: 1}", "i.yaml: stage a: template: is missing"),
        ("{day: 1}", "i.yaml: stage 1: name: is missing"),
        ("{name: a, day: 1, template: t}, 7", "i.yaml: stage 2: "),
        ('{name: a, day: "1", template: t}', "i.yaml: stage a: day: Input should be a valid integer"),
        ("{name: a, day: 1, to: [payer, payer], template: t}", "i.yaml: stage a: to: names a role twice"),
        (
            "{name: a, day: 2, template: t}, {name: b, day: 1, template: t}",
            "i.yaml: stage b: day: out of order, it goes earlier than a",
        ),
        (
            "{name: a, before: 2h, template: t}, {name: b, before: 1d, template: t}",
            "i.yaml: stage b: before: out of order, it goes earlier",
        ),
        (
            "{name: a, day: 1, template: t}, {name: b, day: 1, template: t}",
            "i.yaml: stage b: day: goes at the same moment as a",
        ),
        (
            "{name: a, day: 1, template: t}, {name: b, at_end: true, template: t}",
            "i.yaml: stage b: before: a ladder counts days or counts from",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_its_place(stages: str, line: str) -> None:
    """A wrong ladder stops the load with one line that names file, stage and field."""
    with pytest.raises(LadderError) as caught:
        read_ladder(f"kind: instalment\nstages: [{stages}]", "i.yaml")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "i.yaml: a ladder has kind, grace_days and stages"),
        ("kind: [", "i.yaml: not YAML: "),
        ("kind: rent\nstages: [{name: a, day: 1, template: t}]", "i.yaml: kind: Input should be 'instalment', "),
        ("kind: instalment\nstages: 3", "i.yaml: stages: "),
        ("kind: instalment", "i.yaml: stages: is missing"),
        ("kind: instalment\ngrace: 1\nstages: []", "i.yaml: "),
        (
            "kind: instalment\ngrace_days: -1\nstages: [{name: a, day: 1, template: t}]",
            "i.yaml: grace_days: Input should be greater",
        ),
    ],
)
def test_a_file_that_is_no_ladder_is_one_line(text: str, line: str) -> None:
    """Broken YAML, other shapes, unknown kinds and fields are refused in one line."""
    with pytest.raises(LadderError) as caught:
        read_ladder(text, "i.yaml")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_stages_for_different_loans_or_people_may_share_a_moment() -> None:
    """Variants by repayment method, by product or by role stand side by side; none cuts the other's validity short."""
    ladder = day_ladder(
        "name: a, day: 2, method: manual",
        "name: b, day: 2, method: auto_debit",
        "name: c, day: 3, method: auto_debit, product: car",
        "name: d, day: 3, product: home",
        "name: e, day: 4, to: [payer]",
    )
    due, shanghai = date(2026, 1, 1), "Asia/Shanghai"
    ends = {stage.name: local_date(expiry(ladder, stage, due, shanghai), shanghai).day for stage in ladder.stages}
    assert ends == {"a": 4, "b": 4, "c": 7, "d": 7, "e": 8}


def test_a_folder_holds_one_file_per_kind(tmp_path: Path) -> None:
    """A file is named after its kind; an empty folder is a mistake, because reminders would silently stop."""
    with pytest.raises(LadderError, match="there are no ladders"):
        Ladders.load(tmp_path)
    (tmp_path / "delegation.yaml").write_text((SHIPPED / "instalment.yaml").read_text())
    with pytest.raises(LadderError, match=r"delegation\.yaml: kind: is instalment, but a file is named after its kind"):
        Ladders.load(tmp_path)


def test_only_borrowers_texts_with_amounts_become_one() -> None:
    """A digest is told to the borrower alone, and of deadlines that have a day and an amount."""
    with pytest.raises(LadderError, match="stage s: digest: only texts to the borrower alone become one"):
        day_ladder("name: s, day: 1, digest: due, to: [payer, borrower]")
    signing = "kind: contract_signing\nstages:\n  - {name: s, day: 1, template: t, digest: due}\n"
    with pytest.raises(LadderError, match=r"contract_signing\.yaml: stage s: digest: a digest lists amounts"):
        read_ladder(signing, "contract_signing.yaml")


def test_check_names_templates_that_do_not_exist() -> None:
    """One line per stage without a template, none where all are there."""
    addressed: dict[str, tuple[Role, ...]] = {
        stage.template: stage.to for ladder in LADDERS.values() for stage in ladder.stages
    } | {"digest_due": ("borrower",)}
    assert check(LADDERS, addressed) == []
    without = {name: roles for name, roles in addressed.items() if name != "digest_due"}
    assert check(LADDERS, without)[0] == "instalment.yaml: stage due_soon: digest: there is no digest_due"
    del addressed["signing_last_day"]
    assert check(LADDERS, addressed) == [
        "contract_signing.yaml: stage signing_last_day: template: there is no signing_last_day"
    ]


def test_check_names_stages_that_go_to_whom_their_text_is_not_for() -> None:
    """A text that was not written for payers is never planned for one."""
    addressed: dict[str, tuple[Role, ...]] = {
        stage.template: stage.to for ladder in LADDERS.values() for stage in ladder.stages
    } | {"digest_due": ("borrower",)}
    assert check(LADDERS, addressed | {"delegation_expired": ("borrower",)}) == [
        "delegation.yaml: stage delegation_expired: to: delegation_expired is not for a payer"
    ]


def test_the_ladders_of_plans_and_delegations_say_what_the_contract_says() -> None:
    """Stages, days and purposes; a delegation's go to payer and borrower."""
    plan = [(stage.name, stage.day, stage.purpose) for stage in LADDERS[Kind.PLAN_INSTALMENT].stages]
    assert plan == [
        ("plan_due_soon", -3, None),
        ("plan_due_today", 0, None),
        ("plan_overdue", 1, Purpose.COLLECTION),
        ("plan_at_risk", 3, Purpose.COLLECTION),
    ]
    signing = [(stage.name, stage.day, stage.template) for stage in LADDERS[Kind.AGREEMENT_SIGNING].stages]
    assert signing == [("signing_reminder", -1, "agreement_reminder"), ("signing_last_day", 0, "agreement_last_day")]
    asked = [(stage.name, stage.before, stage.at_end, stage.purpose) for stage in LADDERS[Kind.DELEGATION].stages]
    assert asked == [
        ("delegation_closing_24h", timedelta(hours=24), False, Purpose.PAYER),
        ("delegation_closing_2h", timedelta(hours=2), False, Purpose.PAYER),
        ("delegation_expired", None, True, Purpose.SERVICE),
    ]
    assert {stage.to for stage in LADDERS[Kind.DELEGATION].stages} == {("payer", "borrower")}


@pytest.mark.parametrize(
    ("zone_name", "due", "at", "goes"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "02:30", utc(2026, 3, 29, 1)),
        ("Europe/Berlin", date(2026, 10, 25), "02:30", utc(2026, 10, 25, 0, 30)),
        ("America/Los_Angeles", date(2026, 3, 8), "02:30", utc(2026, 3, 8, 10)),
        ("America/Los_Angeles", date(2026, 11, 1), "01:30", utc(2026, 11, 1, 8, 30)),
        ("Pacific/Apia", date(2011, 12, 30), "10:00", utc(2011, 12, 30, 10)),
        ("Asia/Shanghai", date(2026, 6, 20), "09:00", utc(2026, 6, 20, 1)),
    ],
)
def test_a_stage_goes_at_its_local_hour(zone_name: str, due: date, at: str, goes: datetime) -> None:
    """A skipped hour means the first instant after the gap, a repeated one its first occurrence."""
    stage = day_ladder(f'name: a, day: 0, at: "{at}"').stages[0]
    assert moment(stage, due, zone_name) == goes


@pytest.mark.parametrize(
    ("due", "day", "goes_on"),
    [
        (date(2026, 3, 1), -1, date(2026, 2, 28)),
        (date(2028, 3, 1), -1, date(2028, 2, 29)),
        (date(2026, 1, 31), 30, date(2026, 3, 2)),
        (date(2028, 2, 29), 3, date(2028, 3, 3)),
        (date(2026, 12, 31), 1, date(2027, 1, 1)),
    ],
)
def test_days_count_across_months_and_leap_days(due: date, day: int, goes_on: date) -> None:
    """A stage's day counts calendar days from the due day as written."""
    stage = day_ladder(f"name: a, day: {day}").stages[0]
    assert moment(stage, due, "Asia/Shanghai") == datetime.combine(goes_on, time(2), UTC)


def test_validity_of_the_instalment_ladder() -> None:
    """Until the next stage; the day before and the due day until their local end; the last one three days."""
    due, berlin = date(2026, 3, 28), "Europe/Berlin"
    ends = {stage.name: expiry(INSTALMENT, stage, due, berlin) for stage in INSTALMENT.stages}
    assert ends["due_soon"] == utc(2026, 3, 27, 9)
    assert ends["due_tomorrow"] == utc(2026, 3, 27, 23)
    assert ends["due_today"] == ends["due_today_evening"] == utc(2026, 3, 28, 23)
    assert ends["grace"] == utc(2026, 3, 31, 8)
    assert ends["overdue_60"] == utc(2026, 5, 30, 8)


@pytest.mark.parametrize(
    ("zone_name", "due", "over"),
    [
        ("America/Santiago", date(2026, 9, 5), utc(2026, 9, 6, 4)),  # midnight is skipped
        ("Asia/Beirut", date(2026, 3, 28), utc(2026, 3, 28, 22)),  # midnight is skipped
        ("Asia/Beirut", date(2026, 10, 24), utc(2026, 10, 24, 22)),  # the last hour comes twice
        ("America/St_Johns", date(2010, 11, 6), utc(2010, 11, 7, 3, 30)),  # it comes back a minute after midnight
        ("Pacific/Apia", date(2011, 12, 30), utc(2011, 12, 31, 10)),  # the day is left out: its stage goes on the next
    ],
)
def test_the_due_day_ends_at_local_midnight(zone_name: str, due: date, over: datetime) -> None:
    """The validity of a due day's text is its party's day, however the clocks change at its end."""
    stage = INSTALMENT.stage("due_today_evening")
    assert stage is not None
    assert expiry(INSTALMENT, stage, due, zone_name) == over


DELEGATION = read_ladder(
    """
    kind: delegation
    stages:
      - {name: closing_24h, before: 24h, template: t, purpose: payer, to: [payer, borrower]}
      - {name: closing_2h, before: 2h, template: t, purpose: payer, to: [payer, borrower]}
      - {name: expired, at_end: true, template: t, purpose: service, to: [payer, borrower]}
    """,
    "delegation.yaml",
)
PAY_BY = datetime(2026, 3, 29, 12, tzinfo=zone("Europe/Berlin"))


def test_stages_before_an_instant() -> None:
    """They go so many hours before it, clock changes or not, and end with the next stage; the last is valid three days."""
    moments = [moment(stage, PAY_BY, "Europe/Berlin") for stage in DELEGATION.stages]
    assert moments == [utc(2026, 3, 28, 10), utc(2026, 3, 29, 8), utc(2026, 3, 29, 10)]
    ends = [expiry(DELEGATION, stage, PAY_BY, "Europe/Berlin") for stage in DELEGATION.stages]
    assert ends == [*moments[1:], utc(2026, 4, 1, 10)]


def test_a_stage_before_an_instant_never_outlives_it() -> None:
    """Without a stage at the end, a reminder of an appointment ends with the appointment, or as its file says."""
    ladder = read_ladder("kind: visit_appointment\nstages: [{name: a, before: 2h, template: t}]", "visit_appointment.yaml")
    assert expiry(ladder, ladder.stages[0], PAY_BY, "Europe/Berlin") == PAY_BY
    longer = read_ladder("kind: visit_appointment\nstages: [{name: a, before: 2h, template: t, expires: end_of_day}]", "v.yaml")
    assert expiry(longer, longer.stages[0], PAY_BY, "Europe/Berlin") == end_of_day(PAY_BY.date(), "Europe/Berlin")


def test_a_stage_may_say_how_long_it_counts() -> None:
    """A duration under `expires` counts from the stage's own moment, whatever the next stage is."""
    text = "kind: visit_appointment\nstages: [{name: a, before: 5h, template: t, expires: 90m}, {name: b, before: 4h, template: t}]"
    ladder = read_ladder(text, "v.yaml")
    ends = expiry(ladder, ladder.stages[0], PAY_BY, "Europe/Berlin")
    assert ends == PAY_BY - timedelta(hours=5) + timedelta(minutes=90)


def test_days_and_instants_do_not_mix() -> None:
    """A stage that counts days refuses an instant, and the reverse."""
    with pytest.raises(ValueError, match="counts days"):
        moment(INSTALMENT.stages[0], PAY_BY, "Europe/Berlin")
    with pytest.raises(ValueError, match="counts from an instant"):
        moment(DELEGATION.stages[0], date(2026, 3, 29), "Europe/Berlin")


@settings(max_examples=150, deadline=None)
@given(some_ladders(), DAYS, st.sampled_from(ZONES))
def test_moments_climb_and_end_later(ladder: Ladder, due: date, zone_name: str) -> None:
    """For any ladder, day and zone: no stage goes before an earlier one, and each is worth sending for a while."""
    moments = [moment(stage, due, zone_name) for stage in ladder.stages]
    assert moments == sorted(moments)
    assert all(expiry(ladder, stage, due, zone_name) > goes for stage, goes in zip(ladder.stages, moments, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.just(INSTALMENT), some_ladders()), DAYS, st.lists(st.integers(0, 6 * 86400), max_size=6))
def test_slices_meet_every_moment_exactly_once(ladder: Ladder, day: date, cuts: list[int]) -> None:
    """However a span is cut, each stage, due day and zone whose moment lies in it is found once, as a search finds it."""
    start = datetime.combine(day, time(), UTC)
    edges = [start + timedelta(seconds=cut) for cut in sorted({0, *cuts, 6 * 86400})]
    found = [each for after, until in pairwise(edges) for each in moments_between(ladder, after, until, ZONES)]
    wanted = {
        (stage.name, due, name)
        for stage in ladder.stages
        for due in (day - timedelta(days=(stage.day or 0) + n) for n in range(-10, 4))
        for name in ZONES
        if start < moment(stage, due, name) <= edges[-1]
    }
    assert sorted((each.stage.name, each.due_on, each.zone) for each in found) == sorted(wanted)
    assert all(each.moment == moment(each.stage, each.due_on, each.zone) for each in found)
    assert all(each.expires_at == expiry(ladder, each.stage, each.due_on, each.zone) for each in found)


@given(st.integers(0, 365 * 86400), st.integers(1, 10**6), st.integers(-(10**6), 10**6))
def test_spans_hold_the_instants_whose_moment_lies_in_the_slice(start: int, seconds: int, shift: int) -> None:
    """An instant is in a stage's span if and only if the stage's moment is in the slice."""
    after = utc(2026, 1, 1) + timedelta(seconds=start)
    until, due = after + timedelta(seconds=seconds), after + timedelta(seconds=shift)
    spans = spans_between(DELEGATION, after, until)
    assert [span.stage for span in spans] == list(DELEGATION.stages)
    for span in spans:
        assert (span.after < due <= span.until) == (after < moment(span.stage, due, "UTC") <= until)


def test_a_slice_of_day_stages_holds_no_instants() -> None:
    """Ladders of days have no spans and ladders of instants no days; an empty slice has nothing."""
    now = utc(2026, 6, 20)
    assert spans_between(INSTALMENT, now, now + timedelta(days=1)) == []
    assert moments_between(DELEGATION, now, now + timedelta(days=1), ZONES) == []
    assert moments_between(INSTALMENT, now, now, ZONES) == []
