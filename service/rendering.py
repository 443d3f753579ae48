"""The words: templates read once, values shown as a bank writes them, and a refusal where a value is not fit to be sent."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from babel import Locale as BabelLocale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, get_currency_name, parse_pattern
from jinja2 import Environment, StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from service.catalogue import SUFFIXES, TEMPLATES, CatalogueError
from service.locales import LOCALES, WRITING, Writing
from service.money import Money, currency_digits
from service.secret import MARK, Secret
from service.segments import Encoding, count
from service.zones import zone as zone_of

#: A reason that an upstream team wrote is cut here, so that it cannot make a text of any length.
REASON_LIMIT = 40

_UNFIT = re.compile(r"[【】¥￥\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LAST4 = re.compile(r"[0-9]{4}")
_CODE = re.compile(r"[0-9A-Za-z]{4,8}")
_CLOSING = "。.,;! \N{FULLWIDTH COMMA}\N{FULLWIDTH SEMICOLON}\N{FULLWIDTH EXCLAMATION MARK}"


class RenderError(ValueError):
    """A text cannot be made; it names what is wrong and never the value. Trying again helps only if the values change."""

    def __init__(self, template: str, locale: str, what: str) -> None:
        super().__init__(f"{template} ({locale}): {what}")
        self.template, self.locale, self.what = template, locale, what


class _UnfitError(ValueError):
    """A filter refuses a value; the text names the type, never the value."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text ready to be sent, signature included.

    Attributes:
        segments: parts by the GSM rule.
        version: of the template file: the first 12 hex digits of its SHA-256.
        kept: the text as it may be stored and shown later: a code is a mark in it.
    """

    text: str
    segments: int
    encoding: Encoding
    version: str
    kept: str


class Text:
    """One template file: its syntax is checked when it is read, it is compiled when it is first used."""

    def __init__(self, environment: Environment, source: str, joint: str) -> None:
        _check(environment, environment.parse(source))
        self._environment, self._source, self.joint = environment, source, joint
        self.version = hashlib.sha256(source.encode()).hexdigest()[:12]

    @cached_property
    def template(self) -> Template:
        """It, compiled."""
        return self._environment.from_string(self._source)

    @cached_property
    def mentions(self) -> frozenset[str]:
        """The names of all values it speaks of."""
        return frozenset(find_undeclared_variables(self._environment.parse(self._source)))

    @cached_property
    def optional(self) -> frozenset[str]:
        """Those of them that it tests with "is defined"."""
        tree = self._environment.parse(self._source)
        tested = {test.node for test in tree.find_all(nodes.Test) if test.name == "defined"}
        return frozenset(node.name for node in tested if isinstance(node, nodes.Name))

    @cached_property
    def words(self) -> str:
        """What it says in any case, without its values."""
        return "".join(data.data for data in self._environment.parse(self._source).find_all(nodes.TemplateData))


def _check(environment: Environment, tree: nodes.Template) -> None:
    """What compiling would refuse."""
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        known = environment.filters if isinstance(node, nodes.Filter) else environment.tests
        if node.name not in known:
            raise TemplateSyntaxError(f"No {type(node).__name__.lower()} named {node.name!r}.", node.lineno)


@dataclass(frozen=True, slots=True)
class Texts:
    """Every text there is, by (notice, locale, channel)."""

    signature: str
    hotline: str
    by_place: Mapping[tuple[str, str, str], Text]

    @classmethod
    def load(cls, root: Path = TEMPLATES, *, signature: str, hotline: str) -> "Texts":
        """Reads every template under a folder.

        Args:
            root: holds <notice>/<locale>/<channel>.txt.
            signature: stands in front of every text. A bare name is set in 【】; one that ends in a mark of its own stays.
            hotline: the official number, as it shall be written.

        Raises:
            CatalogueError: a template is not valid Jinja.
        """
        texts: dict[tuple[str, str, str], Text] = {}
        problems: list[str] = []
        for locale in LOCALES:
            environment = _environment(WRITING[locale])
            for channel, suffix in SUFFIXES.items():
                for file in sorted(root.glob(f"*/{locale}/{channel}.{suffix}")):
                    name = file.parts[-3]
                    try:
                        texts[name, locale, channel] = Text(environment, file.read_text("utf-8"), WRITING[locale].joint)
                    except TemplateSyntaxError as error:
                        problems.append(f"{name}/{locale}/{file.name}: line {error.lineno}: {error.message}")
        if problems:
            raise CatalogueError(problems)
        return cls(f"【{signature}】" if signature[-1:].isalnum() else signature, hotline, texts)

    def render(
        self, template: str, locale: str, channel: str, values: Mapping[str, object], *, zone: str, today: date
    ) -> Rendered:
        """One text.

        Args:
            template: the notice's name.
            locale: one of LOCALES; see `locale_of` in service/locales.py.
            channel: sms.
            values: by the names docs/templates.md lists; a value that is not known is left out, not None.
            zone: IANA zone of the party, in which instants are shown.
            today: the party's local day.

        Raises:
            RenderError: a value is missing or not fit to be shown, or there is no such template.
        """
        text = self.by_place.get((template, locale, channel))
        if text is None:
            raise RenderError(template, locale, f"there is no such text for {channel}")
        body, wrong = _body(text, {"hotline": self.hotline, **values, "today": today, "zone": zone})
        if wrong:
            raise RenderError(template, locale, wrong)
        whole = self.signature + body
        counted = count(whole)
        return Rendered(whole, counted.parts, counted.encoding, text.version, _without_codes(whole, values))


def _body(text: Text, context: dict[str, object]) -> tuple[str, str]:
    """The text without its signature, or what is wrong; an error raised from here would carry values in its context."""
    try:
        lines = text.template.render(context).splitlines()
        return text.joint.join(filter(None, map(str.strip, lines))), ""
    except TemplateError as error:  # its message names variables, not values
        return "", error.message or type(error).__name__
    except _UnfitError as error:
        return "", str(error)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        return "", type(error).__name__


def _without_codes(text: str, values: Mapping[str, object]) -> str:
    for value in values.values():
        if isinstance(value, Secret):
            text = text.replace(value.value, MARK)
    return text


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, which asks once for each type whether an attribute is safe: the answer depends on nothing else."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._safe: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        place = type(obj), attr
        if place not in self._safe:
            self._safe[place] = super().is_safe_attribute(obj, attr, value)
        return self._safe[place]


def _environment(writing: Writing) -> Environment:
    """A sandbox with our filters and no others: nothing there could hide a missing value."""
    environment = _Sandbox(undefined=StrictUndefined, autoescape=False, finalize=_fit)
    environment.globals = {}
    environment.filters = {
        "money": lambda value: _money(value, writing),
        "day": _in_context(_day, writing),
        "when": _in_context(_when, writing),
        "clock": _in_context(_clock, writing),
        "digits": _digits,
        "tail": _tail,
        "code": _code,
        "reason": _reason,
    }
    return environment


def _in_context(show: Callable[[Context, Any, Writing], str], writing: Writing) -> Callable[[Context, Any], str]:
    """A filter that also reads `today` and `zone`."""

    @pass_context
    def shown(context: Context, value: Any) -> str:
        return show(context, _given(value), writing)

    return shown


def _given(value: Any) -> Any:
    """The value itself; a missing one raises here, with its name."""
    if isinstance(value, Undefined):
        str(value)  # StrictUndefined's own refusal
    return value


def _fit(value: object) -> object:
    """What may stand in a text: words and whole numbers. Amounts and dates must have gone through a filter."""
    if isinstance(value, str):
        if not value.strip() or _UNFIT.search(value):
            raise _UnfitError("a value is empty or holds a character that no text may hold")
        return value
    _given(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _UnfitError(f"a {type(value).__name__} needs a filter")
    return value


def _money(value: Any, writing: Writing) -> str:
    if not isinstance(_given(value), Money):
        raise _UnfitError(f"money wants Money, not {type(value).__name__}")
    if value.minor <= 0:
        raise _UnfitError("money wants an amount above zero")
    return _amount(value.minor, value.currency, writing)


@lru_cache(maxsize=65536)
def _amount(minor: int, currency: str, writing: Writing) -> str:
    locale, pattern, shape = _shape(currency, writing)
    return shape.format(number=format_decimal(Money(minor, currency).amount, format=pattern, locale=locale))


@lru_cache(maxsize=1024)
def _shape(currency: str, writing: Writing) -> tuple[BabelLocale, NumberPattern, str]:
    """How a language writes one currency: parsed once, because Babel would parse it for every amount."""
    digits = currency_digits(currency)
    pattern = parse_pattern("#,##0" + ("." + "0" * digits if digits else ""))
    shape = writing.own_money.get(currency, writing.money)
    name = get_currency_name(currency, locale=writing.babel)
    return BabelLocale.parse(writing.babel), pattern, shape.format(number="{number}", name=name, code=currency)


@lru_cache(maxsize=65536)
def _written(day: date, pattern: str, writing: Writing) -> str:
    return format_date(day, pattern, locale=writing.babel)


def _local(context: Context, value: object, who: str) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise _UnfitError(f"{who}, not {type(value).__name__}")
    return value.astimezone(zone_of(context["zone"]))


def _as_day(context: Context, value: object) -> date:
    """A date as it is, an instant as its day in the party's zone."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return _local(context, value, "day wants a date or an aware instant").date()


