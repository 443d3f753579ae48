"""Planning reminders, set by set: due dates joined with the moments that Python worked out."""

from service.ledger.engine import Transaction
from service.ledger.recovery import first_state
from service.ledger.statement import BOOL, DATE, INSTANT, INT, TEXT, ManyRows, Rows, SqlType, Statement

#: The zone whose hours a stage keeps: the party's, else the loan's, else the home zone of China, else UTC.
ZONE = "COALESCE(p.zone, l.timezone, CASE WHEN COALESCE(p.jurisdiction, 'cn') = 'cn' THEN 'Asia/Shanghai' ELSE 'UTC' END)"

_STAGE = ManyRows(
    kind=TEXT, stage=TEXT, role=TEXT, template=TEXT, purpose=TEXT, lane=TEXT, asks=BOOL, digest=TEXT, method=TEXT, product=TEXT,
    due_on=DATE, due_at=INSTANT, zone=TEXT, moment=INSTANT, expires_at=INSTANT, key_month=INT,
)  # fmt: skip
_COLUMNS = (
    "key, key_month, loan_id, party_id, role, template, channel, purpose, lane, asks, kind, ref, anchor, stage, digest, "
    "moment, not_before, expires_at, state, reason, handed_at, created_at"
)
_DUE = """
    FROM {m} JOIN deadlines d ON d.kind = m.kind AND d.state = 'open' AND {due}
    JOIN loans l ON l.loan_id = d.loan_id
    LEFT JOIN parties p ON p.party_id = CASE WHEN m.role = 'payer' THEN d.payer_id ELSE l.borrower_id END
    WHERE {zone}
    AND (m.method IS NULL OR l.method = m.method) AND (m.product IS NULL OR l.product = m.product)
    AND (m.role <> 'payer' OR d.payer_id IS NOT NULL) AND (d.plan_from IS NULL OR m.moment >= d.plan_from)
    AND d.loan_id > :after
"""
_BY_DAY = _DUE.replace("{due}", "d.due_on = m.due_on").replace("{zone}", f"{ZONE} = m.zone")
_BY_INSTANT = _DUE.replace("{due}", "d.due_at = m.due_at").replace("{zone}", "d.due_at IS NOT NULL")
_QUOTED = "replace(replace({0}, '%', '%25'), ':', '%3A')"
_KEY = (
    f"'stage:' || {_QUOTED.format('d.loan_id')} || ':' || d.kind || ':' || {_QUOTED.format('d.ref')} || ':' || d.anchor "
    "|| ':' || m.stage || ':' || m.role"
)


def _page_end(column: str, kind: SqlType) -> Statement:
    """The last of the next `n` loans that have something due then; none: there is no more."""
    return Statement(
        f"""
        SELECT max(page.loan_id) AS loan_id FROM (
            SELECT DISTINCT d.loan_id FROM {{m}} JOIN deadlines d ON d.kind = m.kind AND d.state = 'open' AND d.{column} = m.due
            WHERE d.loan_id > :after ORDER BY d.loan_id LIMIT :n) AS page
        """,
        m=ManyRows(kind=TEXT, due=kind),
        after=TEXT,
        n=INT,
    )


def _plan(due: str) -> Statement:
    return Statement(
        f"""
        INSERT INTO notices ({_COLUMNS})
        SELECT {_KEY} AS key, m.key_month, d.loan_id, CASE WHEN m.role = 'payer' THEN d.payer_id END, m.role, m.template, 'sms',
            m.purpose, m.lane, m.asks, d.kind, d.ref, d.anchor, m.stage, m.digest, m.moment, m.moment, m.expires_at,
            {first_state("m")}, :now
        {due} AND d.loan_id <= :until ORDER BY 1 ON CONFLICT DO NOTHING
        """,
        m=_STAGE,
        after=TEXT,
        until=TEXT,
        now=INSTANT,
    )


PAGE_END_BY_DAY, PLAN_BY_DAY = _page_end("due_on", DATE), _plan(_BY_DAY)
PAGE_END_BY_INSTANT, PLAN_BY_INSTANT = _page_end("due_at", INSTANT), _plan(_BY_INSTANT)

_SETS_AT_ONCE = Statement(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'on', true), "
    "set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)"
)


async def expect_sets(tx: Transaction) -> None:
    """For this transaction PostgreSQL may join whole tables: an index look-up per row, else our way, takes minutes here."""
    if tx.dialect == "postgresql":
        await tx.run(_SETS_AT_ONCE)


