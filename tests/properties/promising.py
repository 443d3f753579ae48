"""What the contract says of a promise to pay, folded by hand: is it open still, is this its day, and how much is missing?"""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Final

from service.senders._port import Message
from tests.properties.delegating import sums_in
from tests.properties.model import Loan, minor, place
from tests.properties.people import Person

#: Text → from how many days after the promised day on, from which hour, and up to how many days.
_DAYS: Final = {"promise_due": (0, time(9), 0), "promise_broken": (2, time(10), 5)}


def objections(loan: Loan, ref: str, anchor: str, message: Message, person: Person) -> Iterator[str]:
    """What speaks against a text about a promise."""
    made = [event for event in loan.events if event["data"].get("promise_id") == ref]
    if not made:
        yield "nothing was promised"
        return
    word = made[-1]
    if word["data"]["pay_by"] != anchor:
        yield "another day is promised now"
    if loan.ended and loan.ended > place(word):
        yield "the loan ended behind the promise"
    if loan.is_paused(message.purpose, message.at):
        yield "the loan is paused"
    came = [event for event in loan.payments() if datetime.fromisoformat(event["time"]) >= datetime.fromisoformat(word["time"])]
    left = minor(word["data"]["amount"]) - sum(minor(event["data"]["amount"]) for event in came)
    if left <= 0:
        yield "the promise was kept"
    elif left not in sums_in(message.body):
        yield f"does not say that {left} is missing"
    yield from _on_its_day(message, date.fromisoformat(anchor), person.local(message.at))


def _on_its_day(message: Message, pay_by: date, now: datetime) -> Iterator[str]:
    first, hour, last = _DAYS[message.template]
    days = (now.date() - pay_by).days
    if not first <= days <= last or (days == first and now.time() < hour):
        yield f"{days} days after the promised day, at {now:%H:%M}"
