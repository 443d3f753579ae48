"""Rendering: how values are written, what refuses to be written, and that a refusal never shows a value."""

import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.catalogue import CatalogueError
from service.locales import LOCALES, locale_of
from service.money import Money
from service.rendering import RenderError, Texts
from service.secret import Secret

TODAY = date(2026, 6, 17)
SHIPPED = Texts.load(signature="小贷", hotline="95384")
Show = Callable[..., str]


def texts(root: Path, body: str, signature: str = "小贷") -> Texts:
    """One notice with the same body in every language."""
    for locale in LOCALES:
        (root / "n" / locale).mkdir(parents=True, exist_ok=True)
        (root / "n" / locale / "sms.txt").write_text(body, "utf-8")
    return Texts.load(root, signature=signature, hotline="95384")


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """Renders a body with values, without the signature."""

    def shown(body: str, locale: str = "zh-CN", zone: str = "Asia/Shanghai", **values: object) -> str:
        rendered = texts(tmp_path, body).render("n", locale, "sms", values, zone=zone, today=TODAY)
        return rendered.text.removeprefix("【小贷】")

    return shown


@pytest.mark.parametrize(
    ("money", "chinese", "taiwanese", "english"),
    [
        (Money(123456), "1,234.56元", "人民幣1,234.56元", "CNY 1,234.56"),
        (Money(1), "0.01元", "人民幣0.01元", "CNY 0.01"),
        (Money(123456, "USD"), "1,234.56美元", "1,234.56美元", "USD 1,234.56"),
        (Money(123456, "TWD"), "1,234.56新台币", "新臺幣1,234.56元", "TWD 1,234.56"),
        (Money(1234, "JPY"), "1,234日元", "1,234日圓", "JPY 1,234"),
        (Money(1234567, "KWD"), "1,234.567科威特第纳尔", "1,234.567科威特第納爾", "KWD 1,234.567"),
        (Money(123456789000, "EUR"), "1,234,567,890.00欧元", "1,234,567,890.00歐元", "EUR 1,234,567,890.00"),
    ],
)
def test_money(show: Show, money: Money, chinese: str, taiwanese: str, english: str) -> None:
    """Amounts carry the currency's own digits and the name a reader of the language knows, and never ¥."""
    written = [show("{{ m | money }}", locale, m=money) for locale in LOCALES]
    assert written == [chinese, taiwanese, english]


@pytest.mark.parametrize(
    ("day", "chinese", "english"),
    [
        (date(2026, 6, 20), "6月20日", "20 Jun 2026"),
        (date(2027, 1, 2), "2027年1月2日", "2 Jan 2027"),
        (datetime(2026, 12, 31, 15, 59, tzinfo=UTC), "12月31日", "31 Dec 2026"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "2027年1月1日", "1 Jan 2027"),
    ],
)
def test_day(show: Show, day: date, chinese: str, english: str) -> None:
    """A day of this year goes without the year in Chinese; an instant is shown as its day where the party lives."""
    assert [show("{{ d | day }}", locale, d=day) for locale in LOCALES] == [chinese, chinese, english]


@pytest.mark.parametrize(
    ("ahead", "chinese", "english"),
    [
        (-1, "6月16日", "on 16 Jun 2026"),
        (0, "今天（6月17日）", "today (17 Jun 2026)"),
        (1, "明天（6月18日）", "tomorrow (18 Jun 2026)"),
        (2, "6月19日", "on 19 Jun 2026"),
    ],
)
def test_today_and_tomorrow_are_said_only_where_they_are_true(show: Show, ahead: int, chinese: str, english: str) -> None:
    """The word is chosen when the text is rendered, beside the date."""
    day = TODAY + timedelta(days=ahead)
    assert [show("{{ d | when }}", locale, d=day) for locale in LOCALES] == [chinese, chinese, english]


def test_clock(show: Show) -> None:
    """An instant is shown in the party's zone, summer time included."""
    at = datetime(2026, 6, 20, 6, 5, tzinfo=UTC)
    assert [show("{{ t | clock }}", zone=z, t=at) for z in ("Asia/Shanghai", "Europe/Berlin")] == ["14:05", "08:05"]


def test_last_digits_and_tails(show: Show) -> None:
    """Of an account or a contract only the last four characters are shown."""
    assert show("{{ a | digits }}，{{ c | tail }}", a="0042", c="HT-2026-00AB9 ") == "0042，0AB9"


