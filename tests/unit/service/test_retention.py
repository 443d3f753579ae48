"""Which terms the rules give: what is kept equally long stands together, the shortest first."""

from datetime import date, timedelta

from service.notices import Purpose
from service.retention import Term, terms
from service.rulebook import OTHER, Rulebook, read_rules

_WINDOW = """
  - {id: w-1, version: 1, kind: window, purposes: [service, reminder, collection, payer, visit, marketing], opens: "08:00",
     closes: "20:00", evidence: ours, source: test}
"""
_FILE = """
jurisdiction: {name}
rules:
{window}
  - {{id: r-1, version: 1, kind: retain, purposes: [service, security], keep: {service}, evidence: ours, source: test}}
  - {{id: r-2, version: 1, kind: retain, purposes: [collection], keep: 5 years, evidence: ours, source: test}}
"""


def _book(**service: str) -> Rulebook:
    """A rulebook whose jurisdictions keep collection for five years and service as given; the rest for ever."""
    return Rulebook(
        {name: read_rules(_FILE.format(name=name, service=keep, window=_WINDOW), name) for name, keep in service.items()}
    )


def test_what_is_kept_equally_long_is_one_term() -> None:
    """Terms group jurisdictions and purposes by length; a purpose without a rule is in none."""
    book = _book(cn="3 years", other="90 days")
    found = terms(book, date(2026, 6, 1))
    assert [(term.keep.days // 30, term.kept) for term in found] == [
        (3, ((OTHER, "security"), (OTHER, "service"))),
        (36, (("cn", "security"), ("cn", "service"))),
        (61, (("cn", "collection"), (OTHER, "collection"))),
    ]
    assert [term.kept for term in terms(book, date(2026, 6, 1), [Purpose.MARKETING])] == []


def test_a_changed_rule_begins_a_walk_of_its_own() -> None:
    """The name of a walk tells length and members apart, and is the same from run to run."""
    year, longer = timedelta(days=366), timedelta(days=400)
    one = Term(year, (("cn", "service"),))
    others = [Term(longer, (("cn", "service"),)), Term(year, (("cn", "service"), ("us", "service")))]
    assert one.walk("texts") == Term(year, (("cn", "service"),)).walk("texts")
    assert len({one.walk("texts"), one.walk("payloads"), *(other.walk("texts") for other in others)}) == 4


def test_the_rules_shipped_keep_collection_longest() -> None:
    """Wherever texts are kept at all, those of collection are kept as long as any, and codes the shortest."""
    book, day = Rulebook.load(), date(2026, 6, 1)
    for name in book.files:
        kept = {purpose: book.of(name, day).retain(purpose) for purpose in Purpose}
        told = [keep for keep in kept.values() if keep is not None]
        assert (kept[Purpose.COLLECTION], kept[Purpose.SECURITY]) == (max(told), min(told))
