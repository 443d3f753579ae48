"""`duebell dead`: what could not be understood or absorbed, and its repair."""

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duebell.commands._ledger import opened, operations, waited_for
from duebell.commands._people import Who, Why, given
from duebell.commands._terminal import FAILED, MISUSED, AsJson, fail, lines, moment, remark, say, table, with_examples
from duebell.showing import instant

if TYPE_CHECKING:
    from service.operations import Letter, Operations

app = typer.Typer(
    no_args_is_help=True, help="Dead letters: events that could not be understood, with the field and the reason."
)
Ids = Annotated[list[int] | None, typer.Argument(help="Numbers, as `duebell dead list` shows them.", metavar="ID...")]
All = Annotated[bool, typer.Option("--all", help="Every open one.")]
_PAGE = 1_000


class LetterState(StrEnum):
    """Where a dead letter stands."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@app.command("list")
def show_all(
    state: Annotated[LetterState, typer.Option(help="Only those in this state.")] = LetterState.OPEN,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the oldest first."""

    async def work() -> None:
        async with opened() as now_open:
            found = await _letters(operations(now_open), state)
        if as_json:
            return lines(_line(letter) for letter in found)
        if not found:
            return say(f"no {state} dead letters")
        cells = (
            (letter.id, letter.type, letter.field, letter.reason, letter.times, moment(letter.last_seen), letter.origin)
            for letter in found
        )
        return table(("id", "type", "field", "reason", "times", "last seen", "from"), cells)

    waited_for(work())


@app.command()
def show(
    letter_id: Annotated[int, typer.Argument(metavar="ID")],
    body: Annotated[bool, typer.Option(help="The body too: it may hold names and numbers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter; its body only when asked for."""

    async def work() -> None:
        async with opened() as now_open:
            letter = await operations(now_open).letter(letter_id)
        told = _line(letter) | ({"body": _shown(letter)} if body else {})
        if as_json:
            return lines([told])
        return table(("", ""), told.items())

    waited_for(work())


@app.command()
@with_examples
def replay(who: Who, ids: Ids = None, every: All = False) -> None:
    """Absorb dead letters again, as this version reads them. An event that came meanwhile is not taken twice.

    Examples:
      duebell dead replay 17 18
      duebell dead replay --all
    """

    async def work() -> int:
        async with opened() as now_open:
            does = operations(now_open)
            told = await does.replay(await _chosen(does, ids, every), who=who, now=now_open.clock())
        for one in told:
            say(f"{one.id}: {_VERDICTS[one.verdict]}{f': {one.reason}' if one.reason else ''}")
        return FAILED if any(one.verdict in {"dead", "not_replayed"} for one in told) else 0

    raise typer.Exit(waited_for(work()))


@app.command()
def discard(who: Who, why: Why, ids: Ids = None, every: All = False) -> None:
    """Put dead letters aside for good. The same body coming again stays discarded."""

    async def work() -> None:
        async with opened() as now_open:
            does = operations(now_open)
            chosen = await _chosen(does, ids, every)
            done = await does.discard(chosen, who=who, why=given(why), now=now_open.clock())
        say(f"discarded {len(done)}")
        if left := sorted(set(chosen) - set(done)):
            fail(f"not open, or not there: {', '.join(map(str, left))}")

    waited_for(work())


_VERDICTS = {
    "accepted": "absorbed",
    "duplicate": "absorbed already",
    "ignored": "kept: its type is not known to this version",
    "dead": "still cannot be understood",
    "not_replayed": "not replayed",
}


async def _letters(does: "Operations", state: LetterState) -> "list[Letter]":
    found: list[Letter] = []
    while page := await does.letters(state.value, after=found[-1].id if found else 0, n=_PAGE):
        found += page
    return found


async def _chosen(does: "Operations", ids: list[int] | None, every: bool) -> list[int]:
    if bool(ids) == every:
        fail("name letters by their numbers, or say --all", MISUSED)
    if ids:
        return ids
    found = [letter.id for letter in await _letters(does, LetterState.OPEN)]
    if not found:
        remark("no open dead letters")
    return found


def _shown(letter: "Letter") -> str:
    """The body with a mark for codes, whether it can be read as JSON or not."""
    from consumers._decode import MODELS  # noqa: PLC0415 - heavy
    from service.secret import MARK  # noqa: PLC0415

    names = {name for model in MODELS.values() for name in model.SECRET}
    body = (letter.body or b"").decode(errors="replace")
    try:
        return _marked(body, names, MARK)
    except (ValueError, RecursionError):
        return re.sub(rf'("(?:{"|".join(sorted(names))})"\s*:\s*)(?:{_VALUE})', rf'\1"{MARK}"', body)


#: A value in what is no JSON: a string, a bare word or number; a list or an object may nest, so that its end is not known.
_VALUE = r'"(?:[^"\\]|\\.)*["\\]?|[\[{][\s\S]*|[^\s",\[\]{}]+'


def _marked(body: str, names: set[str], mark: str) -> str:
    """JSON with a mark in place of each secret field's value, of whatever type it is; as it came, where it has none."""
    found: set[str] = set()

    def marked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.update(name for name, _ in pairs if name in names)
        return {name: mark if name in names else value for name, value in pairs}

    told = json.loads(body, object_pairs_hook=marked)
    return json.dumps(told, ensure_ascii=False) if found else body


def _line(letter: "Letter") -> dict[str, Any]:
    return {
        "id": letter.id,
        "type": letter.type,
        "field": letter.field,
        "reason": letter.reason,
        "state": letter.state,
        "times": letter.times,
        "size": letter.size,
        "origin": letter.origin,
        "first_seen": instant(letter.first_seen),
        "last_seen": instant(letter.last_seen),
    }
