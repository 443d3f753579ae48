"""What every answer has in common: headers that tell browsers to trust nothing, and errors that repeat no input."""

from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.ledger import LedgerAway, LedgerConflict

log = structlog.get_logger(__name__)

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_RETRY: Final = {"Retry-After": "5"}


class Shield:
    """Adds the headers an answer does not set itself, and turns what nobody caught into a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        begun = False

        async def shielded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, shielded)
        except Exception:
            log.exception("a request failed", method=scope.get("method"))
            if begun:
                raise
            await _refused(500, "something went wrong here; the log of this process says what")(scope, receive, shielded)


def shield(app: FastAPI) -> None:
    """Gives an app its error answers and headers."""
    app.add_middleware(Shield)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(LedgerAway, _on_away)
    app.add_exception_handler(LedgerConflict, _on_away)


def _refused(status: int, reason: str, headers: Any = None, **more: str) -> JSONResponse:
    return JSONResponse({**more, "reason": reason}, status, headers)


async def _on_http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return _refused(error.status_code, str(error.detail), error.headers)


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    """The first parameter that is wrong, without what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    return _refused(400, str(first["msg"]), field=str(first["loc"][-1]))


async def _on_away(_request: Request, _error: Exception) -> JSONResponse:
    return _refused(
        503, "the database is away; send the same again later, what was taken in meanwhile counts as duplicate", _RETRY
    )
