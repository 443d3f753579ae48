"""The AsyncAPI document: which messages go over which exchanges, in the words of AsyncAPI 3.0."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import BaseModel

from duebell.schemas import EVENTS, STATUS, example_of, shared
from service.topology import CONTENT_TYPE, EVENTS_EXCHANGE, NOTICES_EXCHANGE

_BINDING: Final = "0.3.0"  #: of AsyncAPI's AMQP bindings
_PERSISTENT: Final = 2
_ABOUT: Final = (
    "Lenders' systems publish what happens to a loan; Duebell tells the borrower, and says what became of each notice. "
    "Every message is a CloudEvents 1.0 event in structured mode, one JSON object; its type is the routing key. "
    "docs/events.md says the same in prose, and what a schema cannot: which fields belong together, and what follows."
)


#: libyaml's emitter, where it is there: it takes a seventh of the time.
if TYPE_CHECKING:
    from yaml import SafeDumper as _Dumper
else:
    _Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def document() -> dict[str, Any]:
    """The whole document."""
    messages = {**EVENTS, **STATUS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Duebell",
            "version": version("duebell"),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            **{type_: _channel(type_, EVENTS_EXCHANGE) for type_ in EVENTS},
            **{type_: _channel(type_, NOTICES_EXCHANGE) for type_ in STATUS},
        },
        "operations": {
            **{f"receive.{type_}": _operation(type_, "receive") for type_ in EVENTS},
            **{f"send.{type_}": _operation(type_, "send") for type_ in STATUS},
        },
        "components": {
            "messages": {type_: _message(type_, model) for type_, model in messages.items()},
            "schemas": shared("#/components/schemas/{model}"),
        },
    }


class _Plain(_Dumper):
    """Writes a part that stands twice twice, instead of an anchor and an alias, and a list of words in its line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class gives it
        """Always."""
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        """A list of words or numbers in brackets, others an entry a line."""
        has_parts = any(isinstance(entry, (dict, list)) for entry in sequence)
        return super().represent_sequence(tag, sequence, flow_style if has_parts else True)


def text() -> str:
    """The document as YAML."""
    written: str = yaml.dump(document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    return written


def _channel(type_: str, exchange: str) -> dict[str, Any]:
    """A routing key of one of the exchanges."""
    about = {"name": exchange, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": type_,
        "messages": {type_: {"$ref": f"#/components/messages/{type_}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": about, "bindingVersion": _BINDING}},
    }


def _operation(type_: str, action: str) -> dict[str, Any]:
    """What Duebell does with a message: it receives events and sends status events."""
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{type_}"},
        "messages": [{"$ref": f"#/channels/{type_}/messages/{type_}"}],
        "bindings": {"amqp": {"deliveryMode": _PERSISTENT, "mandatory": False, "ack": True, "bindingVersion": _BINDING}},
    }


def _message(type_: str, model: type[BaseModel]) -> dict[str, Any]:
    return {
        "name": type_,
        "title": type_,
        "summary": " ".join((model.__doc__ or "").split()),
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": [{"payload": example_of(type_)}],
    }
