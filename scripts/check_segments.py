"""Counts generated strings with our segment counter and with smsutil, and says where they differ."""

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import smsutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from service.segments import Segments, count

_BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCXYZÄÖÑÜ§¿abcxyzäöñüà"
_EXTENSION = "\f^{}\\[~]|€"
_CHINESE = "您的借款应还元，。（）【】：；到期还款日請於帳戶餘額"  # noqa: RUF001
_ASTRAL = "😀🏦𠮷𝒜"
#: Alphabets to draw from; the same characters again and again put pairs on both sides of every boundary.
_POOLS = (_BASIC, _BASIC + _EXTENSION, _EXTENSION, "a€", _CHINESE, _CHINESE + _BASIC, _CHINESE + _ASTRAL, _ASTRAL, "a😀",
          _BASIC + _EXTENSION + _CHINESE + _ASTRAL)  # fmt: skip
_BOUNDARIES = (67, 70, 134, 153, 160, 201, 306, 459)


def strings(number: int, seed: int) -> Iterator[str]:
    """As many strings, the same for the same seed; half of them have a length within two of a boundary or of half of one."""
    drawn = random.Random(seed)  # noqa: S311 - repeatable on purpose
    for _ in range(number):
        if drawn.random() < 0.5:  # noqa: PLR2004
            length = max(1, drawn.choice(_BOUNDARIES) // drawn.choice((1, 2)) + drawn.randint(-2, 2))
        else:
            length = drawn.randint(1, 500)
        yield "".join(drawn.choices(drawn.choice(_POOLS), k=length))


def oracle(text: str) -> Segments:
    """What smsutil counts, in our words."""
    split = smsutil.split(text)
    if split.encoding == "gsm0338":
        return Segments("gsm7", split.total_bytes, len(split.parts))
    return Segments("ucs2", split.total_bytes // 2, len(split.parts))


def differences(number: int, seed: int) -> Iterator[tuple[str, Segments, Segments]]:
    """Each string on which the two differ, with our count and smsutil's."""
    for text in strings(number, seed):
        ours, theirs = count(text), oracle(text)
        if ours != theirs:
            yield text, ours, theirs


def main() -> int:
    """Prints the first ten differences and the total; 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many strings (default 10,000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other strings (default 1)")
    asked = parser.parse_args()
    found = 0
    for found, (text, ours, theirs) in enumerate(differences(asked.count, asked.seed), 1):
        if found <= 10:  # noqa: PLR2004
            print(f"{text!r}: ours {ours}, smsutil {theirs}")
    print(f"{asked.count} strings, seed {asked.seed}: {found} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
