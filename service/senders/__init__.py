"""Senders hand messages to providers. One file each; found here by URL scheme, or in the entry-point group duebell.senders."""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import TypeGuard

from service.pace import Pace
from service.senders._port import Sender, SenderSettingError
from service.senders._url import scheme_of, take_options

GROUP = "duebell.senders"


def open_senders(urls: str) -> list[Sender]:
    """The senders of URLs separated by spaces, in order, each with a name of its own.

    Raises:
        SenderSettingError: no URL, an unknown scheme, a URL its sender does not take, or two senders of one scheme.
    """
    if not urls.split():
        raise SenderSettingError("no sender is set: name at least one, as console://")
    known = known_senders()
    senders = [_open(url, position, known) for position, url in enumerate(urls.split(), start=1)]
    _name_apart(senders)
    return senders


async def names_of(urls: str) -> list[str]:
    """What the senders of URLs are called, in order; opens and closes them.

    Raises:
        SenderSettingError: as above.
    """
    senders = open_senders(urls)
    for sender in senders:
        await sender.close()
    return [sender.name for sender in senders]


def known_senders() -> dict[str, type[Sender]]:
    """Every scheme that has a sender, with its class.

    Raises:
        SenderSettingError: two classes claim one scheme, or a plug-in does not load.
    """
    known: dict[str, type[Sender]] = {}
    for sender in (*_shipped(), *_plugged_in()):
        for scheme in sender.schemes:
            other = known.setdefault(scheme, sender)
            if other is not sender:
                raise SenderSettingError(f"two senders claim {scheme}://: {_where(other)} and {_where(sender)}")
    return known


def _shipped() -> Iterator[type[Sender]]:
    for module_info in pkgutil.iter_modules(__path__):
        if not module_info.name.startswith("_"):
            module = importlib.import_module(f"{__name__}.{module_info.name}")
            yield from (member for _, member in inspect.getmembers(module) if _is_sender_of(member, module))


def _is_sender_of(member: object, module: ModuleType) -> TypeGuard[type[Sender]]:
    return inspect.isclass(member) and member.__module__ == module.__name__ and hasattr(member, "schemes")


def _plugged_in() -> Iterator[type[Sender]]:
    for entry in entry_points(group=GROUP):
        try:
            yield entry.load()
        except (ImportError, AttributeError) as error:
            raise SenderSettingError(f"the sender plug-in {entry.name!r} does not load: {error}") from error


def _open(url: str, position: int, known: dict[str, type[Sender]]) -> Sender:
    """One sender; `position` stands for the URL in an error, since a URL may hold a secret."""
    scheme = scheme_of(url)
    if scheme is None:
        raise SenderSettingError(f"sender {position} has no scheme; write a URL, as console://")
    if scheme not in known:
        raise SenderSettingError(f"sender {position}: unknown scheme {scheme}://; known are {', '.join(sorted(known))}")
    try:
        rest, options = take_options(url, ("pace",))
        sender = known[scheme].from_url(rest)
        if "pace" in options:
            sender.pace = _pace_of(options["pace"])
    except SenderSettingError as error:
        raise SenderSettingError(f"sender {position}, {scheme}://: {error}") from None
    except ValueError:  # from a plug-in that did not expect it; the text may repeat the URL
        raise SenderSettingError(f"sender {position}, {scheme}://: it does not take this URL") from None
    return sender


def _pace_of(text: str) -> Pace:
    try:
        return Pace.parse(text)
    except ValueError as error:
        raise SenderSettingError(str(error)) from None


def _name_apart(senders: list[Sender]) -> None:
    """The second sender of a name becomes `name#2`, and so on: pauses and attempts name senders."""
    seen: Counter[str] = Counter()
    for sender in senders:
        seen[sender.name] += 1
        if seen[sender.name] > 1:
            sender.name = f"{sender.name}#{seen[sender.name]}"


def _where(sender: type[Sender]) -> str:
    return f"{sender.__module__}.{sender.__qualname__}"
