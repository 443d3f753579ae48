"""The circuit breaker, at ten messages a minute and at a thousand a second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.breaker import Breaker, BreakerRules, is_error
from service.senders._port import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown

GOOD, BAD = Accepted(), Unknown("timeout")
RATES = {"ten a minute": 6.0, "a thousand a second": 0.001}


@pytest.mark.parametrize("gap", RATES.values(), ids=RATES)
def test_a_provider_that_is_down_from_the_start_is_out_after_five(gap: float) -> None:
    """The minimum number of outcomes opens it, at either speed."""
    breaker = Breaker()
    assert [breaker.record(BAD, n * gap) for n in range(5)] == [False] * 4 + [True]
    assert breaker.is_open
    assert breaker.admit(10, 5 * gap) == 0


@pytest.mark.parametrize(("gap", "within"), [(6.0, 60.0), (0.001, 0.1)], ids=RATES)
def test_a_provider_that_goes_down_later_is_out_soon(gap: float, within: float) -> None:
    """After an hour of good answers: within a minute at ten a minute, within a tenth of a second at a thousand a second."""
    breaker = Breaker()
    for n in range(600):
        assert not breaker.record(GOOD, n * gap)
    down_from = 600 * gap
    opened = next(n * gap for n in range(600, 10_000) if breaker.record(BAD, n * gap))
    assert opened - down_from < within


@pytest.mark.parametrize("gap", RATES.values(), ids=RATES)
def test_one_error_in_three_does_not_open_it(gap: float) -> None:
    """Below half, the sender stays."""
    breaker = Breaker()
    assert not any(breaker.record(BAD if n % 3 == 2 else GOOD, n * gap) for n in range(3000))


def test_after_the_cool_down_one_probe_goes_and_closes_it() -> None:
    """Half open lets exactly one message through; its success closes the breaker for all."""
    breaker = opened(at=0.0)
    assert (breaker.ready_at(1.0), breaker.admit(9, 29.9)) == (30.0, 0)
    assert (breaker.admit(9, 30.0), breaker.admit(9, 30.1)) == (1, 0)
    assert breaker.record(GOOD, 31.0) is False
    assert (breaker.is_open, breaker.admit(9, 31.0), breaker.ready_at(31.0)) == (False, 9, 31.0)
    assert not breaker.record(BAD, 32.0)


def test_a_probe_that_fails_doubles_the_wait_up_to_five_minutes() -> None:
    """30 s, 60, 120, 240, 300, 300; a success sets it back, and no failed probe is another alert."""
    breaker, now, waits = opened(at=0.0), 0.0, []
    for _ in range(6):
        waits.append(breaker.ready_at(now) - now)
        now = breaker.ready_at(now)
        assert breaker.admit(1, now) == 1
        assert breaker.record(BAD, now) is False
    assert waits == [30, 60, 120, 240, 300, 300]
    now = breaker.ready_at(now)
    breaker.admit(1, now)
    breaker.record(GOOD, now)
    assert [breaker.record(BAD, now) for _ in range(5)][-1] is True
    assert breaker.ready_at(now) == now + 30


def test_a_probe_that_never_reports_is_followed_by_another() -> None:
    """A worker that died with the probe, or a payment that cancelled it, does not leave the sender out for ever."""
    breaker = opened(at=0.0)
    assert breaker.admit(1, 30.0) == 1
    assert breaker.admit(1, 59.9) == 0
    assert breaker.admit(1, 60.0) == 1


def test_answers_to_what_went_before_it_opened_change_nothing() -> None:
    """Late outcomes of a batch neither close it nor lengthen its wait."""
    breaker = opened(at=0.0)
    assert not any(breaker.record(outcome, 1.0) for outcome in (GOOD, BAD, Throttled(1.0)))
    assert (breaker.is_open, breaker.ready_at(1.0)) == (True, 30.0)


def test_asking_for_nothing_uses_no_probe() -> None:
    """The probe is for the next message that is really there."""
    breaker = opened(at=0.0)
    assert breaker.admit(0, 30.0) == 0
    assert breaker.admit(2, 30.0) == 1


def test_a_throttled_probe_is_an_answer() -> None:
    """Whoever asks for patience is alive: the breaker closes and the pace does the rest; closed, it says nothing."""
    breaker = opened(at=0.0)
    breaker.admit(1, 30.0)
    breaker.record(Throttled(9.0), 30.0)
    assert not breaker.is_open
    assert not any(breaker.record(Throttled(9.0), 31.0) for _ in range(200))


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Accepted("p"), False),
        (Rejected("recipient", "x"), False),
        (Rejected("content", "x"), False),
        (Rejected("sender", "x"), True),
        (NotSent("refused"), True),
        (Unknown("timeout"), True),
    ],
)
def test_what_speaks_against_a_sender(outcome: Outcome, error: bool) -> None:
    """A wrong number or a refused text is no fault of the sender's."""
    assert is_error(outcome) is error


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=60))
def test_it_opens_exactly_when_the_rules_say(history: list[tuple[int, bool]]) -> None:
    """Against a model that counts anew: the first moment with enough outcomes in the window and half of them errors."""
    rules = BreakerRules(window=20.0, outcomes=12)
    breaker, now, seen = Breaker(rules), 0.0, []
    for gap, bad in history:
        now += gap / 64
        seen.append((now, bad))
        recent = [error for at, error in seen[-12:] if at > now - 20]
        expected = len(recent) >= 5 and sum(recent) * 2 >= len(recent)
        assert breaker.record(BAD if bad else GOOD, now) is expected
        if expected:
            break


def opened(at: float) -> Breaker:
    """A breaker that opens at this moment."""
    breaker = Breaker()
    assert [breaker.record(BAD, at) for _ in range(5)][-1] is True
    return breaker
