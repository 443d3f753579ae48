"""Erasure: forgets people, in one transaction. Their rows stay as tombstones, so that no event brings them back.

What was said to collect and to announce a visit stays encrypted until its retention ends; so does the audit, and the hash
by which a number's suppressions are found.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from service.ledger import audit, consents
from service.ledger import parties as sql
from service.ledger.audit import Deed
from service.ledger.engine import Transaction
from service.ledger.notices import STEP, STOPPABLE
from service.ledger.outbox import Step
from service.ledger.statement import BYTES, INSTANT, TEXT, Rows, Statement
from service.parties import KEPT_FIELDS, effective_zone
from service.vault import Vault

_PARTIES = Rows(party_id=TEXT)
_HASHES = Rows(hash=BYTES)
#: Their notices: addressed to them, or to the borrower of a loan of theirs.
_THEIRS = """
    SELECT n.key, n.key_month, n.purpose FROM {p} JOIN notices n ON n.party_id = p.party_id
    UNION
    SELECT n.key, n.key_month, n.purpose FROM {p} JOIN loans l ON l.borrower_id = p.party_id
        JOIN notices n ON n.loan_id = l.loan_id AND n.party_id IS NULL
"""
_NOT_ON_RECORD = "theirs.purpose NOT IN ('collection', 'visit')"
#: Payloads that name them; what waits to be absorbed is left to intake, which absorbs it and then forgets it.
_NAMED = """
    SELECT i.hash FROM {h} JOIN inbox i ON i.party_hash = h.hash WHERE i.party_hash IS NOT NULL
    UNION
    SELECT i.hash FROM {h} JOIN inbox i ON i.other_party_hash = h.hash WHERE i.other_party_hash IS NOT NULL
"""

_FORGET = Statement(
    """
    UPDATE parties SET name = NULL, phone = NULL, email = NULL, phone_key = NULL, locale = NULL, timezone = NULL,
        zone = e.zone, set_by = e.set_by, erased_at = COALESCE(parties.erased_at, :now)
    FROM {e} WHERE parties.party_id = e.party_id
    """,
    e=Rows(party_id=TEXT, zone=TEXT, set_by=TEXT),
    now=INSTANT,
)
_END = Statement(
    f"""
    UPDATE notices SET state = 'suppressed', reason = 'erased', seq = notices.seq + 1 FROM ({_THEIRS}) AS theirs
    WHERE notices.key = theirs.key AND notices.key_month = theirs.key_month AND {STOPPABLE} {STEP}
    """,
    p=_PARTIES,
)
_EMPTY_CONTEXTS = Statement(
    f"""
    UPDATE notices SET context = NULL FROM ({_THEIRS}) AS theirs
    WHERE notices.key = theirs.key AND notices.key_month = theirs.key_month AND {_NOT_ON_RECORD} AND notices.context IS NOT NULL
    """,
    p=_PARTIES,
)
_EMPTY_TEXTS = Statement(
    f"""
    UPDATE attempts SET text = NULL FROM ({_THEIRS}) AS theirs
    WHERE attempts.key = theirs.key AND {_NOT_ON_RECORD} AND attempts.text IS NOT NULL
    """,
    p=_PARTIES,
)
_EMPTY_PAYLOADS = Statement(
    f"""
    UPDATE inbox SET payload = NULL FROM ({_NAMED}) AS named
    WHERE inbox.hash = named.hash AND inbox.state <> 'received' AND inbox.payload IS NOT NULL
    """,
    h=_HASHES,
)
#: The numbers that texts to them went to.
_NUMBERS = Statement(
    f"SELECT DISTINCT a.phone_key FROM ({_THEIRS}) AS theirs JOIN attempts a ON a.key = theirs.key WHERE a.phone_key IS NOT NULL",
    p=_PARTIES,
)
_NOBODY_ELSES = "NOT EXISTS (SELECT 1 FROM parties WHERE parties.phone_key = h.hash)"
#: The hash still suppresses the number; whoever else has the number keeps it.
_EMPTY_SUPPRESSIONS = Statement(
    f"UPDATE suppressions SET phone = NULL FROM {{h}} WHERE suppressions.phone_key = h.hash AND {_NOBODY_ELSES}", h=_HASHES
)
_EMPTY_REPLIES = Statement(
    f"UPDATE replies SET text = NULL FROM {{h}} WHERE replies.phone_key = h.hash AND replies.text IS NOT NULL AND {_NOBODY_ELSES}",
    h=_HASHES,
)

#: What is kept of a person, for whoever is about to erase them.
LOOK = Statement(
    f"""
    SELECT x.party_id, x.erased_at, x.phone IS NOT NULL AS has_phone,
        (SELECT count(*) FROM ({_THEIRS}) AS theirs JOIN notices w ON w.key = theirs.key AND w.key_month = theirs.key_month
            WHERE w.state IN ('planned', 'held', 'sending')) AS waiting,
        (SELECT count(*) FROM ({_THEIRS}) AS theirs JOIN attempts a ON a.key = theirs.key
            WHERE a.text IS NOT NULL AND {_NOT_ON_RECORD}) AS texts,
        (SELECT count(*) FROM ({_NAMED}) AS named JOIN inbox j ON j.hash = named.hash WHERE j.payload IS NOT NULL) AS payloads
    FROM {{p}} JOIN parties x ON x.party_id = p.party_id
    """,
    returns={"erased_at": INSTANT},
    p=_PARTIES,
    h=_HASHES,
)

#: Which of these people are erased.
ERASED = Statement(
    "SELECT x.party_id FROM {p} JOIN parties x ON x.party_id = p.party_id WHERE x.erased_at IS NOT NULL", p=_PARTIES
)

#: When somebody was erased last, and until when bodies that nobody could understand have been looked through.
SEEN = Statement(
    """
    SELECT (SELECT max(erased_at) FROM parties WHERE erased_at IS NOT NULL) AS last_erased,
        (SELECT watermark FROM sweeps WHERE name = :name) AS watermark
    """,
    returns={"last_erased": INSTANT, "watermark": INSTANT},
    name=TEXT,
)
LOOKED = Statement(
    """
    INSERT INTO sweeps (name, watermark, last_run) VALUES (:name, :watermark, :now)
    ON CONFLICT (name) DO UPDATE SET watermark = excluded.watermark, last_run = excluded.last_run
    """,
    name=TEXT,
    watermark=INSTANT,
    now=INSTANT,
)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: the notices it ended, and how many texts (replies, too) and payloads it deleted."""

    steps: list[Step]
    texts: int
    payloads: int


