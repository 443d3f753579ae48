"""The status events of real outbox rows keep the models that upstream is promised, on both databases."""

from datetime import timedelta

from jsonschema import Draft202012Validator

from duebell.schemas import schema
from service.ledger import outbox
from service.status_data import STATUS_MESSAGES
from service.status_events import status_event
from tests.lender import Lender, at
from tests.virtual import opened

NOW = at("2026-06-15 10:00")


async def test_status_events_are_as_published(any_database_url: str) -> None:
    """Texts that went, waited, ended, and an alert: each row becomes a message that its model and its schema accept."""
    lender, stranger = Lender(), Lender("L-2", phone=None)
    async with opened(NOW, url=any_database_url) as world:
        disbursed = lender.disbursed(NOW, (1, "2026-06-20", "100.00"), id_="d-1")
        await world.absorb(disbursed, stranger.submitted(NOW, borrower=stranger.borrower))
        await world.absorb(lender.disbursed(NOW, (1, "2026-06-20", "200.00"), id_="d-1"))
        await world.run_until(at("2026-06-19 12:00"))
        await world.absorb(lender.paid(world.clock.at, "100.00"))
        await world.run_until(NOW + timedelta(days=8))
        rows = await world.rows(outbox.AFTER, after=0, n=1_000)
        events = [status_event(row) for row in rows]
        assert {event["type"] for event in events} >= {
            "notice.sent", "notice.held", "notice.cancelled", "notice.expired", "alert.raised"
        }  # fmt: skip
        for event in events:
            told = STATUS_MESSAGES[event["type"]].model_validate(event)
            assert told.model_dump(mode="json", exclude_unset=True)["data"].keys() == event["data"].keys()
            Draft202012Validator(schema(event["type"])).validate(event)
