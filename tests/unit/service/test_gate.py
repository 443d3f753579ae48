"""The gate: who may be reached when, and what is said where they may not."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.gate import Asked, Contacts, Counter, Drop, Go, Hold, cap_day, counters_of, decide
from service.notices import Purpose
from service.reasons import REASONS
from service.rulebook import Rulebook, read_rules

BOOK = Rulebook.load()
TODAY = date(2026, 6, 20)
JURISDICTIONS = ("cn", "us", "in", "gb", "fr")
USA = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu")
RUSSIA = ("Europe/Kaliningrad", "Asia/Kamchatka")

INSTANTS = st.datetimes(  # around clock changes as often as anywhere else
    *(each.replace(tzinfo=None) for each in (datetime(1990, 1, 1, tzinfo=UTC), datetime(2037, 12, 1, tzinfo=UTC))),
    timezones=st.just(UTC),
) | st.builds(
    lambda day, minute: datetime.combine(day, time(), UTC) + timedelta(minutes=minute),
    st.sampled_from(
        [date(2026, 3, 8), date(2026, 3, 29), date(2026, 9, 5), date(2026, 10, 25), date(2011, 12, 29), date(2026, 4, 4)]
    ),
    st.integers(-1440, 2 * 1440),
)
ZONES = st.sampled_from(
    ["Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles", "Pacific/Apia", "Pacific/Easter", "Asia/Beirut", "Asia/Kathmandu"]
) | st.timezone_keys(allow_prefix=False)
PURPOSES = st.sampled_from(list(Purpose))
COUNTRIES = st.lists(ZONES, max_size=4).map(tuple)


def local(zone: str, *parts: int) -> datetime:
    """An instant by its local time."""
    return datetime(*parts, tzinfo=ZoneInfo(zone))


def asked(
    purpose: Purpose = Purpose.REMINDER, jurisdiction: str = "cn", zone: str | None = "Asia/Shanghai", **more: object
) -> Asked:
    """A reminder to someone in Shanghai, unless the test says otherwise."""
    return Asked(purpose, jurisdiction, zone, **more)  # type: ignore[arg-type]


def is_inside(now: datetime, zone: str, purpose: Purpose, jurisdiction: str) -> bool:
    """Whether the local clock shows an hour of the window."""
    window = BOOK.of(jurisdiction, TODAY).window(purpose)
    return window is None or window.opens <= now.astimezone(ZoneInfo(zone)).time() < window.closes


def has_common_hour(now: datetime, zones: tuple[str, ...], purpose: Purpose, jurisdiction: str) -> bool:
    """Whether some quarter of an hour of this UTC day suits all zones."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    quarters = [midnight + n * timedelta(minutes=15) for n in range(96)]
    return bool(zones) and any(all(is_inside(at, zone, purpose, jurisdiction) for zone in zones) for at in quarters)


@pytest.mark.parametrize(
    ("jurisdiction", "zone", "opens", "closes"),
    [
        ("cn", "Asia/Shanghai", 8, 22),
        ("us", "America/Los_Angeles", 8, 21),
        ("in", "Asia/Kolkata", 8, 19),
        ("gb", "Europe/London", 8, 21),
        ("fr", "Europe/Paris", 9, 19),
    ],
)
def test_the_first_minute_is_in_and_the_last_is_out(jurisdiction: str, zone: str, opens: int, closes: int) -> None:
    """At the opening it goes; a microsecond earlier, or at the closing, it waits for the next opening."""
    text = asked(Purpose.COLLECTION, jurisdiction, zone)
    opening, closing = local(zone, 2026, 6, 20, opens), local(zone, 2026, 6, 20, closes)
    rule = f"{jurisdiction if jurisdiction != 'fr' else 'other'}-window-1@1"
    assert decide(text, BOOK, opening) == decide(text, BOOK, closing - timedelta.resolution) == Go(closing.astimezone(UTC))
    assert decide(text, BOOK, opening - timedelta.resolution) == Hold(opening.astimezone(UTC), "window", rule)
    assert decide(text, BOOK, closing) == Hold((opening + timedelta(days=1)).astimezone(UTC), "window", rule)


def test_a_security_text_goes_at_any_hour() -> None:
    """A code has no window and no cap."""
    verdict = decide(asked(Purpose.SECURITY), BOOK, local("Asia/Shanghai", 2026, 6, 20, 3))
    assert verdict == Go(datetime.max.replace(tzinfo=UTC))
    assert BOOK.of("cn", TODAY).caps(Purpose.SECURITY) == ()


