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
from service.wording import PAYER_IS_TOLD, told_to

pytestmark = pytest.mark.unmeasured

CATALOGUE = Catalogue.load()
TEXTS = Texts.load(signature="星河小贷", hotline="400-800-1234")
NAMES = [spec.name for spec in CATALOGUE]

EVENTS = {
    "application_received", "credit_limit_assessed", "application_approved", "application_rejected", "contract_signed",
    "loan_disbursed", "disbursement_failed", "schedule_replaced", "repayment_received", "repayment_reversed",
    "auto_debit_failed", "repayment_method_changed", "loan_settled", "overdue_cured",
    "promise_recorded", "visit_cancelled", "visit_follow_up",
    "negotiation_received", "negotiation_approved", "negotiation_rejected", "negotiation_agreed",
    "negotiation_broken", "repayment_account_changed", "delegation_authorised", "delegation_completed", "delegation_revoked",
}  # fmt: skip
REMINDERS = {
    "repayment_due_soon", "repayment_due_tomorrow", "repayment_due_today", "repayment_due_today_evening", "repayment_grace",
    "signing_reminder", "signing_last_day", "auto_debit_failed", "digest_due", "promise_due", "agreement_reminder",
    "agreement_last_day", "plan_due_soon", "plan_due_today",
}  # fmt: skip
COLLECTION = {
    "repayment_overdue", "repayment_overdue_15", "repayment_overdue_30", "repayment_overdue_60", "promise_broken",
    "plan_overdue", "plan_at_risk",
}  # fmt: skip
VISITS = {"visit_notice", "visit_rescheduled", "visit_reminder"}
SECURITY = {"operation_code", "operation_reply", "security_alert"}
#: What a payer is asked, and what becomes moot when the delegation is over.
ASKED = {
    "delegation_request": (Purpose.PAYER, True), "delegation_closing": (Purpose.PAYER, True),
    "delegation_expired": (Purpose.SERVICE, True), "delegation_failed": (Purpose.SERVICE, True),
}  # fmt: skip
PAYERS = sorted(spec.name for spec in CATALOGUE if "payer" in spec.to)
#: A plan has more to be checked than two parts can hold.
LONG = {"negotiation_agreed"}
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
    """All processes of the contract, and what their ladders send."""
    assert set(NAMES) >= EVENTS | REMINDERS | COLLECTION | VISITS | set(ASKED)


def test_what_asks_and_why() -> None:
    """Reminders, collection, requests and what announces a visit ask; everything else tells: a service, or security."""
    for spec in CATALOGUE:
        if spec.name in ASKED:
            expected = ASKED[spec.name]
        elif spec.name in REMINDERS:
            expected = (Purpose.REMINDER, True)
        elif spec.name in VISITS:
            expected = (Purpose.VISIT, True)
        elif spec.name in SECURITY:
            expected = (Purpose.SECURITY, False)
        else:
            expected = (Purpose.COLLECTION, True) if spec.name in COLLECTION else (Purpose.SERVICE, False)
        assert (spec.purpose, spec.asks) == expected, spec.name


@pytest.mark.parametrize("name", sorted(set(NAMES) - LONG - {"visit_notice", "visit_rescheduled"}))
def test_a_text_is_short(name: str) -> None:
    """A Chinese text takes two parts at most by the carriers' rule; an English one two with a signature in the GSM alphabet."""
    plain = replace(TEXTS, signature="Duebell: ")
    for locale in ("zh-CN", "zh-TW"):
        assert all(count_carrier_cn(made.text) <= 2 for made in preview(TEXTS, CATALOGUE[name], locale))
    assert all(made.segments <= 2 for made in preview(plain, CATALOGUE[name], "en") if made.encoding == "gsm7")


@pytest.mark.parametrize("name", ["visit_notice", "visit_rescheduled"])
def test_who_comes_to_the_door_takes_room(name: str) -> None:
    """Whatever announces a visit names the people, why, the code and what to check: three parts in Chinese."""
    for locale in ("zh-CN", "zh-TW"):
        assert all(count_carrier_cn(made.text) <= 3 for made in preview(TEXTS, CATALOGUE[name], locale))


