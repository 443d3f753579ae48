"""The contract for machines: it is what the models say, and each example keeps it."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from consumers._decode import MODELS
from duebell import asyncapi, schemas
from duebell.schemas import EVENTS, STATUS, example_of, schema

PUBLISHED = Path(__file__).parents[3] / "docs" / "contract"
TYPES = [*EVENTS, *STATUS]
_schema = cache(schema)
_STALE = "docs/contract is not what the models say: run `make contract` and commit what it writes"


def test_the_published_contract_is_what_the_models_say() -> None:
    """The committed documents are those that the commands write, no more and no fewer."""
    written = {"asyncapi.yaml": asyncapi.text()} | {f"schemas/{name}": text for name, text in schemas.files().items()}
    published = {
        path.relative_to(PUBLISHED).as_posix(): path.read_text("utf-8") for path in PUBLISHED.rglob("*") if path.is_file()
    }
    assert sorted(published) == sorted(written), _STALE
    assert not [name for name in written if published[name] != written[name]], _STALE


def test_every_event_and_every_status_event_is_in_it() -> None:
    """Each type has a channel with its routing key on its exchange, and a direction."""
    document = asyncapi.document()
    assert set(EVENTS) == set(MODELS)
    assert set(document["channels"]) == {channel["address"] for channel in document["channels"].values()} == set(TYPES)
    exchanges = {name: channel["bindings"]["amqp"]["exchange"]["name"] for name, channel in document["channels"].items()}
    assert {exchanges[type_] for type_ in EVENTS} == {"loan.events"}
    assert {exchanges[type_] for type_ in STATUS} == {"duebell.notices"}
    assert {(one["action"], one["channel"]["$ref"].removeprefix("#/channels/")) for one in document["operations"].values()} == {
        *(("receive", type_) for type_ in EVENTS), *(("send", type_) for type_ in STATUS)
    }  # fmt: skip


@pytest.mark.parametrize("type_", TYPES)
def test_each_example_keeps_its_schema(type_: str) -> None:
    """The schema is one of the dialect it names, and its example is valid."""
    made = _schema(type_)
    Draft202012Validator.check_schema(made)
    Draft202012Validator(made).validate(example_of(type_))
    assert made["examples"] == [example_of(type_)]


def _without(message: dict[str, Any], *path: str) -> dict[str, Any]:
    first, *rest = path
    return {k: _without(v, *rest) if k == first else v for k, v in message.items() if k != first or rest}


@pytest.mark.parametrize("type_", TYPES)
def test_a_schema_refuses_what_a_model_refuses(type_: str) -> None:
    """Another type, a missing envelope field or no data are not valid; unknown fields are."""
    validator = Draft202012Validator(_schema(type_))
    message = example_of(type_)
    assert validator.is_valid({**message, "later": 1, "data": {**message["data"], "later": 1}})
    wrong = [{**message, "type": "loan.other"}, _without(message, "id"), _without(message, "data"), {**message, "data": {}}]
    assert not [one for one in wrong if validator.is_valid(one)]
