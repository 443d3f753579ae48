"""Phone numbers: one spelling, a mask, and the zones of a country."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.phones import PhoneError, mask, normalise, zones_of


@pytest.mark.parametrize(
    ("phone", "region", "e164"),
    [
        ("+8613800138000", None, "+8613800138000"),
        ("+86 138-0013-8000", None, "+8613800138000"),
        ("13800138000", "CN", "+8613800138000"),
        ("13800138000", "cn", "+8613800138000"),
        ("(415) 555-0123", "US", "+14155550123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("+447700900123", None, "+447700900123"),
        ("+14155550123", "CN", "+14155550123"),
    ],
)
def test_one_spelling(phone: str, region: str | None, e164: str) -> None:
    """Every way to write a number comes to its E.164 form; a plus outweighs the region."""
    assert normalise(phone, region) == e164


@pytest.mark.parametrize(
    ("phone", "region", "words"),
    [
        ("13800138000", None, "give its region"),
        ("13800138000", "XX", "not a country"),
        ("+999123456789", None, "country code"),
        ("+", None, "not a phone number"),
        ("+86138", None, "too few or too many"),
        ("+861380013800012", None, "too few or too many"),
        ("5550123", "US", "too few or too many"),
    ],
)
def test_numbers_nobody_could_dial(phone: str, region: str | None, words: str) -> None:
    """The error says what to write, and does not repeat the number."""
    with pytest.raises(PhoneError, match=words) as refused:
        normalise(phone, region)
    assert phone.strip("+") == "" or phone not in str(refused.value)


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+8613800138000", "138****8000"),
        ("+14155550123", "415****0123"),
        ("+442079460123", "207****0123"),
        ("+85291234567", "****67"),
        ("13800138000", "138****8000"),
        ("", "****"),
        ("+", "****"),
    ],
)
def test_the_mask(phone: str, shown: str) -> None:
    """Ops can tell two numbers apart and dial neither; short numbers show two digits."""
    assert mask(phone) == shown


@given(st.text(max_size=30))
def test_the_mask_never_fails(phone: str) -> None:
    """Whatever it is given, and never the whole of it."""
    assert "****" in mask(phone)


def test_the_short_country_codes_are_the_library_s() -> None:
    """One or two digits: the mask cuts country codes where the numbering plans do."""
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        assert mask(f"+{code}1234567890") == "123****7890"


def test_the_zones_of_a_country() -> None:
    """All zones of the country, not only those of the area code: a mobile phone travels."""
    american = zones_of("+12125550199")
    assert {"America/New_York", "Pacific/Honolulu", "America/Adak"} <= set(american)
    assert "America/Toronto" not in american
    assert zones_of("+442079460123") == ("Europe/London",)
    assert zones_of("+8613800138000") == ("Asia/Shanghai", "Asia/Urumqi")


def test_the_zones_of_a_code_that_countries_share() -> None:
    """Where the number does not tell the country, the zones of every country of its code."""
    assert {"America/New_York", "America/Toronto", "America/Jamaica"} <= set(zones_of("+19995550123"))


@pytest.mark.parametrize("phone", ["+80012345678", "nonsense"])
def test_numbers_of_no_country_have_no_zone(phone: str) -> None:
    """A freephone number rings anywhere."""
    assert zones_of(phone) == ()
