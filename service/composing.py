"""Composing: from claimed notices that may go to the text that speaks for them, one notice's own or a digest of several."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any

from service import context, digest
from service.catalogue import Catalogue
from service.gate import Counter
from service.locales import Locale, locale_of
from service.notices import State, digest_template
from service.rendering import Rendered, RenderError, Texts
from service.segments import parts_in
from service.standing import PutBack, Standing
from service.vault import Vault
from service.wording import Around, masked, values_of
from service.zones import local_date


def fresh_attempt() -> str:
    """A name for one hand-over: 32 hex digits."""
    return token_hex(16)


@dataclass(frozen=True, slots=True)
class Ready:
    """A notice that may go: its row, number, text, the counters it takes from, and until when it may go without another look.

    A digest lists others beside it.
    """

    row: Any
    to: str
    locale: str
    text: Rendered
    counters: tuple[Counter, ...]
    until: datetime
    others: tuple[Any, ...] = ()
    attempt: str = field(default_factory=fresh_attempt)

    @property
    def rows(self) -> tuple[Any, ...]:
        """Every notice that the text speaks for."""
        return (self.row, *self.others)

    @property
    def left_open(self) -> int | None:
        """What a text that asks calls open, in minor units; a digest is made again at the intent."""
        row = self.row
        return row.amount - row.paid if row.asks and row.amount is not None and not self.others else None

    @property
    def template(self) -> str:
        """What the text is made from."""
        return digest_template(self.row.digest) if self.others else str(self.row.template)


@dataclass(frozen=True, slots=True)
class Composer:
    """Makes texts; `brand` is what they call the lender."""

    vault: Vault
    catalogue: Catalogue
    texts: Texts
    standing: Standing
    brand: str

    def made(self, rows: Sequence[Any], around: Around, now: datetime, until: datetime) -> Ready | PutBack:
        """The text of one row of service.ledger.claims.DETAILS, or of several of one digest, whose first gives it its key."""
        head, *others = rows
        locale = locale_of(head.locale)
        try:
            text = self._listing(rows, locale, now) if others else self._rendered(head, locale, around, now)
        except RenderError as error:
            return PutBack(State.FAILED, "cannot_render", rule=error.what[:200])
        counters = self.standing.counters(head, now)
        ready = Ready(head, self.vault.text(head.phone), locale, text, counters, until, tuple(others))
        return self.standing.refused_text(head, text.text, now) or ready

    def _rendered(self, row: Any, locale: Locale, around: Around, now: datetime) -> Rendered:
        own = {**self._opened(row.announcement), **self._opened(row.context)}
        if row.role == "payer" and row.loan_id in around.borrowers:
            own["asker"] = masked(self.vault.text(around.borrowers[row.loan_id]))
        values = values_of(row, {"brand": self.brand, "role": row.role, **own}, around, now)
        return self.texts.render(row.template, locale, row.channel, values, zone=row.zone, today=local_date(now, row.zone))

    def _opened(self, sealed: bytes | None) -> dict[str, object]:
        return context.from_json(self.vault.decrypt(sealed)) if sealed else {}

    def _listing(self, rows: Sequence[Any], locale: Locale, now: datetime) -> Rendered:
        """What is open of these rows, as many lines of it as the text's parts allow."""
        head, name = rows[0], digest_template(rows[0].digest)
        bound, today = self.catalogue[name].max_segments[locale], local_date(now, head.zone)

        def made(most: int) -> Rendered:
            values = {"brand": self.brand, **digest.listing(rows, most)}
            return self.texts.render(name, locale, head.channel, values, zone=head.zone, today=today)

        return digest.longest(len(rows), made, lambda text: parts_in(text.text, locale) <= bound)
