"""`duebell replies`: what people wrote back, for those who read what no machine understands."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duebell.commands._ledger import opened, waited_for
from duebell.commands._terminal import AsJson, lines, remark, table, with_examples
from duebell.showing import instant

if TYPE_CHECKING:
    from service.vault import Vault

_ALL = 10_000_000
_SHOWN = 200


class Meaning(StrEnum):
    """What a reply was taken for."""

    STOP = "stop"
    START = "start"
    YES = "yes"
    NO = "no"
    OTHER = "other"


@with_examples
def replies(
    meaning: Annotated[Meaning | None, typer.Option(help="Only those taken for this; other: for people to read.")] = None,
    party: Annotated[str | None, typer.Option(help="Only those from this person's number.")] = None,
    text: Annotated[bool, typer.Option(help="The texts too: they may say anything.")] = False,
    as_json: AsJson = False,
) -> None:
    """What people wrote back, the newest first; the texts only when asked for.

    Examples:
      duebell replies --meaning other --text
      duebell replies --party P-1001
    """

    async def work() -> None:
        from service.ledger import replies as sql  # noqa: PLC0415 - heavy

        async with opened() as now_open, now_open.ledger.transaction() as tx:
            n = _ALL if as_json else _SHOWN
            rows = await tx.rows(sql.LIST, meaning=meaning and meaning.value, party=party, n=n)
            told = [_line(row, now_open.vault, with_text=text) for row in rows]
        if as_json:
            return lines(told)
        if not told:
            return remark("no such replies")
        return table(tuple(told[0]), (tuple(line.values()) for line in told))

    waited_for(work())


def _line(row: Any, vault: "Vault", *, with_text: bool) -> dict[str, Any]:
    line = {"at": instant(row.at), "party_id": row.party_id, "sender": row.sender, "meaning": row.meaning}
    return line | ({"text": None if row.text is None else vault.text(row.text)} if with_text else {})
