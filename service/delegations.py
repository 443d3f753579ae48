"""Delegations: which of them their payer has fulfilled, and which ended with the instalment they were for. Pure."""

from collections.abc import Iterable
from operator import attrgetter

from service.covering import Covering, in_order
from service.facts import Kind, version_time
from service.loan_rows import Deadline, Payment


def fulfil(covering: Covering, payments: Iterable[Payment]) -> None:
    """Marks as paid what one payment of its payer was enough for.

    A payment serves the delegation for an instalment it covers first, then the one that ends first, as far as it reaches.
    """
    asked = sorted(_asked(covering), key=attrgetter("anchor", "ref"))
    targets = {d.ref: _target(covering, d) for d in asked}
    for delegation in asked:
        delegation.paid = 0
    for payment in in_order(p for p in payments if p.counts and p.payer_id) if asked else ():
        rest = payment.amount or 0
        covered = {(kind, ref) for kind, ref, _ in payment.covered}
        for d in sorted(asked, key=lambda d: not _is_one_of(targets[d.ref], covered)):
            if not d.paid and d.amount and d.amount <= rest and _waited_for(covering, d, payment):
                d.paid, rest = d.amount, rest - d.amount


def follow(covering: Covering) -> None:
    """Ends the delegations whose instalment is over; call it when the states of instalments are known.

    A newer plan that uses the number again has taken the place of the instalment that was meant.
    """
    for d in _asked(covering):
        if d.state == "open" and d.for_ref:
            target = _target(covering, d)
            if target is None:
                d.state, d.reason = "closed", "replaced"
            elif target.state == "closed":
                d.state, d.reason = "closed", target.reason


def _asked(covering: Covering) -> list[Deadline]:
    return [d for d in covering.deadlines.values() if d.kind == Kind.DELEGATION and d.set_by]


def _target(covering: Covering, d: Deadline) -> Deadline | None:
    """The instalment a delegation is for, as its number was meant when it was authorised."""
    return covering.meant(d.for_ref, version_time(d.set_by)) if d.for_ref and d.set_by else None


def _is_one_of(target: Deadline | None, covered: set[tuple[str, str]]) -> bool:
    return target is not None and (target.kind, target.ref) in covered


def _waited_for(covering: Covering, d: Deadline, payment: Payment) -> bool:
    """Whether this payer's money came while the delegation stood; money that comes late is money too."""
    return d.payer_id == payment.payer_id and payment.paid_at is not None and covering.stood(d, payment.paid_at)
