"""GET /v1/status: what became of notices, as CloudEvents, page by page."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from service.ledger import Ledger, following
from service.status_events import status_event

_LARGEST_ID: Final = 2**63 - 1
_LARGEST_PAGE: Final = 1_000


def routes(ledger: Ledger) -> APIRouter:
    """The route."""
    router = APIRouter()

    @router.get("/v1/status")
    async def get_status(
        after: Annotated[int, Query(ge=0, le=_LARGEST_ID)] = 0, limit: Annotated[int, Query(ge=1, le=_LARGEST_PAGE)] = 100
    ) -> dict[str, Any]:
        """The status events after a cursor, oldest first, and the cursor to ask with next."""
        rows, cursor = await following.page(ledger, after, limit)
        return {"events": [status_event(row) for row in rows], "after": cursor}

    return router
