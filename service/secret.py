"""A value that one person is told and nobody else is shown: a code. Whatever prints it by mistake prints the mark."""

from dataclasses import dataclass, field
from typing import Final

MARK: Final = "••••"


@dataclass(frozen=True, slots=True)
class Secret:
    """A code in a notice's values; only the filter `code` of a template shows it."""

    value: str = field(repr=False)

    def __str__(self) -> str:
        return MARK