def _day(context: Context, value: object, writing: Writing) -> str:
    day = _as_day(context, value)
    return _written(day, writing.day[day.year != context["today"].year], writing)


def _when(context: Context, value: object, writing: Writing) -> str:
    """The day, with 今天 or 明天 where that is true at the moment of rendering."""
    ahead = (_as_day(context, value) - context["today"]).days
    return writing.near.get(ahead, writing.far).format(_day(context, value, writing))


def _clock(context: Context, value: object, _writing: Writing) -> str:
    local = _local(context, value, "clock wants an aware instant")
    return f"{local.hour:02}:{local.minute:02}"


def _digits(value: Any) -> str:
    if not isinstance(_given(value), str) or not _LAST4.fullmatch(value):
        raise _UnfitError("digits wants exactly the last four digits")
    return str(value)


def _tail(value: Any) -> str:
    """The last four characters of a number that is not shown whole."""
    if not isinstance(_given(value), str):
        raise _UnfitError(f"tail wants text, not {type(value).__name__}")
    return str(value).strip()[-4:]


def _code(value: Any) -> str:
    if not isinstance(_given(value), Secret) or not _CODE.fullmatch(value.value):
        raise _UnfitError("code wants a code of four to eight letters and digits")
    return str(value.value)


def _reason(value: Any) -> str:
    """An upstream team's own words: one line, no marks that carriers refuse, no closing mark, cut at REASON_LIMIT."""
    if not isinstance(_given(value), str):
        raise _UnfitError(f"reason wants text, not {type(value).__name__}")
    words = " ".join(_UNFIT.sub(" ", value).split()).rstrip(_CLOSING)
    return words if len(words) <= REASON_LIMIT else words[: REASON_LIMIT - 3].rstrip() + "..."
