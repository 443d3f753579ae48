"""Security: operations that the borrower must confirm, and what looks wrong with an account."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from consumers._envelope import Heading, LoanData
from consumers._fields import Code, ContractError, Hotline, Id, Instant, Words
from service.facts import AnswerAwaited, Fact, NoticeGiven
from service.secret import Secret


class ConfirmationRequested(LoanData):
    """An operation goes on only if the borrower confirms it: by typing a code elsewhere, or by answering the text."""

    TYPE = "loan.operation.confirmation_requested"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "operation_id": "OP-7001",
        "operation": "更换还款账户",
        "expires_at": "2026-06-01T10:05:00+08:00",
        "mode": "code",
        "code": "482913",
    }
    SECRET: ClassVar = ("code",)

    operation_id: Id
    operation: Words
    expires_at: Instant
    mode: Literal["code", "reply"]
    code: Code | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Tells the code, or asks for the answer; neither has a point after `expires_at`."""
        values: dict[str, object] = {"operation": self.operation, "expires_at": self.expires_at}
        if self.mode == "code":
            if self.code is None:
                raise ContractError("data.code", "write the code that the borrower is to be told, or the mode reply")
            values["code"] = Secret(self.code)
        else:
            yield AnswerAwaited(event.version, self.loan_id, self.operation_id, self.expires_at)
        yield NoticeGiven(
            event.version,
            self.loan_id,
            f"operation_{self.mode}",
            values=values,
            ref=self.operation_id,
            not_later_than=self.expires_at,
        )


class AnomalyDetected(LoanData):
    """Something looks wrong; the borrower should know at once."""

    TYPE = "loan.security.anomaly_detected"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "what": "异地登录",
        "at": "2026-06-01T09:58:00+08:00",
        "hotline": "95384",
    }

    what: Words
    at: Instant
    hotline: Hotline

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Says what, when, and whom to call."""
        values = {"what": self.what, "at": self.at, "hotline": self.hotline}
        yield NoticeGiven(event.version, self.loan_id, "security_alert", values=values)
