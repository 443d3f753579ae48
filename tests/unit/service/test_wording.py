"""What a text is told: the amounts as they are now, and nothing that is not known."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from service.facts import version_of
from service.money import Money
from service.wording import PAYER_IS_TOLD, Around, PaymentTold, masked, values_of
from tests.lender import at

NOW = at("2026-06-23 10:00")


def _claimed(**changes: Any) -> SimpleNamespace:
    """A claimed notice of an instalment, three days overdue, a tenth of it paid."""
    return SimpleNamespace(
        **{
            "loan_id": "L-1", "kind": "instalment", "ref": "2", "purpose": "reminder", "role": "borrower",
            "zone": "Asia/Shanghai", "cured_by": None, "method": None, "account_last4": None,
            "due_on": date(2026, 6, 20), "due_at": None, "amount": 10_000, "paid": 1_000,
            "currency": "CNY",
            "deadline_set_by": "v", "payment_set_by": None, "payment_amount": None, "payment_currency": None, "paid_at": None,
            "payment_method": None, "covered": None, **changes,
        }
    )  # fmt: skip


def _other(ref: str, due_on: date, amount: int, paid: int = 0, **changes: Any) -> SimpleNamespace:
    """Another deadline of the loan."""
    told = {"stated": None, "stated_by": None, **changes}
    return SimpleNamespace(kind="instalment", ref=ref, due_on=due_on, amount=amount, paid=paid, currency="CNY", **told)


def _around(**changes: Any) -> Around:
    return Around(
        **{"open_by_key": {}, "next_by_loan": {}, "overdue_by_loan": {}, "last_payment": {}, "borrowers": {}, **changes}
    )


def test_a_deadline_is_told_as_it_is_now() -> None:
    """What is open, when it is due, how many days ago; how it is repaid."""
    assert values_of(_claimed(method="auto_debit", account_last4="6789"), {"brand": "D"}, _around(), NOW) == {
        "brand": "D",
        "ref": "2",
        "method": "auto_debit",
        "account_last4": "6789",
        "due_on": date(2026, 6, 20),
        "days_until": -3,
        "days_past_due": 3,
        "amount": Money(10_000),
        "open": Money(9_000),
        "paid": Money(1_000),
    }


def test_a_deadline_at_an_instant_without_an_amount() -> None:
    """What is not known is left out; a loan of which no method is known is repaid by hand."""
    told = values_of(_claimed(due_on=None, due_at=NOW, amount=None), {}, _around(), NOW)
    assert told == {"ref": "2", "method": "manual", "due_at": NOW}


def test_paid_too_much_leaves_nothing() -> None:
    """The open amount is never negative."""
    assert values_of(_claimed(paid=12_000), {}, _around(), NOW)["open"] == Money(0)


def test_the_events_own_values_win() -> None:
    """What the event said is not overwritten by what the ledger knows; without either there is nothing."""
    assert values_of(_claimed(), {"amount": Money(1)}, _around(), NOW)["amount"] == Money(1)
    assert values_of(_claimed(deadline_set_by=None), {}, _around(), NOW) == {}


def test_a_receipt_names_what_is_left_and_what_comes() -> None:
    """What the payment left open of what it covers, and the next deadline; neither where there is none."""
    receipt = _claimed(
        deadline_set_by=None, payment_set_by="v", payment_amount=5_000, payment_currency="CNY", paid_at=NOW,
        payment_method="manual",
        covered='[["instalment", "2", 4000], ["instalment", "1", 1000]]',
    )  # fmt: skip
    paid = PaymentTold(Money(5_000), NOW, "manual")
    half_open, coming = _other("2", date(2026, 6, 20), 10_000, 4_000), _other("3", date(2026, 7, 20), 10_000, 500)
    around = _around(open_by_key={("L-1", "instalment", "2"): half_open}, next_by_loan={"L-1": coming})
    assert values_of(receipt, {}, around, NOW) == {
        "payment": paid,
        "left": Money(6_000),
        "next_due_on": date(2026, 7, 20),
        "next_amount": Money(9_500),
    }
    receipt.covered = None
    assert values_of(receipt, {}, _around(), NOW) == {"payment": paid}


def test_collection_names_the_whole_overdue_sum() -> None:
    """Upstream's own figures where all of them are newer than the last payment, with their day; else what is open."""
    collection = _claimed(purpose="collection", deadline_set_by=None)
    early, late = version_of(at("2026-06-21 23:00"), "t", "1"), version_of(at("2026-06-22 10:00"), "t", "2")
    stated = [
        _other("1", date(2026, 5, 20), 10_000, stated=10_100, stated_by=early),
        _other("2", date(2026, 6, 20), 10_000, 4_000, stated=6_050, stated_by=late),
    ]
    told = values_of(collection, {}, _around(overdue_by_loan={"L-1": stated}), NOW)
    assert told == {"overdue_total": Money(16_150), "stated_on": date(2026, 6, 21)}
    paid_since = _around(overdue_by_loan={"L-1": stated}, last_payment={"L-1": early})
    assert values_of(collection, {}, paid_since, NOW) == {"overdue_total": Money(16_000)}
    collection.currency = None
    assert values_of(collection, {}, _around(), NOW) == {"overdue_total": Money(0)}


def test_older_is_of_the_same_kind_and_earlier() -> None:
    """An older instalment past its day counts; one that was cured, a plan's, a younger one, or one of another loan does not."""
    older, younger = _other("1", date(2026, 5, 20), 1), _other("3", date(2026, 6, 22), 1)
    claimed = _claimed()
    assert _around(overdue_by_loan={"L-1": [younger, older]}).older_open(claimed)
    assert not _around(overdue_by_loan={"L-1": [younger]}).older_open(claimed)
    assert not _around(overdue_by_loan={"L-2": [older]}).older_open(claimed)
    cured = version_of(at("2026-06-01 10:00"), "test", "c")
    assert not _around(overdue_by_loan={"L-1": [older]}).older_open(_claimed(cured_by=cured))
    older.kind = "plan_instalment"
    assert not _around(overdue_by_loan={"L-1": [older]}).older_open(claimed)
    assert not _around(overdue_by_loan={"L-1": [older]}).older_open(_claimed(due_on=None))


def test_a_payer_is_told_what_is_asked_and_nothing_of_the_debt() -> None:
    """Whatever the ledger and the event know, only the names of a fixed list reach a payer's text."""
    own = {"brand": "D", "role": "payer", "asker": "王**", "agreement_no": "1", "reason_public": "逾期", "paid_at": NOW}
    told = values_of(
        _claimed(role="payer", kind="delegation", due_at=NOW, method="auto_debit", account_last4="6789"), own, _around(), NOW
    )
    assert set(told) == PAYER_IS_TOLD
    assert told["amount"] == Money(10_000)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小雨", "王**"), ("王", "王"), ("Anna Schmidt", "A*** S***"), ("欧阳 娜娜", "欧*** 娜***"), ("Ng", "N***"),
        ("阿卜杜拉·买买提", "阿***"),
    ],
)  # fmt: skip
def test_a_name_is_recognised_by_those_who_know_it(name: str, shown: str) -> None:
    """Its beginning is shown, and not how it goes on."""
    assert masked(name) == shown
