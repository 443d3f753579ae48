"""The people's door: one app of small routers, wired over an engine."""

from collections.abc import Callable
from typing import Protocol

from fastapi import Depends, FastAPI

from console import events, replies, status, vitals
from console.serving import parse_address
from console.shield import shield
from console.tokens import Guard, tokens_of
from service.health import Health
from service.ledger import Ledger
from service.metrics import Metrics
from service.settings import Settings


class Engine(Protocol):
    """What the door needs of duebell.engine.Engine."""

    @property
    def settings(self) -> Settings:
        """The address to listen on and the tokens."""
        ...

    @property
    def ledger(self) -> Ledger:
        """For status events and readiness."""
        ...

    @property
    def intake(self) -> events.Receiver:
        """Where events go."""
        ...

    @property
    def mailbox(self) -> replies.Mailbox:
        """Where replies go."""
        ...

    @property
    def metrics(self) -> Metrics:
        """Whose registry is shown."""
        ...


def create_app(engine: Engine, *, decode: events.Decode, health: Health, nudge: Callable[[], None] = lambda: None) -> FastAPI:
    """The app. Doors do not know each other, so what reads an event is passed in; `nudge` is called when events were put aside.

    Raises:
        SettingError: DUEBELL_HTTP or DUEBELL_API_TOKENS is wrong, or they do not go together.
    """
    host, _ = parse_address(engine.settings.http)
    guard = Depends(Guard(tokens_of(engine.settings, host)))
    app = FastAPI(title="Duebell", openapi_url=None, redirect_slashes=False)
    shield(app)
    app.include_router(events.routes(engine.intake, decode, nudge), dependencies=[guard])
    app.include_router(replies.routes(engine.mailbox, nudge), dependencies=[guard])
    app.include_router(status.routes(engine.ledger), dependencies=[guard])
    app.include_router(vitals.routes(engine.ledger, health, engine.metrics.registry))
    return app
