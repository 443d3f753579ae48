"""Parties: reads parties under lock, folds what a batch says of them, encrypts and writes back what changed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.facts import ConsentStated, PartyErased, PartyFact
from service.ledger import consents, orders
from service.ledger import parties as sql
from service.ledger.engine import Transaction
from service.parties import FIELDS, KEPT_FIELDS, PartyHistory, effective_zone
from service.vault import Vault

#: What an event may say of a person.
PersonFact = PartyFact | ConsentStated | PartyErased
_SEALED = ("name", "phone", "email")
_PHONE_KEY = 3  #: place in the rows of SAVE


@dataclass(frozen=True, slots=True)
class Told:
    """Parties by what a batch did to them: their phone number became known; they are erased, by it or before it."""

    reachable: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)


async def absorb(tx: Transaction, vault: Vault, facts: Sequence[PersonFact], now: datetime) -> Told:
    """Folds the facts into the parties' rows, locked in order of their ids.

    Nothing but the jurisdiction is taken in of people who are erased; what was known of them `erasure.erase` deletes.
    """
    if not facts:
        return Told()
    said: dict[str, list[PartyFact]] = {fact.party_id: [] for fact in facts}
    for fact in facts:
        if isinstance(fact, PartyFact):
            said[fact.party_id].append(fact)
    ids = [(party_id,) for party_id in sorted(said)]
    await tx.run(sql.ADD, p=ids, now=now)
    changed, told, numbers_change = [], Told(erased={fact.party_id for fact in facts if isinstance(fact, PartyErased)}), False
    for row in await tx.rows(sql.LOCK, p=ids):
        if row.erased_at is not None:
            told.erased.add(row.party_id)
        history = PartyHistory(row.party_id, json.loads(row.set_by))
        history.absorb(said[row.party_id], KEPT_FIELDS if row.party_id in told.erased else FIELDS)
        if history.said:
            changed.append(_row(row, history, vault))
            if "phone" in history.said:
                told.reachable.add(row.party_id)
                numbers_change |= row.phone_key not in {None, changed[-1][_PHONE_KEY]}
    if numbers_change:
        await tx.run(orders.FORBID)
    if changed:
        await tx.run(sql.SAVE, p=changed)
    await _save_consents(tx, (fact for fact in facts if fact.party_id not in told.erased))
    return told


async def _save_consents(tx: Transaction, facts: Iterable[PersonFact]) -> None:
    """Writes the newest word of each person on each purpose."""
    stated = sorted((fact for fact in facts if isinstance(fact, ConsentStated)), key=lambda fact: fact.version)
    newest = {(fact.party_id, fact.purpose): fact for fact in stated}
    if newest:
        rows = [(*key, newest[key].granted, newest[key].evidence, newest[key].version) for key in sorted(newest)]
        await tx.run(consents.SAVE, c=rows)


def _row(old: Any, history: PartyHistory, vault: Vault) -> tuple[Any, ...]:
    said: Mapping[str, str] = history.said
    sealed = {name: vault.encrypt(said[name]) if name in said else getattr(old, name) for name in _SEALED}
    clear = {name: said.get(name, getattr(old, name)) for name in ("locale", "timezone", "jurisdiction")}
    phone_key = vault.keyed_hash(said["phone"]) if "phone" in said else old.phone_key
    zone = effective_zone(clear["timezone"], clear["jurisdiction"])
    return (
        old.party_id, sealed["name"], sealed["phone"], phone_key, sealed["email"], clear["locale"], clear["timezone"],
        clear["jurisdiction"], zone, json.dumps(history.set_by, sort_keys=True),
    )  # fmt: skip
