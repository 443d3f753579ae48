"""The inbox: every event once, for ever."""

from service.ledger.statement import BYTES, INSTANT, INT, TEXT, Rows, Statement

_EVENT = Rows(
    hash=BYTES, state=TEXT, payload_hash=BYTES, payload=BYTES, party_hash=BYTES, other_party_hash=BYTES, type=TEXT, loan_id=TEXT,
    event_time=INSTANT,
)  # fmt: skip

#: Takes events in; gives the hashes of those that are new, or were only ignored, dead or received so far. A broken body
#: never takes the place of an event that waits under the same source and id.
TAKE = Statement(
    """
    INSERT INTO inbox (
        hash, state, payload_hash, payload, party_hash, other_party_hash, type, loan_id, event_time, received_at, absorbed_at)
    SELECT e.hash, e.state, e.payload_hash, e.payload, e.party_hash, e.other_party_hash, e.type, e.loan_id, e.event_time, :now, :now
    FROM {e} {where_true}
    ON CONFLICT (hash) DO UPDATE SET
        state = excluded.state, payload_hash = excluded.payload_hash, payload = excluded.payload,
        party_hash = excluded.party_hash, other_party_hash = excluded.other_party_hash, type = excluded.type,
        loan_id = excluded.loan_id, event_time = excluded.event_time, absorbed_at = excluded.absorbed_at
    WHERE inbox.state IN ('received', 'ignored', 'dead')
        AND (excluded.state <> 'dead' OR inbox.state = 'dead' OR inbox.payload_hash = excluded.payload_hash)
    RETURNING hash
    """,
    e=_EVENT,
    now=INSTANT,
)

#: Puts events aside to be absorbed later (HTTP and embedded publish); gives the hashes of those that are new.
RECEIVE = Statement(
    """
    INSERT INTO inbox (hash, state, payload_hash, payload, party_hash, other_party_hash, type, loan_id, event_time, received_at)
    SELECT e.hash, 'received', e.payload_hash, e.payload, e.party_hash, e.other_party_hash, e.type, e.loan_id, e.event_time, :now
    FROM {e} {where_true}
    ON CONFLICT (hash) DO UPDATE SET state = 'received', payload = excluded.payload, payload_hash = excluded.payload_hash
    WHERE inbox.state IN ('ignored', 'dead')
    RETURNING hash
    """,
    e=_EVENT,
    now=INSTANT,
)

#: Of events that were not new: those whose payload hash differs from what was first taken.
DIFFERING = Statement(
    """
    SELECT inbox.hash, inbox.payload, inbox.type FROM inbox JOIN {seen} ON inbox.hash = seen.hash
    WHERE inbox.payload_hash <> seen.payload_hash
    """,
    seen=Rows(hash=BYTES, payload_hash=BYTES),
)

#: The oldest events put aside of the kinds that have a queue of their own on a broker (service/broker.py).
URGENT = Statement(
    """
    SELECT hash, payload FROM inbox WHERE state = 'received' AND (type LIKE 'loan.operation.%' OR type LIKE 'loan.security.%')
    ORDER BY received_at, hash LIMIT :n
    """,
    n=INT,
)

#: The oldest events put aside.
RECEIVED = Statement(
    """
    SELECT hash, payload FROM inbox WHERE state = 'received' ORDER BY received_at, hash LIMIT :n
    """,
    n=INT,
)

#: Events of types that were unknown when they came, for a version that may know them.
IGNORED = Statement(
    "SELECT hash, payload FROM inbox JOIN {known} ON inbox.type = known.type "
    "WHERE state = 'ignored' AND payload IS NOT NULL ORDER BY hash LIMIT :n",
    known=Rows(type=TEXT),
    n=INT,
)

_SPOILT = Rows(hash=BYTES, reason=TEXT)

#: Rows that wait and cannot be read any more: a dead letter each, with the payload as it is, still encrypted.
BURY_SPOILT = Statement(
    """
    INSERT INTO dead_letters (hash, event_hash, type, field, reason, size, payload, origin, state, times, first_seen, last_seen)
    SELECT inbox.payload_hash, inbox.hash, inbox.type, 'body', s.reason, COALESCE(length(inbox.payload), 0), inbox.payload,
        'inbox', 'open', 1, :now, :now
    FROM inbox JOIN {s} ON inbox.hash = s.hash WHERE inbox.state IN ('received', 'ignored')
    ON CONFLICT (hash) DO UPDATE SET
        times = dead_letters.times + 1, last_seen = excluded.last_seen, field = excluded.field, reason = excluded.reason,
        state = 'open'
    """,
    s=_SPOILT,
    now=INSTANT,
)

#: … and nobody waits for them.
SPOIL = Statement(
    """
    UPDATE inbox SET state = 'dead', payload = NULL, absorbed_at = :now FROM {s}
    WHERE inbox.hash = s.hash AND inbox.state IN ('received', 'ignored')
    """,
    s=_SPOILT,
    now=INSTANT,
)

#: Bodies of events of unknown types, from the one after a hash; `since` is when they came at the earliest.
IGNORED_BODIES = Statement(
    """
    SELECT hash, payload FROM inbox
    WHERE state = 'ignored' AND hash > :after AND payload IS NOT NULL AND (:since IS NULL OR absorbed_at > :since)
    ORDER BY hash LIMIT :n
    """,
    after=BYTES,
    since=INSTANT,
    n=INT,
)
EMPTY = Statement("UPDATE inbox SET payload = NULL FROM {h} WHERE inbox.hash = h.hash", h=Rows(hash=BYTES))
