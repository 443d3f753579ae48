"""The claim, the intent and the outcome: the three steps in which a notice leaves."""

from service.ledger.digests import IS_HEAD, PAUSED, ready
from service.ledger.planning import ZONE
from service.ledger.questions import ASKING
from service.ledger.statement import BOOL, BYTES, DATE, INSTANT, INT, TEXT, Rows, Statement
from service.ledger.visiting import ANNOUNCED, ANNOUNCEMENT

_KEYS = Rows(key=TEXT, month=INT)

#: A number is told that it will be told again only while nothing of it is suppressed; an operator may have done so since.
_UNTRUE = "{row}.template = 'opt_in_confirmed' AND EXISTS (SELECT 1 FROM suppressions a WHERE a.phone_key = {number})"
#: And that it will not be told only while something of it is: its person, or an operator, may have undone that since.
_UNDONE = "{row}.template = 'opt_out_confirmed' AND NOT EXISTS (SELECT 1 FROM suppressions a WHERE a.phone_key = {row}.only_to)"

#: Takes the oldest ready notices of a lane, of each digest its head; what an operator has paused is passed over. In the order of
#: its index and no finer, or each claim would sort all that became ready in one minute.
CLAIM = Statement(
    f"""
    WITH ready AS MATERIALIZED (
        SELECT key, key_month FROM notices n
        WHERE n.lane = :lane AND n.state IN ('planned', 'held') AND {ready("n")} AND {IS_HEAD}
        ORDER BY n.not_before LIMIT :n {{skip_locked}}
    )
    UPDATE notices SET state = 'sending', token = :token, lease_until = :lease_until, handed_at = NULL
    FROM ready
    WHERE notices.key = ready.key AND notices.key_month = ready.key_month
    RETURNING notices.key, notices.key_month, notices.digest
    """,
    lane=TEXT,
    token=TEXT,
    lease_until=INSTANT,
    now=INSTANT,
    n=INT,
    paused=PAUSED,
)

#: Everything needed to judge a claimed notice and to make its text.
DETAILS = Statement(
    f"""
    SELECT n.key, n.key_month, n.loan_id, n.role, n.template, n.channel, n.purpose, n.lane, n.asks, n.kind, n.ref, n.anchor,
        n.stage, n.digest, n.needs, n.context, n.event_time, n.moment, n.expires_at, n.tries, n.payment_id, n.receipt, n.only_to,
        n.doubted_by, n.created_at,
        d.due_on, d.due_at, d.anchor AS deadline_anchor, d.amount, d.paid, d.currency, d.state AS deadline_state,
        d.reason AS deadline_reason, d.stated, d.stated_by, d.set_by AS deadline_set_by, d.payer_id AS deadline_payer,
        l.method, l.account_last4, l.cured_by, l.pauses, l.visits, l.plans, {ZONE} AS zone,
        y.amount AS payment_amount, y.currency AS payment_currency, y.paid_at, y.method AS payment_method, y.covered,
        y.set_by AS payment_set_by, y.reversed_by AS payment_reversed_by,
        p.party_id, p.phone, p.phone_key, p.locale, p.jurisdiction, p.zone AS party_zone,
        p.erased_at IS NOT NULL AS erased,
        p.set_by AS party_set_by,
        CASE WHEN n.purpose = 'marketing' THEN EXISTS (
            SELECT 1 FROM consents c WHERE c.party_id = p.party_id AND c.purpose = n.purpose AND c.granted)
            ELSE false END AS consented,
        n.purpose <> 'security' AND n.only_to IS NULL AND EXISTS (
            SELECT 1 FROM suppressions s WHERE s.phone_key = p.phone_key AND s.purpose IN (n.purpose, '*'))
            OR {_UNTRUE.format(row="n", number="p.phone_key")} AS suppressed,
        n.stage IS NOT NULL AND EXISTS (
            SELECT 1 FROM notices later WHERE later.loan_id = n.loan_id AND later.kind = n.kind AND later.ref = n.ref
            AND later.anchor = n.anchor AND later.role = n.role AND later.channel = n.channel AND later.stage IS NOT NULL
            AND later.moment > n.moment AND later.moment <= :now
            AND later.state NOT IN ('cancelled', 'suppressed', 'expired')) AS overtaken,
        n.asks AND n.stage IS NULL AND n.kind IS NOT NULL AND EXISTS (
            SELECT 1 FROM notices newer WHERE newer.loan_id = n.loan_id AND newer.kind = n.kind AND newer.ref = n.ref
            AND newer.template = n.template AND newer.role = n.role AND newer.channel = n.channel
            AND COALESCE(newer.party_id, '') = COALESCE(n.party_id, '') AND newer.stage IS NULL
            AND (newer.event_time, newer.key) > (n.event_time, n.key)
            AND newer.state NOT IN ('cancelled', 'suppressed', 'expired')) AS said_anew,
        {_UNDONE.format(row="n")} AS undone,
        n.template = '{ASKING}' AND EXISTS (
            SELECT 1 FROM questions q WHERE q.loan_id = n.loan_id AND q.operation_id = n.ref AND q.answer IS NOT NULL) AS answered,
        {ANNOUNCED} AS announced, {ANNOUNCEMENT} AS announcement
    FROM {{c}} JOIN notices n ON n.key = c.key AND n.key_month = c.month
    LEFT JOIN loans l ON l.loan_id = n.loan_id
    LEFT JOIN deadlines d ON d.loan_id = n.loan_id AND d.kind = n.kind AND d.ref = n.ref
    LEFT JOIN payments y ON y.loan_id = n.loan_id AND y.payment_id = n.payment_id
    LEFT JOIN parties p ON p.party_id = CASE WHEN n.role = 'borrower' THEN COALESCE(n.party_id, l.borrower_id) ELSE n.party_id END
    """,
    returns={
        "asks": BOOL, "event_time": INSTANT, "moment": INSTANT, "expires_at": INSTANT, "due_on": DATE, "due_at": INSTANT,
        "paid_at": INSTANT, "receipt": BOOL, "suppressed": BOOL, "overtaken": BOOL, "said_anew": BOOL, "undone": BOOL,
        "answered": BOOL, "erased": BOOL, "consented": BOOL, "created_at": INSTANT,
    },
    c=_KEYS,
    now=INSTANT,
)  # fmt: skip

