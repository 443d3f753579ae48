"""JSON Schemas of every message: events that come in and status events that go back, from their models and examples."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from consumers._decode import MESSAGES, MODELS
from consumers._envelope import example
from service.status_data import STATUS_MESSAGES, status_example

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

#: Message type → its model, for each direction, by type.
EVENTS: Final[Mapping[str, type[BaseModel]]] = dict(sorted(MESSAGES.items()))
STATUS: Final[Mapping[str, type[BaseModel]]] = dict(sorted(STATUS_MESSAGES.items()))


class _Generator(GenerateJsonSchema):
    """Says of a scalar what its refusal would say, and gives no titles that repeat the names of fields."""

    def custom_error_schema(self, schema: core_schema.CustomErrorSchema) -> JsonSchemaValue:
        """The scalar with what is wanted of it."""
        return {**super().custom_error_schema(schema), "description": schema["custom_error_message"]}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the base class gives it
        """Never: the name says it."""
        return False


def example_of(type_: str) -> dict[str, Any]:
    """A whole valid message of a type."""
    return example(MODELS[type_]) if type_ in MODELS else status_example(type_)


def schema(type_: str) -> dict[str, Any]:
    """The JSON Schema of a whole message, with its example."""
    model = EVENTS.get(type_) or STATUS[type_]
    made = model.model_json_schema(schema_generator=_Generator, mode=_mode(type_))
    described = {"$schema": DIALECT, "$id": f"urn:duebell:schema:{type_}", "title": type_, "description": _about(model)}
    return {**described, **{k: v for k, v in made.items() if k not in described}, "examples": [example_of(type_)]}


def shared(ref: str) -> dict[str, Any]:
    """The schemas of all models by name, which point to their common parts as `ref` says, as #/components/schemas/{model}."""
    models = [(model, _mode(type_)) for type_, model in (*EVENTS.items(), *STATUS.items())]
    _, made = models_json_schema(models, schema_generator=_Generator, ref_template=ref)
    found: dict[str, Any] = made["$defs"]
    return found


def files() -> dict[str, str]:
    """File name → text, one schema each."""
    return {f"{type_}.json": _text(schema(type_)) for type_ in (*EVENTS, *STATUS)}


#: An array of strings and numbers that stands in lines of its own.
_ARRAY: Final = re.compile(r'\[\n\s+((?:"(?:[^"\\]|\\.)*"|[-\d.]+)(?:,\n\s+(?:"(?:[^"\\]|\\.)*"|[-\d.]+))*)\n\s+\]')

_BREAK: Final = re.compile(r",\n\s+")


def _text(made: dict[str, Any]) -> str:
    """JSON for people and for differences; lists of words stand in one line."""
    whole = json.dumps(made, ensure_ascii=False, indent=2)
    return _ARRAY.sub(lambda found: "[" + _BREAK.sub(", ", found[1]) + "]", whole) + "\n"


def _mode(type_: str) -> Literal["validation", "serialization"]:
    """Events are what we accept, status events what we give: what has a default is always there."""
    return "validation" if type_ in EVENTS else "serialization"


def _about(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())
