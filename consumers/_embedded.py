"""The embedded inbox: absorbs the events that HTTP and `duebell publish` put aside, and types learnt since they came."""

from typing import Any

import structlog

from consumers._decode import MODELS, decode
from service.events import Dead, Decoded
from service.intake import Intake
from service.ledger import Ledger, inbox
from service.ledger.statement import Statement
from service.vault import KeySettingError, Vault

log = structlog.get_logger(__name__)

BATCH = 1000  #: events absorbed in one transaction


async def step(ledger: Ledger, vault: Vault, intake: Intake, n: int = BATCH) -> int:
    """Absorbs the oldest events put aside, at most `n`, those that must not wait before all others; gives how many it found.

    Any number of processes may do so at once: what two of them read, one absorbs.

    Raises:
        LedgerAway: nothing of this batch is lost; try again.
    """
    urgent = await _absorb(ledger, vault, intake, inbox.URGENT, n=n)
    return urgent or await _absorb(ledger, vault, intake, inbox.RECEIVED, n=n)


async def absorb_ignored(ledger: Ledger, vault: Vault, intake: Intake, n: int = BATCH) -> int:
    """At start: absorbs the events of types that were unknown when they came and are known now; gives how many.

    Raises:
        LedgerAway: try again.
    """
    known = [(event_type,) for event_type in sorted(MODELS)]
    total = 0
    while found := await _absorb(ledger, vault, intake, inbox.IGNORED, known=known, n=n):
        total += found
    return total


async def _absorb(ledger: Ledger, vault: Vault, intake: Intake, which: Statement, **values: Any) -> int:
    """Absorbs the rows a statement gives. Every one of them leaves its state, so that none comes again for ever."""
    async with ledger.transaction() as tx:
        rows = await tx.rows(which, **values)
    read = [(row.hash, _read(vault, row)) for row in rows]
    spoilt = [(key, message) for key, message in read if isinstance(message, str)]
    if spoilt:
        log.error("events in the inbox cannot be read; they are dead letters now", n=len(spoilt))
        await intake.spoil(spoilt)
    messages = [message for _, message in read if not isinstance(message, str)]
    if messages:
        await intake.absorb(messages, origin="inbox")
    return len(rows)


def _read(vault: Vault, row: Any) -> Decoded | str:
    """The event of a row, or why there is none."""
    if row.payload is None:
        return "its payload has been erased"
    try:
        message = decode(vault.decrypt(row.payload))
    except KeySettingError as error:
        return str(error)
    if message.id_hash == row.hash:
        return message
    return message.reason if isinstance(message, Dead) else "it names another source and id than it was taken in under"
