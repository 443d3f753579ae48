"""The rulebook: the shipped numbers, which version holds on which day for whom, and one readable line for each mistake."""

from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.notices import Purpose
from service.rule_kinds import Actor, Window
from service.rulebook import OTHER, Rulebook, RuleError, Rules, read_rules

BOOK = Rulebook.load()
TODAY = date(2026, 6, 20)
SHIPPED = {"cn": (8, 22), "us": (8, 21), "in": (8, 19), "gb": (8, 21), "other": (9, 19)}
ASKS = (Purpose.REMINDER, Purpose.COLLECTION, Purpose.PAYER, Purpose.VISIT)

WINDOW = """\
  - id: x-window-1
    version: 1
    kind: window
    purposes: [service, reminder, collection, payer, visit, marketing]
    opens: "08:00"
    closes: "20:00"
    source: Ours.
"""
CAP = "  - {id: x-cap-1, version: 1, kind: cap, purposes: [reminder], limit: 5, source: Ours.}\n"
LEAD = '  - {id: x-lead-1, version: 1, kind: lead_time, purposes: [visit], notice: "24 hours", source: Ours.}\n'


def file(*rows: str, jurisdiction: str = "x") -> str:
    """A rule file of these rows."""
    return f"jurisdiction: {jurisdiction}\nrules:\n{''.join(rows)}"


def changed(row: str, version: int, **fields: str) -> str:
    """The next version of a row, with other fields."""
    told = "\n".join(line for line in row.splitlines() if line.strip().split(":")[0] not in fields).replace(
        "version: 1", f"version: {version}"
    )
    return told + "\n" + "".join(f"    {name}: {value}\n" for name, value in fields.items())


def book(*rows: str, actor: Actor = "lender") -> Rulebook:
    """A book with one file."""
    return Rulebook({OTHER: read_rules(file(*rows, jurisdiction=OTHER), "other.yaml")}, actor)


def held(rules: Rules) -> set[str]:
    """The rules that hold, with their versions."""
    return {rule.name for rule in rules.rules}


# ---------------------------------------------------------------- what is shipped


@pytest.mark.parametrize(("jurisdiction", "hours"), SHIPPED.items())
def test_shipped_windows(jurisdiction: str, hours: tuple[int, int]) -> None:
    """Every purpose but security has its jurisdiction's hours; only news of an event may go while it is fresh."""
    rules = BOOK.of(jurisdiction, TODAY)
    windows = {purpose: rules.window(purpose) for purpose in Purpose}
    assert windows.pop(Purpose.SECURITY) is None
    for purpose, window in windows.items():
        assert isinstance(window, Window)
        assert (window.opens, window.closes) == (time(hours[0]), time(hours[1]))
        assert window.fresh_minutes == (30 if purpose is Purpose.SERVICE else 0)


@pytest.mark.parametrize("jurisdiction", SHIPPED)
def test_shipped_cap(jurisdiction: str) -> None:
    """Five texts per number and day, counted over the purposes that ask; in China three of marketing, too."""
    caps = {purpose: BOOK.of(jurisdiction, TODAY).caps(purpose) for purpose in Purpose}
    capped = {purpose: [(cap.limit, cap.per, cap.is_daily) for cap in found] for purpose, found in caps.items() if found}
    marketing = {Purpose.MARKETING: [(3, "number", True)]} if jurisdiction == "cn" else {}
    assert capped == {purpose: [(5, "number", True)] for purpose in ASKS} | marketing


@pytest.mark.parametrize(
    ("jurisdiction", "asks", "service", "marketing"),
    [("cn", 5, 3, 0), ("us", 5, 3, 3), ("in", 5, 3, 3), ("gb", 6, 3, 3), ("other", 5, 3, 3)],
)
def test_shipped_retention(jurisdiction: str, asks: int, service: int, marketing: int) -> None:
    """What asks is kept for years, what tells not as long, a code for three months; nothing for ever."""
    rules = BOOK.of(jurisdiction, TODAY)
    assert {rules.retain(purpose) for purpose in ASKS} == {timedelta(days=366 * asks)}
    assert rules.retain(Purpose.SERVICE) == timedelta(days=366 * service)
    assert rules.retain(Purpose.SECURITY) == timedelta(days=93)
    assert rules.retain(Purpose.MARKETING) == (timedelta(days=366 * marketing) or timedelta(days=5 * 31))


@pytest.mark.parametrize("jurisdiction", SHIPPED)
def test_shipped_lead_time(jurisdiction: str) -> None:
    """A visit is announced a day before; nothing else is announced."""
    rules = BOOK.of(jurisdiction, TODAY)
    assert {purpose: rules.lead_time(purpose) for purpose in Purpose if rules.lead_time(purpose)} == {
        Purpose.VISIT: timedelta(hours=24)
    }


