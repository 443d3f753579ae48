"""Statements that take the first so many free rows: what PostgreSQL must not be free to run twice."""

import pkgutil
import re
from importlib import import_module

import pytest

import service.ledger
from service.ledger.statement import Statement

_WRITES = re.compile(r"\b(?:UPDATE|DELETE FROM|INSERT INTO) \w+")
_FIRST_STEP = re.compile(r"\s*WITH \w+ AS MATERIALIZED \(")


def _claiming() -> dict[str, str]:
    """All statements of the ledger that pass over locked rows and write, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(service.ledger.__path__, "service.ledger."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, Statement):
                sql = value.compiled("postgresql").sql
                if "SKIP LOCKED" in sql and _WRITES.search(sql.replace("FOR UPDATE SKIP", "")):
                    found[f"{module.name.rsplit('.', 1)[1]}.{name}"] = sql
    return found


def test_the_claim_is_among_them() -> None:
    """The search finds statements at all, the claim of notices and the sweep of expired ones for two."""
    assert {"claims.CLAIM", "settling.EXPIRE"} <= _claiming().keys()


@pytest.mark.parametrize("name", sorted(_claiming()))
def test_free_rows_are_looked_for_once(name: str) -> None:
    """Its rows are found in a first step of their own; inside a join they may be looked for again and again, each time others."""
    sql = _claiming()[name]
    first_step, update = sql.split("SKIP LOCKED", 1)
    assert _FIRST_STEP.match(first_step)
    assert "LIMIT" not in update
