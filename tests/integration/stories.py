"""Events made by hand, so that a test can say by hand what they must lead to."""

from datetime import date, datetime, timedelta
from typing import Any

from tests.integration.rig import BASE

SOURCE = "urn:test:lender"
TODAY = BASE.date()


def event(loan_id: str, number: int, kind: str, at: datetime, **data: Any) -> dict[str, Any]:
    """A CloudEvent of a loan; `number` tells its events apart."""
    return {
        "specversion": "1.0",
        "id": f"{loan_id}-{number}",
        "source": SOURCE,
        "type": kind,
        "subject": loan_id,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": {"loan_id": loan_id, **data},
    }


def borrower(loan_id: str, index: int, **said: str) -> dict[str, str]:
    """A person in China, unless said otherwise, with a number of their own."""
    person = {"party_id": f"P-{loan_id}", "name": "王芳", "phone": f"+86198{index:08d}"}
    return person | {"locale": "zh-CN", "timezone": "Asia/Shanghai", "jurisdiction": "cn"} | said


def disbursed(loan_id: str, index: int, *due_on: date, at: datetime = BASE, **person: str) -> dict[str, Any]:
    """A loan of instalments of 100.00 each, repaid by hand."""
    return event(
        loan_id,
        0,
        "loan.disbursed",
        at - timedelta(minutes=2),
        amount="1000.00",
        disbursed_at=at.isoformat(),
        account_last4="1234",
        repayment={"method": "manual"},
        instalments=[{"no": no, "due_on": day.isoformat(), "amount": "100.00"} for no, day in enumerate(due_on, start=1)],
        borrower=borrower(loan_id, index, **person),
        timezone=person.get("timezone", "Asia/Shanghai"),
    )


def paid(loan_id: str, number: int, amount: str = "100.00", at: datetime = BASE) -> dict[str, Any]:
    """A payment for the first instalment."""
    return event(
        loan_id,
        number,
        "loan.repayment.received",
        at - timedelta(minutes=1),
        payment_id=f"{loan_id}-PAY{number}",
        amount=amount,
        paid_at=(at - timedelta(minutes=1)).isoformat(),
        method="manual",
        instalment_no=1,
    )


def stage(loan_id: str, due_on: date, name: str) -> str:
    """The key of a stage of the first instalment."""
    return f"stage:{loan_id}:instalment:1:{due_on.isoformat()}:{name}:borrower"


def receipt_of(told: dict[str, Any], template: str) -> str:
    """The key of the notice that an event calls for."""
    return f"event:urn%3Atest%3Alender:{told['id']}:{template}:borrower"
