"""What goes back upstream: one CloudEvent for each step of a notice, each alert, and each answer or opt-out."""

import json
from datetime import UTC, datetime
from typing import Any

#: What upstream is told of a notice; the rows of service/ledger/outbox.py hold these and `at` and `role`.
_OF_NOTICE = ("key", "loan_id", "template", "channel", "purpose", "party_id", "state", "reason", "caused_by", "seq")


def status_event(row: Any) -> dict[str, Any]:
    """The CloudEvent of an outbox row, ready for json.dumps.

    `row` is one of outbox.UNPUBLISHED or outbox.AFTER. The id is `duebell:<outbox id>`; consumers deduplicate by it, and
    put a notice's states in order by `seq`. A row of no loan gives no subject.
    """
    at = _instant(row.at)
    event = {
        "specversion": "1.0",
        "id": f"duebell:{row.id}",
        "source": "duebell",
        "type": row.type,
        "time": at,
        "datacontenttype": "application/json",
        "data": _notice(row, at) if row.data is None else {**json.loads(row.data), "at": at},
    }
    return event if row.loan_id is None else event | {"subject": row.loan_id}


def _notice(row: Any, at: str) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in _OF_NOTICE}, "at": at, "to_role": row.role}


def _instant(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
