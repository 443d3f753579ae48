"""`duebell audit verify` as an operator uses it."""

import json
import sqlite3

from tests.acceptance.commandline import Cli


def test_the_chain_is_walked(duebell: Cli) -> None:
    """It holds after deeds, names its last row, and a changed row is found."""
    assert duebell("audit", "verify").stdout == "the chain is empty: nothing was done yet\n"
    for name in ("bulk", "normal", "critical"):
        duebell("pause", "lane", name, "--why", "look", "--who", "li")
    told = duebell("audit", "verify").stdout
    assert told.startswith("the chain holds, up to row 4 of 2026-06-17 02:")
    assert duebell.json("audit", "verify") == [{"holds": True, "first_broken": None, "last": 4}]
    with sqlite3.connect(duebell.home / "var" / "duebell.db") as database:
        database.execute("UPDATE audit SET who = 'wang' WHERE id = 3")
    database.close()
    assert "row 3 is not what was written" in duebell.mistake("audit", "verify")
    found = duebell("audit", "verify", "--json")
    assert (found.exit_code, json.loads(found.stdout)["first_broken"]) == (1, 3)
