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

_COLUMNS = "id, type, field, reason, size, origin, state, times, first_seen, last_seen"
_SEEN = {"first_seen": INSTANT, "last_seen": INSTANT}

#: The oldest first; a state that is none takes all.
LIST = Statement(
    f"SELECT {_COLUMNS} FROM dead_letters WHERE (:state IS NULL OR state = :state) AND id > :after ORDER BY id LIMIT :n",
    returns=_SEEN,
    state=TEXT,
    after=INT,
    n=INT,
)
BY_ID = Statement(
    f"SELECT {_COLUMNS}, hash, payload FROM {{ids}} JOIN dead_letters ON id = ids.letter ORDER BY id",
    returns=_SEEN,
    ids=Rows(letter=INT),
)
#: Ends letters that are open; gives their ids.
END = Statement(
    "UPDATE dead_letters SET state = :state FROM {ids} WHERE id = ids.letter AND state = 'open' RETURNING id",
    ids=Rows(letter=INT),
    state=TEXT,
)
#: Bodies of letters, from the one after an id; `since` is when they came at the earliest.
BODIES = Statement(
    """
    SELECT id, payload FROM dead_letters WHERE id > :after AND payload IS NOT NULL AND (:since IS NULL OR last_seen > :since)
    ORDER BY id LIMIT :n
    """,
    after=INT,
    since=INSTANT,
    n=INT,
)
#: Deletes bodies; a letter without one cannot be replayed, so that an open one ends.
EMPTY = Statement(
    """
    UPDATE dead_letters SET payload = NULL, state = CASE WHEN dead_letters.state = 'open' THEN 'discarded' ELSE dead_letters.state END
    FROM {ids} WHERE dead_letters.id = ids.letter
    """,
    ids=Rows(letter=INT),
)
