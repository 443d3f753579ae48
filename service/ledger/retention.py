"""What retention deletes, a page at a time: values, texts, steps, payloads, bodies of dead letters, counters.

Keys and hashes stay for ever: once means once. Each walk keeps how far it has come in `sweeps`, under the lock of its row, so
that two processes never walk the same page.
"""

from service.ledger.statement import DATE, INSTANT, INT, TEXT, Rows, Statement

ADD = Statement("INSERT INTO sweeps (name) VALUES (:name) ON CONFLICT DO NOTHING", name=TEXT)
#: How far a walk has come, unless another process is on it.
PLACE = Statement(
    "SELECT place, watermark FROM sweeps WHERE name = :name {skip_locked}", returns={"watermark": INSTANT}, name=TEXT
)
MOVE = Statement(
    "UPDATE sweeps SET place = :place, watermark = :watermark, last_run = :now WHERE name = :name",
    name=TEXT,
    place=INT,
    watermark=INSTANT,
    now=INSTANT,
)

_JURISDICTION = "COALESCE(p.jurisdiction, 'cn') AS jurisdiction"
_KEYS = Rows(key=TEXT, month=INT)

#: The next steps, in the order in which they were written.
STEPS = Statement(
    "SELECT id, at, published_at IS NULL AS waits FROM outbox WHERE id > :after ORDER BY id LIMIT :n",
    returns={"at": INSTANT},
    after=INT,
    n=INT,
)
#: The notices of these steps that have ended, each once for each step, with what the rules go by.
ENDED = Statement(
    f"""
    SELECT n.key, n.key_month, n.purpose, {_JURISDICTION} FROM outbox o JOIN notices n ON n.key = o.key
    LEFT JOIN loans l ON l.loan_id = n.loan_id
    LEFT JOIN parties p ON p.party_id = COALESCE(n.party_id, l.borrower_id)
    WHERE o.id > :after AND o.id <= :until AND n.state NOT IN ('planned', 'held', 'sending')
    """,
    after=INT,
    until=INT,
)
EMPTY_CONTEXTS = Statement(
    """
    UPDATE notices SET context = NULL FROM {k}
    WHERE notices.key = k.key AND notices.key_month = k.month AND notices.context IS NOT NULL
    """,
    k=_KEYS,
)
EMPTY_TEXTS = Statement(
    "UPDATE attempts SET text = NULL FROM {k} WHERE attempts.key = k.key AND attempts.at <= :before AND attempts.text IS NOT NULL",
    k=_KEYS,
    before=INSTANT,
)
DROP_STEPS = Statement(
    "DELETE FROM outbox WHERE key IN (SELECT k.key FROM {k}) AND id <= :until",
    k=_KEYS,
    until=INT,
)
#: Alerts and what else is of no notice.
DROP_OTHERS = Statement("DELETE FROM outbox WHERE id > :after AND id <= :until AND key IS NULL", after=INT, until=INT)

#: The end of the next page of payloads; none: there is no more. Events that came at one instant stand on one page.
PAYLOADS_END = Statement(
    """
    SELECT max(page.received_at) AS received_at FROM (
        SELECT received_at FROM inbox WHERE payload IS NOT NULL AND received_at > :after AND received_at <= :before
        ORDER BY received_at LIMIT :n) AS page
    """,
    returns={"received_at": INSTANT},
    after=INSTANT,
    before=INSTANT,
    n=INT,
)
PAYLOADS = Statement(
    f"""
    SELECT i.hash, {_JURISDICTION}
    FROM inbox i LEFT JOIN loans l ON l.loan_id = i.loan_id LEFT JOIN parties p ON p.party_id = l.borrower_id
    WHERE i.payload IS NOT NULL AND i.state <> 'received' AND i.received_at > :after AND i.received_at <= :until
    """,
    after=INSTANT,
    until=INSTANT,
)

#: The oldest bodies of dead letters; a letter without one cannot be replayed.
OLD_BODIES = Statement(
    "SELECT id FROM dead_letters WHERE payload IS NOT NULL AND last_seen <= :before ORDER BY last_seen, id LIMIT :n",
    before=INSTANT,
    n=INT,
)
EMPTY_REPLIES = Statement(
    """
    UPDATE replies SET text = NULL WHERE hash IN (
        SELECT old.hash FROM replies old WHERE old.text IS NOT NULL AND old.received_at <= :before
        ORDER BY old.received_at, old.hash LIMIT :n)
    """,
    before=INSTANT,
    n=INT,
)
DROP_TIMES = Statement(
    """
    DELETE FROM contact_times WHERE (counter, at, attempt) IN (
        SELECT old.counter, old.at, old.attempt FROM contact_times old WHERE old.at < :before ORDER BY old.at LIMIT :n)
    """,
    before=INSTANT,
    n=INT,
)
#: Counters of old days, and the rows by which spans were locked that have nothing to count any more.
DROP_COUNTERS = Statement(
    """
    DELETE FROM contacts WHERE (counter, day) IN (
        SELECT old.counter, old.day FROM contacts old WHERE old.day < :day
        AND (old.day > :of_spans OR NOT EXISTS (SELECT 1 FROM contact_times t WHERE t.counter = old.counter))
        ORDER BY old.day LIMIT :n)
    """,
    day=DATE,
    of_spans=DATE,
    n=INT,
)
