"""The stories loans tell: how one is granted, and how each kind of borrower repays."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Final

from duebell.sample._loan import Due, Loan, decimal, later, monthly
from duebell.sample._people import borrower

_OVERDUE_AFTER: Final = 3  #: days past due at which the lender says so
#: What the bank says, by the first letters of a locale.
_BANK: Final = {
    "en": {"balance": "insufficient balance", "returned": "returned by the bank"},
    "zh-TW": {"balance": "餘額不足", "returned": "銀行退回"},
    "zh-CN": {"balance": "余额不足", "returned": "银行退回"},
}


def story(index: int, seed: int, start: date, days: int) -> Loan:
    """The whole story of one borrower's loan; the same seed and number tell the same."""
    rng = Random(f"{seed}/{index}")  # noqa: S311 - invented data, repeatable on purpose
    loan = Loan(borrower(index, rng), seed, rng)
    applied = later(start, rng.randrange(max(1, days * 6 // 10)))
    if _granted(loan, applied):
        habit = rng.choices(list(_HABITS), list(_HABITS.values()))[0]
        _repaid(loan, habit)
    return loan


def _granted(loan: Loan, day: date) -> bool:
    """From the application to the money, or to a refusal."""
    rng, who = loan.rng, loan.who
    principal = rng.randrange(10, 300) * 100_00
    asked = loan.at(day, rng.randrange(8, 22))
    application = f"A{who.index:07d}"
    loan.tell(
        "loan.application.submitted",
        asked,
        application_id=application,
        amount=decimal(principal),
        borrower=who.party,
        timezone=who.zone,
        product="consumer",
    )
    if loan.chance(50):
        limit = decimal(principal + rng.randrange(100) * 100_00)
        loan.tell(
            "loan.application.limit_assessed", asked + timedelta(minutes=3), application_id=application, credit_limit=limit
        )
    if loan.chance(6):
        loan.tell("loan.application.rejected", asked + timedelta(minutes=20), application_id=application)
        return False
    sign_by = later(day, 7).isoformat()
    loan.tell(
        "loan.application.approved",
        asked + timedelta(minutes=20),
        application_id=application,
        amount=decimal(principal),
        sign_by=sign_by,
    )
    if loan.chance(4):
        return False  # never signs
    _disbursed(loan, later(day, rng.randrange(1, 6)), principal)
    return True


def _disbursed(loan: Loan, day: date, principal: int) -> None:
    rng, who = loan.rng, loan.who
    signed = loan.at(day, rng.randrange(9, 18))
    loan.tell("loan.contract.signed", signed, contract_no=f"C{who.index:09d}", signed_at=signed.isoformat())
    paid_out = signed + timedelta(minutes=rng.randrange(5, 90))
    if loan.chance(2):
        loan.tell("loan.disbursement_failed", paid_out, reason_public=_why(loan, "returned"))
        paid_out += timedelta(hours=20)
    months = rng.choice((3, 6, 6, 9, 12, 12))
    each = principal * (1000 + 8 * months) // 1000 // months
    loan.schedule = monthly(later(day, 30), [each] * months)
    account = {"account_last4": who.last4} if who.auto_debit else {}
    loan.tell(
        "loan.disbursed",
        paid_out,
        amount=decimal(principal),
        disbursed_at=paid_out.isoformat(),
        account_last4=who.last4,
        repayment={"method": "auto_debit" if who.auto_debit else "manual", **account},
        instalments=[due.said for due in loan.schedule],
        borrower=who.party,
        timezone=who.zone,
        product="consumer",
    )


Habit = Callable[[Loan, Due], bool]  #: pays one instalment, or not; whether the borrower goes on paying


def _repaid(loan: Loan, habit: Habit) -> None:
    """Instalment after instalment by one habit, with what happens in between; settled when the last is paid."""
    rng = loan.rng
    replaced_before = rng.choice(loan.schedule).no if loan.chance(4) else None
    settled_before = rng.choice(loan.schedule).no if loan.chance(6) else None
    for due in loan.schedule:
        if due.no == settled_before:
            _settled_early(loan, due)
            return
        if due.no == replaced_before:
            _schedule_replaced(loan, due)
        if loan.chance(1):
            _contact_changed(loan, due)
        if loan.chance(1):
            _method_changed(loan, due)
        if not habit(loan, due):
            return
    last = loan.events[-1][0] + timedelta(minutes=5)
    loan.tell("loan.settled", last, settled_at=last.isoformat())


def _on_time(loan: Loan, due: Due) -> bool:
    if loan.who.auto_debit:
        loan.pay(loan.at(due.on, loan.rng.choice((4, 6, 9))), due.amount, method="auto_debit", instalment_no=due.no)
    else:
        day = later(due.on, -loan.rng.randrange(4))
        loan.pay(loan.at(day, loan.rng.randrange(8, 23)), due.amount, method="manual", instalment_no=due.no)
    return True


def _early(loan: Loan, due: Due) -> bool:
    day = later(due.on, -loan.rng.randrange(4, 12))
    loan.pay(loan.at(day, loan.rng.randrange(8, 23)), due.amount, method="manual")
    return True


def _late(loan: Loan, due: Due) -> bool:
    if loan.chance(50):
        return _on_time(loan, due)
    day = later(due.on, loan.rng.randrange(1, 12))
    if loan.who.auto_debit:
        _debit_failed(loan, due, 1)
    if (day - due.on).days > _OVERDUE_AFTER:
        _overdue(loan, due, _OVERDUE_AFTER)
    paid = loan.at(day, loan.rng.randrange(8, 23))
    loan.pay(paid, due.amount, method="manual", covers=[{"no": due.no, "amount": decimal(due.amount)}])
    if (day - due.on).days > _OVERDUE_AFTER:
        loan.tell("loan.overdue.cured", paid + timedelta(seconds=30), cured_at=paid.isoformat())
    return True


def _in_parts(loan: Loan, due: Due) -> bool:
    half = due.amount // 2
    loan.pay(loan.at(later(due.on, -1), loan.rng.randrange(8, 23)), half, method="manual", instalment_no=due.no)
    day = later(due.on, loan.rng.randrange(4))
    loan.pay(loan.at(day, loan.rng.randrange(8, 23)), due.amount - half, method="manual", instalment_no=due.no)
    return True


def _with_failing_debits(loan: Loan, due: Due) -> bool:
    tries = loan.rng.choice((0, 0, 1, 2))
    for attempt in range(1, tries + 1):
        _debit_failed(loan, due, attempt)
    day = later(due.on, tries)
    loan.pay(loan.at(day, 21), due.amount, method="auto_debit" if loan.who.auto_debit else "manual", instalment_no=due.no)
    return True


def _taken_back(loan: Loan, due: Due) -> bool:
    _on_time(loan, due)
    if loan.chance(25):
        paid, event = loan.events[-1]
        back = paid + timedelta(hours=loan.rng.randrange(1, 40))
        payment_id = event["data"]["payment_id"]
        loan.tell("loan.repayment.reversed", back, payment_id=payment_id, reason_public=_why(loan, "returned"))
        loan.pay(back + timedelta(days=2), due.amount, method="manual", instalment_no=due.no)
    return True


def _stops(loan: Loan, due: Due) -> bool:
    """Pays for a while, then no more; some pay everything past due weeks later."""
    if due.no <= len(loan.schedule) // 2:
        return _on_time(loan, due)
    _overdue(loan, due, _OVERDUE_AFTER)
    _overdue(loan, due, 31)
    if loan.chance(50):
        return False
    day = later(due.on, loan.rng.randrange(35, 70))
    paid = loan.at(day, loan.rng.randrange(8, 23))
    open_now = [one for one in loan.schedule if one.no >= due.no and one.on <= day]
    loan.pay(paid, sum(one.amount for one in open_now), method="manual")
    loan.tell("loan.overdue.cured", paid + timedelta(seconds=30), cured_at=paid.isoformat())
    return False


#: how a borrower repays → how many in a hundred do.
_HABITS: Final[dict[Habit, int]] = {
    _on_time: 55,
    _early: 9,
    _late: 12,
    _in_parts: 6,
    _with_failing_debits: 9,
    _taken_back: 4,
    _stops: 5,
}


def _debit_failed(loan: Loan, due: Due, attempt: int) -> None:
    when = loan.at(later(due.on, attempt - 1), 0 if loan.chance(30) else 6)
    loan.tell(
        "loan.auto_debit.failed",
        when,
        instalment_no=due.no,
        attempt=attempt,
        reason_public=_why(loan, "balance"),
        next_attempt_at=(when + timedelta(hours=12)).isoformat(),
    )


def _overdue(loan: Loan, due: Due, days: int) -> None:
    owed = due.amount + due.amount * days // 2000
    day = later(due.on, days)
    loan.tell("loan.overdue.entered", loan.at(day, 2), instalment_no=due.no, days_past_due=days, amount_due=decimal(owed))


def _schedule_replaced(loan: Loan, due: Due) -> None:
    """What is not paid yet moves by a week."""
    rest = [one for one in loan.schedule if one.no >= due.no]
    for one in rest:
        one.on = later(one.on, 7)
    when = loan.at(later(due.on, -20), 14)
    loan.tell("loan.schedule.replaced", when, instalments=[one.said for one in rest], reason="agreed with the borrower")


def _contact_changed(loan: Loan, due: Due) -> None:
    party = {"party_id": loan.who.party["party_id"], "email": f"borrower{loan.who.index}@example.com"}
    loan.tell("party.updated", loan.at(later(due.on, -10), 12), subject=party["party_id"], party=party)


def _method_changed(loan: Loan, due: Due) -> None:
    """From debits to paying oneself, or the other way; the habit stays what it was."""
    method = {"method": "manual"} if loan.who.auto_debit else {"method": "auto_debit", "account_last4": loan.who.last4}
    loan.tell("loan.repayment_method.changed", loan.at(later(due.on, -12), 16), repayment=method)


def _settled_early(loan: Loan, due: Due) -> None:
    when = loan.at(later(due.on, -loan.rng.randrange(5, 15)), loan.rng.randrange(9, 21))
    rest = [one for one in loan.schedule if one.no >= due.no]
    loan.pay(when, sum(one.amount for one in rest), method="manual")
    loan.tell("loan.settled", when + timedelta(minutes=1), settled_at=when.isoformat())


def _why(loan: Loan, what: str) -> str:
    locale = loan.who.party["locale"]
    return next(words[what] for prefix, words in _BANK.items() if locale.startswith(prefix))
