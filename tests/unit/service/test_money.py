"""Money is whole minor units: exact in every currency, or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.money import Money, currency_digits


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("1680.00", "CNY", 168_000), ("5", "JPY", 5), ("1.234", "KWD", 1_234), ("0.0001", "CLF", 1), ("-1.5", "USD", -150)],
)
def test_an_amount_has_the_digits_of_its_currency(amount: str, currency: str, minor: int) -> None:
    """Yen have none, yuan two, dinars three, UF four."""
    assert Money.of(amount, currency) == Money(minor, currency)
    assert Money(minor, currency).amount == Decimal(amount)


@pytest.mark.parametrize(("amount", "currency"), [("0.5", "JPY"), ("1.001", "CNY"), ("NaN", "CNY"), ("Infinity", "CNY")])
def test_what_is_not_an_amount_is_refused(amount: str, currency: str) -> None:
    """More digits than the currency has, or no number."""
    with pytest.raises(ValueError, match="amount"):
        Money.of(amount, currency)


@given(minor=st.integers(-(10**15), 10**15), currency=st.sampled_from(["CNY", "JPY", "KWD", "CLF"]))
def test_major_units_and_back(minor: int, currency: str) -> None:
    """Nothing is lost in either direction."""
    money = Money(minor, currency)
    assert Money.of(money.amount, currency) == money
    assert -money.amount.as_tuple().exponent == currency_digits(currency)  # type: ignore[operator]
