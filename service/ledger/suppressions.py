"""Suppressions: numbers that asked not to be told, and the notices that this ends."""

from service.ledger.notices import STEP, STOPPABLE
from service.ledger.statement import BYTES, INSTANT, TEXT, Rows, Statement

_NEW = Rows(phone_key=BYTES, purpose=TEXT, phone=BYTES, evidence=TEXT)

#: An operator's word; what a reply had suppressed is the operator's from now on.
ADD = Statement(
    """
    INSERT INTO suppressions (phone_key, purpose, phone, evidence, origin, since)
    SELECT s.phone_key, s.purpose, s.phone, s.evidence, 'operator', :now FROM {s} {where_true}
    ON CONFLICT (phone_key, purpose) DO UPDATE SET evidence = excluded.evidence, origin = excluded.origin
    """,
    s=_NEW,
    now=INSTANT,
)

#: The person's own word; gives what was not suppressed before. One of two that come at once finds the other's there.
OPT_OUT = Statement(
    """
    INSERT INTO suppressions (phone_key, purpose, phone, evidence, origin, since)
    SELECT s.phone_key, s.purpose, s.phone, s.evidence, 'reply', :now FROM {s} {where_true}
    ON CONFLICT (phone_key, purpose) DO NOTHING RETURNING phone_key, purpose
    """,
    s=_NEW,
    now=INSTANT,
)

#: Takes back one purpose, or everything (`*`).
REMOVE = Statement(
    "DELETE FROM suppressions WHERE phone_key = :phone_key AND (:purpose = '*' OR purpose = :purpose)",
    phone_key=BYTES,
    purpose=TEXT,
)

#: Takes back what these numbers had asked for themselves; gives it.
OPT_IN = Statement(
    """
    DELETE FROM suppressions WHERE origin = 'reply' AND phone_key IN (SELECT k.phone_key FROM {k}) RETURNING phone_key, purpose
    """,
    k=Rows(phone_key=BYTES),
)

#: Ends what waits for these numbers: of one purpose, or of all (`*`); never a security notice, nor an answer to the number.
END_WAITING = Statement(
    f"""
    UPDATE notices SET state = 'suppressed', reason = 'opted_out', seq = notices.seq + 1
    FROM (
        SELECT n.key, n.key_month FROM {{s}} JOIN parties p ON p.phone_key = s.phone_key
            JOIN notices n ON n.party_id = p.party_id AND s.purpose IN (n.purpose, '*')
        UNION
        SELECT n.key, n.key_month FROM {{s}} JOIN parties p ON p.phone_key = s.phone_key
            JOIN loans l ON l.borrower_id = p.party_id
            JOIN notices n ON n.loan_id = l.loan_id AND n.party_id IS NULL AND s.purpose IN (n.purpose, '*')
    ) AS theirs
    WHERE notices.key = theirs.key AND notices.key_month = theirs.key_month AND {STOPPABLE}
    AND notices.purpose <> 'security' AND notices.only_to IS NULL
    {STEP}
    """,
    s=Rows(phone_key=BYTES, purpose=TEXT),
)
