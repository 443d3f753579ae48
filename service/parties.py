"""Contact data of a person, field by field: the newest event wins, an omitted field changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from service.facts import PartyFact, Version

FIELDS = ("name", "phone", "email", "locale", "timezone", "jurisdiction")
#: What is known of a person who was erased: the rules their loans are kept by, and nothing else.
KEPT_FIELDS = ("jurisdiction",)
DEFAULT_JURISDICTION = "cn"
_HOME_ZONE = {"cn": "Asia/Shanghai"}


@dataclass(slots=True)
class PartyHistory:
    """What is known of one person; values in clear only where an event of this batch said them."""

    party_id: str
    set_by: dict[str, Version] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def absorb(self, facts: Iterable[PartyFact], fields: Iterable[str] = FIELDS) -> None:
        """Takes in what events say of these fields; order does not matter."""
        for fact in facts:
            for name in fields:
                value = getattr(fact, name)
                if value is not None and fact.version > self.set_by.get(name, ""):
                    self.said[name], self.set_by[name] = value, fact.version


def effective_zone(timezone: str | None, jurisdiction: str | None) -> str | None:
    """The zone of a party's local times: its own, else the home zone where there is only one, else unknown."""
    return timezone or _HOME_ZONE.get(jurisdiction or DEFAULT_JURISDICTION)
