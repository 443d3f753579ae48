"""Notices: added by intake, ended and revived when facts change, in intake's own transaction."""

from service.ledger.recovery import first_state
from service.ledger.statement import BOOL, BYTES, INSTANT, INT, TEXT, Rows, Statement, hidden

_NEW = Rows(
    key=TEXT, key_month=INT, loan_id=TEXT, party_id=TEXT, role=TEXT, template=TEXT, channel=TEXT, purpose=TEXT, lane=TEXT,
    asks=BOOL, receipt=BOOL, kind=TEXT, ref=TEXT, payment_id=TEXT, needs=TEXT, context=BYTES, caused_by=TEXT, event_time=INSTANT,
    moment=INSTANT, not_before=INSTANT, expires_at=INSTANT,
)  # fmt: skip
_NAMES = ", ".join(_NEW.columns)

ADD = Statement(
    f"INSERT INTO notices ({_NAMES}, state, reason, handed_at, created_at) "
    f"SELECT {', '.join('n.' + c for c in _NEW.columns)}, {first_state('n')}, :now "
    "FROM {n} {where_true} ON CONFLICT DO NOTHING",
    n=_NEW,
    now=INSTANT,
)

#: Texts that answer a number: of no loan, and for that number alone.
_ANSWER = Rows(
    key=TEXT, key_month=INT, party_id=TEXT, template=TEXT, channel=TEXT, purpose=TEXT, lane=TEXT, moment=INSTANT, expires_at=INSTANT,
    only_to=BYTES,
)  # fmt: skip
ADD_ANSWERS = Statement(
    f"INSERT INTO notices ({', '.join(_ANSWER.columns)}, role, asks, event_time, not_before, state, reason, handed_at, created_at) "
    f"SELECT {', '.join('n.' + c for c in _ANSWER.columns)}, 'borrower', false, n.moment, n.moment, {first_state('n')}, :now "
    "FROM {n} {where_true} ON CONFLICT DO NOTHING",
    n=_ANSWER,
    now=INSTANT,
)

_UNSAID = "notices.state = 'sending' AND notices.handed_at IS NULL"
#: What somebody has claimed and not said yet is to be judged and made anew.
_AGAIN = (
    f"state = CASE WHEN {_UNSAID} THEN 'planned' ELSE notices.state END, "
    f"token = CASE WHEN {_UNSAID} THEN NULL ELSE notices.token END"
)

#: The person that a notice to a payer goes to is the one whom its delegation asks; only a request names its own.
NAME_PAYERS = Statement(
    f"""
    UPDATE notices SET party_id = d.payer_id, {_AGAIN} FROM {{d}}
    WHERE notices.loan_id = d.loan_id AND notices.kind = 'delegation' AND notices.ref = d.ref AND notices.role = 'payer'
    AND notices.handed_at IS NULL AND COALESCE(notices.party_id, '') <> d.payer_id
    AND NOT (notices.purpose = 'payer' AND notices.stage IS NULL)
    """,
    d=Rows(loan_id=TEXT, ref=TEXT, payer_id=TEXT),
)

#: What a fact may still end: waiting, or claimed without an intent.
_STATE = hidden("notices.state")
STOPPABLE = f"({_STATE} IN ('planned', 'held') OR ({_STATE} = 'sending' AND notices.handed_at IS NULL))"
STEP = "RETURNING notices.key, notices.loan_id, notices.seq, notices.state, notices.reason"
_DEADLINE = "notices.loan_id = d.loan_id AND notices.kind = d.kind AND notices.ref = d.ref AND notices.asks"
#: Where `anchor` is given the deadline is open, and only its stages for other anchors end.
_ENDED = Rows(loan_id=TEXT, kind=TEXT, ref=TEXT, anchor=TEXT, reason=TEXT)
_FOR_ANCHOR = "(d.anchor IS NULL OR (notices.stage IS NOT NULL AND notices.anchor <> d.anchor))"

CANCEL = Statement(
    f"UPDATE notices SET state = 'cancelled', reason = d.reason, seq = notices.seq + 1 FROM {{d}} "
    f"WHERE {_DEADLINE} AND {STOPPABLE} AND {_FOR_ANCHOR} {STEP}",
    d=_ENDED,
)

#: A later fact may give a better reason for what was cancelled before: the row says what holds now.
REWORD = Statement(
    f"UPDATE notices SET reason = d.reason FROM {{d}} WHERE {_DEADLINE} AND {_STATE} = 'cancelled' "
    f"AND notices.handed_at IS NULL AND notices.reason NOT IN (d.reason, 'by_operator', 'cured') AND {_FOR_ANCHOR}",
    d=_ENDED,
)

#: What facts may take back: not an operator's word, nor a cure, nor what was said or has lost its point.
_REVIVABLE = (
    f"{_STATE} = 'cancelled' AND notices.handed_at IS NULL AND notices.reason NOT IN ('by_operator', 'cured') "
    "AND notices.expires_at > :now"
)

REVIVE = Statement(
    f"UPDATE notices SET state = 'planned', reason = NULL, not_before = notices.moment, seq = notices.seq + 1 FROM {{d}} "
    f"WHERE {_DEADLINE} AND {_REVIVABLE} AND (notices.stage IS NULL OR notices.anchor = d.anchor) {STEP}",
    d=Rows(loan_id=TEXT, kind=TEXT, ref=TEXT, anchor=TEXT),
    now=INSTANT,
)

