"""What the sweeps settle: expired notices, leases that ran out, sends whose outcome is unknown, references nobody explained."""

from service.ledger.digests import HAS_MATES, LISTS, MATE_TOLD
from service.ledger.statement import BOOL, INSTANT, INT, TEXT, Rows, Statement, hidden

_STEP = "RETURNING notices.key, notices.loan_id, notices.seq, notices.state, notices.reason"

EXPIRE = Statement(
    f"""
    WITH late AS MATERIALIZED (
        SELECT key, key_month FROM notices WHERE state IN ('planned', 'held') AND expires_at <= :now
        ORDER BY expires_at, key LIMIT :n {{skip_locked}}
    )
    UPDATE notices SET seq = notices.seq + 1,
        state = CASE WHEN notices.doubted_by IS NOT NULL THEN 'unknown' WHEN notices.reason = 'no_sender' THEN 'failed' ELSE 'expired' END,
        reason = CASE WHEN notices.doubted_by IS NOT NULL THEN 'cannot_tell' WHEN notices.reason = 'no_sender' THEN 'no_sender_left'
            ELSE COALESCE(notices.reason, 'too_late') END
    FROM late
    WHERE notices.key = late.key AND notices.key_month = late.key_month {_STEP}
    """,
    now=INSTANT,
    n=INT,
)

#: A lease that ran out before an intent: nothing was said. After it nobody knows; what a digest lists is its head's affair.
RELEASE = Statement(
    f"""
    WITH late AS MATERIALIZED (
        SELECT key, key_month FROM notices WHERE state = 'sending' AND lease_until <= :now
        ORDER BY lease_until, key LIMIT :n {{skip_locked}}
    )
    UPDATE notices SET seq = notices.seq + 1, lease_until = NULL,
        state = CASE WHEN notices.handed_at IS NULL THEN 'planned' WHEN notices.head IS NULL THEN 'unknown' ELSE 'superseded' END,
        reason = CASE WHEN notices.handed_at IS NULL THEN NULL WHEN notices.head IS NULL THEN 'lease_over' ELSE 'in_digest' END,
        token = CASE WHEN notices.handed_at IS NULL THEN NULL ELSE notices.token END
    FROM late
    WHERE notices.key = late.key AND notices.key_month = late.key_month {_STEP}
    """,
    now=INSTANT,
    n=INT,
)

#: What codes and security alerts were made of goes when they have ended; a text that was sent ends with its validity.
FORGET = Statement(
    """
    WITH late AS MATERIALIZED (
        SELECT key, key_month FROM notices WHERE lane = 'critical' AND context IS NOT NULL
        AND (expires_at <= :now OR state NOT IN ('planned', 'held', 'sending', 'unknown', 'sent'))
        ORDER BY expires_at, key LIMIT :n {skip_locked}
    )
    UPDATE notices SET context = NULL
    FROM late
    WHERE notices.key = late.key AND notices.key_month = late.key_month
    """,
    now=INSTANT,
    n=INT,
)

#: Sends that nobody has settled, with whether their deadline still stands; for a digest whether it lists others, and after a
#: restore what it belongs to and another text of it that has gone.
UNKNOWN = Statement(
    f"""
    SELECT n.key, n.key_month, n.loan_id, n.sender, n.purpose, n.tries, n.reason, n.handed_at, n.expires_at, n.digest, n.moment,
        n.only_to IS NOT NULL AS is_answer,
        (SELECT l.borrower_id FROM loans l WHERE l.loan_id = n.loan_id) AS borrower_id, {LISTS} AS lists,
        n.reason = 'restored' AND n.digest IS NOT NULL AND {HAS_MATES} AS may_be_listed,
        CASE WHEN n.reason = 'restored' AND n.digest IS NOT NULL THEN {MATE_TOLD} END AS told_in,
        n.asks AND n.kind IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM deadlines d WHERE d.loan_id = n.loan_id AND d.kind = n.kind AND d.ref = n.ref AND d.state = 'open'
            AND (n.stage IS NULL OR d.anchor = n.anchor)) AS moot
    FROM notices n WHERE n.state = 'unknown' AND n.reason <> 'cannot_tell' AND n.handed_at <= :before
    ORDER BY n.handed_at, n.key LIMIT :n
    """,
    returns={
        "handed_at": INSTANT,
        "expires_at": INSTANT,
        "moment": INSTANT,
        "moot": BOOL,
        "is_answer": BOOL,
        "lists": BOOL,
        "may_be_listed": BOOL,
    },
    before=INSTANT,
    n=INT,
)

