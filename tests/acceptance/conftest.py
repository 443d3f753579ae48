"""The command line in a folder of its own, at an instant of its own, and the events of one loan."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.commandline import NOW, Cli


@pytest.fixture
def duebell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line over an empty folder, at half past ten in Shanghai, with texts going to a file."""
    for name in [name for name in os.environ if name.upper().startswith("DUEBELL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUEBELL_TEST", "1")
    monkeypatch.setenv("DUEBELL_CLOCK_START", NOW)
    monkeypatch.setenv("DUEBELL_SENDERS", f"file://{tmp_path}/sent.jsonl")
    return Cli(tmp_path)


@pytest.fixture
def event() -> Callable[..., dict[str, Any]]:
    """Makes an event of the loan L-1, ten minutes before now; `data` beside the loan's id."""

    def make(
        type_: str, event_id: str, /, *, loan: str = "L-1", time: str = "2026-06-17T10:20:00+08:00", **data: Any
    ) -> dict[str, Any]:
        return {
            "specversion": "1.0", "id": event_id, "source": "urn:test", "type": type_, "subject": loan, "time": time,
            "data": {"loan_id": loan, **data},
        }  # fmt: skip

    return make


BORROWER = {"party_id": "P-1", "name": "王芳", "phone": "+8613800138000", "locale": "zh-CN", "jurisdiction": "cn"}


@pytest.fixture
def disbursed(event: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A loan of two instalments, the first due in four days; the borrower has a phone."""
    return event(
        "loan.disbursed", "e-1", borrower=BORROWER, amount="2000.00", disbursed_at="2026-06-17T10:19:00+08:00",
        account_last4="6789",
        instalments=[{"no": no, "due_on": day, "amount": "1000.00"} for no, day in ((1, "2026-06-21"), (2, "2026-07-21"))],
        repayment={"method": "auto_debit", "account_last4": "6789"},
    )  # fmt: skip


@pytest.fixture
def paid(event: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The first instalment, paid in full."""
    return event(
        "loan.repayment.received", "e-2", payment_id="PAY-1", amount="1000.00", paid_at="2026-06-17T10:20:00+08:00",
        method="manual", instalment_no=1,
    )  # fmt: skip
