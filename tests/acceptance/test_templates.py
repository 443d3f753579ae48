"""The shipped texts: clean by the lint, and what EVENTS.md promises of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from service.catalogue import Catalogue
from service.locales import LOCALES
from service.money import Money
from service.notices import Purpose
from service.rendering import RenderError, Texts
from service.segments import count_carrier_cn
from service.template_lint import check, preview

CATALOGUE = Catalogue.load()
TEXTS = Texts.load(signature="星河小贷", hotline="400-800-1234")
NAMES = [spec.name for spec in CATALOGUE]

EVENTS = {
    "application_received", "credit_limit_assessed", "application_approved", "application_rejected", "contract_signed",
    "loan_disbursed", "disbursement_failed", "schedule_replaced", "repayment_received", "repayment_reversed",
    "auto_debit_failed", "repayment_method_changed", "loan_settled", "overdue_cured",
    "promise_recorded", "visit_cancelled", "visit_follow_up",
}  # fmt: skip
REMINDERS = {
    "repayment_due_soon", "repayment_due_tomorrow", "repayment_due_today", "repayment_due_today_evening", "repayment_grace",
    "signing_reminder", "signing_last_day", "auto_debit_failed", "digest_due", "promise_due",
}  # fmt: skip
COLLECTION = {
    "repayment_overdue", "repayment_overdue_15", "repayment_overdue_30", "repayment_overdue_60", "promise_broken",
}  # fmt: skip
VISITS = {"visit_notice", "visit_rescheduled", "visit_reminder"}
SECURITY = {"operation_code", "operation_reply", "security_alert"}
BEFORE_DUE = ["repayment_due_soon", "repayment_due_tomorrow", "repayment_due_today", "repayment_due_today_evening"]


def said(name: str, locale: str, today: date = date(2026, 6, 17), **values: object) -> str:
    """One shipped text, without its signature."""
    deadline: Mapping[str, object] = {
        "due_on": date(2026, 6, 20), "open": Money(50000), "amount": Money(91250), "days_past_due": 3, "brand": "星河",
    }  # fmt: skip
    rendered = TEXTS.render(name, locale, "sms", {**deadline, **values}, zone="Asia/Shanghai", today=today)
    return rendered.text.removeprefix("【星河小贷】")


@pytest.mark.parametrize("signature", ["Duebell", "星河小贷", "Duebell: "])
def test_the_lint_finds_nothing(signature: str) -> None:
    """Every text in every language and branch, with a Chinese and a Latin signature."""
    assert check(Texts.load(signature=signature, hotline="400-800-1234"), CATALOGUE) == []


def test_every_notice_of_the_processes_is_there() -> None:
    """Application, repayment and overdue of EVENTS.md, and what their ladders send."""
    assert set(NAMES) >= EVENTS | REMINDERS | COLLECTION | VISITS


def test_what_asks_and_why() -> None:
    """Reminders, collection and what announces a visit ask; everything else tells and is a service."""
    for spec in CATALOGUE:
        if spec.name in REMINDERS:
            expected = (Purpose.REMINDER, True)
        elif spec.name in VISITS:
            expected = (Purpose.VISIT, True)
        elif spec.name in SECURITY:
            expected = (Purpose.SECURITY, False)
        else:
            expected = (Purpose.COLLECTION, True) if spec.name in COLLECTION else (Purpose.SERVICE, False)
        assert (spec.purpose, spec.asks) == expected, spec.name


@pytest.mark.parametrize("name", [name for name in NAMES if name != "visit_notice"])
def test_a_text_is_short(name: str) -> None:
    """A Chinese text takes two parts at most by the carriers' rule; an English one two with a signature in the GSM alphabet."""
    plain = replace(TEXTS, signature="Duebell: ")
    for locale in ("zh-CN", "zh-TW"):
        assert all(count_carrier_cn(made.text) <= 2 for made in preview(TEXTS, CATALOGUE[name], locale))
    assert all(made.segments <= 2 for made in preview(plain, CATALOGUE[name], "en") if made.encoding == "gsm7")


def test_who_comes_to_the_door_takes_room() -> None:
    """The announcement of a visit names the people, the code and what to check: three parts in Chinese."""
    for locale in ("zh-CN", "zh-TW"):
        assert all(count_carrier_cn(made.text) <= 3 for made in preview(TEXTS, CATALOGUE["visit_notice"], locale))


