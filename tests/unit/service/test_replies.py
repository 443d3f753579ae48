"""What answers mean: words in any width, case and dress; nothing is guessed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.replies import meaning_of

STOP = [
    "T",
    "TD",
    "R",
    "退订",
    "退訂",
    "回T",
    "回复TD",
    "回覆TD",
    "拒收",
    "STOP",
    "STOP ALL",
    "Unsubscribe",
    "CANCEL",
    "END",
    "QUIT",
    "opt out",
]
START = ["START", "UNSTOP", "恢复", "恢復"]
YES = ["Y", "YES", "是", "是的", "确认", "確認"]
NO = ["N", "NO", "否", "不是", "不是本人"]
MEANINGS = {
    **dict.fromkeys(STOP, "stop"),
    **dict.fromkeys(START, "start"),
    **dict.fromkeys(YES, "yes"),
    **dict.fromkeys(NO, "no"),
}
#: Marks, blanks, and what nobody sees: zero-width characters, a byte-order mark, a soft hyphen, a variation selector, an emoji.
DRESS = st.text(
    st.sampled_from(" \t\r\n\u3000\u00a0.,!?。，！？、…-_'\"“”()（）【】~*#\u200b\u200d\u200e\ufeff\u00ad\ufe0f🙏"), max_size=6
)


@pytest.mark.parametrize(("text", "meaning"), MEANINGS.items())
def test_each_word_means_what_it_says(text: str, meaning: str) -> None:
    """The words of the carriers and the regulators, in Chinese and English."""
    assert meaning_of(text) == meaning


def wide(text: str) -> str:
    """Latin letters and blanks in full width."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else "\u3000" if c == " " else c for c in text)


@given(word=st.sampled_from(sorted(MEANINGS)), data=st.data())
def test_dress_changes_nothing(word: str, data: st.DataObject) -> None:
    """Width, case, punctuation, blanks and invisible characters, before, behind and between the letters."""
    letters = [data.draw(st.sampled_from([c, c.lower(), c.upper(), wide(c)])) for c in word]
    dressed = "".join(data.draw(DRESS) + letter for letter in letters) + data.draw(DRESS)
    assert meaning_of(dressed) == MEANINGS[word]


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "。", "\u200b", "1", "0", "Ok", "好的", "谢谢", "我已经还了", "please stop", "do not stop", "不要退订",
        "STOPPED", "TT", "yes no",
        "Y1", "YN", "不确定", "是不是", "St", "S", "订", "退", "🙏", "\ud800", "Stop calling me, I have paid", "start stop",
    ],
)  # fmt: skip
def test_what_is_not_one_of_the_words_is_left_to_people(text: str) -> None:
    """A sentence that holds such a word may mean its opposite."""
    assert meaning_of(text) == "other"


@given(text=st.text(max_size=400))
def test_any_text_has_a_meaning(text: str) -> None:
    """Nothing that can be written stops it, and what has no letters and digits means nothing."""
    meaning = meaning_of(text)
    assert meaning in {"stop", "start", "yes", "no", "other"}
    if not any(unicodedata.category(c)[0] in "LN" for c in unicodedata.normalize("NFKC", text)):
        assert meaning == "other"
