"""Suppressions: numbers that asked not to be told, and the notices that this ends."""

from service.ledger.notices import STEP, STOPPABLE
from service.ledger.statement import BYTES, INSTANT, TEXT, Statement

ADD = Statement(
    """
    INSERT INTO suppressions (phone_key, purpose, phone, evidence, since) VALUES (:phone_key, :purpose, :phone, :evidence, :now)
    ON CONFLICT (phone_key, purpose) DO UPDATE SET evidence = excluded.evidence
    """,
    phone_key=BYTES,
    purpose=TEXT,
    phone=BYTES,
    evidence=TEXT,
    now=INSTANT,
)

REMOVE = Statement(
    "DELETE FROM suppressions WHERE phone_key = :phone_key AND purpose = :purpose", phone_key=BYTES, purpose=TEXT
)

#: Ends what waits for a number: of one purpose, or of all (`*`); never a security notice.
END_WAITING = Statement(
    f"""
    UPDATE notices SET state = 'suppressed', reason = 'opted_out', seq = notices.seq + 1
    WHERE {STOPPABLE} AND notices.purpose <> 'security' AND (:purpose = '*' OR notices.purpose = :purpose) AND (
        notices.party_id IN (SELECT party_id FROM parties WHERE phone_key = :phone_key)
        OR notices.party_id IS NULL AND notices.loan_id IN (
            SELECT loans.loan_id FROM loans JOIN parties ON parties.party_id = loans.borrower_id
            WHERE parties.phone_key = :phone_key))
    {STEP}
    """,
    phone_key=BYTES,
    purpose=TEXT,
)
