"""The contract's scalars: how an id, an amount, a day or an instant is written, and what to say where it is not."""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import GetPydanticSchema
from pydantic_core import CoreSchema, core_schema

from service.money import Money, currency_digits
from service.zones import is_zone

#: ISO 4217, active codes of circulating currencies, and ANG, BGN, CUC and HRK, in which old loans may still run.
_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF CLP
    CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYI UYU UYW UZS VED VES
    VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES: Final = tuple(_CODES.split())

#: What a database's whole number holds.
_MOST_MINOR: Final = 2**63 - 1

_YEAR = r"(?:19[7-9][0-9]|2[01][0-9]{2})"  # what calendars and databases can still add a few days to
_DAY = _YEAR + r"-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
_PRINTABLE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]"


class ContractError(ValueError):
    """An event contradicts itself: `field` is the path, `reason` what to write. Publishing it again unchanged will not help."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def _scalar(schema: CoreSchema, wanted: str) -> GetPydanticSchema:
    """A scalar whose refusal says what is wanted, whatever was wrong with it."""
    told = core_schema.custom_error_schema(schema, "contract", custom_error_message=wanted)
    return GetPydanticSchema(lambda _source, _handler: told)


def _text(pattern: str) -> CoreSchema:
    return core_schema.str_schema(pattern=f"^{pattern}$", strict=True)


def _parsed(pattern: str, schema: CoreSchema) -> CoreSchema:
    """A string of one spelling only, then the value it stands for: pydantic alone would take seconds since 1970 as well."""
    return core_schema.chain_schema([_text(pattern), schema])


def _known_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("unknown zone")
    return name


Id = Annotated[str, _scalar(_text(_PRINTABLE + "{1,200}"), "write a string of 1 to 200 characters without control characters")]
Words = Annotated[str, _scalar(_text(_PRINTABLE + "{1,500}"), "write one line of 1 to 500 characters")]
Amount = Annotated[
    str,
    _scalar(
        _text(r"[0-9]{1,15}(?:\.[0-9]{1,4})?"), 'write a decimal string like "1680.00", with at most 15 digits before the point'
    ),
]
Currency = Annotated[str, _scalar(core_schema.literal_schema(list(CURRENCIES)), "write an ISO 4217 code in capitals, like CNY")]
Day = Annotated[
    date,
    _scalar(_parsed(_DAY, core_schema.date_schema(strict=False)), "write an ISO date between 1970 and 2199, like 2026-06-20"),
]
Instant = Annotated[
    datetime,
    _scalar(
        _parsed(_DAY + _CLOCK, core_schema.datetime_schema(tz_constraint="aware", strict=False)),
        "write an RFC 3339 instant with seconds and an offset, like 2026-06-20T10:00:00+08:00",
    ),
]
ZoneName = Annotated[
    str,
    _scalar(
        core_schema.no_info_after_validator_function(_known_zone, _text(_PRINTABLE + "{1,64}")),
        "write the name of a zone in tzdata, like Asia/Shanghai",
    ),
]
Locale = Annotated[str, _scalar(_text(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,6}"), "write a BCP 47 tag, like zh-CN")]
Jurisdiction = Annotated[str, _scalar(_text(r"[a-z]{2}(?:-[a-z0-9]{1,8})?"), "write a lower-case code, like cn")]
Region = Annotated[str, _scalar(_text(r"[A-Za-z]{2}"), "write two letters, like CN")]
Phone = Annotated[
    str,
    _scalar(
        _text(r"\+?[0-9(][0-9 ().-]{2,30}"),
        "write a phone number in E.164, like +86 and eleven digits, or a national one with region",
    ),
]
Email = Annotated[str, _scalar(_text(r"[^\x00-\x20\x7f-\x9f@]{1,64}@[^\x00-\x20\x7f-\x9f@]{1,189}"), "write an e-mail address")]
Last4 = Annotated[str, _scalar(_text(r"[0-9]{4}"), "write exactly the last four digits, as a string")]
#: What a person types to confirm an operation.
Code = Annotated[str, _scalar(_text(r"[0-9A-Za-z]{4,8}"), "write 4 to 8 letters and digits")]
#: A number that people dial, as it shall be written in a text.
Hotline = Annotated[
    str, _scalar(_text(r"\+?[0-9](?:[0-9 ()-]{1,18}[0-9])"), "write a number to dial, like 95384 or 400-820-0588")
]
#: An instalment's number, a count of days or attempts.
Number = Annotated[
    int, _scalar(core_schema.int_schema(strict=True, ge=0, le=1_000_000), "write a whole number from 0 to 1000000")
]


def money(amount: str, currency: str, field: str, *, zero: bool = False) -> Money:
    """The money that an `Amount` stands for; positive, unless `zero` is allowed too.

    Raises:
        ContractError: more digits than the currency has, more money than can be kept, or nothing at all.
    """
    whole, _, fraction = amount.partition(".")
    digits = currency_digits(currency)
    if len(fraction) > digits:
        raise ContractError(
            field, f"an amount in {currency} has at most {digits} digits after the point; this has {len(fraction)}"
        )
    minor = int(whole + fraction.ljust(digits, "0"))
    if minor == 0 and not zero:
        raise ContractError(field, "write an amount above zero; this is zero")
    if minor > _MOST_MINOR:
        most = Money(_MOST_MINOR, currency).amount
        raise ContractError(field, f"an amount in {currency} is at most {most}; this is more")
    return Money(minor, currency)
