"""After a restore from a backup: what may have gone in the time that was lost is unknown, whenever its row is written."""

from typing import Final

from service.ledger.statement import INSTANT, Statement

#: Everything that could have been handed over after the backup was made, revived notices included.
MARK = Statement(
    """
    UPDATE notices SET state = 'unknown', reason = 'restored', seq = notices.seq + 1, sender = NULL, token = NULL,
        lease_until = NULL, not_before = notices.moment,
        handed_at = COALESCE(notices.handed_at, {greatest}(notices.moment, :as_of))
    WHERE notices.moment <= :now AND notices.expires_at > :as_of AND (
        notices.state IN ('planned', 'held', 'sending', 'unknown')
        OR notices.state = 'cancelled' AND notices.handed_at IS NULL AND notices.reason NOT IN ('by_operator', 'cured')
        OR notices.state = 'suppressed' AND notices.handed_at IS NULL AND notices.reason = 'paused')
    RETURNING notices.key, notices.loan_id, notices.seq, notices.state, notices.reason
    """,
    as_of=INSTANT,
    now=INSTANT,
)

#: The lost time, from the backup (last_run) to the declaration (watermark): rows that are written later, for events that come
#: again and stages planned anew, may have gone in it already.
REMEMBER = Statement(
    """
    INSERT INTO sweeps (name, watermark, last_run) VALUES ('recovered', :now, :as_of)
    ON CONFLICT (name) DO UPDATE SET watermark = excluded.watermark, last_run = excluded.last_run
    """,
    as_of=INSTANT,
    now=INSTANT,
)

_MAY_HAVE_GONE: Final = (
    "{row}.moment <= (SELECT watermark FROM sweeps WHERE name = 'recovered') "
    "AND {row}.expires_at > (SELECT last_run FROM sweeps WHERE name = 'recovered')"
)


def first_state(row: str) -> str:
    """The SQL for state, reason and handed_at of a notice that is about to be written; `row` is the alias it comes from."""
    gone = _MAY_HAVE_GONE.format(row=row)
    return (
        f"CASE WHEN {gone} THEN 'unknown' ELSE 'planned' END, CASE WHEN {gone} THEN 'restored' END, "
        f"CASE WHEN {gone} THEN {row}.moment END"
    )
