"""What people and machines do to Duebell itself in a scenario: pauses, opt-outs, replies, erasures, a provider that is away, a restart."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from consumers._decode import decode
from duebell.scenario._events import Cast
from duebell.scenario._file import Doing, checked
from duebell.scenario._yaml import Place
from duebell.simulation import Deed, Simulation
from service.erasure import ErasureError
from service.ledger import reading
from service.operations import OperationError, Operations
from service.senders._port import NotSent, Outcome, Rejected, Reply, Unknown
from service.zones import in_utc

_WHO: Final = "scenario"
#: What a provider can be: its answer to every text until it is something else. A forgetful one cannot be asked later either.
_ANSWERS: Final[dict[str, Outcome | None]] = {
    "away": NotSent("connection_refused"),
    "silent": Unknown("timeout"),
    "forgetful": Unknown("timeout"),
    "refusing": Rejected("recipient", "unknown_number"),
    "back": None,
}


@dataclass(frozen=True, slots=True)
class _Scene:
    """A line of the file and what it works on."""

    cast: Cast
    simulation: Simulation
    doing: Doing
    place: Place

    @property
    def operations(self) -> Operations:
        engine = self.simulation.engine
        senders = [self.simulation.sender.name]
        return Operations(engine.ledger, engine.vault, engine.catalogue, engine.intake, decode, senders)

    @property
    def phone(self) -> str:
        """The number of the person the line names; of the first one, where it names none."""
        name = self.doing.person or next(iter(self.cast.scenario.given.people))
        return str(self.cast.party(name, (*self.place, "person")).get("phone", ""))


def deeds_of(cast: Cast) -> list[Deed]:
    """Every deed the scenario tells of.

    Raises:
        ScenarioError: a line is wrong.
    """
    return [_deed(cast, said, ("when", i)) for i, said in enumerate(cast.scenario.when) if "do" in said]


def _deed(cast: Cast, said: dict[str, object], place: Place) -> Deed:
    doing = checked(Doing, said, place, cast.document)
    act = _DEEDS.get(doing.do)
    if act is None:
        raise cast.document.wrong((*place, "do"), f"nobody can do {doing.do!r}; there is {', '.join(_DEEDS)}")

    async def do(simulation: Simulation) -> None:
        try:
            await act(_Scene(cast, simulation, doing, place))
        except (OperationError, ErasureError) as error:
            raise cast.document.wrong(place, str(error)) from None

    return Deed(in_utc(cast.instant(doing.at)), cast.document.line(place), do)


async def _pause(scene: _Scene) -> None:
    doing = scene.doing
    until = doing.until and scene.cast.instant(doing.until)
    now = scene.simulation.clock.now()
    await scene.operations.pause(doing.scope or "all", doing.name or "", who=_WHO, why=doing.why, until=until, now=now)


async def _resume(scene: _Scene) -> None:
    doing = scene.doing
    await scene.operations.resume(doing.scope or "all", doing.name or "", who=_WHO, now=scene.simulation.clock.now())


async def _suppress(scene: _Scene) -> None:
    doing, now = scene.doing, scene.simulation.clock.now()
    await scene.operations.suppress(scene.phone, doing.purpose, who=_WHO, evidence=doing.why, now=now)


async def _unsuppress(scene: _Scene) -> None:
    doing, now = scene.doing, scene.simulation.clock.now()
    await scene.operations.unsuppress(scene.phone, doing.purpose, who=_WHO, why=doing.why, now=now)


async def _reply(scene: _Scene) -> None:
    """Somebody writes back; each line is a letter of its own."""
    simulation, text = scene.simulation, scene.doing.text
    if not text:
        raise scene.cast.document.wrong((*scene.place, "text"), "say what they write")
    letter = Reply(id=str(scene.cast.document.line(scene.place)), number=scene.phone, text=text, at=simulation.clock.now())
    await simulation.engine.mailbox.take(simulation.sender.name, [letter])


async def _erase(scene: _Scene) -> None:
    name = scene.doing.person or next(iter(scene.cast.scenario.given.people))
    now = scene.simulation.clock.now()
    await scene.simulation.engine.erasure.erase(name, who=_WHO, why=scene.doing.why, now=now)


async def _cancel(scene: _Scene) -> None:
    """Cancels what waits of a template, as an operator would by its key."""
    doing, simulation = scene.doing, scene.simulation
    async with simulation.ledger.transaction() as tx:
        rows = await tx.rows(reading.NOTICES, loan=doing.loan, state=None, key=None, n=1000)
    keys = [row.key for row in rows if row.template == doing.template and row.state in {"planned", "held"}]
    if not keys:
        raise scene.cast.document.wrong((*scene.place, "template"), "nothing of this template waits at that moment")
    await scene.operations.cancel(keys, who=_WHO, why=doing.why, now=simulation.clock.now())


async def _stop(scene: _Scene) -> None:
    scene.simulation.is_up = False


async def _start(scene: _Scene) -> None:
    scene.simulation.is_up = True


async def _provider(scene: _Scene) -> None:
    name = scene.doing.name or ""
    if name not in _ANSWERS:
        raise scene.cast.document.wrong((*scene.place, "name"), f"a provider is {', '.join(_ANSWERS)}")
    scene.simulation.sender.tells = name != "forgetful"
    scene.simulation.sender.answers(_ANSWERS[name])


_DEEDS: Final[dict[str, Callable[[_Scene], Awaitable[None]]]] = {
    "pause": _pause,
    "resume": _resume,
    "suppress": _suppress,
    "unsuppress": _unsuppress,
    "reply": _reply,
    "erase": _erase,
    "cancel": _cancel,
    "stop": _stop,
    "start": _start,
    "provider": _provider,
}
