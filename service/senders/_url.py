"""What sender URLs have in common: a scheme, and options in the query that are ours and not the provider's."""

import re
from collections.abc import Collection
from urllib.parse import SplitResult, unquote_plus, urlsplit

from service.senders._port import SenderSettingError

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


def scheme_of(url: str) -> str | None:
    """The scheme, lower-case; None: not a URL."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else None


def parts_of(url: str) -> SplitResult:
    """The parts of a URL.

    Raises:
        SenderSettingError: it cannot be split; the text does not repeat it, since it may hold a secret.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise SenderSettingError("its host or port is wrong") from None
    return parts


def take_options(url: str, ours: Collection[str]) -> tuple[str, dict[str, str]]:
    """The URL without the options named and without a fragment, the rest of it untouched; and those options, decoded.

    Raises:
        SenderSettingError: one of ours stands there twice.
    """
    head, _, query = url.partition("#")[0].partition("?")
    kept: list[str] = []
    options: dict[str, str] = {}
    for piece in filter(None, query.split("&")):
        name, _, value = piece.partition("=")
        if name not in ours:
            kept.append(piece)
        elif name in options:
            raise SenderSettingError(f"the option {name} stands there twice")
        else:
            options[name] = unquote_plus(value)
    return head + ("?" + "&".join(kept) if kept else ""), options


def refuse_options(url: str) -> None:
    """Makes a mistyped option an error, for senders that take none.

    Raises:
        SenderSettingError: the query holds something.
    """
    names = [piece.partition("=")[0] for piece in parts_of(url).query.split("&") if piece]
    if names:
        raise SenderSettingError(f"unknown option {', '.join(names)}; it takes pace only")


def positive(name: str, text: str) -> float:
    """A positive, finite number from an option.

    Raises:
        SenderSettingError: it is not one.
    """
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text) or float(text) <= 0:
        raise SenderSettingError(f"the option {name} must be a number above zero, as {name}=10")
    return float(text)
