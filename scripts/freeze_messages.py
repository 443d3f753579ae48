"""Freezes one message of each event type, as it is published today, with the facts it gives; what is frozen stays as it is."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from consumers._decode import MODELS, Event, decode
from consumers._envelope import example
from service.facts import Fact
from service.money import Money

FOLDER: Final = Path(__file__).resolve().parent.parent / "tests" / "messages" / "v1"


def facts_of(body: bytes) -> list[dict[str, Any]]:
    """What a message establishes, as JSON: each fact with the fields that are not left at their default.

    Raises:
        ValueError: the body is none of our events any more.
    """
    event = decode(body)
    if not isinstance(event, Event):
        raise ValueError(str(event))  # noqa: TRY004 - the body is wrong, not its type
    return [_fact(fact) for fact in event.facts]


def _fact(fact: Fact) -> dict[str, Any]:
    said = {
        field.name: _plain(value)
        for field in dataclasses.fields(fact)
        if (value := getattr(fact, field.name)) != field.default and value not in ({}, ()) and field.name != "version"
    }
    return {"fact": type(fact).__name__, **said}


def _plain(value: object) -> object:
    match value:
        case Mapping():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case bool() | int() | None:
            return value
        case date():
            return value.isoformat()
        case Money():
            return f"{value.amount} {value.currency}"
    return str(value)


def main() -> None:
    """Writes the messages that are not frozen yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for type_, model in sorted(MODELS.items()):
        path = FOLDER / f"{type_}.json"
        if not path.exists():
            message = example(model)
            frozen = {"message": message, "facts": facts_of(json.dumps(message).encode())}
            path.write_text(json.dumps(frozen, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            print(f"froze {type_}")


if __name__ == "__main__":
    main()
