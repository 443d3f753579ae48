"""Draws a loan's life: lanes from top to bottom, time from left to right, a vertical line at each due day."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from duebell.picture._axis import Axis
from duebell.picture._life import DUE, NOT_SENT, PAUSES, PAYMENTS, UPSTREAM, Mark
from duebell.picture._rows import rows_of
from duebell.picture._shapes import SHAPES

GUTTER: Final = 150  #: pixels for the names of lanes
_ROW, _HEAD, _PAD, _CHAR = 19, 26, 7, 6.1
_MOST_ROWS: Final = 10  #: a lane that needs more with labels goes without them
_SPANS: Final = frozenset({"overdue", "pause"})  #: shapes that are nothing but their span


@dataclass(frozen=True, slots=True)
class _Lane:
    """Marks with their numbers on the page and their rows."""

    name: str
    marks: Sequence[tuple[int, Mark]]
    rows: Sequence[int]
    has_labels: bool

    @property
    def height(self) -> int:
        return (max(self.rows, default=0) + 1) * _ROW + _PAD


def drawn(marks: Sequence[tuple[int, Mark]], axis: Axis, title: str) -> str:
    """The SVG of one life; each mark has its number on the page, which is its anchor in the table."""
    lanes = [_lane(name, [one for one in marks if one[1].lane == name], axis) for name in _names(mark for _, mark in marks)]
    height = _HEAD + sum(lane.height for lane in lanes)
    inside = [*_bands(lanes, axis), *_grid(axis, height, [mark for _, mark in marks]), *_stacked(lanes, axis)]
    width = GUTTER + axis.width + 16
    return (
        f'<svg viewBox="0 0 {width:g} {height}" style="min-width:{width:g}px" role="img" aria-label="{escape(title)}">'
        f"{''.join(inside)}</svg>"
    )


def _names(marks: Iterable[Mark]) -> list[str]:
    """The lanes there are, in the order a reader asks: what happened, what is due, what was said, what was not."""
    there = dict.fromkeys(mark.lane for mark in marks)
    first = [name for name in (UPSTREAM, PAYMENTS, DUE, PAUSES) if name in there]
    texts = sorted(name for name in there if name not in {*first, NOT_SENT})
    return [*first, *texts, *([NOT_SENT] if NOT_SENT in there else [])]


def _lane(name: str, marks: Sequence[tuple[int, Mark]], axis: Axis) -> _Lane:
    """With labels, if they do not make a tower of it."""
    rows = rows_of([_extent(mark, axis, has_label=True) for _, mark in marks])
    has_labels = max(rows, default=0) < _MOST_ROWS
    return _Lane(
        name, marks, rows if has_labels else rows_of([_extent(m, axis, has_label=False) for _, m in marks]), has_labels
    )


def _extent(mark: Mark, axis: Axis, *, has_label: bool) -> tuple[float, float]:
    """From where to where a mark reaches, its span and its label included."""
    x = axis.x(mark.at)
    left = axis.x(mark.since) if mark.since else x
    if mark.shape in _SPANS:
        return left, max(x, left + (len(mark.label) * _CHAR + 8 if has_label else 0))
    label = len(mark.label) * _CHAR + 6 if has_label else 0
    if has_label and _is_far(x, mark, axis):
        return min(left, x - label - 9), x + 9
    return left - 8, x + 9 + label


def _is_far(x: float, mark: Mark, axis: Axis) -> bool:
    """Whether a label to the right would leave the picture."""
    return x + len(mark.label) * _CHAR + 14 > axis.width


def _grid(axis: Axis, height: int, marks: Sequence[Mark]) -> Iterator[str]:
    for tick in axis.ticks():
        x = GUTTER + axis.x(tick.at)
        yield f'<path d="M{x:g} 18V{height}" class="{"tick strong" if tick.is_strong else "tick"}"/>'
        yield f'<text x="{x:g}" y="12" class="axis">{escape(tick.label)}</text>'
    for mark in marks:
        if mark.shape == "due":
            yield f'<path d="M{GUTTER + axis.x(mark.at):g} 18V{height}" class="dueline"/>'


def _bands(lanes: Sequence[_Lane], axis: Axis) -> Iterator[str]:
    """A ground for every other lane, and the names of all."""
    top = _HEAD
    for i, lane in enumerate(lanes):
        if i % 2 == 0:
            yield f'<rect x="0" y="{top}" width="{GUTTER + axis.width + 16:g}" height="{lane.height}" class="band"/>'
        yield f'<text x="10" y="{top + _PAD + 10}" class="lane">{escape(lane.name)}</text>'
        top += lane.height


def _stacked(lanes: Sequence[_Lane], axis: Axis) -> Iterator[str]:
    top = _HEAD
    for lane in lanes:
        for (number, mark), row in zip(lane.marks, lane.rows, strict=True):
            yield _mark(number, mark, axis, top + _PAD / 2 + row * _ROW + _ROW / 2, has_label=lane.has_labels)
        top += lane.height


def _mark(number: int, mark: Mark, axis: Axis, y: float, *, has_label: bool) -> str:
    """One sign with its span and label; a link to its row in the table, for readers without a script."""
    x = axis.x(mark.at)
    at = f'transform="translate({GUTTER + x:g} {y:g})"'
    return (
        f'<a href="#n{number}" class="mark {escape(mark.tone)}" data-n="{number}"><g {at}>'
        f"{_span(mark, x, axis)}{SHAPES[mark.shape]}{_label(mark, x, axis) if has_label else ''}"
        f'<circle r="9" class="hit"/></g></a>'
    )


def _span(mark: Mark, x: float, axis: Axis) -> str:
    if mark.since is None:
        return ""
    left = axis.x(mark.since) - x
    if mark.shape in _SPANS:
        return f'<rect x="{left:g}" y="-7" width="{max(-left, 2):g}" height="14" rx="3" class="span"/>'
    return f'<path d="M{left:g} 0H0M{left:g}-4v8" class="wait"/>'


def _label(mark: Mark, x: float, axis: Axis) -> str:
    if not mark.label:
        return ""
    if mark.shape in _SPANS:
        left = (axis.x(mark.since) if mark.since else x) - x
        return f'<text x="{left + 5:g}" y="4" class="label">{escape(mark.label)}</text>'
    side = 'x="-10" text-anchor="end"' if _is_far(x, mark, axis) else 'x="10"'
    return f'<text {side} y="4" class="label">{escape(mark.label)}</text>'