def test_rules_of_elsewhere() -> None:
    """A jurisdiction without a file has the rules of `other`; only China has a default zone; ids are unique over all files."""
    assert set(BOOK.files) == set(SHIPPED)
    assert BOOK.of("fr", TODAY) is BOOK.of(OTHER, TODAY)
    zones = {name: zone for name in BOOK.files if (zone := BOOK.default_zone(name))}
    assert zones == {"cn": "Asia/Shanghai"}
    assert BOOK.of("cn", TODAY).default_zone == "Asia/Shanghai"
    ids = [{rule.id for rule in file.rules} for file in BOOK.files.values()]
    assert len(set().union(*ids)) == sum(map(len, ids))
    assert all(rule.id.startswith(file.jurisdiction) for file in BOOK.files.values() for rule in file.rules)


def test_what_nobody_confirmed_is_off() -> None:
    """Of the shipped rules those marked unverified do not hold, on any day, and what was confirmed is off only on purpose."""
    for shipped in BOOK.files.values():
        for rule in shipped.rules:
            assert rule.is_on == (rule.evidence != "unverified" and rule.enabled is not False), rule.name
    off = {rule.name for shipped in BOOK.files.values() for rule in shipped.rules if not rule.is_on}
    assert off == {
        "cn-cap-2@1", "cn-cap-3@1", "cn-content-4@1", "us-cap-2@1", "us-cap-3@1", "us-recipient-2@1", "in-window-3@1",
    }  # fmt: skip


def test_an_agency_has_rules_of_its_own() -> None:
    """Regulation F wants an opt-out hint of agencies only."""
    lender, agency = (Rulebook.load(actor=actor).of("us", TODAY) for actor in ("lender", "agency"))
    assert held(agency) - held(lender) == {"us-content-2@1"}
    assert lender.jurisdiction == "us"


def test_a_shipped_rule_changes_on_its_day() -> None:
    """China's Order 74 takes over from our own consent rule on 1 May 2026."""
    before, after = (held(BOOK.of("cn", date(2026, *day))) for day in ((4, 30), (5, 1)))
    assert before ^ after == {"cn-consent-1@1", "cn-consent-1@2"}
    assert "cn-consent-1@2" in after


# ---------------------------------------------------------------- versions


@pytest.mark.parametrize(
    ("day", "opens"), [(date(2026, 12, 31), 8), (date(2027, 1, 1), 10), (date(2029, 1, 1), 10), (date.min, 8), (date.max, 10)]
)
def test_a_newer_version_takes_over_on_its_day(day: date, opens: int) -> None:
    """The old version holds to the day before, the new one from its day on."""
    rules = book(WINDOW, changed(WINDOW, 2, opens='"10:00"', since="2027-01-01")).of("anywhere", day)
    window = rules.window(Purpose.REMINDER)
    assert window
    assert window.opens == time(opens)
    assert rules.hours(Purpose.REMINDER).on(date(2026, 12, 31)) is not window or opens == 8


def test_a_rule_that_is_over_does_not_come_back() -> None:
    """After the last day of its latest version an id holds no more, whatever its older versions say."""
    rules = book(WINDOW, CAP, changed_cap(2, since="2026-01-01", until="2026-06-20"))
    assert [cap.version for cap in rules.of("x", date(2025, 12, 31)).caps(Purpose.REMINDER)] == [1]
    assert [cap.version for cap in rules.of("x", date(2026, 6, 20)).caps(Purpose.REMINDER)] == [2]
    assert rules.of("x", date(2026, 6, 21)).caps(Purpose.REMINDER) == ()


def test_a_version_that_is_off_takes_nothing_over() -> None:
    """The older version goes on while nobody has confirmed the newer one; switched on it takes over."""
    for enabled, version in (("false", 1), ("true", 2)):
        rules = book(WINDOW, CAP, changed_cap(2, since="2026-01-01", evidence="unverified", enabled=enabled))
        assert [cap.version for cap in rules.of("x", TODAY).caps(Purpose.REMINDER)] == [version]


def test_an_actor_can_be_left_out() -> None:
    """A version that binds agencies only does not bind a lender."""
    rows = WINDOW, CAP, changed_cap(2, since="2026-01-01", actors="[agency]")
    assert book(*rows).of("x", TODAY).caps(Purpose.REMINDER) == ()
    assert book(*rows, actor="agency").of("x", TODAY).caps(Purpose.REMINDER)[0].version == 2


DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 31))
SPANS = st.lists(
    st.tuples(DAYS, st.none() | st.integers(0, 60), st.sampled_from(["true", "false"])), max_size=5, unique_by=lambda v: v[0]
)