@pytest.mark.parametrize(
    ("minutes", "goes"), [(0, True), (29, True), (30, False), (-10, True)], ids=["now", "fresh", "half an hour", "a fast clock"]
)
def test_news_goes_at_night_while_it_is_fresh(minutes: int, goes: bool) -> None:
    """A service text goes at once for half an hour after its event, then waits for the window; so does one without an event."""
    now = local("Asia/Shanghai", 2026, 6, 20, 23, 30)
    text = asked(Purpose.SERVICE, event_time=now - timedelta(minutes=minutes))
    wait = Hold(local("Asia/Shanghai", 2026, 6, 21, 8).astimezone(UTC), "window", "cn-window-2@1")
    until = min(now + timedelta(minutes=30 - minutes), local("Asia/Shanghai", 2026, 6, 21))
    assert decide(text, BOOK, now) == (Go(until) if goes else wait)
    assert decide(asked(Purpose.SERVICE), BOOK, now) == wait


@pytest.mark.parametrize("minutes", [1, -10])
def test_a_reminder_of_something_fresh_waits_for_the_morning(minutes: int) -> None:
    """A debit that failed at 00:30, by whatever clock, is a reminder: it keeps to the window."""
    now = local("Asia/Shanghai", 2026, 6, 20, 0, 30)
    verdict = decide(asked(event_time=now - timedelta(minutes=minutes)), BOOK, now)
    assert verdict == Hold(local("Asia/Shanghai", 2026, 6, 20, 8).astimezone(UTC), "window", "cn-window-1@1")


def test_who_asked_not_to_be_told_is_not_told() -> None:
    """A suppressed party's text is dropped at any hour, before any rule is asked."""
    assert decide(asked(suppressed=True), BOOK, local("Asia/Shanghai", 2026, 6, 20, 3)) == Drop("opted_out")


def counted(n: int, oldest: datetime | None = None, cap: str = "cn-cap-1") -> dict[str, Contacts]:
    """What one cap has counted."""
    return {cap: Contacts(n, oldest)}


def book(*rows: str, jurisdiction: str = "other") -> Rulebook:
    """A book with one window for all and these rows."""
    window = """{id: w, version: 1, kind: window, purposes: [service, reminder, collection, payer, visit, marketing],
        opens: "08:00", closes: "20:00", source: s}"""
    text = f"jurisdiction: {jurisdiction}\nrules:\n" + "".join(f"  - {row}\n" for row in (window, *rows))
    return Rulebook({jurisdiction: read_rules(text, "other.yaml")})


def test_the_sixth_text_waits_for_the_next_day() -> None:
    """Five texts a day; one more goes when the window opens on the day after."""
    noon = local("Asia/Shanghai", 2026, 6, 20, 12)
    assert isinstance(decide(asked(contacts=counted(4)), BOOK, noon), Go)
    assert decide(asked(contacts=counted(5)), BOOK, noon) == Hold(
        local("Asia/Shanghai", 2026, 6, 21, 8).astimezone(UTC), "daily_cap", "cn-cap-1@1"
    )


def test_a_cap_without_a_window_ends_with_the_day() -> None:
    """Where a rule caps a purpose that keeps to no window, the next day is enough."""
    rules = book("{id: b, version: 3, kind: cap, purposes: [security], limit: 1, source: s}")
    verdict = decide(asked(Purpose.SECURITY, contacts=counted(1, cap="b")), rules, local("Asia/Shanghai", 2026, 6, 20, 23))
    assert verdict == Hold(local("Asia/Shanghai", 2026, 6, 21, 0).astimezone(UTC), "daily_cap", "b@3")


WEEK = book(
    "{id: week, version: 1, kind: cap, purposes: [reminder], limit: 7, within: 7 days, per: person, source: s}",
    "{id: hours, version: 1, kind: cap, purposes: [reminder], limit: 3, within: 36 hours, source: s}",
    "{id: day, version: 1, kind: cap, purposes: [reminder], limit: 2, source: s}",
)


