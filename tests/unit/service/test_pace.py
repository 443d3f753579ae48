"""The pace of a sender: never more than it allows, always something for the critical lane."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pace import CRITICAL_GRACE, Bucket, Pace

LANES = ("critical", "normal", "bulk")
paces = st.builds(
    Pace,
    st.integers(1, 12) | st.integers(10, 60) | st.integers(320, 400),
    st.sampled_from([1.0, 60.0]),
    st.sampled_from(["messages", "parts"]),
)
#: Sixty-fourths of a second: exact in binary, so that a boundary is a boundary.
gaps = st.integers(0, 160).map(lambda n: n / 64)
asks = st.tuples(
    gaps, st.sampled_from(LANES), st.integers(0, 30).flatmap(lambda n: st.lists(st.integers(1, 5), min_size=n, max_size=n))
)
throttles = st.tuples(gaps, st.just("throttled"), st.integers(0, 300).map(lambda n: n / 64))
#: Some without a throttling, since a throttled bucket is so slow that hardly anything can go wrong with it.
histories = st.lists(asks, min_size=12, max_size=40) | st.lists(st.one_of(asks, asks, throttles), max_size=40)


@pytest.mark.parametrize(
    ("text", "pace"),
    [
        ("50/s", Pace(50, 1.0, "messages")),
        ("90/min", Pace(90, 60.0, "messages")),
        ("200parts/s", Pace(200, 1.0, "parts")),
    ],
)
def test_a_pace_is_written_as_providers_say_it(text: str, pace: Pace) -> None:
    """Messages or parts, a second or a minute."""
    assert Pace.parse(text) == pace


@pytest.mark.parametrize("text", ["", "50", "0/s", "-1/s", "1.5/s", "50/h", "50 /s", "５/s", "99999999/s"])
def test_anything_else_is_refused_with_the_forms_that_work(text: str) -> None:
    """The error teaches the forms."""
    with pytest.raises(ValueError, match="50/s, 90/min or 50parts/s"):
        Pace.parse(text)


@given(paces, histories)
def test_no_period_ever_sees_more_than_the_pace(pace: Pace, history: list[tuple]) -> None:
    """Whatever is asked, by whom, and however it is throttled in between: any window of one period holds at most the pace."""
    bucket, now, spent = Bucket(pace), 0.0, []
    longest = 5 * (64 if any(lane == "throttled" for _, lane, _ in history) else 2)  # longer than the pace is another test
    for gap, lane, what in history:
        now += gap
        if lane == "throttled":
            bucket.throttled(what, now)
            continue
        parts = what if pace.unit == "parts" and longest <= pace.count else [1] * len(what)
        granted = bucket.take_messages(parts, lane, now)
        spent.append((now, sum(parts[:granted])))
    for end, _ in spent:
        assert sum(n for at, n in spent if end - pace.period < at <= end) <= pace.count


@given(paces, st.lists(asks, max_size=20), st.lists(gaps.filter(bool), min_size=1, max_size=20))
def test_critical_is_never_starved_by_bulk(pace: Pace, history: list[tuple], bulk_asks: list[float]) -> None:
    """Bulk asks for a thousand whenever it likes; a critical text still goes within one period of asking."""
    bucket, now = Bucket(pace), 0.0
    for gap, lane, _ in history:
        now += gap
        bucket.take(1000, "bulk" if lane == "critical" else lane, now)
    asked_at = now
    while not bucket.take(1, "critical", now) and now <= pace.period + asked_at:
        again_at = bucket.ready_at("critical", now)
        for gap in bulk_asks:
            bucket.take(1000, "bulk", min(now + gap, again_at))
        assert again_at > now
        now = again_at
    assert now - asked_at <= pace.period


@given(paces, st.lists(st.one_of(asks, throttles), max_size=30), st.sampled_from(LANES), st.integers(1, 100))
def test_ready_at_keeps_its_word(pace: Pace, history: list[tuple], lane: str, parts: int) -> None:
    """A message that asks at the moment it was told gets its token, and is never told a moment in the past."""
    bucket, now = Bucket(pace), 0.0
    for gap, who, what in history:
        now += gap
        if who == "throttled":
            bucket.throttled(what, now)
        else:
            bucket.take_messages(what, who, now)
    at = bucket.ready_at(lane, now, parts)
    assert at >= now
    assert bucket.take_messages([parts], lane, at) == 1


def test_the_other_lanes_share_nine_tenths() -> None:
    """At fifty a second bulk and normal get forty-five, critical finds its five, and no more."""
    bucket = Bucket(Pace(50))
    assert bucket.take(30, "bulk", 0.0) == 30
    assert bucket.take(30, "normal", 0.0) == 15
    assert bucket.take(30, "critical", 0.0) == 5


def test_what_critical_takes_beyond_its_tenth_the_others_go_without() -> None:
    """Forty critical texts in this second leave ten for everybody else."""
    bucket = Bucket(Pace(50))
    assert bucket.take(40, "critical", 0.0) == 40
    assert bucket.take(30, "bulk", 0.5) == 10
    assert bucket.take(50, "bulk", 1.0) == 35


@pytest.mark.parametrize("count", [1, 7, 50, 1000])
def test_bulk_alone_gets_its_nine_tenths_every_second(count: int) -> None:
    """Ten seconds of greed: nothing is lost to rounding."""
    bucket, now, granted = Bucket(Pace(count)), 0.0, 0
    while now < 10:
        granted += bucket.take(5000, "bulk", now)
        now = bucket.ready_at("bulk", now)
    assert granted == 10 * (count - count // 10)


def test_a_waiting_critical_text_holds_the_others_back_for_a_moment_only() -> None:
    """At one a second there is no tenth to keep: the next token is the critical one's, unless it does not come for it."""
    bucket = Bucket(Pace(1))
    assert bucket.take(1, "bulk", 0.0) == 1
    assert bucket.take(1, "critical", 0.5) == 0
    assert bucket.take(1, "bulk", 1.0) == 0
    assert bucket.ready_at("bulk", 1.0) == 1.0 + CRITICAL_GRACE
    assert bucket.take(1, "bulk", 1.0 + CRITICAL_GRACE) == 1


