"""Replies: what people write back, each once for ever, and whose numbers these are."""

from service.ledger.statement import BYTES, INSTANT, INT, TEXT, Rows, Statement

#: Takes replies in; gives those that are new.
TAKE = Statement(
    """
    INSERT INTO replies (hash, sender, phone_key, text, meaning, at, received_at)
    SELECT r.hash, :sender, r.phone_key, r.text, r.meaning, r.at, :now FROM {r} {where_true}
    ON CONFLICT DO NOTHING RETURNING hash
    """,
    r=Rows(hash=BYTES, phone_key=BYTES, text=BYTES, meaning=TEXT, at=INSTANT),
    sender=TEXT,
    now=INSTANT,
)

#: The newest replies first; each filter that is none takes everything.
LIST = Statement(
    """
    SELECT r.at, r.received_at, r.sender, r.meaning, r.text, r.phone_key,
        (SELECT min(p.party_id) FROM parties p WHERE p.phone_key = r.phone_key) AS party_id
    FROM replies r WHERE (:meaning IS NULL OR r.meaning = :meaning) AND (:party IS NULL OR r.phone_key = (
        SELECT p.phone_key FROM parties p WHERE p.party_id = :party))
    ORDER BY r.received_at DESC, r.hash LIMIT :n
    """,
    returns={"at": INSTANT, "received_at": INSTANT},
    meaning=TEXT,
    party=TEXT,
    n=INT,
)

#: The people these numbers belong to.
WHOSE = Statement(
    """
    SELECT parties.phone_key, parties.party_id, parties.jurisdiction, parties.zone
    FROM parties JOIN {k} ON parties.phone_key = k.phone_key ORDER BY parties.party_id
    """,
    k=Rows(phone_key=BYTES),
)

#: Those of these numbers that are suppressed for anything.
STILL_SUPPRESSED = Statement(
    "SELECT DISTINCT suppressions.phone_key FROM suppressions JOIN {k} ON suppressions.phone_key = k.phone_key",
    k=Rows(phone_key=BYTES),
)
