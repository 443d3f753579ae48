"""How the events are found."""

from types import ModuleType

import pytest

from consumers import application, repayment
from consumers._catalogue import DuplicateTypeError, models, process_files
from consumers._decode import MODELS
from consumers._envelope import EventData, Heading, LoanData
from service.events import PARTIES_NAMED
from service.facts import version_time


def test_process_files_have_no_underscore() -> None:
    """Files of the machinery are not searched."""
    names = [file.__name__ for file in process_files()]
    assert "consumers.repayment" in names
    assert not [name for name in names if "._" in name]


def test_two_models_of_one_type_stop_the_start() -> None:
    """The error names both, so that one of them can go."""
    twin = ModuleType("twin")
    twin.Settled = type("Settled", (LoanData,), {"TYPE": "loan.settled", "__module__": "twin"})  # type: ignore[attr-defined]
    with pytest.raises(DuplicateTypeError, match=r"twin\.Settled and consumers\.repayment\.Settled both claim loan\.settled"):
        models([repayment, twin])


def test_a_model_that_is_imported_is_no_second_one() -> None:
    """The same class seen from two files is one model."""
    assert models([application, application]) == models([application])


def test_a_model_must_have_a_reaction() -> None:
    """A model without one cannot pass for an event that establishes nothing."""
    with pytest.raises(NotImplementedError):
        EventData().facts(Heading("L", version_time("2026-06-01T00:00:00.000000"), "v"))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_no_event_names_more_people_than_the_inbox_keeps_hashes_of(model: type[EventData]) -> None:
    """A person who is erased is found in every payload that names them."""
    people = [name for name, field in model.model_fields.items() if "Party" in str(field.annotation) or name == "payer_id"]
    assert len(people) <= PARTIES_NAMED
