"""`duebell notices`, `timeline` and `queues`: what was sent, what waits, and why not."""

from collections.abc import Callable
from typing import Any

from tests.acceptance.commandline import Cli

_FIELDS = ["key", "loan_id", "template", "channel", "purpose", "lane", "state", "reason", "not_before", "sent_at", "to_role"]


def test_a_notice_line_has_exactly_the_fields_of_the_contract(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """`notices --json` prints the contract's fields and nothing else; the filters narrow it."""
    duebell("publish", duebell.file(disbursed))
    duebell.work()
    lines = duebell.json("notices")
    assert all(list(line) == _FIELDS for line in lines)
    assert {line["state"] for line in lines} == {"sent", "planned"}
    assert [x["template"] for x in duebell.json("notices", "--state", "sent")] == ["loan_disbursed"]
    assert duebell.json("notices", "--loan", "L-2") == []
    assert "loan_disbursed" in duebell("notices", "--loan", "L-1").stdout
    assert duebell("notices", "--loan", "L-2").stderr == "no such notices\n"


def test_a_waiting_notice_can_be_cancelled_and_one_that_went_cannot(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """Cancelling says which keys it could not touch, and fails then."""
    duebell("publish", duebell.file(disbursed))
    duebell.work()
    waiting, gone = (
        duebell.json("notices", "--state", "planned")[0]["key"],
        duebell.json("notices", "--state", "sent")[0]["key"],
    )
    result = duebell("notices", "cancel", waiting, gone, "--why", "wrong amount")
    assert result.exit_code == 1
    assert result.stdout == f"cancelled {waiting}\n"
    assert gone in result.stderr
    assert [x["reason"] for x in duebell.json("notices", "--state", "cancelled")] == ["by_operator"]


def test_a_timeline_tells_a_loans_story_in_order(duebell: Cli, disbursed: dict[str, Any], paid: dict[str, Any]) -> None:
    """Events, deadlines, notices with their steps and hand-overs, in time order."""
    file = duebell.file(disbursed)
    duebell("publish", file)
    duebell.work()
    duebell("publish", duebell.file(paid))
    duebell.work()
    lines = duebell.json("timeline", "L-1")
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert {line["what"] for line in lines} == {"event", "deadline", "notice", "step", "attempt"}
    assert [x["reason"] for x in lines if x.get("state") == "cancelled"] == ["paid"]
    told = duebell("timeline", "L-1").stdout
    assert "payment PAY-1: 1000.00 CNY, manual" in told
    assert "cancelled: paid, the deadline was paid in full" in told


def test_a_timeline_keeps_the_order_within_a_second(duebell: Cli, disbursed: dict[str, Any], paid: dict[str, Any]) -> None:
    """Half a second after the loan came the payment."""
    duebell("publish", duebell.file(disbursed, paid | {"time": "2026-06-17T10:20:00.5+08:00"}))
    duebell.work()
    events = [x["type"] for x in duebell.json("timeline", "L-1") if x["what"] == "event"]
    assert events == ["loan.disbursed", "loan.repayment.received"]


def test_a_timeline_holds_no_person(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """No name, number or text of a borrower is shown."""
    duebell("publish", duebell.file(disbursed))
    duebell.work()
    told = duebell("timeline", "L-1").stdout + duebell("timeline", "L-1", "--json").stdout
    assert not any(secret in told for secret in ("王芳", "13800138000", "6789", "您"))


def test_an_unknown_loan_is_told(duebell: Cli) -> None:
    """A loan nobody has heard of is a mistake, not an empty table."""
    assert "there is no loan 'L-404'" in duebell.mistake("timeline", "L-404")


def test_queues_show_what_waits_and_who_paused_it(
    duebell: Cli, disbursed: dict[str, Any], event: Callable[..., dict[str, Any]]
) -> None:
    """The inbox before absorbing, the lanes after it, each with its oldest age and its pauses."""
    duebell(
        "publish", duebell.file(disbursed, event("loan.settled", "e-3", settled_at="2026-06-17T10:20:00+08:00", loan="L-2"))
    )
    before = {(x["kind"], x["name"]): x for x in duebell.json("queues")}
    assert before["inbox", "events not absorbed yet"]["ready"] == 2
    duebell("pause", "lane", "bulk", "--why", "provider asked")
    duebell.work()
    lanes = {x["name"]: x for x in duebell.json("queues") if x["kind"] == "lane"}
    assert list(lanes) == ["critical", "normal", "bulk"]
    assert (lanes["bulk"]["waiting"], lanes["bulk"]["ready"]) == (1, 0)
    assert "provider asked" in lanes["bulk"]["paused_by"][0]
    assert lanes["normal"]["paused_by"] == []
    shown = duebell("queues").stdout
    assert "provider asked" in shown
    assert "texts sent in the last five minutes: 1" in shown
