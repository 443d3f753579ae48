"""The kinds of rules: what they say in words, and what they say of a text."""

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from service.rule_kinds import Content, Rule, Span

_RULE: TypeAdapter[Any] = TypeAdapter(Rule)


def rule(kind: str, **fields: Any) -> Any:
    """A rule for reminders."""
    return _RULE.validate_python(
        {"id": "x-1", "version": 3, "kind": kind, "purposes": ["reminder"], "source": "Ours.", **fields}
    )


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (rule("window", opens="08:00", closes="20:00"), "from 08:00 to 20:00 on the party's clock"),
        (
            rule("window", opens="08:00", closes="20:00", fresh_minutes=30),
            "from 08:00 to 20:00 on the party's clock, or within 30 minutes of its event",
        ),
        (rule("cap", limit=5), "at most 5 texts per number in a natural day"),
        (rule("cap", limit=1, within="7 days", per="person"), "at most 1 text per person in any 7 days"),
        (rule("cap", limit=7, within="168 hours"), "at most 7 texts per number in any 168 hours"),
        (rule("content", none_of=["court", "jail"]), "the text holds none of: court, jail"),
        (
            rule("content", one_of=["STOP"], none_of=["x"], roles=["payer"]),
            "the text holds none of: x; holds one of: STOP (to the payer)",
        ),
        (rule("recipient", roles=["borrower"]), "only the borrower"),
        (
            rule("recipient", number_seen_within="60 days"),
            "anyone, at a number named within 60 days",
        ),
        (rule("consent", purposes=["marketing"]), "only to a party who agreed to it"),
        (rule("lead_time", notice="24 hours"), "announced at least 24 hours before"),
        (rule("retain", keep="1 year"), "kept for 1 year"),
    ],
)
def test_a_rule_reads_in_words(written: Any, says: str) -> None:
    """What `rules show` and `rules explain` print."""
    assert written.says == says
    assert written.name == "x-1@3"


@pytest.mark.parametrize(
    ("span", "days"), [(Span(36, "hour"), 1.5), (Span(1, "day"), 1), (Span(5, "month"), 155), (Span(5, "year"), 1830)]
)
def test_a_month_and_a_year_are_their_longest(span: Span, days: float) -> None:
    """What is kept for five years is not deleted a day too early."""
    assert span.length == timedelta(days=days)


def test_a_rule_without_dates_holds_always() -> None:
    """It begins with the calendar."""
    assert rule("recipient").begins == date.min
    assert rule("recipient", since="2026-05-01").begins == date(2026, 5, 1)


@pytest.mark.parametrize(
    ("text", "objection"),
    [
        ("please pay. STOP ends this", None),
        ("please pay. stop ends this", None),
        ("please pay, or unstoppable things happen", "content_missing"),
        ("please pay", "content_missing"),
        ("the Court decides, STOP", "content_forbidden"),
        ("by courtesy of the bank, STOP", None),
        ("将向法院起诉 STOP", "content_forbidden"),
        ("the court", "content_forbidden"),
    ],
)
def test_what_a_text_must_and_must_not_hold(text: str, objection: str | None) -> None:
    """Latin words count as whole words in any case; what is forbidden is said before what is missing."""
    content: Content = rule("content", none_of=["court", "法院"], one_of=["STOP"])
    assert content.objection(text) == objection
