"""`duebell erase`: forgets a person."""

from typing import TYPE_CHECKING, Annotated

import typer

from duebell.commands._ledger import opened, waited_for
from duebell.commands._people import Who, Why, given
from duebell.commands._terminal import fail, moment, say, with_examples

if TYPE_CHECKING:
    from service.erasure import Kept


@with_examples
def erase(
    party: Annotated[str, typer.Argument(help="The party_id that upstream gives the person.", show_default=False)],
    why: Why,
    who: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Really do it. It cannot be undone.")] = False,
) -> None:
    """Forget a person, for good: contact data, the events that name them, what they were told; what waits for them ends.

    Texts of collection and visits stay encrypted until their retention ends. No later event brings the person back.

    Examples:
      duebell erase P-1001 --why "request of 3 June, ticket 90"        says what would be deleted
      duebell erase P-1001 --why "request of 3 June, ticket 90" --yes
    """
    said = given(why)

    async def work() -> None:
        from service.erasure import Erasure  # noqa: PLC0415 - heavy

        async with opened() as now_open:
            erasure, now = Erasure(now_open.ledger, now_open.vault), now_open.clock()
            kept = await erasure.look(party)
            if not yes:
                say(_told(kept))
                fail("nothing has been erased: add --yes to do it")
            erased = await erasure.erase(party, who=who, why=said, now=now)
            bodies = await erasure.step(now)
            say(f"erased; {_counted(len(erased.steps), 'waiting notice')} ended")
            say(f"deleted {_counted(erased.texts, 'text')}, {_counted(erased.payloads + bodies, 'event')}")

    waited_for(work())


def _told(kept: "Kept") -> str:
    known = f"erased already, {moment(kept.erased_at)}" if kept.erased_at else "known"
    phone = "with a phone number" if kept.has_phone else "without a phone number"
    return (
        f"{known}, {phone}; {_counted(kept.waiting, 'notice')} waiting, "
        f"{_counted(kept.texts, 'text')} and {_counted(kept.payloads, 'event')} to delete"
    )


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
