"""Phone numbers: one spelling (E.164), a mask for people's eyes, and the zones of the country a number belongs to."""

from functools import lru_cache
from importlib.resources import files

#: ITU-T E.164 country codes of one and two digits; all others have three.
_SHORT_CODES = frozenset(
    str(code)
    for code in (
        *(1, 7, 20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59)),
        *(*range(60, 67), 81, 82, 84, 86, *range(90, 96), 98),
    )
)
_SHOW_HEAD_FROM = 10  #: national numbers shorter than this show their last two digits only


class PhoneError(ValueError):
    """A phone number that nobody could dial; the text says what to write and does not repeat the number."""


@lru_cache(maxsize=65536)
def normalise(phone: str, region: str | None = None) -> str:
    """The E.164 form of a number: international with a plus, or national with the two letters of its region.

    Lengths are checked, ranges are not: numbering plans open new ranges faster than libraries learn of them.

    Raises:
        PhoneError: it is neither, or its length does not exist there.
    """
    import phonenumbers  # noqa: PLC0415 - thirty milliseconds that `duebell --help` need not spend

    region = region.upper() if region else None
    if region is None and not phone.startswith("+"):
        raise PhoneError("write the number in E.164, with a plus and the country code, or give its region")
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise PhoneError("the region is not a country with a numbering plan; write an ISO 3166 code, like CN")
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException as error:
        raise PhoneError("not a phone number: check the country code and the digits") from error
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise PhoneError("too few or too many digits for its country")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mask(phone: str) -> str:
    """What people may see of an E.164 number: +8613800138000 is 138****8000. Never fails."""
    digits = phone.removeprefix("+")
    code = next((n for n in (1, 2) if digits[:n] in _SHORT_CODES), 3)
    national = digits[code:] if phone.startswith("+") else digits
    if len(national) < _SHOW_HEAD_FROM:
        return f"****{national[-2:]}"
    return f"{national[:3]}****{national[-4:]}"


@lru_cache(maxsize=65536)
def zones_of(phone: str) -> tuple[str, ...]:
    """The IANA zones of the country of an E.164 number, sorted; of every country that shares its code where it is not clear.

    Empty where the number belongs to no country (satellite, freephone).
    """
    import phonenumbers  # noqa: PLC0415 - as above

    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ()
    one = phonenumbers.region_code_for_number(number)
    regions = [one] if one else phonenumbers.region_codes_for_country_code(number.country_code or 0)
    return tuple(sorted({zone for region in regions for zone in _zones_of_countries().get(region, ())}))


@lru_cache(maxsize=1)
def _zones_of_countries() -> dict[str, list[str]]:
    """ISO 3166 code → zones, from tzdata's zone.tab."""
    found: dict[str, list[str]] = {}
    for line in files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _place, zone, *_ = line.split("\t")
            found.setdefault(country, []).append(zone)
    return found