def test_a_throttled_sender_rests_halves_and_recovers() -> None:
    """Nothing for as long as it asked; then half its pace, all of it again half a minute later."""
    bucket = Bucket(Pace(100))
    bucket.throttled(7.0, 0.0)
    bucket.throttled(7.0, 0.0)  # the second answer of the same batch
    assert bucket.take(500, "critical", 6.9) == 0
    assert bucket.ready_at("critical", 6.9) == 7.0
    assert bucket.take(500, "critical", 7.0) == 50
    assert bucket.take(500, "critical", 37.0) == 100


def test_a_sender_throttled_for_ever_still_gets_a_trickle() -> None:
    """A hundred times throttled: one message in a while, never none at all."""
    bucket, now = Bucket(Pace(2)), 0.0
    for _ in range(100):
        bucket.throttled(0.0, now)
        now = bucket.ready_at("bulk", now)
    assert bucket.take(5, "bulk", now) == 1
    assert bucket.ready_at("bulk", now) - now <= 64


def test_without_a_pace_everything_goes_until_it_is_throttled() -> None:
    """Then it is slowed from what it was given in its last second, and is free again when it has recovered."""
    bucket = Bucket()
    assert bucket.take(10**6, "bulk", 0.0) == 10**6
    assert bucket.ready_at("bulk", 0.0) == 0.0
    assert bucket.take(80, "bulk", 5.0) == 80
    bucket.throttled(2.0, 5.5)
    assert bucket.take(500, "bulk", 7.4) == 0
    assert bucket.take(500, "bulk", 7.5) == 36
    assert bucket.take(500, "critical", 7.5) == 4
    assert bucket.take(10**6, "bulk", 60.0) == 10**6


def test_a_text_longer_than_the_whole_pace_goes_and_is_paid_for() -> None:
    """Seven parts at three a second: it goes alone, and the lane waits the two seconds and more that it cost."""
    bucket = Bucket(Pace(3, 1.0, "parts"))
    assert bucket.take_messages([7, 1], "bulk", 0.0) == 1
    assert bucket.take_messages([1], "bulk", 1.9) == 0
    assert bucket.take_messages([7], "bulk", 2.5) == 0
    assert bucket.ready_at("bulk", 2.5, 7) == 3.0
    assert bucket.take_messages([7], "bulk", 3.0) == 1


@given(st.integers(1, 20), st.lists(st.integers(1, 60), min_size=5, max_size=30))
def test_long_texts_keep_the_pace_over_time(count: int, parts: list[int]) -> None:
    """However long the texts are, the time they take is what their parts cost, less the last one's."""
    bucket, now = Bucket(Pace(count, 1.0, "parts")), 0.0
    for n in parts:
        now = bucket.ready_at("bulk", now, n)
        assert bucket.take_messages([n], "bulk", now) == 1
    assert sum(parts[:-1]) <= count * (now + 1)
