"""`duebell keys`: making the keys that personal data are encrypted with, and changing them."""

from typing import Annotated

import typer

from duebell.commands._ledger import opened, waited_for
from duebell.commands._people import Who
from duebell.commands._terminal import fail, remark, say, with_examples

app = typer.Typer(no_args_is_help=True, help="The keys that personal data are encrypted with.")


@app.command()
@with_examples
def new(
    key_id: Annotated[
        str | None, typer.Option("--id", help="One key of this id, to stand in front of the others.", show_default=False)
    ] = None,
) -> None:
    """Print fresh keys, for DUEBELL_KEYS. Keep them where you keep secrets: without them the data cannot be read.

    Examples:
      duebell keys new            the whole setting, for an empty database
      duebell keys new --id k2    one more key: put it first, and a comma behind it, then `duebell keys rotate`
    """
    from service.vault import generated_key, generated_keys  # noqa: PLC0415 - heavy

    say(generated_keys() if key_id is None else generated_key(key_id))


@app.command()
def rotate(who: Who) -> None:
    """Put everything that older keys sealed under the first key of DUEBELL_KEYS.

    First restart every process with the new key in front; then run this, beside them. It may be broken off and run again. When
    it says so, the older keys can be taken out of DUEBELL_KEYS. The key named hash is not rotated: numbers are found by it.
    """
    from service.rotation import rotate as rotated  # noqa: PLC0415 - heavy

    async def work() -> None:
        async with opened() as now_open:
            vault = now_open.vault
            done = await rotated(
                now_open.ledger,
                vault,
                who=who,
                now=now_open.clock(),
                told=lambda column, n: remark(f"{column}: {n}") if n else None,
            )
            say(f"{done.changed} values are under the key {vault.key_id} now")
            if done.unreadable:
                fail(
                    f"{done.unreadable} values cannot be read with any of these keys; keep them all, and look for the one missing"
                )
            others = ", ".join(vault.key_ids[1:])
            say(f"nothing needs {others} any more: take it out of DUEBELL_KEYS" if others else "there is no other key")

    waited_for(work())
