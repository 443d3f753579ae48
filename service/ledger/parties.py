"""Parties: read under lock, written back where they changed."""

from service.ledger.statement import BYTES, INSTANT, TEXT, Rows, Statement

#: Makes sure each party has a row; ids sorted.
ADD = Statement(
    "INSERT INTO parties (party_id, created_at) SELECT p.party_id, :now FROM {p} {where_true} ON CONFLICT DO NOTHING",
    p=Rows(party_id=TEXT),
    now=INSTANT,
)

LOCK = Statement(
    """
    SELECT parties.party_id, phone, phone_key, timezone, jurisdiction, zone, set_by, erased_at, name, email, locale
    FROM parties JOIN {p} ON parties.party_id = p.party_id ORDER BY parties.party_id {for_update}
    """,
    returns={"erased_at": INSTANT},
    p=Rows(party_id=TEXT),
)

SAVE = Statement(
    """
    UPDATE parties SET name = p.name, phone = p.phone, phone_key = p.phone_key, email = p.email, locale = p.locale,
        timezone = p.timezone, jurisdiction = p.jurisdiction, zone = p.zone, set_by = p.set_by
    FROM {p} WHERE parties.party_id = p.party_id
    """,
    p=Rows(
        party_id=TEXT, name=BYTES, phone=BYTES, phone_key=BYTES, email=BYTES, locale=TEXT, timezone=TEXT, jurisdiction=TEXT,
        zone=TEXT, set_by=TEXT,
    ),
)  # fmt: skip
