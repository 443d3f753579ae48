"""Reads what the texts of claimed notices must name beside their own rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from service.ledger import Transaction, claims
from service.wording import Around
from service.zones import local_date

_NOTHING: Final = Around({}, {}, {}, {})


async def look_around(tx: Transaction, rows: Sequence[Any], now: datetime) -> Around:
    """Reads the neighbours of deadlines that receipts and collection texts must name."""
    receipts = [row for row in rows if row.payment_set_by is not None]
    collecting = [row for row in rows if row.purpose == "collection" and row.loan_id]
    asking = sorted({(row.loan_id,) for row in rows if row.role == "payer"})
    if not receipts and not collecting and not asking:
        return _NOTHING
    names = {found.loan_id: found.name for found in await tx.rows(claims.BORROWERS, l=asking)} if asking else {}
    open_by_key, next_by_loan = {}, {}
    if receipts:
        covered = [(row.loan_id, kind, ref) for row in receipts for kind, ref, _ in _covered(row)]
        for found in await tx.rows(claims.AROUND_PAYMENTS, l=sorted({(row.loan_id,) for row in receipts}), w=covered):
            if found.place == 1:
                next_by_loan[found.loan_id] = found
            else:
                open_by_key[found.loan_id, found.kind, found.ref] = found
    overdue: dict[str, list[Any]] = {}
    last_payment: dict[str, str] = {}
    if collecting:
        loans = {row.loan_id: local_date(now, row.zone) for row in collecting}
        for found in await tx.rows(claims.OVERDUE, l=sorted(loans.items())):
            overdue.setdefault(found.loan_id, []).append(found)
        last_payment = {
            f.loan_id: f.version for f in await tx.rows(claims.LAST_PAYMENTS, l=[(loan_id,) for loan_id in sorted(loans)])
        }
    return Around(open_by_key, next_by_loan, overdue, last_payment, names)


def _covered(row: Any) -> list[Any]:
    found: list[Any] = orjson.loads(row.covered or "[]")
    return found
