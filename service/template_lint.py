"""Reads every text before a borrower does: renders it with samples and worst cases and says what is wrong with it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path

from service.catalogue import TEMPLATES, Catalogue, CatalogueError, Channel, NoticeSpec
from service.facts import Role
from service.locales import LOCALES, Locale
from service.notices import Purpose
from service.rendering import Rendered, RenderError, Text, Texts
from service.segments import count, parts_in
from service.wording import told_to
from service.zones import local_date

_ZONE = "Asia/Shanghai"
#: The day on which a sample is read that names no `today` of its own.
_TODAY = date(2026, 6, 17)
_ALWAYS = frozenset({"hotline", "brand", "today", "role"})
_DERIVED = frozenset({"days_until", "days_past_due"})
#: A credit register may be mentioned, as a fact, from this day past due on. Ours; see docs/templates.md.
_CREDIT_REGISTER_FROM = 15

#: rule → what no text may hold in any language, and why.
_NEVER: Mapping[str, tuple[re.Pattern[str], str]] = {
    "forbidden_character": (
        re.compile(r"[【】¥￥\x00-\x1f\x7f-\x9f]"),
        "carriers refuse 【】 and ¥ in a body, and control characters",
    ),
    "double_blank": (re.compile(r"[ \u00a0\u3000]{2}|\u3000"), "two blanks in a row, or a full-width one"),
    "link": (re.compile(r"https?:|www\.", re.IGNORECASE), "a text holds no link"),
    "long_number": (re.compile(r"\d{8}"), "numbers are shown by their last four digits only"),
    "threat": (
        re.compile(
            r"起诉|起訴|法院|律师|律師|坐牢|拘留|黑名单|黑名單|失信|亲友|親友|家人|lawsuit|court|lawyer|police|jail|blacklist"
        ),
        "nothing threatening, and nobody else is brought in",
    ),
    "tempting": (re.compile(r"再借|快来|立即借|限时|優惠|优惠|borrow more|hurry|offer"), "a notice does not sell"),
}
_CHINESE_MARKS = re.compile(r"[\u4e00-\u9fff](?:[,;:!?()]|\.(?!\.))|[,;:!?()][\u4e00-\u9fff]|[。，；：、]{2}")  # noqa: RUF001
_ENGLISH_MARKS = re.compile(r"[.,;:?!][A-Za-z]| [.,;:?!]")
_TODAY_WORDS = re.compile(r"今天|今日|今晚|\btoday\b|\btonight\b")
_TOMORROW_WORDS = re.compile(r"明天|明日|\btomorrow\b")
_DEBIT = re.compile(r"扣|debit", re.IGNORECASE)
_CREDIT_REGISTER = re.compile(r"征信|徵信|credit regist")


#: What a payer must not read: that and how somebody is late.
_DEBT = re.compile(
    r"逾期|欠|罚息|罰息|催收|分期|期次|征信|徵信|overdue|arrears|default|penalty|instalment|past due|credit regist",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with one text; `locale` and `channel` are empty where it is the notice itself."""

    template: str
    locale: str
    channel: str
    rule: str
    what: str


@dataclass(frozen=True, slots=True)
class _Case:
    """One set of values a text is read with."""

    values: Mapping[str, object]
    today: date


def check_folder(root: Path = TEMPLATES, *, signature: str, hotline: str) -> list[Finding]:
    """All that is wrong with a folder of templates, also where it cannot be loaded at all."""
    problems: list[str] = []
    try:
        catalogue = Catalogue.load(root)
    except CatalogueError as error:
        problems += error.problems
    try:
        texts = Texts.load(root, signature=signature, hotline=hotline)
    except CatalogueError as error:
        problems += error.problems
    if problems:
        return [_unloadable(problem) for problem in problems]
    return check(texts, catalogue)


def check(texts: Texts, catalogue: Catalogue) -> list[Finding]:
    """All that is wrong, each thing once per text, in the order of the catalogue."""
    found: dict[Finding, None] = {}
    for spec in catalogue:
        for rule, what in _of_notice(texts, spec):
            found[Finding(spec.name, "", "", rule, what)] = None
        for locale in LOCALES:
            for channel in spec.channels:
                for rule, what in _of_text(texts, spec, locale, channel):
                    found[Finding(spec.name, locale, channel, rule, what)] = None
    return list(found)


def preview(texts: Texts, spec: NoticeSpec, locale: Locale, channel: Channel = "sms") -> list[Rendered]:
    """The different texts that the samples of a notice give, its branches included.

    Raises:
        RenderError: one of them cannot be made.
    """
    text = texts.by_place.get((spec.name, locale, channel))
    cases = _branches(texts, text, spec, spec.samples) if text else ()
    made = [texts.render(spec.name, locale, channel, case.values, zone=_ZONE, today=case.today) for case in cases]
    return list({rendered.text: rendered for rendered in made}.values())


def _unloadable(problem: str) -> Finding:
    file, _, what = problem.partition(": ")
    parts = file.split("/")
    locale = parts[-2] if parts[-2:-1] and parts[-2] in LOCALES else ""
    name = parts[-3 if locale else -2] if len(parts) > 1 else file
    channel = parts[-1].partition(".")[0] if locale else ""
    return Finding(name, locale, channel, "missing_text" if what == "missing" else "unreadable", f"{parts[-1]}: {what}")


def _of_notice(texts: Texts, spec: NoticeSpec) -> Iterator[tuple[str, str]]:
    """What concerns all languages of a notice together."""
    mentioned = _mentioned(texts, spec)
    for name in sorted(_sampled(spec) - mentioned - _ALWAYS - {"due_on", "method"}):
        yield "unused_value", f"the samples give {name}, no text speaks of it"