_AIMS = Rows(loan_id=TEXT, kind=TEXT, from_at=INSTANT, until_at=INSTANT)
_AIMED_ELSEWHERE = """notices.loan_id = s.loan_id AND notices.stage IS NULL AND notices.kind IN ('instalment', 'plan_instalment')
    AND notices.kind <> s.kind AND notices.event_time >= s.from_at AND notices.event_time < s.until_at"""

#: Event notices about an instalment's number mean the plan's instalment while a plan was in force, the loan's else.
AIM = Statement(f"UPDATE notices SET kind = s.kind, {_AGAIN} FROM {{s}} WHERE {_AIMED_ELSEWHERE}", s=_AIMS)

#: What was cancelled for the deadline that such a notice does not speak of after all; run it before AIM.
REVIVE_AIMED = Statement(
    f"UPDATE notices SET state = 'planned', reason = NULL, not_before = notices.moment, seq = notices.seq + 1 FROM {{s}} "
    f"WHERE {_AIMED_ELSEWHERE} AND {_REVIVABLE} {STEP}",
    s=_AIMS,
    now=INSTANT,
)

#: An operator's word; what has an intent is not reached.
CANCEL_KEYS = Statement(
    f"UPDATE notices SET state = 'cancelled', reason = 'by_operator', seq = notices.seq + 1 FROM {{k}} "
    f"WHERE notices.key = k.key AND {STOPPABLE} {STEP}",
    k=Rows(key=TEXT),
)

#: Answers to these numbers that have not gone, and are not true any more.
END_ANSWERS = Statement(
    f"UPDATE notices SET state = 'superseded', reason = 'later_reply', seq = notices.seq + 1 FROM {{k}} "
    f"WHERE notices.only_to = k.phone_key AND notices.only_to IS NOT NULL AND {STOPPABLE} {STEP}",
    k=Rows(phone_key=BYTES),
)

#: Of these answers, that wait again, those behind which another one came.
END_OVERTAKEN_ANSWERS = Statement(
    f"UPDATE notices SET state = 'superseded', reason = 'later_reply', seq = notices.seq + 1 FROM {{k}} "
    f"WHERE notices.key = k.key AND notices.key_month = k.month AND {STOPPABLE} AND EXISTS ("
    f"SELECT 1 FROM notices later WHERE later.only_to = notices.only_to AND later.moment > notices.moment) {STEP}",
    k=Rows(key=TEXT, month=INT),
)

CANCEL_CURED = Statement(
    f"UPDATE notices SET state = 'cancelled', reason = 'cured', seq = notices.seq + 1 FROM {{l}} "
    f"WHERE notices.loan_id = l.loan_id AND notices.purpose = 'collection' AND {STOPPABLE} {STEP}",
    l=Rows(loan_id=TEXT),
)

#: What must not go is kept, and can be seen.
REFUSE = Statement(
    f"UPDATE notices SET state = 'suppressed', reason = r.reason, seq = notices.seq + 1 FROM {{r}} "
    f"WHERE notices.key = r.key AND notices.key_month = r.month AND {_STATE} = 'planned' {STEP}",
    r=Rows(key=TEXT, month=INT, reason=TEXT),
)

DROP_RECEIPTS = Statement(
    f"UPDATE notices SET state = 'suppressed', reason = 'reversed', seq = notices.seq + 1 FROM {{p}} "
    f"WHERE notices.loan_id = p.loan_id AND notices.payment_id = p.payment_id AND notices.receipt AND {STOPPABLE} {STEP}",
    p=Rows(loan_id=TEXT, payment_id=TEXT),
)

#: Notices that waited for a fact that is there now.
FREE_FACTS = Statement(
    f"""
    UPDATE notices SET state = 'planned', reason = NULL, not_before = notices.moment, seq = notices.seq + 1 FROM {{l}}
    WHERE notices.loan_id = l.loan_id AND {_STATE} = 'held' AND notices.reason = 'awaiting_facts'
    AND (notices.needs NOT LIKE '%deadline%' OR EXISTS (SELECT 1 FROM deadlines d WHERE d.loan_id = notices.loan_id
         AND d.kind = notices.kind AND d.ref = notices.ref AND d.set_by IS NOT NULL))
    AND (notices.needs NOT LIKE '%payment%' OR EXISTS (SELECT 1 FROM payments p WHERE p.loan_id = notices.loan_id
         AND p.payment_id = notices.payment_id AND p.set_by IS NOT NULL))
    {STEP}
    """,
    l=Rows(loan_id=TEXT),
)

#: Notices that waited for the phone number of one of these parties.
FREE_CONTACT = Statement(
    f"""
    UPDATE notices SET state = 'planned', reason = NULL, not_before = notices.moment, seq = notices.seq + 1
    FROM (
        SELECT n.key, n.key_month FROM {{p}} JOIN notices n ON n.party_id = p.party_id
        UNION
        SELECT n.key, n.key_month FROM {{p}} JOIN loans l ON l.borrower_id = p.party_id
            JOIN notices n ON n.loan_id = l.loan_id AND n.party_id IS NULL
    ) AS theirs
    WHERE notices.key = theirs.key AND notices.key_month = theirs.key_month AND {_STATE} = 'held' AND notices.reason = 'no_contact'
    {STEP}
    """,
    p=Rows(party_id=TEXT),
)
