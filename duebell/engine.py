"""Wires the engine: one object that holds what every role needs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schedules.planner import Planner
from service.catalogue import TEMPLATES, Catalogue
from service.composing import Composer
from service.couriers import Courier
from service.delivery import JITTER, Delivery
from service.erasure import Erasure
from service.intake import Intake
from service.ladders import LadderError, Ladders, check
from service.ledger import Ledger
from service.mailbox import Mailbox
from service.metrics import Metrics
from service.opting import Opting
from service.rendering import Texts
from service.retention import Retention
from service.rulebook import FOLDER as RULES
from service.rulebook import Rulebook
from service.senders._port import Sender
from service.settings import Settings
from service.settling import Settling
from service.standing import Standing
from service.vault import Vault

LADDERS = Path(__file__).resolve().parent.parent / "schedules" / "ladders"


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything that works on one ledger in one process."""

    settings: Settings
    ledger: Ledger
    vault: Vault
    catalogue: Catalogue
    ladders: Ladders
    texts: Texts
    rulebook: Rulebook
    couriers: tuple[Courier, ...]
    clock: Callable[[], datetime]
    metrics: Metrics
    intake: Intake
    mailbox: Mailbox
    planner: Planner
    delivery: Delivery
    settling: Settling
    erasure: Erasure
    retention: Retention

    async def close(self) -> None:
        """Closes senders and the ledger."""
        for courier in self.couriers:
            await courier.sender.close()
        await self.ledger.close()


def system_clock() -> datetime:
    """The system's clock, UTC."""
    return datetime.now(UTC)


def load_ladders(settings: Settings, catalogue: Catalogue) -> Ladders:
    """The ladders in force.

    Raises:
        LadderError: one of them is wrong or names a template that is not there.
    """
    ladders = Ladders.load(settings.ladders or LADDERS)
    wrong = check(ladders, {spec.name: spec.to for spec in catalogue})
    if wrong:
        raise LadderError(wrong[0])
    return ladders


def load_rules(settings: Settings) -> Rulebook:
    """The contact rules in force.

    Raises:
        RuleError: one of them is wrong.
    """
    return Rulebook.load(settings.rules or RULES, settings.actor)


def build(
    settings: Settings,
    ledger: Ledger,
    vault: Vault,
    senders: Sequence[Sender],
    *,
    clock: Callable[[], datetime] = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
    jitter: float = JITTER,
) -> Engine:
    """Wires an engine over an open ledger.

    Raises:
        CatalogueError, LadderError, RuleError: an operator's mistake, one readable line each.
    """
    root = settings.templates or TEMPLATES
    catalogue = Catalogue.load(root)
    texts = Texts.load(root, signature=settings.signature, hotline=settings.hotline)
    ladders = load_ladders(settings, catalogue)
    rulebook = load_rules(settings)
    metrics = Metrics()
    couriers = tuple(Courier(sender, monotonic, metrics) for sender in senders)
    brand = settings.signature.strip("【】")
    composer = Composer(vault, catalogue, texts, Standing(ladders, rulebook), brand)
    delivery = Delivery(
        ledger, vault, composer, couriers, clock=clock, monotonic=monotonic, metrics=metrics,
        lease=timedelta(seconds=settings.lease_seconds), jitter=jitter,
    )  # fmt: skip
    return Engine(
        settings, ledger, vault, catalogue, ladders, texts, rulebook, couriers, clock, metrics,
        intake=Intake(ledger, vault, catalogue, clock, metrics, ladders.promise_terms),
        mailbox=Mailbox(ledger, vault, Opting(vault, catalogue, rulebook), senders, clock, metrics),
        planner=Planner(ledger, ladders, catalogue),
        delivery=delivery,
        settling=Settling(ledger, couriers, metrics),
        erasure=Erasure(ledger, vault),
        retention=Retention(ledger, vault, rulebook, publishes=settings.broker_url is not None),
    )  # fmt: skip
