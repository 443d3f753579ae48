"""What operators do: stop, go on, cancel, suppress, repair dead letters, declare a restore. Each deed leaves an audit row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from service.catalogue import Catalogue, Channel
from service.events import Decoded
from service.intake import Intake, Verdict
from service.ledger import Ledger, Transaction, audit, controls, letters, notices, orders, outbox, recovery, suppressions
from service.ledger.audit import Deed
from service.ledger.outbox import step_of
from service.notices import Lane, Purpose
from service.phones import normalise
from service.vault import Vault

#: What a pause can name. For `all` the name is empty.
SCOPES: Final = ("all", "lane", "channel", "template", "sender", "loan")
#: A suppression of everything but security.
ANY_PURPOSE: Final = "*"
_REPLAYED_AT_ONCE: Final = 100

LetterState = Literal["open", "replayed", "discarded"]


class OperationError(ValueError):
    """The operation makes no sense as it was asked for; the text is one readable line."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter.

    Attributes:
        field, reason: what is wrong, and what to write instead.
        size: of the whole body, in bytes.
        body: as it came, where it was asked for; only its beginning where it was over the limit.
    """

    id: int
    type: str | None
    field: str
    reason: str
    size: int
    origin: str
    state: LetterState
    times: int
    first_seen: datetime
    last_seen: datetime
    body: bytes | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the body was kept whole, so that it can be replayed."""
        return self.body is not None and len(self.body) == self.size


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a letter that was to be replayed; `reason` says why not, where it was not."""

    id: int
    verdict: Verdict | Literal["not_replayed"]
    reason: str | None = None


class Operations:
    """The operators' actions on one ledger. `who` is a person or a program, never empty; `now` is aware.

    Args:
        decode: what a message body says; the broker's door knows.
        senders: the names of those that are set; only a pause of a sender asks.
    """

    def __init__(
        self,
        ledger: Ledger,
        vault: Vault,
        catalogue: Catalogue,
        intake: Intake,
        decode: Callable[[bytes], Decoded],
        senders: Sequence[str] = (),
    ) -> None:
        self._senders = senders
        self._ledger, self._vault, self._catalogue, self._intake, self._decode = ledger, vault, catalogue, intake, decode

    # ------------------------------------------------------------ notices

    async def cancel(self, keys: Sequence[str], *, who: str, why: str, now: datetime) -> list[str]:
        """Cancels notices that have not been handed over; gives the keys of those it could."""
        async with self._ledger.transaction() as tx:
            changed = await tx.rows(notices.CANCEL_KEYS, k=[(key,) for key in sorted(set(keys))])
            await _record(tx, changed, now)
            cancelled = sorted(row.key for row in changed)
            await self._audit(tx, [Deed(who, "cancel", key, why) for key in cancelled], now)
        return cancelled

    async def recovered(self, as_of: datetime, *, who: str, now: datetime) -> int:
        """Declares that the database was restored from a backup made at `as_of`; gives the number of notices now unknown.

        Whatever may have gone since becomes unknown: the settling sweep asks the senders, and the purpose decides where they
        cannot tell. Call it before anything else works on the restored database. See docs/decisions/restoring.md.

        Raises:
            OperationError: `as_of` lies ahead.
        """
        if as_of > now:
            raise OperationError("a backup cannot be newer than now")
        async with self._ledger.transaction() as tx:
            changed = await tx.rows(recovery.MARK, as_of=as_of, now=now)
            await tx.run(recovery.REMEMBER, as_of=as_of, now=now)
            await _record(tx, changed, now)
            await self._audit(tx, [Deed(who, "recovered", as_of.isoformat())], now)
        return len(changed)

    # ------------------------------------------------------------ pauses

    async def pause(self, scope: str, name: str, *, who: str, why: str, until: datetime | None, now: datetime) -> None:
        """Stops what a scope names until an instant (None: until someone resumes it).

        Raises:
            OperationError: there is no such scope, lane, template, channel or sender, or `until` has passed.
        """
        self._check_scope(scope, name)
        name = self._whole(scope, name)
        self._check_way(scope, name)
        if until is not None and until <= now:
            raise OperationError("the end of a pause must lie ahead")
        async with self._ledger.transaction() as tx:
            await tx.run(orders.FORBID)
            await tx.run(controls.PAUSE, scope=scope, name=name, who=who, why=why, now=now, until=until)
            await self._audit(tx, [Deed(who, "pause", f"{scope}:{name}", why)], now)

    async def resume(self, scope: str, name: str, *, who: str, now: datetime) -> bool:
        """Ends a pause; whether there was one, also of a sender that is no longer set.

        Raises:
            OperationError: there is no such scope, lane or template.
        """
        self._check_scope(scope, name)
        name = self._whole(scope, name)
        async with self._ledger.transaction() as tx:
            if not await tx.run(controls.RESUME, scope=scope, name=name):
                return False
            await self._audit(tx, [Deed(who, "resume", f"{scope}:{name}")], now)
        return True

    def _check_scope(self, scope: str, name: str) -> None:
        if scope not in SCOPES:
            raise OperationError(f"there is no scope {scope!r}; there are {', '.join(SCOPES)}")
        if (scope == "all") != (name == ""):
            raise OperationError("`all` takes no name, every other scope needs one")
        if scope == "lane" and name not in set(Lane):
            raise OperationError(f"there is no lane {name!r}; there are {', '.join(Lane)}")
        if scope == "template" and name not in self._catalogue:
            raise OperationError(f"there is no template {name!r}; `duebell templates` names them")

    def _whole(self, scope: str, name: str) -> str:
        """The name of a sender that is called by its scheme, as `webhook`, where it is the only one of it."""
        found = [sender for sender in self._senders if name == sender.partition("://")[0].partition("+")[0]]
        return found[0] if scope == "sender" and len(found) == 1 else name

    def _check_way(self, scope: str, name: str) -> None:
        """A stop of a channel or sender that nothing goes by would stop nothing."""
        known = {"channel": get_args(Channel), "sender": self._senders}.get(scope)
        if known is not None and name not in known:
            raise OperationError(f"there is no {scope} {name!r}; there are {', '.join(known)}")

    # ------------------------------------------------------------ suppressions

    async def suppress(self, phone: str, purpose: str, *, who: str, evidence: str, now: datetime) -> int:
        """A number is not to be told: of one purpose, or of anything but security (`*`). Gives the number of notices it ends.

        Raises:
            OperationError: there is no such purpose, or it is security.
            PhoneError: nobody could dial the number.
        """
        _check_purpose(purpose)
        number = normalise(phone)
        phone_key = self._vault.keyed_hash(number)
        async with self._ledger.transaction() as tx:
            await tx.run(orders.FORBID)
            await tx.run(suppressions.ADD, s=[(phone_key, purpose, self._vault.encrypt(number), evidence)], now=now)
            ended = await tx.rows(suppressions.END_WAITING, s=[(phone_key, purpose)])
            await _record(tx, ended, now)
            await self._audit(tx, [Deed(who, "suppress", f"{phone_key.hex()}:{purpose}", evidence)], now)
        return len(ended)

    async def unsuppress(self, phone: str, purpose: str, *, who: str, why: str, now: datetime) -> bool:
        """A number may be told again, of one purpose or of everything (`*`); whether it was suppressed. What was ended stays ended.

        Raises:
            OperationError, PhoneError: as for `suppress`.
        """
        _check_purpose(purpose)
        phone_key = self._vault.keyed_hash(normalise(phone))
        async with self._ledger.transaction() as tx:
            if not await tx.run(suppressions.REMOVE, phone_key=phone_key, purpose=purpose):
                return False
            await self._audit(tx, [Deed(who, "unsuppress", f"{phone_key.hex()}:{purpose}", why)], now)
        return True

    # ------------------------------------------------------------ dead letters

    async def letters(self, state: LetterState | None = "open", *, after: int = 0, n: int = 100) -> list[Letter]:
        """Dead letters by id, from the one after `after`; without their bodies."""
        async with self._ledger.transaction() as tx:
            return [_letter(row) for row in await tx.rows(letters.LIST, state=state, after=after, n=n)]

    async def letter(self, letter_id: int) -> Letter:
        """One dead letter with its body.

        Raises:
            OperationError: there is none of this id.
        """
        found = await self._with_bodies([letter_id])
        if not found:
            raise OperationError(f"there is no dead letter {letter_id}")
        return found[0]

    async def replay(self, ids: Sequence[int], *, who: str, now: datetime) -> list[Replayed]:
        """Absorbs open letters again, as this version reads them; an event that was absorbed meanwhile is a duplicate.

        Raises:
            LedgerAway: those before are replayed; call it again.
        """
        told: list[Replayed] = []
        wanted = sorted(set(ids))
        for start in range(0, len(wanted), _REPLAYED_AT_ONCE):
            told += await self._replay_some(wanted[start : start + _REPLAYED_AT_ONCE], who, now)
        return told

    async def _replay_some(self, ids: Sequence[int], who: str, now: datetime) -> list[Replayed]:
        found = {letter.id: letter for letter in await self._with_bodies(ids)}
        told = {letter_id: _obstacle(letter_id, found.get(letter_id)) for letter_id in ids}
        fit = [found[letter_id] for letter_id, obstacle in told.items() if obstacle is None]
        messages = [self._decode(letter.body or b"") for letter in fit]
        verdicts = await self._intake.absorb(messages, origin="replay") if messages else []
        outcome = {letter.id: Replayed(letter.id, verdict) for letter, verdict in zip(fit, verdicts, strict=True)}
        done = [(letter_id,) for letter_id, replayed in outcome.items() if replayed.verdict != "dead"]
        async with self._ledger.transaction() as tx:
            ended = await tx.rows(letters.END, ids=done, state="replayed")
            await self._audit(tx, [Deed(who, "replay", f"dead_letter:{row.id}") for row in ended], now)
            still = {
                row.id: row.reason
                for row in await tx.rows(letters.BY_ID, ids=[(i,) for i in outcome.keys() - {i for (i,) in done}])
            }
        return [told[i] or (Replayed(i, "dead", still[i]) if i in still else outcome[i]) for i in ids]

    async def discard(self, ids: Sequence[int], *, who: str, why: str, now: datetime) -> list[int]:
        """Ends open letters without replaying them; gives their ids. The same body again stays discarded."""
        async with self._ledger.transaction() as tx:
            ended = await tx.rows(letters.END, ids=[(i,) for i in sorted(set(ids))], state="discarded")
            discarded = sorted(row.id for row in ended)
            await self._audit(tx, [Deed(who, "discard", f"dead_letter:{i}", why) for i in discarded], now)
        return discarded

    async def _with_bodies(self, ids: Sequence[int]) -> list[Letter]:
        async with self._ledger.transaction() as tx:
            rows = await tx.rows(letters.BY_ID, ids=[(i,) for i in ids])
        return [_letter(row, self._vault.decrypt(row.payload) if row.payload else None) for row in rows]

    # ------------------------------------------------------------ the audit chain

    async def first_broken_audit_row(self) -> int | None:
        """The id of the first audit row that was changed, taken out or put in; None: the chain holds."""
        async with self._ledger.transaction() as tx:
            return await audit.first_broken(tx, self._vault)

    async def _audit(self, tx: Transaction, deeds: Sequence[Deed], now: datetime) -> None:
        await audit.append(tx, self._vault, deeds, now)


def _check_purpose(purpose: str) -> None:
    known = [each.value for each in Purpose if each is not Purpose.SECURITY]
    if purpose == Purpose.SECURITY:
        raise OperationError("security notices go to every number; they cannot be suppressed")
    if purpose not in {ANY_PURPOSE, *known}:
        raise OperationError(f"there is no purpose {purpose!r}; there are {', '.join(known)} and {ANY_PURPOSE}")


def _letter(row: Any, body: bytes | None = None) -> Letter:
    return Letter(
        row.id, row.type, row.field, row.reason, row.size, row.origin, row.state, row.times, row.first_seen, row.last_seen, body
    )


def _obstacle(letter_id: int, letter: Letter | None) -> Replayed | None:
    """Why a letter cannot be replayed, if it cannot."""
    if letter is None:
        return Replayed(letter_id, "not_replayed", "there is no such dead letter")
    if letter.state != "open":
        return Replayed(letter_id, "not_replayed", f"it is {letter.state} already")
    if letter.body is None:
        return Replayed(letter_id, "not_replayed", "its body has been deleted")
    if not letter.is_whole:
        return Replayed(letter_id, "not_replayed", "only the beginning of its body was kept; publish a smaller one")
    return None


async def _record(tx: Transaction, changed: Sequence[Any], now: datetime) -> None:
    await outbox.record(tx, [step_of(row, now) for row in changed])