#: Only the hand-over that was asked about: another sweep may have settled it meanwhile, and it may have gone again since.
SETTLE = Statement(
    f"""
    UPDATE notices SET state = s.state, reason = s.reason, seq = notices.seq + 1, head = s.head,
        digest = CASE WHEN s.alone THEN NULL ELSE notices.digest END,
        sent_at = CASE WHEN s.state = 'sent' THEN notices.handed_at END,
        handed_at = CASE WHEN s.state = 'planned' THEN NULL ELSE notices.handed_at END,
        sender = CASE WHEN s.state = 'planned' THEN NULL ELSE notices.sender END,
        token = CASE WHEN s.state = 'planned' THEN NULL ELSE notices.token END,
        not_before = CASE WHEN s.alone THEN s.not_before ELSE notices.not_before END,
        tries = CASE WHEN s.alone THEN notices.tries + 1 ELSE notices.tries END,
        doubted_by = CASE WHEN s.alone THEN COALESCE(notices.sender, s.sender) ELSE notices.doubted_by END
    FROM {{s}} WHERE notices.key = s.key AND notices.key_month = s.month AND {hidden("notices.state")} = 'unknown'
    AND notices.reason <> 'cannot_tell' AND notices.handed_at = s.handed_at {_STEP}
    """,
    s=Rows(
        key=TEXT, month=INT, handed_at=INSTANT, state=TEXT, reason=TEXT, head=TEXT, alone=BOOL, sender=TEXT, not_before=INSTANT
    ),
)

#: The attempts of these notices whose outcome nobody knew get the one that was found out.
SETTLE_ATTEMPTS = Statement(
    """
    UPDATE attempts SET outcome = s.outcome, ended_at = :now FROM {s}
    WHERE attempts.key = s.key AND attempts.outcome IS NULL OR attempts.key = s.key AND attempts.outcome = 'unknown'
    RETURNING attempts.id, attempts.outcome
    """,
    s=Rows(key=TEXT, outcome=TEXT),
    now=INSTANT,
)

#: What others refer to and nobody has told us of, long enough; each is given once, whoever asks. Closing what never was (a
#: signing, when an application is rejected) refers to nothing, and a number that a plan uses is the plan's.
TELL_STUBS = Statement(
    """
    WITH late AS MATERIALIZED (
        SELECT d.loan_id, d.kind, d.ref FROM deadlines d
        WHERE d.state = 'stub' AND d.told_at IS NULL AND d.kind NOT IN ('contract_signing', 'agreement_signing')
        AND d.created_at <= :before
        AND NOT EXISTS (SELECT 1 FROM deadlines p WHERE d.kind = 'instalment' AND p.loan_id = d.loan_id
            AND p.kind = 'plan_instalment' AND p.ref = d.ref AND p.set_by IS NOT NULL)
        ORDER BY d.created_at, d.loan_id, d.kind, d.ref LIMIT :n {skip_locked}
    )
    UPDATE deadlines SET told_at = :now
    FROM late
    WHERE deadlines.loan_id = late.loan_id AND deadlines.kind = late.kind AND deadlines.ref = late.ref
    RETURNING deadlines.loan_id, deadlines.kind, deadlines.ref
    """,
    now=INSTANT,
    before=INSTANT,
    n=INT,
)

#: The same of payments that were taken back.
TELL_REVERSALS = Statement(
    """
    WITH late AS MATERIALIZED (
        SELECT loan_id, payment_id FROM payments WHERE set_by IS NULL AND told_at IS NULL AND recorded_at <= :before
        ORDER BY recorded_at, loan_id, payment_id LIMIT :n {skip_locked}
    )
    UPDATE payments SET told_at = :now
    FROM late
    WHERE payments.loan_id = late.loan_id AND payments.payment_id = late.payment_id
    RETURNING payments.loan_id, 'payment' AS kind, payments.payment_id AS ref
    """,
    now=INSTANT,
    before=INSTANT,
    n=INT,
)

#: Loans whose plan was broken and for which no schedule came; each is given once.
TELL_UNSCHEDULED = Statement(
    """
    WITH late AS MATERIALIZED (
        SELECT loan_id FROM loans WHERE unscheduled_since IS NOT NULL AND NOT unscheduled_told AND unscheduled_since <= :before
        ORDER BY unscheduled_since, loan_id LIMIT :n {skip_locked}
    )
    UPDATE loans SET unscheduled_told = true
    FROM late
    WHERE loans.loan_id = late.loan_id RETURNING loans.loan_id
    """,
    before=INSTANT,
    n=INT,
)
