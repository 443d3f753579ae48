"""GET /healthz, /readyz and /metrics: whether this process lives, what it lacks, and its figures."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from service.health import Health
from service.ledger import Ledger, LedgerAway, LedgerConflict
from service.ledger.statement import BOOL, Statement

_PROBE_SECONDS: Final = 5.0
#: A server that has become a standby answers, and takes nothing.
_PROBE: Final = Statement("SELECT {read_only} AS read_only", returns={"read_only": BOOL})


def routes(ledger: Ledger, health: Health, registry: CollectorRegistry) -> APIRouter:
    """The routes; they hold nothing personal and ask for no token."""
    router, probe = APIRouter(), Probe(ledger, health)

    @router.get("/healthz")
    async def get_health() -> dict[str, str]:
        """Answers while the process lives."""
        return {"status": "alive"}

    @router.get("/readyz")
    async def get_readiness() -> JSONResponse:
        """Says what is away, if anything is."""
        await probe.look()
        away = health.away
        body: dict[str, Any] = {"status": "away" if away else "ready", "away": away}
        return JSONResponse(body, 503 if away else 200)

    @router.get("/metrics")
    async def get_metrics() -> Response:
        """The figures as they stand; sweeps refresh what is read from the database."""
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


class Probe:
    """Asks the database whether it is there. However many ask for readiness, one question is under way at a time."""

    def __init__(self, ledger: Ledger, health: Health) -> None:
        self._ledger, self._health = ledger, health
        self._asking: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Sets the health of `database`, after five seconds at most: a busy SQLite is not away."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        _, unanswered = await asyncio.wait({self._asking}, timeout=_PROBE_SECONDS)
        if unanswered:
            self._health.down("database", f"no answer within {_PROBE_SECONDS:g} s")

    async def _ask(self) -> None:
        try:
            async with self._ledger.transaction() as tx:
                is_read_only = (await tx.rows(_PROBE))[0].read_only
        except (LedgerAway, LedgerConflict) as error:
            self._health.down("database", str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the database does not work
            self._health.down("database", type(error).__name__)
        else:
            if is_read_only:
                self._health.down("database", "it can be read, not written")
            else:
                self._health.up("database")
