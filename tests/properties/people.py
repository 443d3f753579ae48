"""Who a random history is about: borrowers and payers, the numbers they may have, and the hours between which it is decent to text."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody we may contact; of their two numbers they have one at a time."""

    party_id: str
    numbers: tuple[str, str]
    locale: str
    zone: str
    jurisdiction: str
    opens: time
    closes: time

    def local(self, at: datetime) -> datetime:
        """An instant as their clock shows it."""
        return at.astimezone(ZoneInfo(self.zone))

    def is_decent(self, at: datetime) -> bool:
        """Whether an instant lies in their window."""
        return self.opens <= self.local(at).time() < self.closes


_CHINA: Final = ("Asia/Shanghai", "cn", time(8), time(22))
_CALIFORNIA: Final = ("America/Los_Angeles", "us", time(8), time(21))
PEOPLE: Final = {
    "wang": Person("B-wang", ("+8613800138000", "+8613800138001"), "zh-CN", *_CHINA),
    "smith": Person("B-smith", ("+12135550123", "+12135550124"), "en-US", *_CALIFORNIA),
    "li": Person("X-li", ("+8613900139000", "+8613900139001"), "zh-CN", *_CHINA),
    "jones": Person("X-jones", ("+13105550123", "+13105550124"), "en-US", *_CALIFORNIA),
}
#: loan → who borrowed it; two loans of one person, so that their texts meet.
BORROWERS: Final = {"L-1": "wang", "L-2": "wang", "L-3": "smith"}
#: delegation → who agreed to pay.
PAYERS: Final = {"D-0": "li", "D-1": "jones"}
OWNERS: Final = {number: person for person in PEOPLE.values() for number in person.numbers}
