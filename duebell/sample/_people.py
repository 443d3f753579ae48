"""Invented borrowers: names, languages, zones, and numbers that are valid and, where such ranges exist, kept for fiction."""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

_FAMILY: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN: Final = "伟 芳 娜 敏 静 磊 洋 艳 勇 军 杰 涛 明 超 秀英 小雨 建国 佳怡 子涵 浩然 思远 雨桐 梓萱 俊辉"
_FAMILY_TW: Final = "陳林黃張李王吳劉蔡楊許鄭謝郭洪"
_GIVEN_TW: Final = "怡君 雅婷 家豪 志明 淑芬 俊傑 宗翰 佩珊 冠宇 詩涵"
_ENGLISH: Final = (
    "Alice Carter;Ben Hughes;Chloe Novak;Daniel Reyes;Emma Walsh;Frank Osei;Grace Lin;Henry Adler;Isla Byrne;Jack Moreau"
)

#: Area codes by zone. 555-0100 to 555-0199 are kept for fiction in every one of them (NANPA).
_US: Final = {
    "America/New_York": "212 305 404 215 617 716 803 919",
    "America/Chicago": "312 214 612 504 615 816 414 713",
    "America/Denver": "303 505 801 719",
    "America/Los_Angeles": "213 415 206 503 702 619 916 408",
}
#: Numbers that Ofcom keeps for drama and that count as valid (its mobile ones, 07700 900, do not); three digits are free.
_GB: Final = "2079460 1614960 1134960 1144960 1164960 1174960 1184960 1214960 1314960 1414960 1514960 1914980 2920180 2896496"
#: No range is kept for fiction in mainland China; sample texts go to the console, a file or a sink, never to a provider.
_CN: Final = "+86199{:08d}"
_DEBITED: Final = 65  #: how many in a hundred repay by direct debit


@dataclass(frozen=True, slots=True)
class Borrower:
    """Somebody who borrows, and the money and zone the loan is in."""

    index: int
    party: dict[str, Any]
    zone: str
    currency: str
    auto_debit: bool
    last4: str


def borrower(index: int, rng: Random) -> Borrower:
    """The borrower of this number: nine in ten in China, the others in the United States and Britain."""
    place = rng.choices(("cn", "us", "gb"), (90, 6, 4))[0]
    zone, phone, currency = _place(place, index, rng)
    locale = _locale(place, rng)
    party = {
        "party_id": f"P{index:07d}",
        "name": _name(locale, rng),
        "phone": phone,
        "locale": locale,
        "timezone": zone,
        "jurisdiction": place,
    }
    return Borrower(index, party, zone, currency, rng.randrange(100) < _DEBITED, f"{rng.randrange(10_000):04d}")


def _place(place: str, index: int, rng: Random) -> tuple[str, str, str]:
    """Zone, phone number and currency; a number repeats only after thousands of borrowers of one country."""
    if place == "us":
        zone = rng.choice(list(_US))
        codes = _US[zone].split()
        return zone, f"+1{codes[index // 100 % len(codes)]}55501{index % 100:02d}", "USD"
    if place == "gb":
        areas = _GB.split()
        return "Europe/London", f"+44{areas[index // 1000 % len(areas)]}{index % 1000:03d}", "GBP"
    return "Asia/Shanghai", _CN.format(index), "CNY"


def _locale(place: str, rng: Random) -> str:
    if place == "gb":
        return "en-GB"
    if place == "us":
        return rng.choices(("en-US", "zh-CN", "zh-TW"), (70, 20, 10))[0]
    return rng.choices(("zh-CN", "zh-TW", "en"), (95, 4, 1))[0]


def _name(locale: str, rng: Random) -> str:
    if locale.startswith("en"):
        return rng.choice(_ENGLISH.split(";"))
    if locale == "zh-TW":
        return rng.choice(_FAMILY_TW) + rng.choice(_GIVEN_TW.split())
    return rng.choice(_FAMILY) + rng.choice(_GIVEN.split())
