"""Finds the events: every EventData with a type in the process files of this folder, those without a leading underscore."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules
from types import ModuleType

import consumers
from consumers._envelope import EventData


class DuplicateTypeError(TypeError):
    """Two models claim one event type; one of them must go before anything can start."""


def process_files() -> Iterator[ModuleType]:
    """The process files, by name."""
    for found in iter_modules(consumers.__path__):
        if not found.name.startswith("_"):
            yield import_module(f"consumers.{found.name}")


def models(files: Iterable[ModuleType]) -> dict[str, type[EventData]]:
    """Event type → its model.

    Raises:
        DuplicateTypeError: two models have the same type.
    """
    known: dict[str, type[EventData]] = {}
    for file in files:
        for name, model in getmembers(file, _is_event):
            first = known.setdefault(model.TYPE, model)
            if first is not model:
                raise DuplicateTypeError(
                    f"{file.__name__}.{name} and {first.__module__}.{first.__name__} both claim {model.TYPE}"
                )
    return known


def _is_event(member: object) -> bool:
    return isclass(member) and issubclass(member, EventData) and hasattr(member, "TYPE")
