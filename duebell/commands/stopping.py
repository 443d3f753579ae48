"""`duebell pause`, `resume`, `suppress`, `unsuppress`: the emergency stop, and numbers that are not to be told."""

from enum import StrEnum
from typing import Annotated

import typer

from duebell.commands._ledger import Opened, opened, operations, waited_for
from duebell.commands._people import Until, Who, Why, end, given
from duebell.commands._terminal import MISUSED, fail, moment, say, with_examples


class Scope(StrEnum):
    """What a pause can name."""

    ALL = "all"
    LANE = "lane"
    CHANNEL = "channel"
    TEMPLATE = "template"
    SENDER = "sender"
    LOAN = "loan"


ScopeArgument = Annotated[Scope, typer.Argument(help="What to stop.", show_default=False)]
NameArgument = Annotated[str | None, typer.Argument(help="Which one: bulk, repayment_due_soon, L-1042; none for all.")]
PhoneArgument = Annotated[
    str, typer.Argument(help="The number in E.164, as +8613800138000, or - to read it from standard input.")
]
Purpose = Annotated[str, typer.Option(help="One purpose (reminder, collection, …), or * for all but security.")]


@with_examples
def pause(scope: ScopeArgument, why: Why, who: Who, name: NameArgument = None, until: Until = None) -> None:
    """Stop sending, at once: read again before every hand-over. What waits keeps its place until its validity ends.

    Examples:
      duebell pause all --why "wrong amounts since 09:00" --until 2h
      duebell pause lane bulk --why "provider asked for it"
      duebell pause template repayment_overdue --why "wording under review"
      duebell pause loan L-1042 --why "complaint 77"
    """
    _check(scope, name, f"pause {scope} NAME --why …")

    async def work() -> None:
        async with opened() as now_open:
            now = now_open.clock()
            last = end(until, now)
            does = operations(now_open, await _senders(scope, now_open))
            await does.pause(scope.value, name or "", who=who, why=given(why), until=last, now=now)
            say(f"paused {_told(scope, name)}, until {moment(last) or 'someone resumes it'}")

    waited_for(work())


@with_examples
def resume(scope: ScopeArgument, who: Who, name: NameArgument = None) -> None:
    """Go on with what was paused: the same words as for `pause`.

    Examples:
      duebell resume all
      duebell resume lane bulk
    """
    _check(scope, name, f"resume {scope} NAME")

    async def work() -> None:
        async with opened() as now_open:
            does = operations(now_open, await _senders(scope, now_open))
            if not await does.resume(scope.value, name or "", who=who, now=now_open.clock()):
                fail(f"{_told(scope, name)} is not paused; `duebell queues` shows what is")
            say(f"{_told(scope, name)} goes on")

    waited_for(work())


@with_examples
def suppress(phone: PhoneArgument, why: Why, who: Who, purpose: Purpose = "*") -> None:
    """Do not tell a number any more. What waits for it ends as suppressed; security notices still go.

    Examples:
      duebell suppress +8613800138000 --why "asked on the hotline, ticket 81"
      echo +8613800138000 | duebell suppress - --purpose collection --why "letter of 3 June"
    """

    async def work() -> None:
        async with opened() as now_open:
            ended = await operations(now_open).suppress(
                _number(phone), purpose, who=who, evidence=given(why), now=now_open.clock()
            )
            say(f"suppressed; {ended} waiting {'notice' if ended == 1 else 'notices'} ended")

    waited_for(work())


def unsuppress(phone: PhoneArgument, why: Why, who: Who, purpose: Purpose = "*") -> None:
    """Tell a number again. What was ended stays ended."""

    async def work() -> None:
        async with opened() as now_open:
            if not await operations(now_open).unsuppress(
                _number(phone), purpose, who=who, why=given(why), now=now_open.clock()
            ):
                fail(f"this number is not suppressed for {purpose}")
            say("told again")

    waited_for(work())


async def _senders(scope: Scope, now_open: Opened) -> list[str]:
    """The names of the senders that are set, where one is to be stopped; a wrong setting stops no other stop."""
    from service.senders import names_of  # noqa: PLC0415 - heavy

    return await names_of(now_open.settings.senders) if scope is Scope.SENDER else []


def _check(scope: Scope, name: str | None, example: str) -> None:
    if scope is Scope.ALL and name:
        fail("all takes no name; name a lane, channel, template, sender or loan, or leave it out", MISUSED)
    if scope is not Scope.ALL and not name:
        fail(f"{scope}: which one? Write its name, as in: duebell {example}", MISUSED)


def _told(scope: Scope, name: str | None) -> str:
    return "everything" if scope is Scope.ALL else f"{scope} {name}"


def _number(phone: str) -> str:
    """The number itself; from standard input it stays out of the shell's history."""
    number = typer.get_text_stream("stdin").readline().strip() if phone == "-" else phone
    if not number.startswith("+"):
        fail("write the number in E.164, with a plus and the country code")
    return number
