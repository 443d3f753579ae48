"""YAML with the line of each value, so that a mistake can be found; a value is written as it is meant: no dates, no floats."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Place = tuple[str | int, ...]  #: keys and positions from the top of the file

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,6}")
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}


class ScenarioError(ValueError):
    """A scenario cannot be used; the text is one line that names file, line and field."""


@dataclass(slots=True)
class Document:
    """What a YAML file says: mappings, lists, texts, whole numbers, true, false and null; and the line of each place."""

    name: str
    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that the file has."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def wrong(self, place: Place, what: str) -> ScenarioError:
        """A mistake at a place; positions in lists count from one, as people do."""
        told = " ".join(str(step + 1) if isinstance(step, int) else step for step in place)
        return ScenarioError(f"{self.name}:{self.line(place)}: {told + ': ' if told else ''}{what}")


def read(text: str, name: str) -> Document:
    """Reads a YAML text; `name` is what an error calls it.

    Raises:
        ScenarioError: it is not YAML, or a key stands twice.
    """
    document = Document(name)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ScenarioError(f"{name}:{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    document.value = None if node is None else _plain(node, (), document)
    return document


def _plain(node: Any, place: Place, document: Document) -> Any:
    document.lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, document)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*place, i), document) for i, item in enumerate(node.value)]
    return node.value if node.style else _scalar(node.value)


def _mapping(node: Any, place: Place, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        here = (*place, str(key.value))
        document.lines[here] = key.start_mark.line + 1
        if key.value in found:
            raise document.wrong(here, "stands there twice")
        found[key.value] = _plain(value, here, document)
    return found


def _scalar(text: str) -> Any:
    """A bare word: an amount keeps its zeros and a day stays a text, because the contract wants them as texts."""
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _WHOLE.fullmatch(text) else text
