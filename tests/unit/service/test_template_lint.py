"""The lint: every planted mistake is found and named, and a good text has no findings."""

from pathlib import Path

import pytest

from service.catalogue import Catalogue
from service.locales import LOCALES
from service.rendering import Texts
from service.template_lint import Finding, check, check_folder, preview

YAML = """
about: A text to plant mistakes in.
purpose: {purpose}
max_segments: 2
samples:
  - due_on: 2026-06-20
    today: 2026-06-17
    open: {{money: ["912.50", CNY]}}
    method: auto_debit
    account_last4: "6789"
worst:
  open: {{money: ["888888.88", CNY]}}
"""
CHINESE = (
    "借款{{ due_on | when }}到期，待还{{ open | money }}。"
    '{% if method == "auto_debit" %}'
    "将从{% if account_last4 is defined %}尾号{{ account_last4 | digits }}的账户{% endif %}扣款。"
    "{% else %}请还款。{% endif %}"
)
ENGLISH = (
    "{{ open | money }} is due {{ due_on | when }}. "
    '{% if method == "auto_debit" %}'
    "We debit your account{% if account_last4 is defined %} {{ account_last4 | digits }}{% endif %}."
    "{% else %}Please pay.{% endif %}"
)


def plant(root: Path, *, cn: str = CHINESE, en: str = ENGLISH, purpose: str = "reminder", yaml: str = YAML) -> list[Finding]:
    """What the lint says of a folder with one notice."""
    for locale, body in zip(LOCALES, (cn, CHINESE, en), strict=True):
        (root / "n" / locale).mkdir(parents=True, exist_ok=True)
        (root / "n" / locale / "sms.txt").write_text(body, "utf-8")
    (root / "n" / "notice.yaml").write_text(yaml.format(purpose=purpose), "utf-8")
    return check_folder(root, signature="小贷", hotline="95384")


def test_a_good_notice_has_no_findings(tmp_path: Path) -> None:
    """Neither in any branch nor on any day."""
    assert plant(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("待还", "【待还】", "forbidden_character"),
        ("待还", "待还¥", "forbidden_character"),
        ("待还", "待还\t", "forbidden_character"),
        ("待还", "待还  ", "double_blank"),
        ("待还", "待还\u3000", "double_blank"),
        ("请还款", "请登录https://example.com还款", "link"),
        ("请还款", "请还至6222021234567890", "long_number"),
        ("请还款", "请还款，否则将起诉", "threat"),
        ("请还款", "请还款，还清可再借", "tempting"),
        ("到期，", "到期,", "marks"),
        ("请还款。", "请还款。。", "marks"),
        ("请还款。", "请还款.", "marks"),
        ("请还款", "请还款，当前不会扣款", "debit_in_manual"),
        ("借款{{ due_on | when }}", "借款明天（{{ due_on | day }}）", "untrue_day"),
        ("借款{{ due_on | when }}", "借款今天（{{ due_on | day }}）", "untrue_day"),
        ("请还款", "请还款，以免影响征信", "early_credit_register"),
        ("请还款", "请还款" + "，请还款" * 40, "too_many_segments"),
        ("{{ open | money }}", "{{ due | money }}", "unknown_value"),
        ("{{ open | money }}", "{{ open }}", "missing_value"),
        ("{% if account_last4 is defined %}尾号{{ account_last4 | digits }}的账户{% endif %}", "账户", "uneven"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, old: str, new: str, rule: str) -> None:
    """By its rule, in the text that has it, and once."""
    assert old in CHINESE
    found = [finding for finding in plant(tmp_path, cn=CHINESE.replace(old, new)) if finding.rule == rule]
    assert [(finding.template, finding.locale, finding.channel) for finding in found] == [("n", "zh-CN", "sms")]
    assert found[0].what


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("Please pay.", "Please pay。", "not_gsm7"),
        ("Please pay.", "Please pay .", "marks"),
        ("Please pay.", "Please pay.Thanks.", "marks"),
        ("Please pay.", "Please pay or we call the police.", "threat"),
        ("Please pay.", "Please pay, there is no Debit.", "debit_in_manual"),
        ("due {{ due_on | when }}", "due tomorrow ({{ due_on | day }})", "untrue_day"),
    ],
)
def test_a_planted_mistake_in_english_is_found(tmp_path: Path, old: str, new: str, rule: str) -> None:
    """English has its own marks and alphabet."""
    found = plant(tmp_path, en=ENGLISH.replace(old, new))
    assert {(finding.locale, finding.rule) for finding in found} == {("en", rule)}


def test_an_optional_value_that_is_not_tested_is_found(tmp_path: Path) -> None:
    """Where one place tests a value and another forgets to, the text cannot be made without it."""
    found = plant(tmp_path, cn=CHINESE + "{{ account_last4 | digits }}")
    assert [(finding.rule, finding.what) for finding in found] == [("missing_value", "'account_last4' is undefined")]


def test_a_value_no_text_speaks_of_is_found(tmp_path: Path) -> None:
    """Once for the notice, not once per language."""
    found = plant(tmp_path, yaml=YAML.replace("    method", "    attempt: 2\n    method"))
    assert [(f.locale, f.rule, f.what) for f in found] == [
        ("", "unused_value", "the samples give attempt, no text speaks of it")
    ]


