"""A flood of events does not delay a code: it has a queue, a consumer and a lane of its own."""

import json
from datetime import timedelta

import pytest

from tests.integration.rig import BASE, Rig, as_bodies, eventually
from tests.integration.stories import TODAY, borrower, disbursed, event

pytestmark = pytest.mark.integration

FLOOD = 1_000


def test_a_code_overtakes_a_flood(rig: Rig) -> None:
    """Published behind 1,000 events, it is absorbed and handed over while most of them still wait; once."""
    first = rig.worker()
    eventually(rig.consuming)
    first.terminate()
    rig.publish(as_bodies(disbursed(f"L{index}", index, TODAY + timedelta(days=9)) for index in range(FLOOD)))
    until = (BASE + timedelta(minutes=10)).isoformat()
    said = {"operation_id": "OP-1", "operation": "更换还款账户", "expires_at": until, "mode": "code", "code": "482913"}
    code = event("L-code", 1, "loan.operation.confirmation_requested", BASE, borrower=borrower("L-code", FLOOD), **said)
    rig.publish(as_bodies([code]))
    rig.worker(DUEBELL_BATCH="25")
    eventually(lambda: rig.one("SELECT count(*) FROM inbox") == FLOOD + 1 and rig.quiet(), within=120)
    behind = rig.one(
        """
        SELECT count(*) FROM inbox
        WHERE absorbed_at > (SELECT absorbed_at FROM inbox WHERE type = 'loan.operation.confirmation_requested')
        """
    )
    assert behind > FLOOD / 2
    sent = rig.sent()
    place = [key.split(":")[-2] for key in sent].index("operation_code")
    assert place < FLOOD / 2
    assert len(sent) == len(set(sent)) == FLOOD + 1
    texts = [json.loads(line) for line in rig.texts.read_text("utf-8").splitlines()]
    assert [text["lane"] for text in texts if "482913" in text["body"]] == ["critical"]
