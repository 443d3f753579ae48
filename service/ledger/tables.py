"""The ledger's tables. Bytes columns hold ciphertext unless their comment says hash; texts of versions are service.facts.Version."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, LargeBinary, MetaData, Table, Text, text

from service.ledger.types import Instant, RowNumber

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
_no = text("false")
_zero = text("0")


#: Rows that change soon after they were written: room on the page keeps most changes away from the indexes.
_ROOM_TO_CHANGE = {"fillfactor": 70}
#: Room for each row once more: an attempt is written twice, and the second time in place.
_ROOM_TWICE = {"fillfactor": 45}


def _where(condition: str) -> dict[str, Any]:
    """A partial index, on both databases."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


inbox = Table(
    "inbox",
    metadata,
    Column("hash", LargeBinary, primary_key=True, comment="hash of source and id, kept for ever"),
    Column("state", Text, nullable=False, comment="received, absorbed, ignored, dead"),
    Column("payload_hash", LargeBinary, nullable=False, comment="hash of the body"),
    Column("payload", LargeBinary),
    Column("party_hash", LargeBinary, comment="keyed hash of a party it names, for erasure"),
    Column("other_party_hash", LargeBinary, comment="keyed hash of the other one, where it names two"),
    Column("type", Text),
    Column("loan_id", Text),
    Column("event_time", Instant),
    Column("received_at", Instant, nullable=False),
    Column("absorbed_at", Instant),
)
Index("ix_inbox_received", inbox.c.received_at, **_where("state = 'received'"))
Index("ix_inbox_received_at", inbox.c.received_at, **_where("payload IS NOT NULL"))
Index("ix_inbox_ignored", inbox.c.hash, **_where("state = 'ignored'"))
Index("ix_inbox_party_hash", inbox.c.party_hash, **_where("party_hash IS NOT NULL"))
Index("ix_inbox_other_party_hash", inbox.c.other_party_hash, **_where("other_party_hash IS NOT NULL"))
Index(
    "ix_inbox_urgent",
    inbox.c.received_at,
    **_where("state = 'received' AND (type LIKE 'loan.operation.%' OR type LIKE 'loan.security.%')"),
)
Index("ix_inbox_loan_id", inbox.c.loan_id, **_where("loan_id IS NOT NULL"))

parties = Table(
    "parties",
    metadata,
    Column("party_id", Text, primary_key=True),
    Column("name", LargeBinary),
    Column("phone", LargeBinary),
    Column("email", LargeBinary),
    Column("phone_key", LargeBinary, comment="keyed hash of the number"),
    Column("locale", Text),
    Column("timezone", Text),
    Column("jurisdiction", Text),
    Column("zone", Text, comment="the zone used for local times: timezone, else Asia/Shanghai where cn, else none"),
    Column("set_by", Text, nullable=False, server_default="{}", comment="field → version, JSON"),
    Column("erased_at", Instant),
    Column("created_at", Instant, nullable=False),
)
Index("ix_parties_phone_key", parties.c.phone_key)
Index("ix_parties_zone", parties.c.zone)
Index("ix_parties_erased_at", parties.c.erased_at, **_where("erased_at IS NOT NULL"))

loans = Table(
    "loans",
    metadata,
    Column("loan_id", Text, primary_key=True),
    Column("borrower_id", Text),
    Column("product", Text),
    Column("currency", Text),
    Column("timezone", Text),
    Column("method", Text, comment="auto_debit, manual"),
    Column("account_last4", Text),
    Column("set_by", Text, nullable=False, server_default="{}", comment="field → version, JSON"),
    Column("closings", Text, nullable=False, server_default="[]", comment="[kind or null, version, reason], JSON"),
    Column("pauses", Text, nullable=False, server_default="[]", comment="[version, paused … promised, about, until], JSON"),
    Column("visits", Text, nullable=False, server_default="[]", comment="service.visits.Visit each, JSON"),
    Column("plans", Text, nullable=False, server_default="[]", comment="[version, request, agreed or broken], JSON"),
    Column("cured_by", Text, comment="version"),
    Column("unscheduled_since", Instant, comment="a plan was broken and nobody has said what is owed now"),
    Column("unscheduled_told", Boolean, nullable=False, server_default=_no, comment="ops were told so"),
    Column("replan", Boolean, nullable=False, server_default=_no),
    Column("created_at", Instant, nullable=False),
)
Index("ix_loans_borrower_id", loans.c.borrower_id)
Index("ix_loans_timezone", loans.c.timezone, **_where("timezone IS NOT NULL"))
Index(
    "ix_loans_unscheduled_since", loans.c.unscheduled_since, **_where("unscheduled_since IS NOT NULL AND NOT unscheduled_told")
)
Index("ix_loans_replan", loans.c.loan_id, **_where("replan"))

