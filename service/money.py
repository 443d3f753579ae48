"""Amounts of money: whole minor units and a currency, never a float."""

from dataclasses import dataclass
from decimal import Decimal

#: ISO 4217 currencies whose minor unit is not a hundredth. Source: ISO 4217 table A.1.
_DIGITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def currency_digits(currency: str) -> int:
    """How many decimal digits an amount in this ISO 4217 currency has."""
    return _DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount of money, exact.

    Attributes:
        minor: the amount in minor units (分, cents); may be zero or negative in calculations.
        currency: ISO 4217 code.
    """

    minor: int
    currency: str = "CNY"

    @classmethod
    def of(cls, amount: Decimal | str, currency: str = "CNY") -> "Money":
        """The money a decimal amount stands for.

        Raises:
            ValueError: the amount is not finite or has more digits than the currency.
        """
        value = Decimal(amount)
        if not value.is_finite():
            raise ValueError("an amount must be a finite number")
        minor = value.scaleb(currency_digits(currency))
        if minor != minor.to_integral_value():
            raise ValueError(f"an amount in {currency} has at most {currency_digits(currency)} digits after the point")
        return cls(int(minor), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units (yuan, dollars), with exactly the currency's digits."""
        return Decimal(self.minor).scaleb(-currency_digits(self.currency))