#: What receipts must name besides their payment: the open deadlines it covers, and the next one due.
AROUND_PAYMENTS = Statement(
    """
    SELECT d.loan_id, d.kind, d.ref, d.due_on, d.amount, d.paid, d.currency, 0 AS place
    FROM {w} JOIN deadlines d ON d.loan_id = w.loan_id AND d.kind = w.kind AND d.ref = w.ref
    WHERE {deadline_state} = 'open' AND d.amount IS NOT NULL AND d.due_on IS NOT NULL
    UNION ALL
    SELECT o.loan_id, o.kind, o.ref, o.due_on, o.amount, o.paid, o.currency, 1 FROM (
        SELECT d.loan_id, d.kind, d.ref, d.due_on, d.amount, d.paid, d.currency,
            row_number() OVER (PARTITION BY d.loan_id ORDER BY d.due_on, d.ref) AS place
        FROM {l} JOIN deadlines d ON d.loan_id = l.loan_id
        WHERE {deadline_state} = 'open' AND d.amount IS NOT NULL AND d.due_on IS NOT NULL AND d.kind IN ('instalment', 'plan_instalment')
    ) AS o WHERE o.place = 1
    """,
    returns={"due_on": DATE},
    l=Rows(loan_id=TEXT),
    w=Rows(loan_id=TEXT, kind=TEXT, ref=TEXT),
)

#: What collection texts must name: everything of the loan that is past its day.
OVERDUE = Statement(
    """
    SELECT d.loan_id, d.kind, d.ref, d.due_on, d.amount, d.paid, d.currency,
        CASE WHEN d.stated_by > d.set_by THEN d.stated END AS stated, d.stated_by
    FROM {l} JOIN deadlines d ON d.loan_id = l.loan_id AND d.due_on < l.today
    WHERE {deadline_state} = 'open' AND d.amount IS NOT NULL AND d.kind IN ('instalment', 'plan_instalment')
    ORDER BY d.loan_id, d.due_on, d.ref
    """,
    returns={"due_on": DATE},
    l=Rows(loan_id=TEXT, today=DATE),
)
#: The names, encrypted, of the borrowers for whom payers are asked.
BORROWERS = Statement(
    """
    SELECT loans.loan_id, p.name FROM loans JOIN {l} ON loans.loan_id = l.loan_id JOIN parties p ON p.party_id = loans.borrower_id
    WHERE p.name IS NOT NULL
    """,
    l=Rows(loan_id=TEXT),
)
LAST_PAYMENTS = Statement(
    """
    SELECT y.loan_id, max(y.set_by) AS version FROM {l} JOIN payments y ON y.loan_id = l.loan_id
    WHERE y.set_by IS NOT NULL AND y.reversed_by IS NULL GROUP BY y.loan_id
    """,
    l=Rows(loan_id=TEXT),
)

