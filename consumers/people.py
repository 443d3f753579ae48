"""People: who they are and how to reach them, what they agreed to, and that they are to be forgotten."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from consumers._envelope import EventData, Heading
from consumers._fields import ContractError, Id
from consumers._parts import Party
from service.facts import ConsentStated, Fact, PartyErased


def _check(party_id: str, event: Heading, field: str) -> None:
    if party_id != event.subject:
        raise ContractError(field, f"write the same id in subject and in {field}; they differ")


class PartyUpdated(EventData):
    """Contact data have changed."""

    TYPE = "party.updated"
    EXAMPLE: ClassVar = {"party": {"party_id": "P-1001", "phone": "13800138000", "region": "CN", "locale": "zh-CN"}}

    party: Party

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Records what was said of the person; what was left out stays as it is."""
        _check(self.party.party_id, event, "data.party.party_id")
        yield self.party.fact(event.version, "data.party")


class ConsentChanged(EventData):
    """The person has agreed to be told of a purpose, or has taken that back."""

    TYPE = "party.consent_changed"
    EXAMPLE: ClassVar = {"party_id": "P-1001", "purpose": "marketing", "granted": True, "evidence_id": "CONSENT-9001"}

    party_id: Id
    purpose: Literal["service", "reminder", "collection", "payer", "visit", "marketing"]
    granted: bool
    evidence_id: Id

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Records it, with where the proof is."""
        _check(self.party_id, event, "data.party_id")
        yield ConsentStated(event.version, self.party_id, self.purpose, self.granted, self.evidence_id)


class PartyGone(EventData):
    """The person is to be forgotten."""

    TYPE = "party.erased"
    EXAMPLE: ClassVar = {"party_id": "P-1001"}

    party_id: Id

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Forgets the person; nothing that comes later or late brings them back."""
        _check(self.party_id, event, "data.party_id")
        yield PartyErased(event.version, self.party_id)
