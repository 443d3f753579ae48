"""Reads parties under lock, folds what a batch says of them, encrypts and writes back what changed."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from service.facts import PartyFact
from service.ledger import parties as sql
from service.ledger.engine import Transaction
from service.parties import PartyHistory, effective_zone
from service.vault import Vault

_SEALED = ("name", "phone", "email")


async def absorb(tx: Transaction, vault: Vault, facts: Iterable[PartyFact], now: datetime) -> set[str]:
    """Folds the facts into the parties' rows, locked in order of their ids; gives those whose phone number became known."""
    said: dict[str, list[PartyFact]] = {}
    for fact in facts:
        said.setdefault(fact.party_id, []).append(fact)
    if not said:
        return set()
    ids = [(party_id,) for party_id in sorted(said)]
    await tx.run(sql.ADD, p=ids, now=now)
    changed, reachable = [], set()
    for row in await tx.rows(sql.LOCK, p=ids):
        history = PartyHistory(row.party_id, json.loads(row.set_by))
        history.absorb(said[row.party_id])
        if history.said and row.erased_at is None:
            changed.append(_row(row, history, vault))
            if "phone" in history.said:
                reachable.add(row.party_id)
    if changed:
        await tx.run(sql.SAVE, p=changed)
    return reachable


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
