"""The languages we write in, one row each: how it writes money and days, and who reads it."""

# ruff: noqa: RUF001 - full-width punctuation is how Chinese is written

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Locale = Literal["zh-CN", "zh-TW", "en"]
LOCALES: tuple[Locale, ...] = get_args(Locale)


@dataclass(frozen=True, slots=True, eq=False)
class Writing:
    """How a language writes values.

    Attributes:
        babel: Babel's name for it.
        joint: what joins the lines of a template, which are there for its author only.
        day: a CLDR date pattern for a day of this year, and for one of another year.
        near: the phrase for a day this many days ahead; {} is the day.
        far: the phrase for any other day.
        money: how an amount stands with its currency; {number}, {name} (CLDR) and {code}.
        own_money: the same for the currencies the readers live with.
    """

    babel: str
    joint: str
    day: tuple[str, str]
    near: Mapping[int, str]
    far: str
    money: str
    own_money: Mapping[str, str] = field(default_factory=dict)


_CHINESE_DAY = ("M月d日", "y年M月d日")
_CHINESE_NEAR = {0: "今天（{}）", 1: "明天（{}）"}

WRITING: Mapping[Locale, Writing] = {
    "zh-CN": Writing("zh_Hans_CN", "", _CHINESE_DAY, _CHINESE_NEAR, "{}", "{number}{name}", {"CNY": "{number}元"}),
    "zh-TW": Writing(
        "zh_Hant_TW",
        "",
        _CHINESE_DAY,
        _CHINESE_NEAR,
        "{}",
        "{number}{name}",
        {"CNY": "人民幣{number}元", "TWD": "新臺幣{number}元"},
    ),
    "en": Writing("en", " ", ("d MMM y", "d MMM y"), {0: "today ({})", 1: "tomorrow ({})"}, "on {}", "{code} {number}"),
}


def locale_of(bcp47: str | None) -> Locale:
    """The language whose texts a person of this BCP 47 tag reads; zh-CN where nothing is known."""
    if bcp47 is None:
        return "zh-CN"
    language, *subtags = bcp47.lower().replace("_", "-").split("-")
    if language != "zh":
        return "en"
    traditional = "hant" in subtags or ("hans" not in subtags and not {"tw", "hk", "mo"}.isdisjoint(subtags))
    return "zh-TW" if traditional else "zh-CN"
