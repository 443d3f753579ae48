"""The words: templates compiled once, values shown as a bank writes them, and a refusal where a value is not fit to be sent."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, get_currency_name
from jinja2 import Environment, StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from service.catalogue import LOCALES, SUFFIXES, TEMPLATES, CatalogueError, Locale
from service.money import Money, currency_digits
from service.segments import Encoding, count
from service.zones import zone as zone_of

#: A reason that an upstream team wrote is cut here, so that it cannot make a text of any length.
REASON_LIMIT = 40

_BABEL: Mapping[Locale, str] = {"zh-CN": "zh_Hans_CN", "zh-TW": "zh_Hant_TW", "en": "en"}
#: Amounts that are not written as "number, name of the currency".
_OWN_MONEY: Mapping[tuple[Locale, str], str] = {
    ("zh-CN", "CNY"): "{}元",
    ("zh-TW", "CNY"): "人民幣{}元",
    ("zh-TW", "TWD"): "新臺幣{}元",
}
_DAY: Mapping[Locale, tuple[str, str]] = {
    "zh-CN": ("M月d日", "y年M月d日"),
    "zh-TW": ("M月d日", "y年M月d日"),
    "en": ("d MMM y", "d MMM y"),
}
_NEAR: Mapping[Locale, Mapping[int, str]] = {
    "zh-CN": {0: "今天（{}）", 1: "明天（{}）"},
    "zh-TW": {0: "今天（{}）", 1: "明天（{}）"},
    "en": {0: "today ({})", 1: "tomorrow ({})"},
}
_FAR: Mapping[Locale, str] = {"zh-CN": "{}", "zh-TW": "{}", "en": "on {}"}
#: A template's line breaks are for its author; the text is one line, and Chinese has no blanks between sentences.
_JOINT: Mapping[Locale, str] = {"zh-CN": "", "zh-TW": "", "en": " "}
_UNFIT = re.compile(r"[【】¥￥\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LAST4 = re.compile(r"[0-9]{4}")


class RenderError(ValueError):
    """A text cannot be made; it names what is wrong and never the value. Trying again helps only if the values change."""

    def __init__(self, template: str, locale: str, what: str) -> None:
        super().__init__(f"{template} ({locale}): {what}")
        self.template, self.locale, self.what = template, locale, what


class _UnfitError(ValueError):
    """A filter refuses a value."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text ready to be sent, signature included.

    Attributes:
        segments: parts by the GSM rule.
        version: of the template file: the first 12 hex digits of its SHA-256.
    """

    text: str
    segments: int
    encoding: Encoding
    version: str


@dataclass(frozen=True, slots=True)
class _Text:
    """One compiled template file, and what the lint asks about it."""

    template: Template
    version: str
    mentions: frozenset[str]
    optional: frozenset[str]


def locale_of(bcp47: str | None) -> Locale:
    """The locale whose texts a person of this BCP 47 tag reads; zh-CN where nothing is known."""
    if bcp47 is None:
        return "zh-CN"
    language, *subtags = bcp47.lower().replace("_", "-").split("-")
    if language != "zh":
        return "en"
    traditional = "hant" in subtags or ("hans" not in subtags and not {"tw", "hk", "mo"}.isdisjoint(subtags))
    return "zh-TW" if traditional else "zh-CN"


@dataclass(frozen=True, slots=True)
class Texts:
    """Every text there is, compiled."""

    signature: str
    hotline: str
    compiled: Mapping[tuple[str, str, str], _Text]

    @classmethod
    def load(cls, root: Path = TEMPLATES, *, signature: str, hotline: str) -> "Texts":
        """Compiles every template under a folder.

        Args:
            root: holds <notice>/<locale>/<channel>.txt.
            signature: put in front of every text; a bare name is set in 【】, one that ends in a mark of its own stays as it is.
            hotline: the official number, as it shall be written.

        Raises:
            CatalogueError: a template is not valid Jinja.
        """
        compiled: dict[tuple[str, str, str], _Text] = {}
        problems: list[str] = []
        for locale in LOCALES:
            environment = _environment(locale)
            for channel, suffix in SUFFIXES.items():
                for file in sorted(root.glob(f"*/{locale}/{channel}.{suffix}")):
                    name = file.parts[-3]
                    try:
                        compiled[name, locale, channel] = _compiled(environment, file)
                    except TemplateSyntaxError as error:
                        problems.append(f"{name}/{locale}/{file.name}: line {error.lineno}: {error.message}")
        if problems:
            raise CatalogueError(problems)
        marked = f"【{signature}】" if signature[-1:].isalnum() else signature
        return cls(marked, hotline, compiled)

    def render(
        self, template: str, locale: str, channel: str, values: Mapping[str, object], *, zone: str, today: date
    ) -> Rendered:
        """One text.

        Args:
            template: the notice's name.
            locale: one of LOCALES; see `locale_of`.
            channel: sms.
            values: by the names docs/templates.md lists; a value that is not known is left out, not None.
            zone: IANA zone of the party, in which instants are shown.
            today: the party's local day.

        Raises:
            RenderError: a value is missing or not fit to be shown, or there is no such template.
        """
        text = self.compiled.get((template, locale, channel))
        if text is None:
            raise RenderError(template, locale, f"there is no such text for {channel}")
        context = {"hotline": self.hotline, **values, "today": today, "zone": zone}
        what = ""
        try:
            body = text.template.render(context)
        except TemplateError as error:  # its message names variables, never values
            what = error.message or type(error).__name__
        except _UnfitError as error:
            what = str(error)
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            what = type(error).__name__
        if what:  # raised out here so that the error carries no context that holds a value
            raise RenderError(template, locale, what)
        whole = self.signature + body.strip().replace("\n", _JOINT[locale])  # type: ignore[index]
        counted = count(whole)
        return Rendered(whole, counted.parts, counted.encoding, text.version)


def _compiled(environment: Environment, file: Path) -> _Text:
    source = file.read_text("utf-8")
    tree = environment.parse(source)
    optional = {
        test.node.name for test in tree.find_all(nodes.Test) if test.name == "defined" and isinstance(test.node, nodes.Name)
    }
    version = hashlib.sha256(source.encode()).hexdigest()[:12]
    return _Text(environment.from_string(tree), version, frozenset(find_undeclared_variables(tree)), frozenset(optional))


def _environment(locale: Locale) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_fit
    )
    shown: dict[str, Callable[..., str]] = {
        "money": partial(_money, locale=locale),
        "day": _in_context(_day, locale),
        "when": _in_context(_when, locale),
        "clock": _in_context(_clock, locale),
        "digits": _digits,
        "tail": _tail,
        "reason": _reason,
    }
    environment.filters = dict(shown)
    environment.globals = {}
    return environment


def _in_context(show: Callable[[Context, Any, Locale], str], locale: Locale) -> Callable[[Context, Any], str]:
    """A filter of a locale that also reads `today` and `zone`."""

    @pass_context
    def shown(context: Context, value: Any) -> str:
        return show(context, value, locale)

    return shown


def _fit(value: object) -> object:
    """What an expression may put into a text: words and whole numbers; amounts and dates must have gone through a filter."""
    if isinstance(value, Undefined):
        str(value)  # StrictUndefined raises with the variable's name
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _UnfitError(f"a {type(value).__name__} needs a filter")
    if isinstance(value, str) and (not value.strip() or _UNFIT.search(value)):
        raise _UnfitError("a value is empty or holds a character that no text may hold")
    return value


def _known(value: object) -> None:
    """StrictUndefined raises here, with the variable's name, before a filter says that the type is wrong."""
    if isinstance(value, Undefined):
        str(value)


