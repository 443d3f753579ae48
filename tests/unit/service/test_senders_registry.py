"""How senders are found by URL, and what a wrong URL says."""

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

import service.senders as registry
from service.pace import Pace
from service.senders import known_senders, open_senders
from service.senders._port import SenderSettingError
from service.senders.memory import MemorySender


class PigeonSender(MemorySender):
    """A plug-in."""

    schemes = ("pigeon",)

    @classmethod
    def from_url(cls, url: str) -> "PigeonSender":
        """Knows one pigeon only."""
        if url != "pigeon://paul":
            raise ValueError(f"no such pigeon: {url}")
        return cls("pigeon://paul")


class OtherConsole(PigeonSender):
    """A plug-in that claims a scheme of ours."""

    schemes = ("console",)


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`plug_in(name)` puts one of this file's classes into the entry-point group."""
    group: list[EntryPoint] = []

    class Here(EntryPoint):
        def load(self) -> object:
            return super().load() if self.value.startswith("missing") else globals()[self.name]

    monkeypatch.setattr(registry, "entry_points", lambda group: entries[group])
    entries = {registry.GROUP: group}
    return lambda name, value="here:x": group.append(Here(name, value, registry.GROUP))


def test_the_shipped_schemes() -> None:
    """Each file of service/senders/ is found by itself."""
    assert {"console", "file", "memory", "webhook+http", "webhook+https"} <= set(known_senders())


def test_senders_come_in_the_order_of_their_urls_with_names_of_their_own() -> None:
    """Failover follows the order; a second sender of a name gets a suffix."""
    urls = "memory://  webhook+https://h/p?window=5 memory://\twebhook+https://h/p memory:// memory://b"
    senders = open_senders(urls)
    assert [sender.name for sender in senders] == [
        "memory://",
        "webhook+https://h/p",
        "memory://#2",
        "webhook+https://h/p#2",
        "memory://#3",
        "memory://b",
    ]
    assert senders[1].window == 5


def test_any_sender_takes_a_pace() -> None:
    """?pace= is read for every sender and never reaches it; without it there is no limit."""
    plain, paced, by_part = open_senders("memory:// console://?pace=90/min webhook+http://h/?x=1&pace=50parts/s&y=2")
    assert (plain.pace, paced.pace, by_part.pace) == (None, Pace(90, 60.0), Pace(50, 1.0, "parts"))


def test_a_scheme_may_be_written_in_capitals() -> None:
    """RFC 3986 3.1: schemes are case-insensitive."""
    assert open_senders("MEMORY://")[0].name == "memory://"


@pytest.mark.parametrize(
    ("urls", "says"),
    [
        ("", "no sender is set: name at least one, as console://"),
        ("  ", "no sender is set: name at least one, as console://"),
        ("console", "sender 1 has no scheme; write a URL, as console://"),
        ("console:// user:secret@host", "sender 2 has no scheme; write a URL, as console://"),
        ("smoke://x", "sender 1: unknown scheme smoke://; known are console, file, memory, webhook+http, webhook+https"),
        ("console://x", "sender 1, console://: write console:// and nothing after it"),
        ("console:///x", "sender 1, console://: write console:// and nothing after it"),
        ("console://?colour=1", "sender 1, console://: unknown option colour; it takes pace only"),
        ("memory://?window=3", "sender 1, memory://: unknown option window; it takes pace only"),
        ("console://?pace=fast", "sender 1, console://: a pace is written 50/s, 90/min or 50parts/s"),
        ("console://?pace=1/s&pace=2/s", "sender 1, console://: the option pace stands there twice"),
        (
            "file://relative/x",
            "sender 1, file://: write three slashes and an absolute path, as file:///var/lib/duebell/texts.jsonl",
        ),
        ("file:///nowhere/x", "sender 1, file://: /nowhere/x is a directory, or is in one that does not exist"),
        ("file:///tmp", "sender 1, file://: /tmp is a directory, or is in one that does not exist"),
        ("webhook+http:///x", "sender 1, webhook+http://: it has no host; write webhook+https://host/path"),
        ("webhook+http://u:secret@h:99999/", "sender 1, webhook+http://: its host or port is wrong"),
        ("webhook+http://u:secret@[::1", "sender 1, webhook+http://: its host or port is wrong"),
        ("webhook+http://u:secret@h\x7f/", "sender 1, webhook+http://: it is not a URL that can be called"),
        ("webhook+http://h?window=0", "sender 1, webhook+http://: the option window must be a number above zero, as window=10"),
        ("webhook+http://h?window=1.5", "sender 1, webhook+http://: the option window must be a whole number, as window=20"),
        (
            "webhook+http://h?timeout=nan",
            "sender 1, webhook+http://: the option timeout must be a number above zero, as timeout=10",
        ),
    ],
)
def test_a_wrong_url_says_what_is_wrong_in_one_line(urls: str, says: str) -> None:
    """It names the sender by its position and repeats no part of the URL that may be secret."""
    with pytest.raises(SenderSettingError) as raised:
        open_senders(urls)
    assert str(raised.value) == says


def test_a_plug_in_is_found_by_its_entry_point(plug_in: Callable[..., None]) -> None:
    """A package that names a class in the group duebell.senders adds its scheme."""
    plug_in("PigeonSender")
    (sender,) = open_senders("pigeon://paul?pace=1/min")
    assert (sender.name, sender.pace) == ("pigeon://paul", Pace(1, 60.0))


def test_a_plug_ins_own_error_does_not_repeat_the_url(plug_in: Callable[..., None]) -> None:
    """A plain ValueError becomes the one readable line, without its text."""
    plug_in("PigeonSender")
    with pytest.raises(SenderSettingError, match=r"^sender 1, pigeon://: it does not take this URL$"):
        open_senders("pigeon://peter:secret@loft")


def test_two_senders_of_one_scheme_are_refused(plug_in: Callable[..., None]) -> None:
    """Even when neither is asked for: which one would go is nobody's guess."""
    plug_in("OtherConsole")
    with pytest.raises(
        SenderSettingError, match=r"two senders claim console://: service\.senders\.console\.ConsoleSender and "
    ):
        open_senders("memory://")


def test_a_plug_in_that_does_not_load_is_named(plug_in: Callable[..., None]) -> None:
    """A missing module stops the process at its start with the plug-in's name."""
    plug_in("gone", "missing_module_of_a_plug_in:X")
    with pytest.raises(SenderSettingError, match="the sender plug-in 'gone' does not load"):
        open_senders("memory://")