async def erase(tx: Transaction, vault: Vault, party_ids: Iterable[str], *, who: str, why: str, now: datetime) -> Erased:
    """Forgets people; once more is harmless, and forgets what came of them since. The caller records the steps.

    Everyone who was not erased before gets a row in the audit, under the hash of their id.
    """
    people = [(party_id,) for party_id in sorted(set(party_ids))]
    hashes = [(vault.keyed_hash(party_id),) for (party_id,) in people]
    await tx.run(sql.ADD, p=people, now=now)
    known = await tx.rows(sql.LOCK, p=people)
    await tx.run(_FORGET, e=[(row.party_id, *_left(row.set_by, row.jurisdiction)) for row in known], now=now)
    ended = sorted(await tx.rows(_END, p=people), key=lambda row: str(row.key))
    await tx.run(_EMPTY_CONTEXTS, p=people)
    texts = await tx.run(_EMPTY_TEXTS, p=people)
    payloads = await tx.run(_EMPTY_PAYLOADS, h=hashes)
    known_by = {(row.phone_key,) for row in (*known, *await tx.rows(_NUMBERS, p=people)) if row.phone_key is not None}
    await tx.run(_EMPTY_SUPPRESSIONS, h=sorted(known_by))
    texts += await tx.run(_EMPTY_REPLIES, h=sorted(known_by))
    await tx.run(consents.FORGET, p=people)
    new = [row.party_id for row in known if row.erased_at is None]
    await audit.append(tx, vault, [Deed(who, "erase", vault.keyed_hash(party_id).hex(), why) for party_id in new], now)
    return Erased([Step(r.key, r.loan_id, r.seq, r.state, r.reason, now) for r in ended], texts, payloads)


def _left(set_by: str, jurisdiction: str | None) -> tuple[str | None, str]:
    """The zone and the versions that are left of an erased person."""
    kept = {name: version for name, version in json.loads(set_by).items() if name in KEPT_FIELDS}
    return effective_zone(None, jurisdiction), json.dumps(kept, sort_keys=True)