@pytest.mark.parametrize(
    ("contacts", "until", "rule"),
    [
        (counted(6, local("Asia/Shanghai", 2026, 6, 14, 9), "week"), None, None),
        (counted(7, local("Asia/Shanghai", 2026, 6, 14, 9), "week"), (2026, 6, 21, 8), "cap week@1"),
        (counted(7, local("Asia/Shanghai", 2026, 6, 20, 9), "week"), (2026, 6, 27, 8), "cap week@1"),
        (counted(3, local("Asia/Shanghai", 2026, 6, 19, 2), "hours"), (2026, 6, 20, 14), "cap hours@1"),
        (counted(3, local("Asia/Shanghai", 2026, 6, 19, 9), "hours"), (2026, 6, 21, 8), "cap hours@1"),
        (counted(2, None, "day"), (2026, 6, 21, 8), "daily_cap day@1"),
        (
            counted(3, local("Asia/Shanghai", 2026, 6, 19, 2), "hours")
            | counted(8, local("Asia/Shanghai", 2026, 6, 15, 9), "week"),
            (2026, 6, 22, 8),
            "cap week@1",
        ),
    ],
    ids=["room left", "seven days", "all of them today", "hours", "hours into the night", "a day", "the longest of two"],
)
def test_a_full_cap_has_room_when_its_oldest_contact_is_out_of_it(
    contacts: dict[str, Contacts], until: tuple[int, ...] | None, rule: str | None
) -> None:
    """Days count as natural days, hours to the moment; then the window decides."""
    verdict = decide(asked(jurisdiction="other", contacts=contacts), WEEK, local("Asia/Shanghai", 2026, 6, 20, 12))
    if until is None:
        assert isinstance(verdict, Go)
        return
    assert isinstance(verdict, Hold)
    assert (verdict.until, f"{verdict.reason} {verdict.rule}") == (local("Asia/Shanghai", *until), rule)


def test_a_text_takes_from_a_counter_of_each_of_its_caps() -> None:
    """By number or by person, by natural day or since an instant; not where the holder is not known."""
    now = local("Asia/Shanghai", 2026, 6, 20, 12)
    rules = WEEK.of("other", TODAY)
    assert counters_of(Purpose.REMINDER, rules, "Asia/Shanghai", now, number="01", person="B-1") == (
        Counter("week:B-1", date.min, 7, local("Asia/Shanghai", 2026, 6, 14) - timedelta.resolution),
        Counter("hours:01", date.min, 3, now - timedelta(hours=36)),
        Counter("day:01", TODAY, 2),
    )
    (only,) = counters_of(Purpose.REMINDER, rules, None, now, number=None, person="B-1")
    assert (only.rule_id, only.place) == ("week", ("week:B-1", date.min))
    assert only.since == datetime(2026, 6, 14, tzinfo=UTC) - timedelta.resolution
    assert counters_of(Purpose.SERVICE, rules, None, now, number="01", person="B-1") == ()


@pytest.mark.parametrize("purpose", [Purpose.REMINDER, Purpose.COLLECTION, Purpose.VISIT, Purpose.SECURITY, Purpose.MARKETING])
@pytest.mark.parametrize("jurisdiction", JURISDICTIONS)
def test_a_third_party_is_told_nothing_of_a_debt(purpose: Purpose, jurisdiction: str) -> None:
    """A payer gets what payers get and news, and nothing else, anywhere."""
    noon = local("Asia/Shanghai", 2026, 6, 20, 12)
    rule = f"{jurisdiction if jurisdiction != 'fr' else 'other'}-recipient-1@1"
    text = asked(purpose, jurisdiction, role="payer", consented=True)
    assert decide(text, BOOK, noon) == Drop("not_for_role", rule)
    for fit in (Purpose.PAYER, Purpose.SERVICE):
        assert isinstance(decide(asked(fit, jurisdiction, role="payer"), BOOK, noon), Go)


def test_a_number_that_nobody_named_for_long_is_not_used() -> None:
    """Off as shipped; switched on it looks at the age, and passes where nobody looked."""
    noon = local("Asia/Shanghai", 2026, 6, 20, 12)
    fresh = book("{id: r, version: 1, kind: recipient, purposes: [reminder], number_seen_within: 60 days, source: s}")
    assert (fresh.asks_number_age, BOOK.asks_number_age) == (True, False)
    for days, verdict in ((60, Go), (61, Drop)):
        text = asked(jurisdiction="other", number_seen=noon - timedelta(days=days))
        assert isinstance(decide(text, fresh, noon), verdict)
    assert decide(text, fresh, noon) == Drop("stale_number", "r@1")
    assert isinstance(decide(asked(jurisdiction="other"), fresh, noon), Go)


def test_nobody_gets_advertising_who_has_not_agreed() -> None:
    """Consent is asked for marketing, whatever the hour, and by the rule of the day."""
    for day, rule in ((30, "cn-consent-1@1"), (31, "cn-consent-1@2")):
        now = local("Asia/Shanghai", 2026, 4, 1, 3) + timedelta(days=day - 1)
        assert decide(asked(Purpose.MARKETING), BOOK, now) == Drop("no_consent", rule)
    noon = local("Asia/Shanghai", 2026, 6, 20, 12)
    assert isinstance(decide(asked(Purpose.MARKETING, consented=True), BOOK, noon), Go)


