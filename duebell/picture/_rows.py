"""Puts what would overlap in a lane into rows of its own, from the top, in the order of time."""

from collections.abc import Sequence

Extent = tuple[float, float]  #: from where to where something reaches, in pixels


def rows_of(extents: Sequence[Extent]) -> list[int]:
    """The row of each: the first one in which none before it covers it."""
    filled: list[list[Extent]] = []
    rows = []
    for left, right in extents:
        row = next(
            (n for n, there in enumerate(filled) if all(end <= left or right <= start for start, end in there)), len(filled)
        )
        if row == len(filled):
            filled.append([])
        filled[row].append((left, right))
        rows.append(row)
    return rows
