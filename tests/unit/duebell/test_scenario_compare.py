"""Comparing: complete, each line once, and a difference that shows what was probably meant."""

from datetime import UTC, datetime
from typing import Any

from duebell.scenario._compare import Difference, Happened, differences
from duebell.scenario._file import open_scenario

NOON = datetime(2026, 6, 20, 4, tzinfo=UTC)  # noon in Shanghai


def happening(**fields: Any) -> Happened:
    """A text that was sent to the borrower at noon."""
    return Happened(**{"at": NOON, "state": "sent", "what": "a", "role": "borrower", "person": "wang", "loan": "L-1"} | fields)


def compared(then: str, *found: Happened, more: str = "") -> list[Difference]:
    """What differs between the lines of a file and what happened."""
    text = f"title: T\nstory: S\nuntil: 2026-06-30\n{more}then: {then}"
    return differences(*open_scenario(text, "s.yaml"), found)


def test_what_is_as_expected_leaves_no_difference() -> None:
    """At the minute, by state, text, reason, person, words."""
    line = (
        "[{at: 2026-06-20 12:00, sent: a, says: [Hello, you], says_not: bye, to: wang, loan: L-1, held_for: window, about: 1}]"
    )
    assert compared(line, happening(text="Hello, you", held_for=("window",), about="1")) == []


def test_a_day_alone_is_any_time_of_it_and_an_offset_is_an_instant() -> None:
    """`at` may be a day, or be left out; with an offset it is that very instant."""
    for at in ("at: 2026-06-20,", "at: '2026-06-20T04:00:00+00:00',", ""):
        assert compared(f"[{{{at} sent: a}}]", happening()) == []
    assert compared("[{at: 2026-06-21, sent: a}]", happening())[0].fields == ("at",)


def test_every_difference_is_named_beside_the_nearest_match() -> None:
    """The same text at another time is nearer than another text at the same time."""
    [wrong] = compared(
        "[{at: 2026-06-20 13:00, sent: a, reason: paid, says: Hello}]",
        happening(what="b"),
        happening(text="Bye"),
        more="ignore: [b]\n",
    )
    assert wrong.fields == ("at", "reason", "says")
    assert wrong.told == "differs in: at, reason, says"
    assert wrong.happened == "{at: 2026-06-20 12:00, sent: a, says: Bye}"
    assert wrong.line == 5


def test_what_did_not_happen_and_what_was_not_expected_are_told() -> None:
    """Complete by default: a line too many on either side is a difference."""
    missing, surplus = compared(
        "[{at: 2026-06-25 13:00, sent: a}]", happening(what="b", role="payer", person="li", reason=None)
    )
    assert (missing.told, missing.happened) == ("did not happen", None)
    assert (surplus.told, surplus.line) == ("was not expected", None)
    assert surplus.happened == "{at: 2026-06-20 12:00, sent: b, to: li, loan: L-1}"


def test_each_line_stands_for_one_text() -> None:
    """Two lines need two texts, and a line that fits both leaves the other its own."""
    loose, exact = "{sent: a}", "{sent: a, about: 1}"
    assert compared(f"[{loose}, {exact}]", happening(about="1"), happening(about="2")) == []
    assert [each.told for each in compared(f"[{exact}, {exact}]", happening(about="1"))] == ["did not happen"]


def test_a_text_is_for_the_borrower_unless_the_line_says_otherwise() -> None:
    """A text to a payer is not what `sent` alone expects; role and name both say whom."""
    to_payer = happening(role="payer", person="li")
    assert compared("[{sent: a}]", to_payer)[0].fields == ("to",)
    assert compared("[{sent: a, to: payer}]", to_payer) == []
    assert compared("[{sent: a, to: li}]", to_payer) == []


def test_only_and_ignore_narrow_what_is_looked_at() -> None:
    """By state, text, role, person or loan; what is planned beyond the last day has not happened."""
    other = happening(state="cancelled", what="b", reason="paid", loan="L-2")
    ahead = happening(state="planned", at=datetime(2026, 7, 1, 4, tzinfo=UTC))
    for narrow in ("only: [a]\n", "ignore: [cancelled]\n", "ignore: [L-2]\n"):
        assert compared("[{sent: a}]", happening(), other, ahead, more=narrow) == []


def test_word_to_ops_has_no_addressee() -> None:
    """Alerts and status events are lines like the others, without a role."""
    alert = Happened(NOON, "alert", "no_schedule", text="request_id N-1")
    assert compared("[{at: 2026-06-20 12:00, alert: no_schedule, says: N-1}]", alert) == []
