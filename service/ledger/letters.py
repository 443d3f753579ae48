"""Dead letters: what could not be understood or absorbed."""

from service.ledger.statement import BYTES, INSTANT, INT, TEXT, Rows, Statement

#: One row per body; the same body again is counted.
BURY = Statement(
    """
    INSERT INTO dead_letters (hash, event_hash, type, field, reason, size, payload, origin, state, times, first_seen, last_seen)
    SELECT d.hash, d.event_hash, d.type, d.field, d.reason, d.size, d.payload, d.origin, 'open', 1, :now, :now FROM {d} {where_true}
    ON CONFLICT (hash) DO UPDATE SET
        times = dead_letters.times + 1, last_seen = excluded.last_seen, field = excluded.field, reason = excluded.reason,
        state = CASE WHEN dead_letters.state = 'discarded' THEN 'discarded' ELSE 'open' END
    """,
    d=Rows(hash=BYTES, event_hash=BYTES, type=TEXT, field=TEXT, reason=TEXT, size=INT, payload=BYTES, origin=TEXT),
    now=INSTANT,
)