deadlines = Table(
    "deadlines",
    metadata,
    Column("loan_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("due_on", Date),
    Column("due_at", Instant),
    Column("anchor", Text, comment="as in keys"),
    Column("amount", BigInteger, comment="minor units"),
    Column("currency", Text),
    Column("paid", BigInteger, nullable=False, server_default=_zero),
    Column("state", Text, nullable=False, comment="stub, open, closed"),
    Column("reason", Text, comment="why closed"),
    Column("set_by", Text, comment="version; none: a stub"),
    Column("closed_by", Text, comment="version of the event that closed this one alone"),
    Column("closed_because", Text),
    Column("stated", BigInteger, comment="upstream's figure of what is due, minor units"),
    Column("stated_by", Text, comment="version"),
    Column("stated_dpd", Integer),
    Column("request_id", Text),
    Column("payer_id", Text),
    Column("for_ref", Text, comment="the instalment a delegation is for"),
    Column("plan_from", Instant, comment="stages before it are not decided (backfill)"),
    Column("told_at", Instant, comment="when ops were told that nobody explains this stub"),
    Column("created_at", Instant, nullable=False),
)
Index("ix_deadlines_due_on", deadlines.c.kind, deadlines.c.due_on, **_where("state = 'open' AND due_on IS NOT NULL"))
Index("ix_deadlines_due_at", deadlines.c.kind, deadlines.c.due_at, **_where("state = 'open' AND due_at IS NOT NULL"))
Index("ix_deadlines_visits", deadlines.c.due_at, **_where("kind = 'visit_appointment'"))
Index(
    "ix_deadlines_stub",
    deadlines.c.created_at,
    **_where("state = 'stub' AND told_at IS NULL AND kind NOT IN ('contract_signing', 'agreement_signing')"),
)

payments = Table(
    "payments",
    metadata,
    Column("loan_id", Text, primary_key=True),
    Column("payment_id", Text, primary_key=True),
    Column("amount", BigInteger),
    Column("currency", Text),
    Column("paid_at", Instant),
    Column("method", Text),
    Column("payer_id", Text),
    Column("ref", Text, comment="the one instalment it names"),
    Column("covers", Text, comment="[[ref, minor units]] as upstream says, JSON"),
    Column("covered", Text, nullable=False, server_default="[]", comment="[[kind, ref, minor units]] as derived, JSON"),
    Column("set_by", Text, comment="version; none: only its reversal is known"),
    Column("reversed_by", Text, comment="version"),
    Column("recorded_at", Instant, nullable=False),
    Column("told_at", Instant, comment="when ops were told that nobody explains this reversal"),
)
Index("ix_payments_stub", payments.c.recorded_at, **_where("set_by IS NULL AND told_at IS NULL"))

notices = Table(
    "notices",
    metadata,
    Column("key", Text, primary_key=True),
    Column("key_month", Integer, primary_key=True, autoincrement=False),
    Column("loan_id", Text),
    Column("party_id", Text, comment="none: the loan's borrower"),
    Column("role", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("asks", Boolean, nullable=False, comment="ends when its deadline closes"),
    Column("receipt", Boolean, nullable=False, server_default=_no, comment="ends when its payment is taken back"),
    Column("kind", Text, comment="of the deadline it speaks of"),
    Column("ref", Text, comment="of the deadline; without a kind, of the operation it asks about"),
    Column("anchor", Text, comment="of a stage"),
    Column("stage", Text, comment="none: an event notice"),
    Column("digest", Text, comment="of a stage: stages of one moment and of this name become one text"),
    Column("head", Text, comment="key of the text that lists this notice, from the intent on"),
    Column("payment_id", Text),
    Column("needs", Text, comment="facts the text cannot do without, separated by spaces"),
    Column("context", LargeBinary),
    Column("caused_by", Text, comment="event id"),
    Column("event_time", Instant),
    Column("moment", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("seq", Integer, nullable=False, server_default=_zero),
    Column("tries", Integer, nullable=False, server_default=_zero, comment="rounds in which no sender took it"),
    Column("token", Text),
    Column("lease_until", Instant),
    Column("sender", Text, comment="the one it was handed to"),
    Column("doubted_by", Text, comment="the sender that may have said it already, while it waits to be said again"),
    Column(
        "only_to", LargeBinary, comment="keyed hash of the number it answers: it goes there though suppressed, and nowhere else"
    ),
    Column("handed_at", Instant),
    Column("sent_at", Instant),
    Column("created_at", Instant, nullable=False),
    postgresql_with=_ROOM_TO_CHANGE,
)
_waiting = "state IN ('planned', 'held')"
Index("ix_notices_ready", notices.c.lane, notices.c.not_before, **_where(_waiting))
Index("ix_notices_expiring", notices.c.expires_at, **_where(_waiting))
Index("ix_notices_leased", notices.c.lease_until, **_where("state = 'sending'"))
Index("ix_notices_unknown", notices.c.key, **_where("state = 'unknown'"))
Index("ix_notices_head", notices.c.head, **_where("head IS NOT NULL"))
Index("ix_notices_only_to", notices.c.only_to, **_where("only_to IS NOT NULL"))
Index("ix_notices_secret", notices.c.expires_at, **_where("lane = 'critical' AND context IS NOT NULL"))
Index("ix_notices_deadline", notices.c.loan_id, notices.c.kind, notices.c.ref)
Index("ix_notices_party_id", notices.c.party_id, **_where("party_id IS NOT NULL"))

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("phone_key", LargeBinary, comment="keyed hash of the number it went to"),
    Column("text", LargeBinary),
    Column("template_version", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("cap_key", Text, comment="the counters this attempt took from, a line each; none once given back"),
    Column("outcome", Text, comment="accepted, rejected, throttled, not_sent, unknown; none: not known yet"),
    Column("code", Text),
    Column("provider_id", Text),
    Column("ended_at", Instant),
    postgresql_with=_ROOM_TWICE,
)
Index("ix_attempts_key", attempts.c.key)

outbox = Table(
    "outbox",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("type", Text, nullable=False, comment="notice.sent, alert.raised, …"),
    Column("key", Text, comment="of the notice"),
    Column("loan_id", Text),
    Column("seq", Integer),
    Column("state", Text),
    Column("reason", Text),
    Column("rule", Text, comment="the rule that decided, with its version"),
    Column("data", Text, comment="of other status events, JSON without personal data"),
    Column("at", Instant, nullable=False),
    Column("published_at", Instant),
)
Index("ix_outbox_unpublished", outbox.c.id, **_where("published_at IS NULL"))
Index("ix_outbox_key", outbox.c.key)

suppressions = Table(
    "suppressions",
    metadata,
    Column("phone_key", LargeBinary, primary_key=True, comment="keyed hash of the number"),
    Column("purpose", Text, primary_key=True, comment="a purpose, or * for all but security"),
    Column("phone", LargeBinary),
    Column("evidence", Text),
    Column("origin", Text, nullable=False, comment="operator, or reply: START undoes only what a reply did"),
    Column("since", Instant, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("party_id", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("granted", Boolean, nullable=False),
    Column("evidence", Text),
    Column("set_by", Text, nullable=False, comment="version"),
)

replies = Table(
    "replies",
    metadata,
    Column("hash", LargeBinary, primary_key=True, comment="hash of the sender's name and the provider's id, kept for ever"),
    Column("sender", Text, nullable=False),
    Column("phone_key", LargeBinary, nullable=False, comment="keyed hash of the number it came from"),
    Column("text", LargeBinary),
    Column("meaning", Text, nullable=False, comment="stop, start, yes, no, other"),
    Column("at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
)
Index("ix_replies_phone_key", replies.c.phone_key)
Index("ix_replies_received_at", replies.c.received_at, **_where("text IS NOT NULL"))

questions = Table(
    "questions",
    metadata,
    Column("loan_id", Text, primary_key=True),
    Column("operation_id", Text, primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Column("set_by", Text, nullable=False, comment="version"),
    Column("answer", Text, comment="confirmed, declined, expired; none: open"),
    Column("answered_at", Instant),
)
Index("ix_questions_open", questions.c.expires_at, **_where("answer IS NULL"))

contacts = Table(
    "contacts",
    metadata,
    Column("counter", Text, primary_key=True, comment="rule, then hash of the number or the party"),
    Column("day", Date, primary_key=True),
    Column("n", Integer, nullable=False),
)
Index("ix_contacts_day", contacts.c.day)

contact_times = Table(
    "contact_times",
    metadata,
    Column("counter", Text, primary_key=True, comment="as in contacts; of caps that count more than one natural day"),
    Column("at", Instant, primary_key=True),
    Column("attempt", Text, primary_key=True),
)
Index("ix_contact_times_at", contact_times.c.at)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("hash", LargeBinary, nullable=False, unique=True, comment="hash of the body"),
    Column("event_hash", LargeBinary, comment="hash of source and id, where they could be read"),
    Column("type", Text),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("payload", LargeBinary),
    Column("origin", Text, nullable=False, comment="where it came from: a queue, http, the inbox"),
    Column("state", Text, nullable=False, comment="open, replayed, discarded"),
    Column("times", Integer, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
)
Index("ix_dead_letters_last_seen", dead_letters.c.last_seen, **_where("payload IS NOT NULL"))
Index("ix_dead_letters_state", dead_letters.c.state, dead_letters.c.id)

controls = Table(
    "controls",
    metadata,
    Column("scope", Text, primary_key=True, comment="all, lane, channel, template, sender, loan"),
    Column("name", Text, primary_key=True, comment="of the lane, template, …; empty for all"),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
)

audit = Table(
    "audit",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("why", Text),
    Column("chain", LargeBinary, nullable=False, unique=True, comment="hash of this row and the one before"),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("name", Text, primary_key=True),
    Column("watermark", Instant),
    Column("holder", Text),
    Column("lease_until", Instant),
    Column("last_run", Instant),
    Column("place", BigInteger, comment="how far a sweep has come that walks a table by its row numbers"),
)

vault = Table(
    "vault",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("canary", LargeBinary, nullable=False),
)