def test_a_version_takes_over_on_the_partys_local_day() -> None:
    """The new hours hold from the party's midnight, also for a text that is held on the evening before."""
    rules = book(
        "{id: n, version: 1, kind: recipient, purposes: [reminder], roles: [borrower, payer], source: s}",
        "{id: n, version: 2, kind: recipient, purposes: [reminder], roles: [borrower], since: 2026-06-21, source: s}",
        """{id: w, version: 2, kind: window, purposes: [service, reminder, collection, payer, visit, marketing],
        since: 2026-06-21, opens: "06:00", closes: "22:00", source: s}""",
    )
    for zone in ("Asia/Shanghai", "America/Los_Angeles"):
        text = asked(jurisdiction="other", zone=zone, role="payer")
        assert isinstance(decide(text, rules, local(zone, 2026, 6, 20, 19)), Go)
        assert decide(text, rules, local(zone, 2026, 6, 21, 8)) == Drop("not_for_role", "n@2")
        evening = decide(asked(jurisdiction="other", zone=zone), rules, local(zone, 2026, 6, 20, 21))
        assert evening == Hold(local(zone, 2026, 6, 21, 6).astimezone(UTC), "window", "w@1")
    nowhere = asked(jurisdiction="other", zone=None, role="payer")
    assert decide(nowhere, rules, datetime(2026, 6, 21, tzinfo=UTC)) == Drop("not_for_role", "n@2")


def test_the_day_of_a_cap_is_the_partys() -> None:
    """Counted by the party's calendar; in China Shanghai's where the zone is unknown, elsewhere by UTC."""
    late = datetime(2026, 6, 20, 17, tzinfo=UTC)
    assert cap_day("Asia/Shanghai", late) == date(2026, 6, 21)
    assert cap_day(None, late) == date(2026, 6, 20)
    assert (BOOK.default_zone("cn"), BOOK.default_zone("us"), BOOK.default_zone("fr")) == ("Asia/Shanghai", None, None)
    held = decide(
        asked(jurisdiction="us", zone=None, country_zones=USA, contacts=counted(5, cap="us-cap-1")),
        BOOK,
        datetime(2026, 6, 20, 19, tzinfo=UTC),
    )
    assert held == Hold(datetime(2026, 6, 21, tzinfo=UTC), "daily_cap", "us-cap-1@1")


def test_an_unknown_zone_in_china_is_shanghai() -> None:
    """China's rules name a default zone."""
    assert decide(asked(zone=None), BOOK, local("Asia/Shanghai", 2026, 6, 20, 8)) == Go(
        local("Asia/Shanghai", 2026, 6, 20, 22).astimezone(UTC)
    )
    assert isinstance(decide(asked(zone=None), BOOK, local("Asia/Shanghai", 2026, 6, 20, 7, 59)), Hold)


@pytest.mark.parametrize(
    ("country", "opens", "closes"),
    [
        (
            USA,
            datetime(2026, 6, 20, 18, tzinfo=UTC),
            datetime(2026, 6, 21, 1, tzinfo=UTC),
        ),  # Honolulu wakes, New York goes to bed
        (("America/New_York", "Etc/Unknown"), datetime(2026, 6, 20, 12, tzinfo=UTC), datetime(2026, 6, 21, 1, tzinfo=UTC)),
        (RUSSIA, datetime(2026, 6, 20, 18, tzinfo=UTC), datetime(2026, 6, 20, 19, tzinfo=UTC)),
        ((), datetime(2026, 6, 20, 18, tzinfo=UTC), datetime(2026, 6, 20, 19, tzinfo=UTC)),
        (("Etc/Unknown",), datetime(2026, 6, 20, 18, tzinfo=UTC), datetime(2026, 6, 20, 19, tzinfo=UTC)),
    ],
    ids=["usa", "one name unknown", "no common hour", "no zones", "only unknown names"],
)
def test_an_unknown_zone_means_all_of_its_country(country: tuple[str, ...], opens: datetime, closes: datetime) -> None:
    """The hours open in every zone of the number's country; 18:00 to 19:00 UTC where there are none."""
    jurisdiction = "fr" if country == RUSSIA else "us"
    text = asked(Purpose.REMINDER, jurisdiction, None, country_zones=country)
    assert isinstance(decide(text, BOOK, opens), Go)
    assert isinstance(decide(text, BOOK, closes - timedelta.resolution), Go)
    for at, until in ((opens - timedelta.resolution, opens), (closes, opens + timedelta(days=1))):
        verdict = decide(text, BOOK, at)
        assert isinstance(verdict, Hold)
        assert verdict.until == until