@pytest.mark.parametrize("name", NAMES)
def test_a_text_names_nobody(name: str) -> None:
    """No text in any language speaks of a name."""
    assert not any("name" in TEXTS.compiled[name, locale, "sms"].mentions for locale in LOCALES)
    assert not any("party_name" in TEXTS.compiled[name, locale, "sms"].mentions for locale in LOCALES)


@pytest.mark.parametrize("name", BEFORE_DUE)
def test_before_the_due_date_an_automatic_payer_hears_of_the_account(name: str) -> None:
    """Which account will be debited, that it must hold enough, and the open amount only."""
    text = said(name, "zh-CN", method="auto_debit", account_last4="6789")
    assert "尾号6789的账户" in text
    assert "余额充足" in text or "足够金额" in text
    assert "500.00元" in text
    assert "912.50" not in text
    assert "6月20日" in text


@pytest.mark.parametrize("name", [*BEFORE_DUE, "repayment_grace"])
def test_who_pays_by_hand_hears_how_and_nothing_of_a_debit(name: str) -> None:
    """In all three languages."""
    texts = [said(name, locale, method="manual") for locale in LOCALES]
    assert all("扣" not in text and "debit" not in text.lower() for text in texts)
    assert "登录星河还款" in texts[0]
    assert "登入星河還款" in texts[1]
    assert "pay in 星河" in texts[2]


@pytest.mark.parametrize("name", BEFORE_DUE)
@pytest.mark.parametrize(("today", "word"), [(18, None), (19, "明天"), (20, "今天")])
def test_tomorrow_and_today_are_true(name: str, today: int, word: str | None) -> None:
    """Whatever a stage is called, its words fit the day on which it is rendered."""
    text = said(name, "zh-CN", date(2026, 6, today), method="manual")
    assert [w for w in ("明天", "今天") if w in text] == ([word] if word else [])


@pytest.mark.parametrize("name", sorted(COLLECTION - {"promise_broken"}))
def test_collection_names_the_whole_overdue_sum_and_where_it_comes_from(name: str) -> None:
    """With upstream's figure its date, without one that penalty interest comes on top."""
    known = said(name, "zh-CN", date(2026, 9, 20), overdue_total=Money(92071), stated_on=date(2026, 9, 18), days_past_due=92)
    assert "截至9月18日应还逾期款项共920.71元" in known
    unknown = said(name, "zh-CN", date(2026, 9, 20), overdue_total=Money(91250), days_past_due=92)
    assert "逾期金额共912.50元，罚息另计" in unknown
    assert "已逾期92天" in unknown


def test_after_a_month_a_way_out_is_offered() -> None:
    """With the official number."""
    text = said("repayment_overdue_30", "zh-CN", overdue_total=Money(91250), days_past_due=30)
    assert "请致电400-800-1234与我们协商还款安排" in text


def test_a_receipt_says_what_is_left_or_what_comes_next() -> None:
    """What is left where some is left; else the next instalment where one is known; else neither."""
    payment = {"amount": Money(50000), "paid_at": datetime(2026, 6, 17, 1, 12, tzinfo=UTC), "method": "manual"}
    following = {"next_due_on": date(2026, 7, 20), "next_amount": Money(91250)}
    left = said("repayment_received", "zh-CN", payment=payment, left=Money(41250), **following)
    assert "我们已于6月17日09:12收到您的还款500.00元。" in left
    assert "仍有412.50元待还" in left
    assert "下一期" not in left
    assert "下一期7月20日应还912.50元" in said("repayment_received", "zh-CN", payment=payment, **following)
    alone = said("repayment_received", "en", payment=payment)
    assert alone == "We received CNY 500.00 from you on 17 Jun 2026 at 09:12. Thank you. Questions? Call 400-800-1234."


def test_somebody_elses_payment_is_told_as_such() -> None:
    """The borrower did not make it."""
    payment = {"amount": Money(50000), "paid_at": datetime(2026, 6, 17, 1, 12, tzinfo=UTC), "method": "delegated"}
    assert "收到他人代您归还的500.00元" in said("repayment_received", "zh-CN", payment=payment)


@pytest.mark.parametrize("broken", [None, "", float("nan"), 500.0, "500.00"])
@pytest.mark.parametrize("locale", LOCALES)
def test_a_broken_amount_never_goes_out(locale: str, broken: object) -> None:
    """Whatever an amount has become, if it is not money there is no text."""
    with pytest.raises(RenderError):
        said("repayment_due_soon", locale, method="manual", open=broken)