@settings(max_examples=100, deadline=None)
@given(SPANS, DAYS)
def test_on_any_day_the_latest_version_that_has_begun_holds(spans: list[tuple[date, int | None, str]], day: date) -> None:
    """For any versions with any days: of those that are on and have begun the last, until its last day, and no other."""
    rows, holds = [], None
    for version, (since, days, enabled) in enumerate(sorted(spans), start=1):
        until = None if days is None else since + timedelta(days=days)
        dates = {"since": since.isoformat()} | ({"until": until.isoformat()} if until else {})
        rows.append(changed_cap(version, enabled=enabled, **dates))
        if enabled == "true" and since <= day:
            holds = version if until is None or day <= until else None
    found = book(WINDOW, *rows).of("x", day).caps(Purpose.REMINDER)
    assert [cap.version for cap in found] == [holds] * bool(holds)


def changed_cap(version: int, **fields: str) -> str:
    """The next version of the cap."""
    more = "".join(f", {name}: {value}" for name, value in fields.items())
    return CAP.replace("version: 1", f"version: {version}").replace("}", f"{more}}}")


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "x.yaml: a rule file has jurisdiction, default_zone and rules"),
        ("rules: [", "x.yaml: not YAML: "),
        ("jurisdiction: x", "x.yaml: rules: is missing"),
        ("jurisdiction: x\nrules: [3]", "x.yaml: rule 1: "),
        (f"jurisdiction: x\ndefault_zone: Mars/Base\nrules:\n{WINDOW}", "x.yaml: default_zone: is not a zone of tzdata"),
        (file(CAP), "x.yaml: rules: no window is for service"),
        (file(WINDOW, WINDOW), "x.yaml: rule x-window-1: version: 1 stands after 1; an id stands once a version"),
        (
            file(WINDOW, changed(WINDOW, 2, opens='"09:00"')),
            "x.yaml: rule x-window-1: since: version 2 must begin after version 1",
        ),
        (
            file(WINDOW, CAP, LEAD.replace("lead-1", "cap-1")),
            "x.yaml: rule x-cap-1: kind: version 1 is a cap; give another kind",
        ),
        (file(WINDOW, WINDOW.replace("-1", "-2")), "x.yaml: rules: two of a kind are for service"),
        (file(changed(WINDOW, 1, until="2026-12-31")), "x.yaml: rules: no window is for service on 2027-01-01"),
        (file(WINDOW, LEAD, LEAD.replace("-1", "-2")), "x.yaml: rules: two of a kind are for visit"),
        (file(WINDOW.replace("20:00", "07:00")), "x.yaml: rule x-window-1: closes: must be later than opens"),
        (file(WINDOW.replace("20:00", "24:00")), "x.yaml: rule x-window-1: closes: must be a local time"),
        (file(WINDOW.replace("source", "origin")), "x.yaml: rule x-window-1: "),
        (file(WINDOW, CAP.replace("limit: 5", "limit: 0")), "x.yaml: rule x-cap-1: limit: "),
        (file(WINDOW, CAP.replace("cap,", "quota,")), "x.yaml: rule x-cap-1: "),
        (file(WINDOW, changed_cap(1, within="1 year")), "x.yaml: rule x-cap-1: within: a cap counts days or hours"),
        (file(WINDOW, changed_cap(1, within="soon")), "x.yaml: rule x-cap-1: within: must be a length of time"),
        (
            file(WINDOW, changed_cap(1, since="2026-02-01", until="2026-01-01")),
            "x.yaml: rule x-cap-1: until: must not be before",
        ),
        (file(WINDOW, changed_cap(1, since="someday")), "x.yaml: rule x-cap-1: since: "),
        (file(WINDOW, changed_cap(1, enabled="maybe")), "x.yaml: rule x-cap-1: enabled: "),
        (file(WINDOW, changed_cap(1, actors="[bank]")), "x.yaml: rule x-cap-1: actors: "),
        (file(WINDOW, changed_cap(1, evidence="rumour")), "x.yaml: rule x-cap-1: evidence: "),
        (file(WINDOW, CAP.replace("x-cap-1", "X cap")), "x.yaml: rule X cap: id: "),
        (
            file(WINDOW, CAP.replace("cap,", "consent,").replace(", limit: 5", "")),
            "x.yaml: rule x-cap-1: purposes: consent is asked for marketing only",
        ),
        (file(WINDOW, CAP.replace("cap,", "content,").replace(", limit: 5", "")), "x.yaml: rule x-cap-1: none_of: say what"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_place(text: str, line: str) -> None:
    """A wrong rule stops the load with one line that names file, rule and field."""
    with pytest.raises(RuleError) as caught:
        read_rules(text, "x.yaml")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_folder_has_one_file_per_jurisdiction(tmp_path: Path) -> None:
    """`other.yaml` must be there, and a file is named after its jurisdiction."""
    with pytest.raises(RuleError, match=r"other\.yaml is missing"):
        Rulebook.load(tmp_path)
    (tmp_path / "y.yaml").write_text(file(WINDOW))
    with pytest.raises(RuleError, match=r"y\.yaml: jurisdiction: is x, but a file is named after its jurisdiction"):
        Rulebook.load(tmp_path)
