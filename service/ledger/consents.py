"""Consents: what a person agreed to be told of; the newest word on each purpose counts."""

from service.ledger.statement import BOOL, TEXT, Rows, Statement

SAVE = Statement(
    """
    INSERT INTO consents (party_id, purpose, granted, evidence, set_by)
    SELECT c.party_id, c.purpose, c.granted, c.evidence, c.set_by FROM {c} {where_true}
    ON CONFLICT (party_id, purpose) DO UPDATE SET granted = excluded.granted, evidence = excluded.evidence, set_by = excluded.set_by
    WHERE excluded.set_by > consents.set_by
    """,
    c=Rows(party_id=TEXT, purpose=TEXT, granted=BOOL, evidence=TEXT, set_by=TEXT),
)

FORGET = Statement("DELETE FROM consents WHERE party_id IN (SELECT p.party_id FROM {p})", p=Rows(party_id=TEXT))
