"""Caps: how many texts of which purposes a number or a person may get, and stricter rules than those that ship."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from service.rulebook import FOLDER
from tests.properties.people import OWNERS

_ASKING: Final = frozenset({"reminder", "collection", "payer", "visit"})
#: In a rule file of the service: what becomes of it where caps are strict.
_STRICTER: Final = {
    "cn.yaml": (
        ("limit: 5", "limit: 2"),
        ("purposes: [collection]\n    limit: 1\n", "purposes: [reminder, collection]\n    enabled: true\n    limit: 3\n"),
    ),
    "us.yaml": (("    since: 2027-01-01\n    limit: 3", "    enabled: true\n    limit: 3"),),
}


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many in so many natural days of the person."""

    purposes: frozenset[str]
    most: int
    days: int
    per_person: bool = False


_SHIPPED: Final = (Cap(_ASKING, 5, 1),)
_STRICT: Final = {
    "cn": (Cap(_ASKING, 2, 1), Cap(frozenset({"reminder", "collection"}), 3, 7, per_person=True)),
    "us": (Cap(_ASKING, 5, 1), Cap(frozenset({"reminder", "collection", "visit"}), 3, 7, per_person=True)),
}


def strict_rules(folder: Path) -> Path:
    """Writes the rules that ship with stricter caps; gives their folder."""
    for file in FOLDER.glob("*.yaml"):
        text = file.read_text()
        for old, new in _STRICTER.get(file.name, ()):
            assert old in text
            text = text.replace(old, new)
        (folder / file.name).write_text(text)
    return folder


class Counted:
    """The texts that reached somebody, by whom, and when."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._texts: list[tuple[str, str, date]] = []

    def over(self, number: str, purpose: str, day: date) -> Iterator[str]:
        """Counts one more; says of which cap it is one too many."""
        self._texts.append((number, purpose, day))
        owner = OWNERS[number]
        for cap in _STRICT[owner.jurisdiction] if self._strict else _SHIPPED:
            if purpose not in cap.purposes:
                continue
            numbers = owner.numbers if cap.per_person else (number,)
            first = day - timedelta(days=cap.days - 1)
            n = sum(to in numbers and what in cap.purposes and on >= first for to, what, on in self._texts)
            if n > cap.most:
                yield f"number {n} in {cap.days} days"
