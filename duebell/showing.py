"""How a notice is shown: the fields of a line, in the order of the command line's contract."""

from datetime import UTC, datetime
from typing import Any

from service.zones import zone


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def order(at: str | None) -> tuple[datetime, bool]:
    """What puts moments as `instant` writes them in order; a day stands before its first moment, nothing before everything."""
    moment = datetime.fromisoformat(at or "0001-01-01")
    return moment.replace(tzinfo=moment.tzinfo or UTC), "T" in (at or "")


def notice_line(row: Any) -> dict[str, Any]:
    """A row of service.ledger.reading.NOTICES as people and programs see it."""
    return {
        "key": row.key,
        "loan_id": row.loan_id,
        "template": row.template,
        "channel": row.channel,
        "purpose": row.purpose,
        "lane": row.lane,
        "state": row.state,
        "reason": row.reason,
        "not_before": instant(row.not_before),
        "sent_at": instant(row.sent_at),
        "to_role": row.role,
    }


def local(at: str, zone_name: str) -> str:
    """A moment of a line as a clock in an IANA zone shows it, to the minute."""
    return f"{datetime.fromisoformat(at).astimezone(zone(zone_name)):%Y-%m-%d %H:%M}"
