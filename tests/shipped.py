"""Reads the shipped texts, notices, ladders and rules once per test process: reading them anew takes half a second.

Folders of a test's own are read each time.
"""

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

from duebell.engine import LADDERS, RULES
from service.catalogue import TEMPLATES, Catalogue
from service.ladders import Ladders
from service.rendering import Texts
from service.rulebook import Rulebook

_SHIPPED = ((Catalogue, TEMPLATES), (Texts, TEMPLATES), (Ladders, LADDERS), (Rulebook, RULES))


def read_shipped_once() -> None:
    """From now on `load` gives the same frozen object for the same shipped folder and the same options."""
    for of, folder in _SHIPPED:
        of.load = _once(of.load, folder)


def _once(load: Callable[..., Any], shipped: Path) -> Callable[..., Any]:
    kept = cache(load)

    @wraps(load)
    def read(folder: Path = shipped, *arguments: Any, **options: Any) -> Any:
        return (kept if folder == shipped else load)(folder, *arguments, **options)

    return staticmethod(read)
