"""Every table, as the first release has them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from service.ledger.types import Instant, RowNumber

revision = "0001"
down_revision = None


def upgrade() -> None:
    _inbox()
    _parties()
    _loans()
    _deadlines()
    _payments()
    _notices()
    _attempts()
    _outbox()
    _suppressions()
    _consents()
    _replies()
    _questions()
    _contacts()
    _dead_letters()
    _controls()
    _audit()
    _sweeps()
    _vault()


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("hash", sa.LargeBinary, comment="hash of source and id, kept for ever"),
        sa.Column("state", sa.Text, nullable=False, comment="received, absorbed, ignored, dead"),
        sa.Column("payload_hash", sa.LargeBinary, nullable=False, comment="hash of the body"),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("party_hash", sa.LargeBinary, comment="keyed hash of a party it names, for erasure"),
        sa.Column("other_party_hash", sa.LargeBinary, comment="keyed hash of the other one, where it names two"),
        sa.Column("type", sa.Text),
        sa.Column("loan_id", sa.Text),
        sa.Column("event_time", Instant),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("absorbed_at", Instant),
        sa.PrimaryKeyConstraint("hash", name="pk_inbox"),
    )
    op.create_index("ix_inbox_ignored", "inbox", ["hash"], **_where("state = 'ignored'"))
    op.create_index("ix_inbox_loan_id", "inbox", ["loan_id"], **_where("loan_id IS NOT NULL"))
    op.create_index("ix_inbox_other_party_hash", "inbox", ["other_party_hash"], **_where("other_party_hash IS NOT NULL"))
    op.create_index("ix_inbox_party_hash", "inbox", ["party_hash"], **_where("party_hash IS NOT NULL"))
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"], **_where("payload IS NOT NULL"))
    op.create_index("ix_inbox_received", "inbox", ["received_at"], **_where("state = 'received'"))
    urgent = "state = 'received' AND (type LIKE 'loan.operation.%' OR type LIKE 'loan.security.%')"
    op.create_index("ix_inbox_urgent", "inbox", ["received_at"], **_where(urgent))


def _parties() -> None:
    op.create_table(
        "parties",
        sa.Column("party_id", sa.Text),
        sa.Column("name", sa.LargeBinary),
        sa.Column("phone", sa.LargeBinary),
        sa.Column("email", sa.LargeBinary),
        sa.Column("phone_key", sa.LargeBinary, comment="keyed hash of the number"),
        sa.Column("locale", sa.Text),
        sa.Column("timezone", sa.Text),
        sa.Column("jurisdiction", sa.Text),
        sa.Column("zone", sa.Text, comment="the zone used for local times: timezone, else Asia/Shanghai where cn, else none"),
        sa.Column("set_by", sa.Text, server_default="{}", nullable=False, comment="field → version, JSON"),
        sa.Column("erased_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("party_id", name="pk_parties"),
    )
    op.create_index("ix_parties_erased_at", "parties", ["erased_at"], **_where("erased_at IS NOT NULL"))
    op.create_index("ix_parties_phone_key", "parties", ["phone_key"])
    op.create_index("ix_parties_zone", "parties", ["zone"])


def _loans() -> None:
    op.create_table(
        "loans",
        sa.Column("loan_id", sa.Text),
        sa.Column("borrower_id", sa.Text),
        sa.Column("product", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("timezone", sa.Text),
        sa.Column("method", sa.Text, comment="auto_debit, manual"),
        sa.Column("account_last4", sa.Text),
        sa.Column("set_by", sa.Text, server_default="{}", nullable=False, comment="field → version, JSON"),
        sa.Column("closings", sa.Text, server_default="[]", nullable=False, comment="[kind or null, version, reason], JSON"),
        sa.Column(
            "pauses", sa.Text, server_default="[]", nullable=False, comment="[version, paused … promised, about, until], JSON"
        ),
        sa.Column("visits", sa.Text, server_default="[]", nullable=False, comment="service.visits.Visit each, JSON"),
        sa.Column("plans", sa.Text, server_default="[]", nullable=False, comment="[version, request, agreed or broken], JSON"),
        sa.Column("cured_by", sa.Text, comment="version"),
        sa.Column("unscheduled_since", Instant, comment="a plan was broken and nobody has said what is owed now"),
        sa.Column("unscheduled_told", sa.Boolean, server_default=sa.text("false"), nullable=False, comment="ops were told so"),
        sa.Column("replan", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("loan_id", name="pk_loans"),
    )
    op.create_index("ix_loans_borrower_id", "loans", ["borrower_id"])
    op.create_index("ix_loans_replan", "loans", ["loan_id"], **_where("replan"))
    op.create_index("ix_loans_timezone", "loans", ["timezone"], **_where("timezone IS NOT NULL"))
    op.create_index(
        "ix_loans_unscheduled_since", "loans", ["unscheduled_since"],
        **_where("unscheduled_since IS NOT NULL AND NOT unscheduled_told"),
    )  # fmt: skip


def _deadlines() -> None:
    op.create_table(
        "deadlines",
        sa.Column("loan_id", sa.Text),
        sa.Column("kind", sa.Text),
        sa.Column("ref", sa.Text),
        sa.Column("due_on", sa.Date),
        sa.Column("due_at", Instant),
        sa.Column("anchor", sa.Text, comment="as in keys"),
        sa.Column("amount", sa.BigInteger, comment="minor units"),
        sa.Column("currency", sa.Text),
        sa.Column("paid", sa.BigInteger, server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="stub, open, closed"),
        sa.Column("reason", sa.Text, comment="why closed"),
        sa.Column("set_by", sa.Text, comment="version; none: a stub"),
        sa.Column("closed_by", sa.Text, comment="version of the event that closed this one alone"),
        sa.Column("closed_because", sa.Text),
        sa.Column("stated", sa.BigInteger, comment="upstream's figure of what is due, minor units"),
        sa.Column("stated_by", sa.Text, comment="version"),
        sa.Column("stated_dpd", sa.Integer),
        sa.Column("request_id", sa.Text),
        sa.Column("payer_id", sa.Text),
        sa.Column("for_ref", sa.Text, comment="the instalment a delegation is for"),
        sa.Column("plan_from", Instant, comment="stages before it are not decided (backfill)"),
        sa.Column("told_at", Instant, comment="when ops were told that nobody explains this stub"),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("loan_id", "kind", "ref", name="pk_deadlines"),
    )
    op.create_index("ix_deadlines_due_at", "deadlines", ["kind", "due_at"], **_where("state = 'open' AND due_at IS NOT NULL"))
    op.create_index("ix_deadlines_due_on", "deadlines", ["kind", "due_on"], **_where("state = 'open' AND due_on IS NOT NULL"))
    op.create_index("ix_deadlines_visits", "deadlines", ["due_at"], **_where("kind = 'visit_appointment'"))
    op.create_index(
        "ix_deadlines_stub", "deadlines", ["created_at"],
        **_where("state = 'stub' AND told_at IS NULL AND kind NOT IN ('contract_signing', 'agreement_signing')"),
    )  # fmt: skip


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("loan_id", sa.Text),
        sa.Column("payment_id", sa.Text),
        sa.Column("amount", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("paid_at", Instant),
        sa.Column("method", sa.Text),
        sa.Column("payer_id", sa.Text),
        sa.Column("ref", sa.Text, comment="the one instalment it names"),
        sa.Column("covers", sa.Text, comment="[[ref, minor units]] as upstream says, JSON"),
        sa.Column(
            "covered", sa.Text, server_default="[]", nullable=False, comment="[[kind, ref, minor units]] as derived, JSON"
        ),
        sa.Column("set_by", sa.Text, comment="version; none: only its reversal is known"),
        sa.Column("reversed_by", sa.Text, comment="version"),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("told_at", Instant, comment="when ops were told that nobody explains this reversal"),
        sa.PrimaryKeyConstraint("loan_id", "payment_id", name="pk_payments"),
    )
    op.create_index("ix_payments_stub", "payments", ["recorded_at"], **_where("set_by IS NULL AND told_at IS NULL"))


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("key", sa.Text),
        sa.Column("key_month", sa.Integer, autoincrement=False),
        sa.Column("loan_id", sa.Text),
        sa.Column("party_id", sa.Text, comment="none: the loan's borrower"),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("asks", sa.Boolean, nullable=False, comment="ends when its deadline closes"),
        sa.Column(
            "receipt",
            sa.Boolean,
            server_default=sa.text("false"),
            nullable=False,
            comment="ends when its payment is taken back",
        ),
        sa.Column("kind", sa.Text, comment="of the deadline it speaks of"),
        sa.Column("ref", sa.Text, comment="of the deadline; without a kind, of the operation it asks about"),
        sa.Column("anchor", sa.Text, comment="of a stage"),
        sa.Column("stage", sa.Text, comment="none: an event notice"),
        sa.Column("digest", sa.Text, comment="of a stage: stages of one moment and of this name become one text"),
        sa.Column("head", sa.Text, comment="key of the text that lists this notice, from the intent on"),
        sa.Column("payment_id", sa.Text),
        sa.Column("needs", sa.Text, comment="facts the text cannot do without, separated by spaces"),
        sa.Column("context", sa.LargeBinary),
        sa.Column("caused_by", sa.Text, comment="event id"),
        sa.Column("event_time", Instant),
        sa.Column("moment", Instant, nullable=False),
        sa.Column("not_before", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("seq", sa.Integer, server_default=sa.text("0"), nullable=False),
        sa.Column(
            "tries", sa.Integer, server_default=sa.text("0"), nullable=False, comment="rounds in which no sender took it"
        ),
        sa.Column("token", sa.Text),
        sa.Column("lease_until", Instant),
        sa.Column("sender", sa.Text, comment="the one it was handed to"),
        sa.Column("doubted_by", sa.Text, comment="the sender that may have said it already, while it waits to be said again"),
        sa.Column(
            "only_to",
            sa.LargeBinary,
            comment="keyed hash of the number it answers: it goes there though suppressed, and nowhere else",
        ),
        sa.Column("handed_at", Instant),
        sa.Column("sent_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("key", "key_month", name="pk_notices"),
        postgresql_with={"fillfactor": 70},
    )
    _notice_indexes()


def _notice_indexes() -> None:
    op.create_index("ix_notices_expiring", "notices", ["expires_at"], **_where("state IN ('planned', 'held')"))
    op.create_index("ix_notices_head", "notices", ["head"], **_where("head IS NOT NULL"))
    op.create_index("ix_notices_leased", "notices", ["lease_until"], **_where("state = 'sending'"))
    op.create_index("ix_notices_only_to", "notices", ["only_to"], **_where("only_to IS NOT NULL"))
    op.create_index("ix_notices_deadline", "notices", ["loan_id", "kind", "ref"])
    op.create_index("ix_notices_party_id", "notices", ["party_id"], **_where("party_id IS NOT NULL"))
    op.create_index("ix_notices_ready", "notices", ["lane", "not_before"], **_where("state IN ('planned', 'held')"))
    op.create_index("ix_notices_secret", "notices", ["expires_at"], **_where("lane = 'critical' AND context IS NOT NULL"))
    op.create_index("ix_notices_unknown", "notices", ["key"], **_where("state = 'unknown'"))


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("phone_key", sa.LargeBinary, comment="keyed hash of the number it went to"),
        sa.Column("text", sa.LargeBinary),
        sa.Column("template_version", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.Column("cap_key", sa.Text, comment="the counters this attempt took from, a line each; none once given back"),
        sa.Column("outcome", sa.Text, comment="accepted, rejected, throttled, not_sent, unknown; none: not known yet"),
        sa.Column("code", sa.Text),
        sa.Column("provider_id", sa.Text),
        sa.Column("ended_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        postgresql_with={"fillfactor": 45},
    )
    op.create_index("ix_attempts_key", "attempts", ["key"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", RowNumber, autoincrement=True),
        sa.Column("type", sa.Text, nullable=False, comment="notice.sent, alert.raised, …"),
        sa.Column("key", sa.Text, comment="of the notice"),
        sa.Column("loan_id", sa.Text),
        sa.Column("seq", sa.Integer),
        sa.Column("state", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("rule", sa.Text, comment="the rule that decided, with its version"),
        sa.Column("data", sa.Text, comment="of other status events, JSON without personal data"),
        sa.Column("at", Instant, nullable=False),
        sa.Column("published_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_key", "outbox", ["key"])
    op.create_index("ix_outbox_unpublished", "outbox", ["id"], **_where("published_at IS NULL"))


def _suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("phone_key", sa.LargeBinary, comment="keyed hash of the number"),
        sa.Column("purpose", sa.Text, comment="a purpose, or * for all but security"),
        sa.Column("phone", sa.LargeBinary),
        sa.Column("evidence", sa.Text),
        sa.Column("origin", sa.Text, nullable=False, comment="operator, or reply: START undoes only what a reply did"),
        sa.Column("since", Instant, nullable=False),
        sa.PrimaryKeyConstraint("phone_key", "purpose", name="pk_suppressions"),
    )


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("party_id", sa.Text),
        sa.Column("purpose", sa.Text),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("evidence", sa.Text),
        sa.Column("set_by", sa.Text, nullable=False, comment="version"),
        sa.PrimaryKeyConstraint("party_id", "purpose", name="pk_consents"),
    )


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("hash", sa.LargeBinary, comment="hash of the sender's name and the provider's id, kept for ever"),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("phone_key", sa.LargeBinary, nullable=False, comment="keyed hash of the number it came from"),
        sa.Column("text", sa.LargeBinary),
        sa.Column("meaning", sa.Text, nullable=False, comment="stop, start, yes, no, other"),
        sa.Column("at", Instant, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_replies"),
    )
    op.create_index("ix_replies_phone_key", "replies", ["phone_key"])
    op.create_index("ix_replies_received_at", "replies", ["received_at"], **_where("text IS NOT NULL"))


def _questions() -> None:
    op.create_table(
        "questions",
        sa.Column("loan_id", sa.Text),
        sa.Column("operation_id", sa.Text),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False, comment="version"),
        sa.Column("answer", sa.Text, comment="confirmed, declined, expired; none: open"),
        sa.Column("answered_at", Instant),
        sa.PrimaryKeyConstraint("loan_id", "operation_id", name="pk_questions"),
    )
    op.create_index("ix_questions_open", "questions", ["expires_at"], **_where("answer IS NULL"))


def _contacts() -> None:
    op.create_table(
        "contact_times",
        sa.Column("counter", sa.Text, comment="as in contacts; of caps that count more than one natural day"),
        sa.Column("at", Instant),
        sa.Column("attempt", sa.Text),
        sa.PrimaryKeyConstraint("counter", "at", "attempt", name="pk_contact_times"),
    )
    op.create_index("ix_contact_times_at", "contact_times", ["at"])
    op.create_table(
        "contacts",
        sa.Column("counter", sa.Text, comment="rule, then hash of the number or the party"),
        sa.Column("day", sa.Date),
        sa.Column("n", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("counter", "day", name="pk_contacts"),
    )
    op.create_index("ix_contacts_day", "contacts", ["day"])


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", RowNumber, autoincrement=True),
        sa.Column("hash", sa.LargeBinary, nullable=False, comment="hash of the body"),
        sa.Column("event_hash", sa.LargeBinary, comment="hash of source and id, where they could be read"),
        sa.Column("type", sa.Text),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("origin", sa.Text, nullable=False, comment="where it came from: a queue, http, the inbox"),
        sa.Column("state", sa.Text, nullable=False, comment="open, replayed, discarded"),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("first_seen", Instant, nullable=False),
        sa.Column("last_seen", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
        sa.UniqueConstraint("hash", name="uq_dead_letters_hash"),
    )
    op.create_index("ix_dead_letters_last_seen", "dead_letters", ["last_seen"], **_where("payload IS NOT NULL"))
    op.create_index("ix_dead_letters_state", "dead_letters", ["state", "id"])


def _controls() -> None:
    op.create_table(
        "controls",
        sa.Column("scope", sa.Text, comment="all, lane, channel, template, sender, loan"),
        sa.Column("name", sa.Text, comment="of the lane, template, …; empty for all"),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("until", Instant),
        sa.PrimaryKeyConstraint("scope", "name", name="pk_controls"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", RowNumber, autoincrement=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("why", sa.Text),
        sa.Column("chain", sa.LargeBinary, nullable=False, comment="hash of this row and the one before"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.UniqueConstraint("chain", name="uq_audit_chain"),
    )


def _sweeps() -> None:
    op.create_table(
        "sweeps",
        sa.Column("name", sa.Text),
        sa.Column("watermark", Instant),
        sa.Column("holder", sa.Text),
        sa.Column("lease_until", Instant),
        sa.Column("last_run", Instant),
        sa.Column("place", sa.BigInteger, comment="how far a sweep has come that walks a table by its row numbers"),
        sa.PrimaryKeyConstraint("name", name="pk_sweeps"),
    )


def _vault() -> None:
    op.create_table(
        "vault",
        sa.Column("key_id", sa.Text),
        sa.Column("canary", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_vault"),
    )