def _of_text(texts: Texts, spec: NoticeSpec, locale: Locale, channel: Channel) -> Iterator[tuple[str, str]]:
    text = texts.by_place.get((spec.name, locale, channel))
    if text is None:
        yield "missing_text", "there is no such file"
        return
    known = _sampled(spec) | _ALWAYS | (_DERIVED if "due_on" in _sampled(spec) else frozenset())
    for name in sorted(text.mentions - known):
        yield "unknown_value", f"no sample gives {name}"
    for name in sorted(_mentioned(texts, spec) - text.mentions):
        yield "uneven", f"another language speaks of {name}, this one does not"
    if locale == "en" and count(text.words).encoding != "gsm7":
        yield "not_gsm7", "an English text keeps to the GSM alphabet"
    for case in _cases(texts, text, spec):
        yield from _of_case(texts, spec, locale, channel, case)


def _of_case(texts: Texts, spec: NoticeSpec, locale: Locale, channel: Channel, case: _Case) -> Iterator[tuple[str, str]]:
    try:
        rendered = texts.render(spec.name, locale, channel, case.values, zone=_ZONE, today=case.today)
    except RenderError as error:
        yield "missing_value", error.what
        return
    body = rendered.text.removeprefix(texts.signature)
    yield from _forbidden(body.replace(texts.hotline, "#"), locale)
    yield from _untrue(body, case)
    if case.values.get("role") == "payer" and _DEBT.search(body):
        yield "debt_told_to_payer", "a payer is told what is asked, and nothing of the debt"
    parts = parts_in(rendered.text, locale)
    if parts > spec.max_segments[locale]:
        yield "too_many_segments", f"{parts} parts, {spec.max_segments[locale]} allowed"


def _forbidden(body: str, locale: Locale) -> Iterator[tuple[str, str]]:
    for rule, (pattern, why) in _NEVER.items():
        if pattern.search(body):
            yield rule, why
    if locale == "en":
        if _ENGLISH_MARKS.search(body):
            yield "marks", "a blank stands after a mark and none before it"
    elif _CHINESE_MARKS.search(body):
        yield "marks", "Chinese text takes full-width marks, one at a time"


def _untrue(body: str, case: _Case) -> Iterator[tuple[str, str]]:
    days_until = _days_until(case)
    if (_TODAY_WORDS.search(body) and 0 not in days_until) or (_TOMORROW_WORDS.search(body) and 1 not in days_until):
        yield "untrue_day", "says today or tomorrow when it is not; write due_on | when"
    if (case.values.get("method") == "manual" or case.values.get("debited") == 0) and _DEBIT.search(body):
        yield "debit_in_manual", "speaks of a debit to someone who pays by hand"
    past_due = case.values.get("days_past_due")
    if _CREDIT_REGISTER.search(body) and not (isinstance(past_due, int) and past_due >= _CREDIT_REGISTER_FROM):
        yield "early_credit_register", f"mentions the credit register before day {_CREDIT_REGISTER_FROM} past due"


def _days_until(case: _Case) -> set[object]:
    """How many days ahead the days lie that a text may call today or tomorrow."""
    listed, due_at = case.values.get("listed", ()), case.values.get("due_at")
    days = [line["due_on"] for line in listed] if isinstance(listed, list) else []
    if isinstance(due_at, datetime):
        days.append(local_date(due_at, _ZONE))
    return {case.values.get("days_until"), *((day - case.today).days for day in days)}


def _mentioned(texts: Texts, spec: NoticeSpec) -> frozenset[str]:
    """What the texts of a notice speak of, all languages together."""
    return frozenset().union(*(text.mentions for (name, _, _), text in texts.by_place.items() if name == spec.name))


def _sampled(spec: NoticeSpec) -> frozenset[str]:
    return frozenset().union(spec.worst, *spec.samples)


def _cases(texts: Texts, text: Text, spec: NoticeSpec) -> Iterator[_Case]:
    """Samples and worst values, in every branch, and before the day is over also on other days than it was written for."""
    for case in _branches(texts, text, spec, (*spec.samples, spec.worst)):
        yield case
        due_on = case.values.get("due_on")
        if isinstance(due_on, date) and spec.purpose is not Purpose.COLLECTION:
            for ahead in (3, 1, 0, -1):
                yield _case(texts, {**case.values, "today": due_on - timedelta(days=ahead)})


def _branches(texts: Texts, text: Text, spec: NoticeSpec, samples: Iterable[Mapping[str, object]]) -> Iterator[_Case]:
    """Each sample whole, without each optional value, without all of them; for each reader, and by both methods where asked."""
    for sample, role in product(samples, spec.to):
        by_method = ("auto_debit", "manual") if "method" in text.mentions & set(sample) else ()
        for whole in [{**sample, "method": method} for method in by_method] or [dict(sample)]:
            yield _case(texts, whole, role)
            for dropped in [*({name} for name in sorted(text.optional & set(whole))), text.optional]:
                yield _case(texts, {name: value for name, value in whole.items() if name not in dropped}, role)


def _case(texts: Texts, sample: Mapping[str, object], role: Role = "borrower") -> _Case:
    """A sample with what delivery always adds, and without what it keeps from a payer."""
    said, due_on = sample.get("today"), sample.get("due_on")
    today = said if isinstance(said, date) else _TODAY
    values: dict[str, object] = {"brand": texts.signature.strip("【】: "), **sample, "role": role}
    if isinstance(due_on, date):
        values["days_until"] = (due_on - today).days
        values["days_past_due"] = max(0, (today - due_on).days)
    return _Case(told_to(role, values), today)
