"""One CloudEvent per outbox row."""

import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from service.status_events import status_event


def row(**said: Any) -> SimpleNamespace:
    """An outbox row as UNPUBLISHED gives it: a reminder that was sent, unless said otherwise."""
    sent = {
        "id": 42,
        "type": "notice.sent",
        "key": "stage:L1:instalment:1:2026-07-03:due_today:borrower",
        "loan_id": "L1",
        "seq": 3,
        "state": "sent",
        "reason": None,
        "data": None,
        "at": datetime(2026, 7, 3, 9, 0, tzinfo=timezone(timedelta(hours=8))),
        "template": "repayment_due_today",
        "channel": "sms",
        "purpose": "reminder",
        "role": "borrower",
        "party_id": "P1",
        "caused_by": None,
    }
    return SimpleNamespace(**(sent | said))


def test_a_step_of_a_notice_is_a_cloud_event() -> None:
    """The envelope names the outbox row, the loan and the instant in UTC; the data are exactly the fields promised."""
    assert status_event(row()) == {
        "specversion": "1.0",
        "id": "duebell:42",
        "source": "duebell",
        "type": "notice.sent",
        "subject": "L1",
        "time": "2026-07-03T01:00:00Z",
        "datacontenttype": "application/json",
        "data": {
            "key": "stage:L1:instalment:1:2026-07-03:due_today:borrower",
            "loan_id": "L1",
            "template": "repayment_due_today",
            "channel": "sms",
            "purpose": "reminder",
            "party_id": "P1",
            "state": "sent",
            "reason": None,
            "at": "2026-07-03T01:00:00Z",
            "caused_by": None,
            "seq": 3,
            "to_role": "borrower",
        },
    }


def test_an_alert_carries_its_own_data() -> None:
    """alert.raised says what the outbox row says, when, and nothing of a notice; without a loan it has no subject."""
    data = json.dumps({"alert": "duplicate_mismatch", "type": "loan.settled"})
    event = status_event(row(type="alert.raised", key=None, loan_id=None, seq=None, state=None, data=data))
    assert event["data"] == {"alert": "duplicate_mismatch", "type": "loan.settled", "at": "2026-07-03T01:00:00Z"}
    assert event["type"] == "alert.raised"
    assert "subject" not in event


def test_a_status_event_can_be_written_as_json() -> None:
    """Nothing in it needs a special encoder."""
    assert json.loads(json.dumps(status_event(row()))) == status_event(row())
