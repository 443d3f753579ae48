"""POST /v1/replies/{sender}: takes in what people wrote back, in the form of the sender's provider."""

from collections.abc import Callable
from typing import Final, Protocol

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse

from console.bodies import read
from service.mailbox import UnknownSenderError, Verdict
from service.senders._port import ReplyError

_VERDICTS: Final[tuple[Verdict, ...]] = ("accepted", "duplicate")


class Mailbox(Protocol):
    """Where replies go: service.mailbox.Mailbox."""

    async def post(self, name: str, body: bytes) -> list[tuple[str, Verdict]]:
        """The id and the verdict of each reply, in order, when what they ask for is done."""
        ...


def routes(mailbox: Mailbox, nudge: Callable[[], None]) -> APIRouter:
    """The route; `nudge` is called when there may be something to answer."""
    router = APIRouter()

    @router.post("/v1/replies/{sender:path}")
    async def post_replies(sender: str, request: Request) -> JSONResponse:
        """Takes one reply or several; 200 when all of them are on disk."""
        try:
            taken = await mailbox.post(sender, await read(request))
        except UnknownSenderError:
            raise HTTPException(404, "name a sender of DUEBELL_SENDERS, as `duebell doctor` shows it, or its scheme") from None
        except ReplyError as error:
            return JSONResponse({"field": error.name, "reason": error.reason}, 422)
        nudge()
        counts = {verdict: sum(one == verdict for _, one in taken) for verdict in _VERDICTS}
        return JSONResponse({**counts, "replies": [{"id": reply_id, "status": verdict} for reply_id, verdict in taken]})

    return router
