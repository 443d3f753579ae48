"""Whether what should have gone has gone: the keys the events call for, the ledger's, and those in the file."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

#: States in which nothing may be when every event is there: those of a text that could go, or that waits for an event.
_POINTLESS: Final = frozenset({"planned", "sending", "held, no_contact", "held, awaiting_facts"})


class WrongTextsError(RuntimeError):
    """A text is missing, went twice, or nobody asked for it: the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How many notices the events call for, how many are in the file, once each, and why the others are not."""

    called_for: int
    in_file: int
    kept_back: Counter[str]


def check(ledger: psycopg.Connection[Any], file: Path, expected: frozenset[str]) -> Checked:
    """Compares the file with what the events call for; what is not in it has an end or a hold with its reason in the ledger.

    Raises:
        WrongTextsError: a key is missing, in the file twice, or in it unasked.
    """
    lines = Counter(json.loads(line)["key"] for line in file.read_text(encoding="utf-8").splitlines())
    _refuse("went twice", (key for key, times in lines.items() if times > 1))
    _refuse("went unasked", lines.keys() - expected)
    query = "SELECT key, state || coalesce(', ' || reason, '') FROM notices WHERE state <> 'sent'"
    others: dict[str, str] = dict(ledger.execute(query).fetchall())
    _refuse("went although it had ended", lines.keys() & others.keys())
    missing = expected - lines.keys()
    _refuse("is missing", missing - others.keys())
    _refuse("waits for nothing", (key for key in missing if others[key] in _POINTLESS))
    return Checked(len(expected), len(lines), Counter(others[key] for key in missing))


def _refuse(what: str, keys: Iterable[str]) -> None:
    found = sorted(keys)
    if found:
        raise WrongTextsError(f"{len(found)} texts wrong, the first of them {what}: {found[0]}")