@pytest.mark.parametrize(
    ("given_words", "shown"),
    [
        ("余额不足。", "余额不足"),
        ("  two\nlines\tand 【marks】 ", "two lines and marks"),
        ("¥ 5", "5"),
        ("字" * 40, "字" * 40),
        ("字" * 41, "字" * 37 + "..."),
    ],
)
def test_a_reason_is_tamed(show: Show, given_words: str, shown: str) -> None:
    """What an upstream team wrote becomes one short line without marks that carriers refuse."""
    assert show("{{ r | reason }}", r=given_words) == shown


def test_line_breaks_are_for_the_author(show: Show) -> None:
    """A text is one line: Chinese lines join as they are, English ones with a blank, whichever branch was taken."""
    body = "a.\n{% if x is defined %}\n  {{ x }}.\n{% endif %}\nb{% if x is defined %}{{ x }}{% endif %}\nc.\n"
    assert show(body, "zh-CN", x=1) == "a.1.b1c."
    assert show(body, "en", x=1) == "a. 1. b1 c."
    assert show(body, "en") == "a. b c."


@pytest.mark.parametrize(
    ("signature", "start"),
    [("小贷", "【小贷】"), ("【小贷】", "【小贷】"), ("Duebell: ", "Duebell: "), ("Bank 24", "【Bank 24】")],
)
def test_every_text_begins_with_the_signature(tmp_path: Path, signature: str, start: str) -> None:
    """A bare name is set in 【】; one that brings a mark of its own stays, and may keep a text in the GSM alphabet."""
    rendered = texts(tmp_path, "Please call {{ hotline }}.", signature).render(
        "n", "en", "sms", {}, zone="Asia/Shanghai", today=TODAY
    )
    assert rendered.text == f"{start}Please call 95384."
    assert rendered.encoding == ("ucs2" if "【" in start else "gsm7")


def test_the_version_is_that_of_the_file(tmp_path: Path) -> None:
    """The same file has the same version, another wording another one."""

    def version(body: str) -> str:
        return texts(tmp_path, body).render("n", "en", "sms", {}, zone="Asia/Shanghai", today=TODAY).version

    assert version("one") == version("one")
    assert version("one") != version("two")
    assert len(version("one")) == 12


