"""How many parts a text takes on the air, by the GSM rules and by the rule Chinese carriers bill by."""

import re
from dataclasses import dataclass
from typing import Literal

#: GSM 03.38 default alphabet without the escape, and its extension table. Source: 3GPP TS 23.038 section 6.2.1.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
_GSM7 = re.compile(f"[{re.escape(_BASIC + _EXTENSION)}]*")
_EXTENDED = re.compile(f"[{re.escape(_EXTENSION)}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

_CARRIER_SINGLE, _CARRIER_PART = 70, 67

Encoding = Literal["gsm7", "ucs2"]


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes.

    Attributes:
        units: septets for gsm7, UTF-16 code units for ucs2.
        parts: messages on the air, at least one.
    """

    encoding: Encoding
    units: int
    parts: int


def count(text: str) -> Segments:
    """The GSM rule: 160 septets or parts of 153, else 70 UTF-16 units or parts of 67.

    Neither an extension character (two septets) nor a surrogate pair (two units) is split between two parts.
    """
    if _GSM7.fullmatch(text):
        return _counted("gsm7", text, _EXTENDED, single=160, part=153)
    return _counted("ucs2", text, _ASTRAL, single=70, part=67)


def count_carrier_cn(text: str) -> int:
    """Parts by the rule of Chinese carriers: every character counts one, up to 70 in one part, else 67 in each.

    Source: the SMS documentation of Alibaba Cloud, Tencent Cloud and Huawei Cloud, which agree.
    """
    return 1 if len(text) <= _CARRIER_SINGLE else -(-len(text) // _CARRIER_PART)


def parts_in(text: str, locale: str) -> int:
    """The parts a text is held to: in Chinese by whichever of the two rules says more."""
    parts = count(text).parts
    return parts if locale == "en" else max(parts, count_carrier_cn(text))


def _counted(encoding: Encoding, text: str, doubles: re.Pattern[str], *, single: int, part: int) -> Segments:
    """Counts a text in which the characters `doubles` finds take two units and all others one."""
    at = [match.start() for match in doubles.finditer(text)]
    units = len(text) + len(at)
    if units <= single:
        return Segments(encoding, units, 1)
    return Segments(encoding, units, _parts(at, units, part))


def _parts(doubles: list[int], units: int, part: int) -> int:
    """Parts of a text with double characters at these places: one that would straddle a boundary moves to the next part."""
    moved = 0
    for seen, place in enumerate(doubles):
        if (place + seen + moved) % part == part - 1:
            moved += 1
    return -(-(units + moved) // part)
