"""What a person means who answers a text: stop, start, yes, no, or something for people to read. Pure.

Words are compared as letters and digits alone: whatever their width, case, punctuation and blanks, and whatever invisible
characters a keyboard or a gateway has added. A longer sentence is never guessed at.
"""

import unicodedata
from typing import Final, Literal

Meaning = Literal["stop", "start", "yes", "no", "other"]

#: The carriers' words in China; in English those of the FCC's order of 2024 and of the large gateways.
_STOP: Final = """
    T TD R 回T 回TD 回R 回复T 回复TD 回复R 回覆T 回覆TD 回覆R T退订 TD退订 R退订 回T退订 回TD退订 回复T退订 回复TD退订
    退订 退訂 退订T 退订TD 我要退订 我要退訂 取消订阅 取消訂閱 拒收 停止
    STOP STOPALL UNSUBSCRIBE CANCEL END QUIT OPTOUT REVOKE REMOVE
"""
_START: Final = "START UNSTOP OPTIN SUBSCRIBE 恢复 恢復 恢复接收 恢復接收 订阅 訂閱"
_YES: Final = "Y YES 是 是的 确认 確認 同意 是我 是本人"
_NO: Final = "N NO 否 不 不是 不是的 不同意 不确认 不確認 不是我 不是本人 非本人"

_WORDS: Final[dict[str, Meaning]] = {}


def meaning_of(text: str) -> Meaning:
    """What a whole text says."""
    return _WORDS.get(_letters(text), "other")


def _letters(text: str) -> str:
    """Its letters and digits, each in its usual width and case; invisible characters and marks are none."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in plain if unicodedata.category(character)[0] in "LN")


for _meaning, _words in (("stop", _STOP), ("start", _START), ("yes", _YES), ("no", _NO)):
    for _word in _words.split():
        _WORDS[_letters(_word)] = _meaning  # type: ignore[assignment]