#: Ends or puts back claimed notices that may not go now. Only while they are still ours.
PUT_BACK = Statement(
    """
    UPDATE notices SET state = b.state, reason = b.reason, not_before = b.not_before, tries = b.tries, seq = notices.seq + 1,
        token = NULL, lease_until = NULL, handed_at = NULL, sender = NULL, head = NULL
    FROM {b} WHERE notices.key = b.key AND notices.key_month = b.month AND notices.token = :token AND {notice_state} = 'sending'
    RETURNING notices.key, notices.loan_id, notices.seq, notices.state, notices.reason
    """,
    b=Rows(key=TEXT, month=INT, state=TEXT, reason=TEXT, not_before=INSTANT, tries=INT),
    token=TEXT,
)

#: Locks the loans whose texts ask, so that an intent comes either before a payment, a pause or a word about a visit, or sees it.
SHARE_LOANS = Statement(
    "SELECT loans.loan_id, loans.pauses, loans.visits FROM loans JOIN {l} ON loans.loan_id = l.loan_id ORDER BY loans.loan_id {for_share}",
    l=Rows(loan_id=TEXT),
)

#: Locks parties, so that a phone number that comes now either comes before what we write or waits for it.
SHARE_PARTIES = Statement(
    "SELECT parties.party_id FROM parties JOIN {p} ON parties.party_id = p.party_id ORDER BY parties.party_id {for_share}",
    p=Rows(party_id=TEXT),
)

#: The intent: from here on the notice may have been said. Gives the keys that may be handed over: not those whose text was made
#: when something else was left to pay, nor those whose party has another number by now.
INTEND = Statement(
    f"""
    UPDATE notices SET handed_at = :now, sender = :sender FROM {{i}}
    WHERE notices.key = i.key AND notices.key_month = i.month AND notices.token = :token AND {{notice_state}} = 'sending'
    AND notices.lease_until > :now AND notices.expires_at > :now
    AND (NOT notices.asks OR notices.kind IS NULL OR EXISTS (
        SELECT 1 FROM deadlines d WHERE d.loan_id = notices.loan_id AND d.kind = notices.kind AND d.ref = notices.ref
        AND d.state = 'open' AND (notices.stage IS NULL OR d.anchor = notices.anchor)
        AND (i.left_open IS NULL OR d.amount - d.paid = i.left_open)))
    AND EXISTS (SELECT 1 FROM parties p WHERE p.party_id = i.party_id AND p.phone_key = i.phone_key)
    AND NOT ({_UNTRUE.format(row="notices", number="i.phone_key")}) AND NOT ({_UNDONE.format(row="notices")})
    AND (notices.only_to = i.phone_key OR notices.only_to IS NULL AND (notices.purpose = 'security' OR NOT EXISTS (
        SELECT 1 FROM suppressions s WHERE s.phone_key = i.phone_key AND s.purpose IN (notices.purpose, '*'))))
    AND NOT EXISTS (SELECT 1 FROM {{paused}} WHERE paused.scope = 'all' OR (paused.scope = 'lane' AND paused.name = notices.lane)
        OR (paused.scope = 'template' AND paused.name = notices.template)
        OR (paused.scope = 'channel' AND paused.name = notices.channel)
        OR (paused.scope = 'loan' AND paused.name = notices.loan_id) OR (paused.scope = 'sender' AND paused.name = :sender))
    RETURNING notices.key
    """,
    i=Rows(key=TEXT, month=INT, party_id=TEXT, phone_key=BYTES, left_open=INT),
    paused=PAUSED,
    token=TEXT,
    sender=TEXT,
    now=INSTANT,
)

