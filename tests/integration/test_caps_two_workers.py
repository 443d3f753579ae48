"""Caps under two workers on one PostgreSQL: whoever comes first, no counter is exceeded and no text is lost."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from service.ledger.statement import Statement
from service.notices import Lane
from service.rulebook import FOLDER
from service.vault import generated_keys, parse_keys
from tests.integration.rig import rows
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

pytestmark = pytest.mark.integration

START, DUE_ON = at("2026-06-19 12:00"), "2026-06-20"
PEOPLE, NUMBERS, LOANS = 8, 5, 120
CAPS = {
    "a day, by number": ("number", 7, "1 day"),
    "a day, by person": ("person", 4, "1 day"),
    "seven days, by person": ("person", 5, "7 days"),
    "hours, by number": ("number", 9, "20 hours"),
}
_SENT = """
    SELECT l.borrower_id, encode(p.phone_key, 'hex') FROM notices n JOIN loans l ON l.loan_id = n.loan_id
    JOIN parties p ON p.party_id = l.borrower_id WHERE n.state = 'sent' AND n.stage = 'due_today_evening'
"""
_WITHOUT_RULE = """
    SELECT count(*) FROM notices n WHERE state = 'held' AND stage = 'due_today_evening' AND NOT EXISTS (
        SELECT 1 FROM outbox o WHERE o.key = n.key AND o.state = 'held' AND starts_with(o.rule, 'x-'))
"""


def _rules(folder: Path, names: tuple[str, ...]) -> Path:
    """China's windows, and these caps."""
    text = (FOLDER / "cn.yaml").read_text("utf-8").partition("  - id: cn-cap-1")[0]
    for number, name in enumerate(names):
        per, limit, within = CAPS[name]
        cap = f"version: 1, kind: cap, purposes: [reminder], limit: {limit}, within: {within}, per: {per}"
        text += f"  - {{id: x-{number}, {cap}, source: s}}\n"
    for jurisdiction in ("cn", "other"):
        (folder / f"{jurisdiction}.yaml").write_text(text.replace("jurisdiction: cn", f"jurisdiction: {jurisdiction}"), "utf-8")
    return folder


async def _work(world: Virtual, seed: int) -> None:
    """Hands over what is ready, in steps that meet the other worker's at any place."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    claimed = 1
    while claimed:
        claimed = await world.engine.delivery.step(Lane.BULK)
        await asyncio.sleep(chance.random() / 200)


@pytest.mark.parametrize("names", [*((name,) for name in CAPS), tuple(CAPS)], ids=[*CAPS, "all of them"])
async def test_no_cap_is_exceeded(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """Many loans of few people who share numbers, due at once: each cap is reached and none is exceeded."""
    monkeypatch.setattr("service.delivery.MOST", 7)
    rules, vault = _rules(tmp_path, names), parse_keys(generated_keys())
    async with AsyncExitStack() as stack:
        worlds = []
        for empty in (True, False):
            opening = opened(START, url=postgres_url, vault=vault, empty=empty, rules=rules)
            worlds.append(await stack.enter_async_context(opening))
        first = worlds[0]
        lenders = [Lender(f"L-{i}", f"+861380013800{i % PEOPLE % NUMBERS}", party_id=f"B-{i % PEOPLE}") for i in range(LOANS)]
        await first.absorb(*(lender.disbursed(START, (1, DUE_ON, "10.00")) for lender in lenders))
        await first.run(Statement("UPDATE notices SET state = 'cancelled', reason = 'by_operator'"))
        for world in worlds:
            world.go(at(f"{DUE_ON} 17:30"))
        await first.plan()
        await first.engine.settling.expire(first.clock.at)
        await asyncio.gather(*(_work(world, seed) for seed, world in enumerate(worlds)))
    sent = rows(postgres_url, _SENT)
    counts = {"person": Counter(person for person, _ in sent), "number": Counter(number for _, number in sent)}
    for name in names:
        per, limit, _ = CAPS[name]
        assert max(counts[per].values()) <= limit, name
    assert any(max(counts[CAPS[name][0]].values()) == CAPS[name][1] for name in names)
    states = dict(rows(postgres_url, "SELECT state, count(*) FROM notices WHERE stage = 'due_today_evening' GROUP BY 1"))
    assert set(states) == {"sent", "held"}
    assert sum(states.values()) == LOANS
    assert rows(postgres_url, _WITHOUT_RULE) == [(0,)]
