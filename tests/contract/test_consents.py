"""What people agreed to: the newest word of each person on each purpose, until they are forgotten."""

from collections.abc import AsyncIterator

import pytest

from service.ledger import claims
from service.ledger.statement import Statement
from tests.lender import Lender, at
from tests.virtual import Virtual, opened

NOON = at("2026-06-19 12:00")
_CONSENTS = Statement("SELECT party_id, purpose, granted, evidence FROM consents ORDER BY purpose")
_SELL = Statement("UPDATE notices SET purpose = 'marketing'")


@pytest.fixture
async def world(any_database_url: str) -> AsyncIterator[Virtual]:
    """An engine on either database."""
    async with opened(NOON, url=any_database_url) as engine:
        yield engine


def consent(lender: Lender, hour: int, *, granted: bool, purpose: str = "marketing") -> bytes:
    """A word on a purpose at an hour of the first of June."""
    time = at(f"2026-06-01 {hour:02d}:00")
    return lender.about_party("party.consent_changed", time, purpose=purpose, granted=granted, evidence_id=f"C-{hour}")


async def told(world: Virtual) -> list[tuple[str, bool, str]]:
    """What is known."""
    return [(row.purpose, bool(row.granted), row.evidence) for row in await world.rows(_CONSENTS)]


async def test_the_newest_word_counts_whatever_comes_last(world: Virtual) -> None:
    """In one batch and in several, each purpose by itself; the person need not be known otherwise."""
    lender = Lender(phone=None)
    await world.absorb(consent(lender, 12, granted=False), consent(lender, 10, granted=True))
    await world.absorb(consent(lender, 11, granted=True), consent(lender, 9, granted=True, purpose="visit"))
    assert await told(world) == [("marketing", False, "C-12"), ("visit", True, "C-9")]


async def test_consent_comes_before_the_number(world: Virtual) -> None:
    """It is the person's, and holds when the number is learnt: delivery sees it."""
    lender = Lender(phone=None)
    await world.absorb(consent(lender, 9, granted=True), lender.submitted(NOON, borrower=lender.borrower))
    await world.run(_SELL)
    (notice,) = await world.notices()
    (row,) = await world.rows(claims.DETAILS, c=[(notice.key, 202606)], now=NOON)
    assert row.consented
    await world.absorb(consent(lender, 10, granted=False), lender.party(NOON, phone="+8613800138000"))
    (row,) = await world.rows(claims.DETAILS, c=[(notice.key, 202606)], now=NOON)
    assert not row.consented


async def test_who_is_forgotten_agreed_to_nothing(world: Virtual) -> None:
    """What was agreed goes with the person, and nothing that comes late or later brings it back."""
    lender = Lender()
    await world.absorb(lender.party(NOON, phone="+8613800138000"), consent(lender, 9, granted=True))
    await world.absorb(lender.about_party("party.erased", NOON), consent(lender, 10, granted=True))
    await world.absorb(consent(lender, 11, granted=True))
    assert await told(world) == []


async def test_what_somebody_wrote_is_forgotten_with_them(world: Virtual) -> None:
    """Their replies lose the text, unless somebody else has the number; the opt-out itself stays."""
    first, second = Lender("L-1"), Lender("L-2")
    await world.absorb(*(each.party(NOON, phone="+8613800138000") for each in (first, second)))
    await world.reply("退订")
    texts = Statement("SELECT text FROM replies")
    for lender, is_left in ((first, True), (second, False)):
        await world.absorb(lender.about_party("party.erased", NOON))
        assert [row.text is not None for row in await world.rows(texts)] == [is_left]
    assert len(await world.rows(Statement("SELECT purpose FROM suppressions"))) == 5