def _money(value: object, locale: Locale) -> str:
    _known(value)
    if not isinstance(value, Money):
        raise _UnfitError(f"money wants Money, not {type(value).__name__}")
    if value.minor <= 0:
        raise _UnfitError("money wants an amount above zero")
    return _amount(value.minor, value.currency, locale)


@lru_cache(maxsize=65536)
def _amount(minor: int, currency: str, locale: Locale) -> str:
    digits = currency_digits(currency)
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    number = format_decimal(Money(minor, currency).amount, format=pattern, locale=_BABEL[locale])
    if locale == "en":
        return f"{currency} {number}"
    own = _OWN_MONEY.get((locale, currency))
    return own.format(number) if own else number + get_currency_name(currency, locale=_BABEL[locale])


@lru_cache(maxsize=65536)
def _written(day: date, locale: Locale, this_year: bool) -> str:  # noqa: FBT001
    return format_date(day, _DAY[locale][not this_year], locale=_BABEL[locale])


def _local(context: Context, value: object, wanted: str) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise _UnfitError(f"{wanted}, not {type(value).__name__}")
    return value.astimezone(zone_of(context["zone"]))


def _as_day(context: Context, value: object) -> date:
    """A date as it is, an instant as its day in the party's zone."""
    _known(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return _local(context, value, "day wants a date or an aware instant").date()


def _day(context: Context, value: object, locale: Locale) -> str:
    day = _as_day(context, value)
    return _written(day, locale, day.year == context["today"].year)


def _when(context: Context, value: object, locale: Locale) -> str:
    """The day with 今天 or 明天 before it where that is true today."""
    day = _as_day(context, value)
    near = _NEAR[locale].get((day - context["today"]).days, _FAR[locale])
    return near.format(_written(day, locale, day.year == context["today"].year))


def _clock(context: Context, value: object, _locale: Locale) -> str:
    _known(value)
    return f"{_local(context, value, 'clock wants an aware instant'):%H:%M}"


def _digits(value: object) -> str:
    _known(value)
    if not isinstance(value, str) or not _LAST4.fullmatch(value):
        raise _UnfitError("digits wants exactly the last four digits")
    return value


def _tail(value: object) -> str:
    """The last four characters of a number that is not shown whole."""
    _known(value)
    if not isinstance(value, str) or not value.strip():
        raise _UnfitError("tail wants a number as text")
    return value.strip()[-4:]


def _reason(value: object) -> str:
    """An upstream team's own words: one line, no marks that carriers refuse, no closing full stop, cut at REASON_LIMIT."""
    _known(value)
    if not isinstance(value, str):
        raise _UnfitError(f"reason wants text, not {type(value).__name__}")
    words = " ".join(_UNFIT.sub(" ", value).split()).rstrip("。.；;，,！!")
    return words if len(words) <= REASON_LIMIT else words[: REASON_LIMIT - 3].rstrip() + "..."