ADD_ATTEMPTS = Statement(
    """
    INSERT INTO attempts (id, key, sender, at, phone_key, text, template_version, locale, segments, cap_key)
    SELECT a.id, a.key, :sender, :now, a.phone_key, a.text, a.template_version, a.locale, a.segments, a.cap_key FROM {a}
    """,
    a=Rows(id=TEXT, key=TEXT, phone_key=BYTES, text=BYTES, template_version=TEXT, locale=TEXT, segments=INT, cap_key=TEXT),
    sender=TEXT,
    now=INSTANT,
)
END_ATTEMPTS = Statement(
    """
    UPDATE attempts SET outcome = a.outcome, code = a.code, provider_id = a.provider_id, ended_at = :now
    FROM {a} WHERE attempts.id = a.id
    """,
    a=Rows(id=TEXT, outcome=TEXT, code=TEXT, provider_id=TEXT),
    now=INSTANT,
)

#: Takes back the intent of texts that a sender did not take, so that another sender may be asked.
UNINTEND = Statement(
    """
    UPDATE notices SET handed_at = NULL, sender = NULL, head = NULL FROM {o}
    WHERE notices.key = o.key AND notices.key_month = o.month AND notices.token = :token AND {notice_state} = 'sending'
    """,
    o=_KEYS,
    token=TEXT,
)

_GIVE_BACK = """
    UPDATE notices SET state = 'planned', reason = NULL, token = NULL, lease_until = NULL, handed_at = NULL, sender = NULL,
        head = NULL, not_before = :not_before{more}
    FROM {{o}} WHERE notices.key = o.key AND notices.key_month = o.month AND notices.token = :token AND {{notice_state}} = '{state}'
"""
#: Gives claimed notices back unsaid, as if they had not been claimed.
UNCLAIM = Statement(_GIVE_BACK.format(state="sending", more=""), o=_KEYS, token=TEXT, not_before=INSTANT)

#: The same of what the lease sweep has called unknown in between: that was told, so this is a step.
UNDOUBT = Statement(
    _GIVE_BACK.format(state="unknown", more=", seq = notices.seq + 1")
    + "RETURNING notices.key, notices.loan_id, notices.seq, notices.state, notices.reason",
    o=_KEYS,
    token=TEXT,
    not_before=INSTANT,
)

#: Writes outcomes. A late one still settles what the lease sweep has called unknown in between.
CONCLUDE = Statement(
    """
    UPDATE notices SET state = o.state, reason = o.reason, sent_at = o.sent_at, seq = notices.seq + 1, lease_until = NULL
    FROM {o} WHERE notices.key = o.key AND notices.key_month = o.month AND notices.token = :token
    AND ({notice_state} = 'sending' OR ({notice_state} = 'unknown' AND o.state <> 'unknown'))
    RETURNING notices.key, notices.loan_id, notices.seq, notices.state, notices.reason
    """,
    o=Rows(key=TEXT, month=INT, state=TEXT, reason=TEXT, sent_at=INSTANT),
    token=TEXT,
)

#: When the next notice may go, or has lost its point.
NEXT_READY = Statement(
    "SELECT min(not_before) AS at, min(expires_at) AS ends FROM notices WHERE state IN ('planned', 'held')",
    returns={"at": INSTANT, "ends": INSTANT},
)

#: The first moment after now at which a notice may go or loses its point, a pause by an operator ends by itself, or a
#: question has waited long enough.
NEXT_AFTER = Statement(
    """
    SELECT min(CASE WHEN not_before > :now THEN not_before END) AS at, min(expires_at) AS ends,
        (SELECT min(until) FROM controls WHERE until > :now) AS resumed,
        (SELECT min(expires_at) FROM questions WHERE answer IS NULL AND expires_at > :now) AS answered,
        (SELECT min(handed_at) FROM notices WHERE state = 'unknown' AND reason <> 'cannot_tell') AS unknown
    FROM notices WHERE state IN ('planned', 'held')
    """,
    returns={"at": INSTANT, "ends": INSTANT, "resumed": INSTANT, "answered": INSTANT, "unknown": INSTANT},
    now=INSTANT,
)
