"""The page around the pictures: a legend, one picture for each loan, a table below it; nothing is loaded from anywhere."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from html import escape
from itertools import count
from pathlib import Path
from typing import Final

from duebell.picture._axis import Axis, axis_for
from duebell.picture._life import DUE, PAUSES, PAYMENTS, UPSTREAM, Life, Mark
from duebell.picture._shapes import MEANINGS, SHAPES, TONES
from duebell.picture._svg import drawn
from service.zones import zone as zone_of

_HERE: Final = Path(__file__).parent
_LEAST, _MOST = 1080, 3600  #: pixels an axis takes
_PER_TEXT: Final = 26
_NO_TEXTS: Final = frozenset({UPSTREAM, PAYMENTS, DUE, PAUSES})


def page(lives: Sequence[Life], zone: str, title: str, story: str = "") -> str:
    """The whole HTML of some lives, in the clock of an IANA zone; `story` is said below the title."""
    style, script = ((_HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    numbers = count(1)
    sections = "".join(_section(life, [(next(numbers), mark) for mark in life.marks], zone) for life in lives)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><h1>{escape(title)}</h1>"
        f'<p>{escape(story)}</p><p class="soft">{escape(_about(lives, zone))}</p>{_legend(lives)}{sections}'
        f'<div id="card" role="status" hidden></div><script>{script}</script></body></html>\n'
    )


def _about(lives: Sequence[Life], zone: str) -> str:
    if not any(life.marks for life in lives):
        return "Nothing would happen."
    return f"Times are those of {zone}. Point at a sign, or tap it, to read what it stands for; the table below says the same."


def _legend(lives: Sequence[Life]) -> str:
    """The shapes and tones that are on the page, and no others."""
    marks = [mark for life in lives for mark in life.marks]
    shapes, tones = {mark.shape for mark in marks}, {mark.tone for mark in marks}
    items = [_item(SHAPES[name], meaning) for name, meaning in MEANINGS.items() if name in shapes]
    items += [_item(SHAPES["sent"], f"{name}: {meaning}", name) for name, meaning in TONES.items() if name in tones]
    if any(mark.since and mark.shape not in {"overdue", "pause"} for mark in marks):
        items.append(_item('<path d="M-8 0H8" class="wait"/>', "held until then"))
    items += [_item('<rect x="-8" y="-5" width="16" height="10" rx="2" class="span"/>', "overdue", "overdue")] * (
        "overdue" in shapes
    )
    items += [_item('<rect x="-8" y="-5" width="16" height="10" rx="2" class="span"/>', "collection silent", "pause")] * (
        "pause" in shapes
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _item(sign: str, meaning: str, tone: str = "said") -> str:
    return f'<li class="{tone}"><svg viewBox="-9 -9 18 18" aria-hidden="true">{sign}</svg><span class="soft">{escape(meaning)}</span></li>'


def _section(life: Life, marks: Sequence[tuple[int, Mark]], zone: str) -> str:
    """One loan: its heading with the sums, its picture, its table."""
    if not marks:
        return ""
    picture = drawn(marks, _axis(life, zone), f"The life of loan {life.loan_id}")
    rows = "".join(_row(number, mark, zone) for number, mark in marks)
    return (
        f'<section><h2>{escape(life.loan_id)}</h2><p class="soft">{escape(_sums(life, zone))}</p><div class="scroll">{picture}</div>'
        f"<details open><summary>Everything in order</summary><table><thead><tr><th>at</th><th>what</th><th>what became of it</th>"
        f"<th>text</th></tr></thead><tbody>{rows}</tbody></table></details></section>"
    )


def _axis(life: Life, zone: str) -> Axis:
    moments = [at for mark in life.marks for at in (mark.since, mark.at) if at]
    texts = sum(mark.lane not in _NO_TEXTS for mark in life.marks)
    return axis_for(min(moments), max(moments), min(max(_LEAST, texts * _PER_TEXT), _MOST), zone)


def _sums(life: Life, zone: str) -> str:
    """From when to when, and how many texts came to what."""
    ends = Counter(dict(mark.told).get("became", "") for mark in life.marks if mark.lane not in _NO_TEXTS)
    sums = ", ".join(f"{number} {end}" for end, number in ends.most_common()) or "no texts"
    return f"{_shown(life.marks[0].at, zone)[:10]} to {_shown(life.marks[-1].at, zone)[:10]}: {sums}"


def _row(number: int, mark: Mark, zone: str) -> str:
    told = dict(mark.told)
    became = _shown(told.get("became", ""), zone)
    why = f'<br><span class="why">{escape(_shown(told["because"], zone))}</span>' if "because" in told else ""
    details = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_shown(value, zone))}</dd>" for name, value in mark.told)
    quote = f"<blockquote>{escape(mark.text)}</blockquote>" if mark.text else ""
    what = mark.label or mark.shape.replace("_", " ")
    return (
        f'<tr id="n{number}"><td class="at">{_shown(mark.at, zone)}<template><b>{escape(what)}</b> '
        f'<span class="soft">{_shown(mark.at, zone)}</span>{quote}<dl>{details}</dl></template></td>'
        f"<td>{escape(what)}</td><td>{escape(became or _in_short(mark, zone))}{why}</td>"
        f'<td class="text">{escape(mark.text or "")}</td></tr>'
    )


def _in_short(mark: Mark, zone: str) -> str:
    """What is told of something that is no text."""
    return ", ".join(f"{name} {_shown(value, zone)}" for name, value in mark.told if name not in {"event", "amount"})


def _shown(value: str | datetime, zone: str) -> str:
    return value if isinstance(value, str) else f"{value.astimezone(zone_of(zone)):%Y-%m-%d %H:%M}"
