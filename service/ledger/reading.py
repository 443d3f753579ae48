"""What people ask: notices, a loan's timeline, queues."""

from service.ledger.statement import DATE, INSTANT, INT, TEXT, Rows, Statement

_NOTICE = {
    "moment": INSTANT, "not_before": INSTANT, "expires_at": INSTANT, "sent_at": INSTANT, "handed_at": INSTANT, "decided_at": INSTANT,
    "created_at": INSTANT,
}  # fmt: skip

#: Notices in order of their moment; each filter that is none takes everything.
NOTICES = Statement(
    """
    SELECT n.key, n.key_month, n.loan_id, n.template, n.channel, n.purpose, n.lane, n.state, n.reason, n.role, n.moment, n.not_before,
        n.expires_at, n.sent_at, n.handed_at, n.created_at, n.seq, n.sender, n.caused_by, n.kind, n.ref, n.head,
        COALESCE(n.party_id, (SELECT l.borrower_id FROM loans l WHERE l.loan_id = n.loan_id)) AS party_id,
        (SELECT max(o.at) FROM outbox o WHERE o.key = n.key) AS decided_at,
        (SELECT o.rule FROM outbox o WHERE o.key = n.key AND o.rule IS NOT NULL ORDER BY o.id DESC LIMIT 1) AS rule
    FROM notices n
    WHERE (:loan IS NULL OR n.loan_id = :loan) AND (:state IS NULL OR n.state = :state) AND (:key IS NULL OR n.key = :key)
    ORDER BY n.not_before, n.key LIMIT :n
    """,
    returns=_NOTICE,
    loan=TEXT,
    state=TEXT,
    key=TEXT,
    n=INT,
)

#: The text of each notice as it was last handed over.
LAST_TEXTS = Statement(
    """
    SELECT a.key, a.text, a.segments FROM {k} JOIN attempts a ON a.key = k.key
    WHERE a.at = (SELECT max(b.at) FROM attempts b WHERE b.key = a.key)
    """,
    k=Rows(key=TEXT),
)

STEPS = Statement(
    """
    SELECT id, type, key, seq, state, reason, rule, data, at FROM outbox WHERE loan_id = :loan ORDER BY at, id
    """,
    returns={"at": INSTANT},
    loan=TEXT,
)
#: Why notices were held on their way, in order.
HELD = Statement("SELECT key, reason, at FROM outbox WHERE state = 'held' ORDER BY id", returns={"at": INSTANT})
#: What ops and upstream were told that is not about a notice.
WORDS = Statement("SELECT type, loan_id, data, at FROM outbox WHERE data IS NOT NULL ORDER BY id", returns={"at": INSTANT})
STEPS_OF_NOTICE = Statement(
    "SELECT state, reason, rule, at FROM outbox WHERE key = :key AND state IS NOT NULL ORDER BY id",
    returns={"at": INSTANT},
    key=TEXT,
)
ATTEMPTS_OF_NOTICE = Statement(
    "SELECT sender, at, outcome, code FROM attempts WHERE key = :key ORDER BY at, id", returns={"at": INSTANT}, key=TEXT
)
EVENTS = Statement(
    """
    SELECT type, state, event_time, received_at, absorbed_at, payload FROM inbox WHERE loan_id = :loan ORDER BY event_time, hash
    """,
    returns={"event_time": INSTANT, "received_at": INSTANT, "absorbed_at": INSTANT},
    loan=TEXT,
)
ATTEMPTS = Statement(
    """
    SELECT a.id, a.key, a.sender, a.at, a.outcome, a.code, a.provider_id, a.segments, a.template_version, a.locale, a.ended_at
    FROM attempts a JOIN notices n ON n.key = a.key WHERE n.loan_id = :loan ORDER BY a.at, a.id
    """,
    returns={"at": INSTANT, "ended_at": INSTANT},
    loan=TEXT,
)
DEADLINES = Statement(
    """
    SELECT kind, ref, due_on, due_at, amount, paid, currency, state, reason FROM deadlines WHERE loan_id = :loan
    ORDER BY due_on, due_at, ref
    """,
    returns={"due_on": DATE, "due_at": INSTANT},
    loan=TEXT,
)

LANES = Statement(
    """
    SELECT lane, count(*) AS waiting, sum(CASE WHEN not_before <= :now THEN 1 ELSE 0 END) AS ready,
        min(CASE WHEN not_before <= :now THEN not_before END) AS oldest
    FROM notices WHERE state IN ('planned', 'held') GROUP BY lane ORDER BY lane
    """,
    returns={"oldest": INSTANT},
    now=INSTANT,
)
IN_FLIGHT = Statement(
    "SELECT lane, state, count(*) AS n FROM notices WHERE state IN ('sending', 'unknown') GROUP BY lane, state ORDER BY lane, state"
)
SENT_SINCE = Statement(
    "SELECT count(*) AS n, min(at) AS first FROM outbox WHERE state = 'sent' AND at >= :since",
    returns={"first": INSTANT},
    since=INSTANT,
)
BACKLOG = Statement(
    """
    SELECT (SELECT count(*) FROM inbox WHERE state = 'received') AS inbox,
        (SELECT min(received_at) FROM inbox WHERE state = 'received') AS inbox_oldest,
        (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS outbox,
        (SELECT min(at) FROM outbox WHERE published_at IS NULL) AS outbox_oldest,
        (SELECT count(*) FROM dead_letters WHERE state = 'open') AS dead,
        (SELECT min(first_seen) FROM dead_letters WHERE state = 'open') AS dead_oldest
    """,
    returns={"inbox_oldest": INSTANT, "outbox_oldest": INSTANT, "dead_oldest": INSTANT},
)
COUNTS = Statement("SELECT state, count(*) AS n FROM notices GROUP BY state ORDER BY state")
LOANS = Statement("SELECT loan_id FROM loans ORDER BY loan_id")