@given(text=st.integers(1, 400))
def test_segments_count_the_signature(text: int) -> None:
    """What is counted is what is sent."""
    loaded = replace(SHIPPED, hotline="9" * text)
    values = {"cured_at": datetime(2026, 6, 1, tzinfo=UTC)}
    rendered = loaded.render("overdue_cured", "zh-CN", "sms", values, zone="UTC", today=TODAY)
    units = len(rendered.text)
    assert rendered.segments == (1 if units <= 70 else -(-units // 67))


SECRET = "13800138000"
UNFIT = {
    "missing": ("{{ v | money }}", {}),
    "missing, bare": ("{{ v }}", {}),
    "missing, compared": ('{% if v == "manual" %}a{% endif %}', {}),
    "missing, inside": ("{{ p.v | money }}", {"p": {"w": SECRET}}),
    "None": ("{{ v }}", {"v": None}),
    "empty": ("{{ v }}", {"v": ""}),
    "blank": ("{{ v }}", {"v": " \t"}),
    "a bare Decimal": ("{{ v }}", {"v": Decimal(SECRET)}),
    "a float": ("{{ v }}", {"v": 13800138000.0}),
    "a bool": ("{{ v }}", {"v": True}),
    "bare money": ("{{ v }}", {"v": Money(13800138000)}),
    "a bare day": ("{{ v }}", {"v": TODAY}),
    "text as money": ("{{ v | money }}", {"v": SECRET}),
    "a Decimal as money": ("{{ v | money }}", {"v": Decimal(SECRET)}),
    "NaN": ("{{ v | money }}", {"v": Decimal("NaN")}),
    "Infinity": ("{{ v | money }}", {"v": float("inf")}),
    "None as money": ("{{ v | money }}", {"v": None}),
    "nothing as money": ("{{ v | money }}", {"v": Money(0)}),
    "less than nothing": ("{{ v | money }}", {"v": Money(-13800138000)}),
    "text as a day": ("{{ v | day }}", {"v": SECRET}),
    "a naive instant": ("{{ v | day }}", {"v": datetime(2026, 6, 20)}),  # noqa: DTZ001
    "a day as a clock": ("{{ v | clock }}", {"v": TODAY}),
    "a missing day": ("{{ v | when }}", {}),
    "a whole account": ("{{ v | digits }}", {"v": SECRET}),
    "an account as a number": ("{{ v | digits }}", {"v": 6789}),
    "other digits": ("{{ v | digits }}", {"v": "１２３４"}),
    "an empty tail": ("{{ v | tail }}", {"v": " "}),
    "a number's tail": ("{{ v | tail }}", {"v": 13800138000}),
    "an empty reason": ("{{ v | reason }}", {"v": "。"}),
    "a number as a reason": ("{{ v | reason }}", {"v": 13800138000}),
    "brackets": ("{{ v }}", {"v": f"【{SECRET}】"}),
    "a yuan sign": ("{{ v }}", {"v": f"¥{SECRET}"}),
    "a line break": ("{{ v }}", {"v": f"{SECRET}\n"}),
    "half a surrogate pair": ("{{ v }}", {"v": f"{SECRET}\ud83d"}),
    "an instant beyond the calendar": ("{{ v | day }}", {"v": datetime.max.replace(tzinfo=timezone(-timedelta(hours=12)))}),
    "a sandbox break": ("{{ v.__class__.__mro__ }}", {"v": SECRET}),
    "a wrong comparison": ("{% if v > 1 %}a{% endif %}", {"v": SECRET}),
}


@pytest.mark.parametrize(("body", "values"), UNFIT.values(), ids=UNFIT)
def test_an_unfit_value_refuses_to_render_and_is_not_shown(show: Show, body: str, values: dict[str, object]) -> None:
    """The refusal names the template, the language and what is wrong; no value is in it or in what led to it."""
    with pytest.raises(RenderError) as refused:
        show(body, **values)
    error = refused.value
    assert (error.template, error.locale) == ("n", "zh-CN")
    assert error.what
    assert error.__context__ is None
    told = "".join(traceback.format_exception(error))
    assert SECRET not in told.replace("_", "")


def test_a_missing_value_is_named(show: Show) -> None:
    """Whoever reads the refusal knows which value to look for."""
    with pytest.raises(RenderError, match=r"n \(en\): 'open' is undefined"):
        show("{{ open | money }}", "en")


def test_there_is_no_way_to_hide_a_missing_value(tmp_path: Path) -> None:
    """Only our filters exist: Jinja's default filter is refused when the templates are loaded, with the file and line."""
    with pytest.raises(CatalogueError, match=r"n/en/sms\.txt: line 2: No filter named 'default'"):
        texts(tmp_path, "a\n{{ v | default('') }}")


def test_an_unknown_text(show: Show, tmp_path: Path) -> None:
    """A notice, language or channel that does not exist is a clear refusal."""
    show("a")
    with pytest.raises(RenderError, match=r"m \(en\): there is no such text for sms"):
        Texts.load(tmp_path, signature="a", hotline="1").render("m", "en", "sms", {}, zone="UTC", today=TODAY)


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        (None, "zh-CN"), ("zh", "zh-CN"), ("zh-CN", "zh-CN"), ("zh-Hans", "zh-CN"), ("zh-SG", "zh-CN"), ("ZH_cn", "zh-CN"),
        ("zh-TW", "zh-TW"), ("zh-Hant", "zh-TW"), ("zh-HK", "zh-TW"), ("zh-MO", "zh-TW"), ("zh_hant_cn", "zh-TW"),
        ("zh-Hans-HK", "zh-CN"), ("en", "en"), ("en-GB", "en"), ("de-DE", "en"), ("yue-HK", "en"), ("", "en"),
    ],
)  # fmt: skip
def test_which_language_a_person_reads(tag: str | None, locale: str) -> None:
    """The script wins over the country; who reads no Chinese gets English; of whom nothing is known, zh-CN."""
    assert locale_of(tag) == locale


def test_a_code_is_shown_to_its_reader_only(tmp_path: Path) -> None:
    """The text holds it, what is kept of the text a mark, wherever it stands."""
    made = texts(tmp_path, "{{ c | code }}, again {{ c | code }}").render(
        "n", "en", "sms", {"c": Secret("K7P2")}, zone="Asia/Shanghai", today=TODAY
    )
    assert (made.text, made.kept) == ("【小贷】K7P2, again K7P2", "【小贷】••••, again ••••")


@pytest.mark.parametrize("value", ["4829", Secret("123"), Secret("123456789"), Secret("12 34"), Secret(""), 4829, None])
def test_only_a_code_is_a_code(show: Show, value: object) -> None:
    """Plain text would be kept in clear; and a code never goes without its filter. The refusal shows neither."""
    for body in ("{{ c | code }}", "{{ c }}"):
        if body == "{{ c }}" and not isinstance(value, Secret):
            continue
        with pytest.raises(RenderError) as error:
            show(body, c=value)
        assert "12" not in str(error.value)
