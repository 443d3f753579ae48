"""POST /v1/events: puts events aside durably, then answers for each of them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from console.bodies import EVENT_LIMIT, events_in, read
from service.events import Dead, Decoded
from service.intake import Verdict

Decode = Callable[[bytes], Decoded]
Answer = dict[str, Any]

#: Events of a batch that one transaction takes: what other work waits for at most.
_CHUNK: Final = 500
_STATUS: Final = {"accepted": 202, "duplicate": 200, "refused": 422}


class Receiver(Protocol):
    """Where events are put aside: service.intake.Intake."""

    async def receive(self, batch: Sequence[Decoded], *, origin: str) -> list[Verdict]:
        """One verdict per message, in order, when all of them are on disk."""
        ...


def routes(intake: Receiver, decode: Decode, nudge: Callable[[], None]) -> APIRouter:
    """The route; `nudge` is called when there is something to absorb."""
    router = APIRouter()

    @router.post("/v1/events")
    async def post_events(request: Request) -> JSONResponse:
        """Takes one CloudEvent, or a JSON array or lines of them."""
        body = await read(request)
        batch = await asyncio.to_thread(events_in, body, request.headers.get("content-type", ""))
        answers = await _received(intake, decode, [body] if batch is None else batch)
        if any(answer["status"] == "accepted" for answer in answers):
            nudge()
        return _single(answers[0], body) if batch is None else _batch(answers)

    return router


def _single(answer: Answer, body: bytes) -> JSONResponse:
    return JSONResponse(answer, 413 if len(body) > EVENT_LIMIT else _STATUS[answer["status"]])


def _batch(answers: list[Answer]) -> JSONResponse:
    """200, or 207 where some were refused, with one answer per event in their order."""
    counts = {status: sum(answer["status"] == status for answer in answers) for status in _STATUS}
    return JSONResponse({**counts, "events": answers}, 207 if counts["refused"] else 200)


async def _received(intake: Receiver, decode: Decode, bodies: Sequence[bytes]) -> list[Answer]:
    answers: list[Answer] = []
    for chunk in _chunks(bodies):
        messages = [decode(body) for body in chunk]
        verdicts = await intake.receive(messages, origin="http")
        answers += [_answer(message, verdict) for message, verdict in zip(messages, verdicts, strict=True)]
    return answers


def _chunks(bodies: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (bodies[at : at + _CHUNK] for at in range(0, len(bodies), _CHUNK))


def _answer(message: Decoded, verdict: Verdict) -> Answer:
    named = {"id": message.id, "source": message.source}
    if verdict != "dead":
        return {**named, "status": "duplicate" if verdict == "duplicate" else "accepted"}
    if isinstance(message, Dead):
        return {**named, "status": "refused", "field": message.field, "reason": message.reason}
    return {**named, "status": "refused", "field": "data", "reason": "the database refuses a value of this event"}
