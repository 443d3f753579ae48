"""People: who they are and how to reach them."""

from collections.abc import Iterator
from typing import ClassVar

from consumers._envelope import EventData, Heading
from consumers._fields import ContractError
from consumers._parts import Party
from service.facts import Fact


class PartyUpdated(EventData):
    """Contact data have changed."""

    TYPE = "party.updated"
    EXAMPLE: ClassVar = {"party": {"party_id": "P-1001", "phone": "13800138000", "region": "CN", "locale": "zh-CN"}}

    party: Party

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Records what was said of the person; what was left out stays as it is."""
        if self.party.party_id != event.subject:
            raise ContractError("data.party.party_id", "write the same id in subject and in data.party.party_id; they differ")
        yield self.party.fact(event.version, "data.party")
