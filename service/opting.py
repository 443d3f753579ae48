"""Opting out and in by text: the number is suppressed before any further text goes, and one text says that it was done."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from service.catalogue import Catalogue
from service.gate import rules_of
from service.inbound import Letter, Owners, Work, keys_of
from service.ledger import Transaction, notices, replies, suppressions
from service.ledger.audit import Deed
from service.ledger.outbox import Told
from service.notices import Purpose, lane_of, reply_key
from service.parties import DEFAULT_JURISDICTION
from service.rulebook import Rulebook
from service.vault import Vault


class Opting:
    """What STOP and START do, each for any number of numbers at once."""

    def __init__(self, vault: Vault, catalogue: Catalogue, rulebook: Rulebook) -> None:
        self._vault, self._catalogue, self._rulebook = vault, catalogue, rulebook

    async def out(self, tx: Transaction, stops: Sequence[Letter], whose: Owners, work: Work) -> None:
        """Suppresses numbers for what the jurisdictions of their owners say, and ends what waits for them."""
        asked = [
            (letter.phone_key, purpose.value, self._vault.encrypt(letter.number), letter.evidence)
            for letter in stops
            for purpose in self._ended_by_stop(whose.get(letter.phone_key, ()), work.now)
        ]
        new = _purposes(await tx.rows(suppressions.OPT_OUT, s=sorted(asked), now=work.now))
        if new:
            pairs = sorted((key, purpose) for key, purposes in new.items() for purpose in purposes)
            work.stepped(await tx.rows(suppressions.END_WAITING, s=pairs))
            done = [letter for letter in stops if letter.phone_key in new]
            _note("party.opted_out", "suppress", done, new, whose, work)
            await self._confirm(tx, done, "opt_out_confirmed", whose, work)

    async def back_in(self, tx: Transaction, starts: Sequence[Letter], whose: Owners, work: Work) -> None:
        """Takes back what numbers had asked for themselves; an operator's suppression stays, and then nothing is confirmed."""
        undone = _purposes(await tx.rows(suppressions.OPT_IN, k=keys_of(starts)))
        if undone:
            done = [letter for letter in starts if letter.phone_key in undone]
            _note("party.opted_in", "unsuppress", done, undone, whose, work)
            left = {row.phone_key for row in await tx.rows(replies.STILL_SUPPRESSED, k=keys_of(done))}
            free = [letter for letter in done if letter.phone_key not in left]
            await self._confirm(tx, free, "opt_in_confirmed", whose, work)

    def _ended_by_stop(self, owners: Sequence[Any], now: datetime) -> set[Purpose]:
        """The purposes that an opt-out ends, by the rules of everybody whose number it is."""
        places = [(row.zone, row.jurisdiction or DEFAULT_JURISDICTION) for row in owners] or [(None, DEFAULT_JURISDICTION)]
        return {p for zone, jurisdiction in places for p in rules_of(zone, jurisdiction, self._rulebook, now).opt_out}

    async def _confirm(self, tx: Transaction, letters: Sequence[Letter], template: str, whose: Owners, work: Work) -> None:
        """Adds the text that answers each number, in the language of its first owner, in place of one that has not gone yet.

        A number that is nobody's gets none.
        """
        now = work.now
        rows = [
            self._answer(letter, template, mine[0].party_id, now) for letter in letters if (mine := whose.get(letter.phone_key))
        ]
        if rows:
            work.stepped(await tx.rows(notices.END_ANSWERS, k=keys_of(letters)))
            await tx.run(notices.ADD_ANSWERS, n=sorted(rows), now=now)

    def _answer(self, letter: Letter, template: str, party_id: str, now: datetime) -> tuple[Any, ...]:
        spec, key = self._catalogue[template], reply_key(letter.hash, letter.at, template)
        return (
            key.key, key.month, party_id, template, spec.channels[0], spec.purpose.value,
            lane_of(spec.purpose, is_stage=False).value, now, now + spec.valid, letter.phone_key,
        )  # fmt: skip


def _note(
    type_: str, action: str, letters: Sequence[Letter], purposes: Mapping[bytes, list[str]], whose: Owners, work: Work
) -> None:
    """What upstream is told of it, and what the audit keeps."""
    for letter in letters:
        said, owners = purposes[letter.phone_key], [row.party_id for row in whose.get(letter.phone_key, ())]
        if owners:
            work.steps.append(Told(type_, {"party_ids": owners, "purposes": said}, work.now))
        work.deeds.append(Deed(f"reply:{work.sender}", action, f"{letter.phone_key.hex()}:{','.join(said)}", letter.evidence))


def _purposes(rows: Iterable[Any]) -> dict[bytes, list[str]]:
    """Number → the purposes of its rows, sorted."""
    found: dict[bytes, list[str]] = {}
    for purpose, key in sorted((row.purpose, row.phone_key) for row in rows):
        found.setdefault(key, []).append(purpose)
    return found
