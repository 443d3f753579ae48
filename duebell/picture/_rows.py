"""Puts what would overlap in a lane into rows of its own, from the top."""

from collections.abc import Sequence

Extent = tuple[float, float]  #: from where to where something reaches, in pixels


def rows_of(extents: Sequence[Extent]) -> list[int]:
    """The row of each, in order of their left ends: the first one in which there is still room."""
    ends: list[float] = []
    rows = [0] * len(extents)
    for i in sorted(range(len(extents)), key=lambda i: extents[i]):
        left, right = extents[i]
        row = next((n for n, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [right]
        rows[i] = row
    return rows
