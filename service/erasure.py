"""Erasing a person at an operator's word, and forgetting them in what nobody could understand."""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from service.ledger import Ledger, LedgerConflict, Transaction, audit, erasure, inbox, letters, outbox
from service.ledger.audit import Deed
from service.ledger.erasure import Erased
from service.vault import KeySettingError, Vault

_PAGE: Final = 500
_CONFLICT_TRIES: Final = 5
#: The name under which it is kept how far the sweep has looked.
_SWEEP: Final = "erasure"
#: An erasure or a letter may be committed this long after the instant it carries.
_LATE: Final = timedelta(minutes=10)
#: Where a body names a person, also one that breaks off; `subject` is a person's id in events of people only.
_NAMES: Final = re.compile(r'"(party_id|payer_id|subject)"\s*:\s*("(?:[^"\\]|\\.)*")')
_OF_PEOPLE: Final = re.compile(r'"type"\s*:\s*"party\.')


class ErasureError(ValueError):
    """Nobody can be erased as it was asked for; the text is one readable line."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a person: whether there is contact data, waiting notices, texts and events that can be deleted."""

    erased_at: datetime | None
    has_phone: bool
    waiting: int
    texts: int
    payloads: int


class Erasure:
    """Erases people from one ledger. `who` is a person or a program, never empty; `now` is aware."""

    def __init__(self, ledger: Ledger, vault: Vault) -> None:
        self._ledger, self._vault = ledger, vault

    async def look(self, party_id: str) -> Kept:
        """What an erasure would delete.

        Raises:
            ErasureError: nobody has this id.
        """
        async with self._ledger.transaction() as tx:
            rows = await tx.rows(erasure.LOOK, p=[(party_id,)], h=[(self._vault.keyed_hash(party_id),)])
        if not rows:
            raise ErasureError("there is no such party; write its party_id, as upstream does")
        row = rows[0]
        return Kept(row.erased_at, bool(row.has_phone), row.waiting, row.texts, row.payloads)

    async def erase(self, party_id: str, *, who: str, why: str, now: datetime) -> Erased:
        """Forgets a person: at once, and for good. Dead letters that name them are the sweep's: call `step`.

        Raises:
            ErasureError: nobody has this id.
        """
        await self.look(party_id)
        for _ in range(_CONFLICT_TRIES):
            with suppress(LedgerConflict):
                return await self._erase(party_id, who, why, now)
        return await self._erase(party_id, who, why, now)

    async def _erase(self, party_id: str, who: str, why: str, now: datetime) -> Erased:
        async with self._ledger.transaction() as tx:
            erased = await erasure.erase(tx, self._vault, [party_id], who=who, why=why, now=now)
            await outbox.record(tx, erased.steps)
        return erased

    async def step(self, now: datetime) -> int:
        """Deletes the bodies that name erased people of dead letters, which end, and of events of unknown types.

        Looks at everything where somebody was erased since the last look, else at what came since; gives the bodies deleted.
        """
        async with self._ledger.transaction() as tx:
            seen = (await tx.rows(erasure.SEEN, name=_SWEEP))[0]
        if seen.last_erased is None:
            return 0
        looked = seen.watermark
        since = looked if looked is not None and seen.last_erased <= looked else None
        total = await self._letters(since, now) + await self._ignored(since, now)
        async with self._ledger.transaction() as tx:
            await tx.run(erasure.LOOKED, name=_SWEEP, watermark=now - _LATE, now=now)
        return total

    async def _letters(self, since: datetime | None, now: datetime) -> int:
        total, after = 0, 0
        while rows := await self._rows(letters.BODIES, after=after, since=since, n=_PAGE):
            async with self._ledger.transaction() as tx:
                ids = [(row.id,) for row in await self._naming(tx, rows)]
                await tx.run(letters.EMPTY, ids=ids)
                deeds = [Deed("duebell", "erase", f"dead_letter:{i}", "it names a person who was erased") for (i,) in ids]
                await audit.append(tx, self._vault, deeds, now)
            total, after = total + len(ids), rows[-1].id
        return total

    async def _ignored(self, since: datetime | None, now: datetime) -> int:
        total, after = 0, b""
        while rows := await self._rows(inbox.IGNORED_BODIES, after=after, since=since, n=_PAGE):
            async with self._ledger.transaction() as tx:
                hashes = [(row.hash,) for row in await self._naming(tx, rows)]
                await tx.run(inbox.EMPTY, h=hashes)
                deeds = [Deed("duebell", "erase", f"event:{h.hex()}", "it names a person who was erased") for (h,) in hashes]
                await audit.append(tx, self._vault, deeds, now)
            total, after = total + len(hashes), rows[-1].hash
        return total

    async def _rows(self, statement: Any, **values: Any) -> Sequence[Any]:
        async with self._ledger.transaction() as tx:
            return await tx.rows(statement, **values)

    async def _naming(self, tx: Transaction, rows: Iterable[Any]) -> list[Any]:
        """The rows whose bodies name somebody who is erased."""
        named = {row: self._people_in(row.payload) for row in rows}
        everyone = sorted({(party_id,) for people in named.values() for party_id in people})
        erased = {row.party_id for row in await tx.rows(erasure.ERASED, p=everyone)}
        return [row for row, people in named.items() if people & erased]

    def _people_in(self, payload: bytes) -> set[str]:
        try:
            return people_in(self._vault.decrypt(payload))
        except KeySettingError:
            return set()


def people_in(body: bytes) -> set[str]:
    """The ids of people that a body names, as far as they can be read; it need not be whole JSON."""
    text = body.decode(errors="replace")
    of_people = bool(_OF_PEOPLE.search(text))
    found = set()
    for key, quoted in _NAMES.findall(text):
        if key != "subject" or of_people:
            with suppress(ValueError):
                found.add(json.loads(quoted))
    return found