@pytest.mark.parametrize(
    ("zone", "jurisdiction", "now", "until"),
    [
        ("Europe/Berlin", "fr", datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        ("Europe/Berlin", "fr", datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 8, tzinfo=UTC)),
        ("America/Los_Angeles", "us", datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 8, 15, tzinfo=UTC)),
        ("America/Los_Angeles", "us", datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 11, 1, 16, tzinfo=UTC)),
        ("Pacific/Apia", "fr", datetime(2011, 12, 30, 9, tzinfo=UTC), datetime(2011, 12, 30, 19, tzinfo=UTC)),
        ("Pacific/Easter", "us", datetime(2026, 4, 5, 3, 30, tzinfo=UTC), datetime(2026, 4, 5, 14, tzinfo=UTC)),
    ],
    ids=[
        "berlin spring",
        "berlin autumn",
        "los angeles spring",
        "los angeles autumn",
        "a day left out",
        "a closing hour that repeats",
    ],
)
def test_the_next_opening_is_by_the_local_clock(zone: str, jurisdiction: str, now: datetime, until: datetime) -> None:
    """Over a clock change the window opens at its local hour; a closing hour that comes twice closes the first time."""
    verdict = decide(asked(Purpose.COLLECTION, jurisdiction, zone), BOOK, now)
    assert verdict == Hold(until, "window", f"{jurisdiction if jurisdiction != 'fr' else 'other'}-window-1@1")


@settings(max_examples=400, deadline=None)
@given(PURPOSES, st.sampled_from(JURISDICTIONS), ZONES, INSTANTS, st.integers(0, 7))
def test_what_goes_is_inside_the_local_window(
    purpose: Purpose, jurisdiction: str, zone: str, now: datetime, count: int
) -> None:
    """For any moment, zone and purpose: what goes is inside the window; what waits may go later than now, and then goes."""
    rules = BOOK.of(jurisdiction, now.astimezone(ZoneInfo(zone)).date())
    found = {cap.id: Contacts(count) for cap in rules.caps(purpose)}
    verdict = decide(asked(purpose, jurisdiction, zone, contacts=found, consented=True), BOOK, now)
    if isinstance(verdict, Go):
        assert is_inside(now, zone, purpose, jurisdiction)
        assert now < verdict.until
        assert is_inside(verdict.until - timedelta.resolution, zone, purpose, jurisdiction)
        return
    assert isinstance(verdict, Hold)
    assert verdict.reason in REASONS
    assert now < verdict.until < now + timedelta(days=3)
    assert isinstance(decide(asked(purpose, jurisdiction, zone, consented=True), BOOK, verdict.until), Go)
    if verdict.reason == "daily_cap":
        assert count >= (3 if purpose is Purpose.MARKETING else 5)
        assert cap_day(zone, verdict.until) > cap_day(zone, now)


@settings(max_examples=300, deadline=None)
@given(PURPOSES, st.sampled_from(JURISDICTIONS[1:]), COUNTRIES, INSTANTS)
def test_an_unknown_zone_is_never_reached_outside_any_window(
    purpose: Purpose, jurisdiction: str, country: tuple[str, ...], now: datetime
) -> None:
    """For any set of zones: what goes is inside every window, or in the hour for numbers without a common one."""
    text = asked(purpose, jurisdiction, None, country_zones=country, consented=True)
    verdict = decide(text, BOOK, now)
    if isinstance(verdict, Go):
        everywhere = all(is_inside(now, zone, purpose, jurisdiction) for zone in country)
        assert everywhere or (now.hour == 18 and not has_common_hour(now, country, purpose, jurisdiction))
        return
    assert isinstance(verdict, Hold)
    assert now < verdict.until < now + timedelta(days=3)
    assert isinstance(decide(text, BOOK, verdict.until), Go)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(JURISDICTIONS), ZONES, INSTANTS)
def test_an_hour_of_the_window_is_not_wasted(jurisdiction: str, zone: str, now: datetime) -> None:
    """Away from clock changes, whatever is inside the local window goes."""
    day = timedelta(days=1)
    offsets = {(now + n * day / 2).astimezone(ZoneInfo(zone)).utcoffset() for n in range(-4, 5)}
    goes = isinstance(decide(asked(Purpose.REMINDER, jurisdiction, zone), BOOK, now), Go)
    assert goes == is_inside(now, zone, Purpose.REMINDER, jurisdiction) or len(offsets) > 1
