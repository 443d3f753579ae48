"""Counting parts, by the GSM rules and by the Chinese carriers' rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.segments import Segments, count, count_carrier_cn

GSM = st.text(alphabet="ab1 @é€^[]", max_size=500)
UCS2 = st.text(alphabet="您a€😀𠮷", max_size=300)


def greedy(widths: list[int], *, single: int, part: int) -> int:
    """Fills parts one character after another; slow and plainly right."""
    if sum(widths) <= single:
        return 1
    parts, room = 1, part
    for width in widths:
        if width > room:
            parts, room = parts + 1, part
        room -= width
    return parts


@given(GSM)
def test_no_extension_character_is_split(text: str) -> None:
    """GSM texts take as many parts as filling them one character after another does."""
    widths = [2 if character in "€^[]" else 1 for character in text]
    assert count(text) == Segments("gsm7", sum(widths), greedy(widths, single=160, part=153))


@given(UCS2.map(lambda text: text + "您"))
def test_no_surrogate_pair_is_split(text: str) -> None:
    """UCS-2 texts count UTF-16 units, and both halves of a pair share a part."""
    widths = [len(character.encode("utf-16-be")) // 2 for character in text]
    assert count(text) == Segments("ucs2", sum(widths), greedy(widths, single=70, part=67))


@given(st.one_of(GSM, UCS2), st.one_of(GSM, UCS2))
def test_more_text_never_takes_fewer_parts(head: str, tail: str) -> None:
    """Parts only grow as a text grows, also where it changes its alphabet."""
    assert count(head + tail).parts >= count(head).parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("gsm7", 0, 1)),
        ("a" * 160, Segments("gsm7", 160, 1)),
        ("a" * 161, Segments("gsm7", 161, 2)),
        ("a" * 306, Segments("gsm7", 306, 2)),
        ("a" * 307, Segments("gsm7", 307, 3)),
        ("€" * 80, Segments("gsm7", 160, 1)),
        ("a" * 152 + "€" + "a" * 7, Segments("gsm7", 161, 2)),
        ("a" * 152 + "€" + "a" * 152, Segments("gsm7", 306, 3)),
        ("您" * 70, Segments("ucs2", 70, 1)),
        ("您" * 71, Segments("ucs2", 71, 2)),
        ("您" * 134, Segments("ucs2", 134, 2)),
        ("您" * 135, Segments("ucs2", 135, 3)),
        ("您" * 66 + "😀" + "您" * 66, Segments("ucs2", 134, 3)),
        ("¥ and Ç", Segments("gsm7", 7, 1)),
        ("ç", Segments("ucs2", 1, 1)),
    ],
)
def test_the_boundaries(text: str, expected: Segments) -> None:
    """The limits of 3GPP TS 23.038 and 23.040, a double character on them included."""
    assert count(text) == expected


def test_an_escape_is_not_a_character() -> None:
    """A text with a bare ESC cannot be sent in GSM-7: it would swallow the character after it."""
    assert count("a\x1bb").encoding == "ucs2"


@pytest.mark.parametrize(
    ("length", "parts"), [(0, 1), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (160, 3), (201, 3), (202, 4), (500, 8)]
)
def test_a_chinese_carrier_bills_every_character_as_one(length: int, parts: int) -> None:
    """70 in one part, else 67 in each; 160 characters are three parts, as the providers' own example says."""
    assert count_carrier_cn("a" * length) == count_carrier_cn("您" * length) == count_carrier_cn("😀" * length) == parts
