"""`duebell doctor`: what is set, from where, and what is wrong."""

import typer

from duebell.commands._ledger import waited_for
from duebell.commands._terminal import FAILED, AsJson, lines, say, table


def doctor(as_json: AsJson = False) -> None:
    """Show every setting with its origin, then try what they name: database, broker, senders, texts, ladders, keys, clock.

    Changes nothing. Exit code 1 where something is wrong; each finding says what to do.
    """
    from duebell import checkup  # noqa: PLC0415 - heavy

    settings = checkup.where_from()
    findings = waited_for(checkup.findings())
    wrong = [one for one in findings if not one.fine]
    if as_json:
        lines({"kind": "setting", "name": s.name, "value": s.value, "from": s.origin} for s in settings)
        lines({"kind": "check", "name": f.name, "fine": f.fine, "told": f.told} for f in findings)
    else:
        table(("setting", "value", "from"), ((s.name, s.value, s.origin) for s in settings))
        say("")
        table(("", "looked at", "found"), (("ok" if f.fine else "WRONG", f.name, f.told) for f in findings))
        say("\n" + (f"{len(wrong)} wrong" if wrong else "nothing is wrong"))
    raise typer.Exit(FAILED if wrong else 0)