#: Distinct zones by a loose index scan: one look-up per zone, however many rows.
ZONES = Statement(
    """
    WITH RECURSIVE ours(zone) AS (
        SELECT (SELECT min(zone) FROM parties)
        UNION ALL SELECT (SELECT min(zone) FROM parties WHERE zone > ours.zone) FROM ours WHERE ours.zone IS NOT NULL),
    theirs(zone) AS (
        SELECT (SELECT min(timezone) FROM loans WHERE timezone IS NOT NULL)
        UNION ALL SELECT (SELECT min(timezone) FROM loans WHERE timezone > theirs.zone) FROM theirs WHERE theirs.zone IS NOT NULL)
    SELECT zone FROM ours WHERE zone IS NOT NULL UNION SELECT zone FROM theirs WHERE zone IS NOT NULL
    """
)

INSTANTS = Statement(
    """
    SELECT DISTINCT due_at FROM deadlines
    WHERE kind = :kind AND state = 'open' AND due_at IS NOT NULL AND due_at > :after AND due_at <= :until
    """,
    returns={"due_at": INSTANT},
    kind=TEXT,
    after=INSTANT,
    until=INSTANT,
)

#: Loans whose deadlines opened, moved or reopened since they were last planned; locked.
REPLAN = Statement("SELECT loan_id FROM loans WHERE replan ORDER BY loan_id LIMIT :n {skip_locked}", n=INT)

REPLAN_DEADLINES = Statement(
    f"""
    SELECT d.loan_id, d.kind, d.ref, d.due_on, d.due_at, d.anchor, d.plan_from, d.payer_id, l.method, l.product, {ZONE} AS zone
    FROM {{ids}} JOIN loans l ON l.loan_id = ids.loan_id JOIN deadlines d ON d.loan_id = l.loan_id AND d.state = 'open'
    LEFT JOIN parties p ON p.party_id = l.borrower_id
    """,
    returns={"due_on": DATE, "due_at": INSTANT, "plan_from": INSTANT},
    ids=Rows(loan_id=TEXT),
)

REPLANNED = Statement("UPDATE loans SET replan = false FROM {ids} WHERE loans.loan_id = ids.loan_id", ids=Rows(loan_id=TEXT))

_ROW = Rows(
    key=TEXT, key_month=INT, loan_id=TEXT, party_id=TEXT, role=TEXT, template=TEXT, purpose=TEXT, lane=TEXT, asks=BOOL, kind=TEXT,
    ref=TEXT, anchor=TEXT, stage=TEXT, digest=TEXT, moment=INSTANT, expires_at=INSTANT,
)  # fmt: skip
ADD_STAGES = Statement(
    f"""
    INSERT INTO notices ({_COLUMNS})
    SELECT s.key, s.key_month, s.loan_id, s.party_id, s.role, s.template, 'sms', s.purpose, s.lane, s.asks, s.kind, s.ref, s.anchor,
        s.stage, s.digest, s.moment, s.moment, s.expires_at, {first_state("s")}, :now
    FROM {{s}} {{where_true}} ORDER BY s.key ON CONFLICT DO NOTHING
    """,
    s=_ROW,
    now=INSTANT,
)

ADD_SWEEP = Statement("INSERT INTO sweeps (name) VALUES (:name) ON CONFLICT DO NOTHING", name=TEXT)
#: The planner's watermark, unless another replica is planning.
WATERMARK = Statement(
    "SELECT watermark FROM sweeps WHERE name = :name {skip_locked}", returns={"watermark": INSTANT}, name=TEXT
)
MOVE_WATERMARK = Statement(
    "UPDATE sweeps SET watermark = :watermark, last_run = :now WHERE name = :name", name=TEXT, watermark=INSTANT, now=INSTANT
)

COUNT_PLANNED = Statement(
    """
    INSERT INTO contacts (counter, day, n) VALUES ('planned', :day, :n)
    ON CONFLICT (counter, day) DO UPDATE SET n = contacts.n + excluded.n RETURNING n
    """,
    day=DATE,
    n=INT,
)
#: What the two weeks before a day were like: how many days had plans, and how many plans a day.
USUAL = Statement(
    "SELECT count(*) AS days, avg(n) AS usual FROM contacts WHERE counter = 'planned' AND day < :day AND day >= :since",
    day=DATE,
    since=DATE,
)