@pytest.mark.parametrize("name", NAMES)
def test_a_text_names_nobody(name: str) -> None:
    """No text in any language speaks of a person's name; a payer hears of a borrower as `asker`, masked."""
    assert not any("name" in TEXTS.by_place[name, locale, "sms"].mentions for locale in LOCALES)
    assert not any("party_name" in TEXTS.by_place[name, locale, "sms"].mentions for locale in LOCALES)


@pytest.mark.parametrize("name", [*BEFORE_DUE, "plan_due_soon", "plan_due_today"])
def test_before_the_due_date_an_automatic_payer_hears_of_the_account(name: str) -> None:
    """Which account will be debited, that it must hold enough, and the open amount only."""
    text = said(name, "zh-CN", method="auto_debit", account_last4="6789")
    assert "尾号6789的账户" in text
    assert "余额充足" in text or "足够金额" in text
    assert "500.00元" in text
    assert "912.50" not in text
    assert "6月20日" in text


@pytest.mark.parametrize("name", [*BEFORE_DUE, "repayment_grace", "plan_due_soon", "plan_due_today"])
def test_who_pays_by_hand_hears_how_and_nothing_of_a_debit(name: str) -> None:
    """In all three languages."""
    texts = [said(name, locale, method="manual") for locale in LOCALES]
    assert all("扣" not in text and "debit" not in text.lower() for text in texts)
    assert "登录星河还款" in texts[0]
    assert "登入星河還款" in texts[1]
    assert "pay in 星河" in texts[2]


@pytest.mark.parametrize("name", [*BEFORE_DUE, "plan_due_soon", "plan_due_today"])
@pytest.mark.parametrize(("today", "word"), [(18, None), (19, "明天"), (20, "今天")])
def test_tomorrow_and_today_are_true(name: str, today: int, word: str | None) -> None:
    """Whatever a stage is called, its words fit the day on which it is rendered."""
    text = said(name, "zh-CN", date(2026, 6, today), method="manual")
    assert [w for w in ("明天", "今天") if w in text] == ([word] if word else [])


@pytest.mark.parametrize("name", sorted(COLLECTION - {"promise_broken", "plan_overdue", "plan_at_risk"}))
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


def test_those_who_pay_for_others_are_told_by_these_texts_only() -> None:
    """Six of them, and no other has payers among its readers."""
    assert [f"delegation_{what}" for what in ("closing", "completed", "expired", "failed", "request", "revoked")] == PAYERS


#: Everything that could be known of a debt, each value with digits or words that would be recognised in a text.
_DEBT = {
    "ref": "73", "due_on": date(2026, 3, 3), "open": Money(313131), "days_past_due": 109, "days_until": -109,
    "overdue_total": Money(717171), "stated_on": date(2026, 4, 4), "left": Money(515151), "next_due_on": date(2026, 5, 5),
    "next_amount": Money(616161), "method": "auto_debit", "account_last4": "4242", "attempt": 47,
    "reason_public": "逾期一百零九天", "instalment_count": 97,
}  # fmt: skip
_ASKED: dict[str, object] = {
    "asker": "王**", "agreement_no": "DA-8888", "amount": Money(91250), "due_at": datetime(2026, 6, 20, 10, tzinfo=UTC),
    "paid_at": datetime(2026, 6, 19, 1, 12, tzinfo=UTC), "brand": "星河",
}  # fmt: skip


@pytest.mark.parametrize("name", PAYERS)
@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_to_a_payer_holds_the_debts_history(name: str, locale: str) -> None:
    """With everything known of the debt at hand, a payer's text is the same as without it: the list of what they are told is fixed."""
    values = told_to("payer", {**_DEBT, **_ASKED, "role": "payer"})
    assert set(values) == PAYER_IS_TOLD
    text = said(name, locale, **values)
    assert text == TEXTS.render(name, locale, "sms", values, zone="Asia/Shanghai", today=date(2026, 6, 17)).text.removeprefix(
        "【星河小贷】"
    )
    for told in ("73", "3,131.31", "109", "7,171.71", "4242", "47", "97", "逾期", "overdue", "instalment", "3月3日", "3 Mar"):
        assert told not in text
    assert "912.50" in text