def test_the_credit_register_may_be_mentioned_late(tmp_path: Path) -> None:
    """From the fifteenth day past due on, as a fact."""
    yaml = YAML.replace("2026-06-17", "2026-07-05")
    assert plant(tmp_path, cn=CHINESE + "逾期信息可能报送征信机构。", purpose="collection", yaml=yaml) == []


def test_a_missing_language_is_found(tmp_path: Path) -> None:
    """The finding names the notice, the language and the channel."""
    plant(tmp_path)
    (tmp_path / "n" / "en" / "sms.txt").unlink()
    found = check_folder(tmp_path, signature="小贷", hotline="95384")
    assert found == [Finding("n", "en", "sms", "missing_text", "sms.txt: missing")]


def test_texts_of_another_folder_are_found_wanting(tmp_path: Path) -> None:
    """A catalogue and texts that do not belong together are not passed over."""
    plant(tmp_path)
    (tmp_path / "n" / "en" / "sms.txt").unlink()
    texts = Texts.load(tmp_path, signature="小贷", hotline="95384")
    plant(tmp_path)
    found = check(texts, Catalogue.load(tmp_path))
    assert found == [Finding("n", "en", "sms", "missing_text", "there is no such file")]


def test_a_template_that_is_not_jinja_is_found(tmp_path: Path) -> None:
    """With its file and line."""
    found = plant(tmp_path, cn="{% if %}")
    assert [(f.template, f.locale, f.channel, f.rule) for f in found] == [("n", "zh-CN", "sms", "unreadable")]
    assert "line 1" in found[0].what


def test_a_notice_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    """With its file and field."""
    found = plant(tmp_path, yaml=YAML.replace("about", "abuot"))
    assert ("n", "", "", "unreadable", "notice.yaml: abuot: Extra inputs are not permitted") in [
        (f.template, f.locale, f.channel, f.rule, f.what) for f in found
    ]


def test_a_folder_without_notices_is_found(tmp_path: Path) -> None:
    """A wrong path is not a clean bill."""
    assert [finding.rule for finding in check_folder(tmp_path, signature="小贷", hotline="95384")] == ["unreadable"]


def test_a_preview_shows_each_different_text_once(tmp_path: Path) -> None:
    """Both methods, with and without the account."""
    plant(tmp_path)
    texts = Texts.load(tmp_path, signature="小贷", hotline="95384")
    shown = [made.text for made in preview(texts, Catalogue.load(tmp_path)["n"], "zh-CN")]
    assert shown == [
        "【小贷】借款6月20日到期，待还912.50元。将从尾号6789的账户扣款。",
        "【小贷】借款6月20日到期，待还912.50元。将从扣款。",
        "【小贷】借款6月20日到期，待还912.50元。请还款。",
    ]


PAYER = """
about: A text to somebody who pays for another.
to: [payer, borrower]
purpose: payer
max_segments: 3
samples:
  - amount: {money: ["912.50", CNY]}
    due_at: 2026-06-20T18:00:00+08:00
    today: 2026-06-19
    reason_public: 余额不足
worst: {}
"""
_TO_BOTH = (
    "{{ role }}请于{{ due_at | when }}代还{{ amount | money }}。"
    "{% if reason_public is defined %}原因：{{ reason_public | reason }}。{% endif %}"
)

_IN_ENGLISH = (
    "{{ role }}: pay {{ amount | money }} {{ due_at | when }}."
    "{% if reason_public is defined %} {{ reason_public | reason }}{% endif %}"
)


def plant_for_payers(root: Path, body: str = _TO_BOTH) -> set[tuple[str, str]]:
    """The rules and languages of what the lint finds in a text that goes to payers."""
    for locale in LOCALES:
        (root / "p" / locale).mkdir(parents=True, exist_ok=True)
        (root / "p" / locale / "sms.txt").write_text(_IN_ENGLISH if locale == "en" else body, "utf-8")
    (root / "p" / "notice.yaml").write_text(PAYER, "utf-8")
    return {(found.rule, found.locale) for found in check_folder(root, signature="小贷", hotline="95384")}


def test_a_text_to_a_payer_is_read_with_what_a_payer_is_told(tmp_path: Path) -> None:
    """What a payer is never told may stand in the text only where it is tested; 明天 is true for an instant, too."""
    assert plant_for_payers(tmp_path) == set()
    bare = _TO_BOTH.replace("{% if reason_public is defined %}", "").replace("{% endif %}", "")
    assert {rule for rule, _ in plant_for_payers(tmp_path, bare)} == {"missing_value"}
    assert ("untrue_day", "zh-CN") in plant_for_payers(tmp_path, _TO_BOTH.replace("代还", "今天代还"))


@pytest.mark.parametrize("word", ["逾期", "欠款", "罚息", "催收"])
def test_a_text_to_a_payer_does_not_speak_of_the_debt(tmp_path: Path, word: str) -> None:
    """Not even in the template's own words."""
    assert ("debt_told_to_payer", "zh-CN") in plant_for_payers(tmp_path, _TO_BOTH.replace("代还", f"代还{word}"))