def test_a_payer_hears_who_asks_until_when_and_what_to_do_with_a_stranger() -> None:
    """The borrower by the masked name, and the official number in case nobody was expected to ask."""
    asked = {**_ASKED, "role": "payer"}
    text = said("delegation_request", "zh-CN", **asked)
    assert text == (
        "王**请您按代还协议（编号末四位8888）代还912.50元，截止6月20日18:00。请登录星河办理。"
        "如您对此不知情，请勿付款，并致电400-800-1234。"
    )
    del asked["asker"]
    assert said("delegation_request", "zh-CN", **asked).startswith("请您按代还协议")


def test_payer_and_borrower_read_the_same_notice_in_their_own_words() -> None:
    """The borrower hears why a payment failed and that the schedule stands, the payer neither."""
    both = {"reason_public": "余额不足", **_ASKED}
    payer = said("delegation_failed", "zh-CN", **told_to("payer", {**both, "role": "payer"}))
    borrower = said("delegation_failed", "zh-CN", role="borrower", **both)
    assert "余额不足" in borrower
    assert "还款安排不变" in borrower
    assert "余额不足" not in payer
    assert "还款安排" not in payer


def test_a_long_plan_is_told_by_its_number_sum_first_and_last() -> None:
    """For the borrower to check: true whatever the months between are like; by hand and by debit; one instalment is one."""
    plan = {
        "agreement_no": "X-2026-003001", "instalment_count": 60, "total": Money(6123456), "first_due_on": date(2026, 7, 20),
        "first_amount": Money(100000), "last_due_on": date(2031, 6, 20), "last_amount": Money(123456), "method": "manual",
    }  # fmt: skip
    text = said("negotiation_agreed", "zh-CN", **plan)
    assert "编号末四位3001" in text
    assert "共60期，合计61,234.56元，首期7月20日应还1,000.00元，末期2031年6月20日应还1,234.56元" in text
    assert "扣" not in text
    assert "请核对，如与您签署的不符，请致电400-800-1234" in text
    by_debit = said("negotiation_agreed", "zh-CN", **plan | {"method": "auto_debit", "account_last4": "6789"})
    assert "到期日将从尾号6789的账户自动扣款" in by_debit
    one = {name: value for name, value in plan.items() if not name.startswith("last")}
    assert "仅一期，7月20日应还1,000.00元" in said("negotiation_agreed", "zh-CN", **one)


@pytest.mark.parametrize(
    ("locale", "warning"),
    [
        ("zh-CN", "请勿向任何个人账户或陌生账户转账"),
        ("zh-TW", "請勿向任何個人帳戶或陌生帳戶轉帳"),
        ("en", "Never pay into a private account or a stranger's"),
    ],
)
def test_a_new_account_comes_with_the_official_number_and_a_warning(locale: str, warning: str) -> None:
    """Bank, name, last four digits; and whom to ask first."""
    text = said("repayment_account_changed", locale, bank="中国银行", account_name="星河小额贷款有限公司", account_last4="8821")
    assert all(told in text for told in ("中国银行", "星河小额贷款有限公司", "8821", "400-800-1234", warning))


@pytest.mark.parametrize("name", ["plan_overdue", "plan_at_risk"])
def test_a_late_plan_names_what_is_late(name: str) -> None:
    """Upstream's figure with its day, else the open amount and that penalty interest may come on top; no more than that is threatened."""
    known = said(name, "zh-CN", date(2026, 6, 23), overdue_total=Money(80320), stated_on=date(2026, 6, 22), days_past_due=3)
    assert "截至6月22日应还逾期款项共803.20元" in known
    unknown = said(name, "zh-CN", date(2026, 6, 23), overdue_total=Money(80000), days_past_due=3)
    assert "逾期金额共800.00元，如有罚息另计" in unknown


def test_a_cured_loan_is_told_truly_after_a_plan_too() -> None:
    """Nothing is overdue any more: it may have been paid, or a plan took its place."""
    text = said("overdue_cured", "zh-CN", cured_at=datetime(2026, 6, 17, 2, tzinfo=UTC))
    assert text.startswith("截至6月17日，您的借款已无逾期款项")
    assert "还清" not in text
