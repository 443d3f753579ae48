"""What numbers asked for, by text or through ops, commit by commit, and what that forbids."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

_ASKED_TOO_MUCH: Final = frozenset({"reminder", "collection", "payer", "visit", "marketing"})
#: What STOP ends where a number's owner lives.
STOPS: Final = {"cn": _ASKED_TOO_MUCH, "us": _ASKED_TOO_MUCH | {"service"}}
CONFIRMED: Final = {"STOP": "opt_out_confirmed", "TD": "opt_out_confirmed", "START": "opt_in_confirmed"}
_TOLD: Final = {"STOP": "party.opted_out", "TD": "party.opted_out", "START": "party.opted_in"}


class Wishes:
    """Each number's wishes as they changed; a commit sees what was committed before it."""

    def __init__(self) -> None:
        self._by_reply: dict[str, list[tuple[int, frozenset[str]]]] = {}
        self._by_ops: dict[str, int] = {}
        self._due: Counter[tuple[str, str]] = Counter()
        self.told: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
        self._answered: dict[tuple[str, str], set[str]] = {}

    def suppress(self, number: str, commit: int) -> None:
        """Ops were told that this number wants nothing more."""
        self._by_ops.setdefault(number, commit)

    def heard(self, number: str, word: str, commit: int, jurisdictions: Iterable[str], party_id: str | None) -> None:
        """A number wrote a word; `party_id`: whose it is. What that changes upstream is told, where it is somebody's."""
        before = self._stopped(number, commit + 1)
        ends = frozenset[str]().union(*(STOPS[each] for each in jurisdictions))
        after = frozenset[str]() if word == "START" else before | ends
        if after != before:
            self._by_reply.setdefault(number, []).append((commit, after))
            self._due[number, CONFIRMED[word]] += 1
            if party_id:
                self.told[_TOLD[word], party_id, tuple(sorted(before ^ after))] += 1

    def forbid(self, number: str, purpose: str, commit: int) -> bool:
        """Whether a text of this purpose may not go."""
        if purpose == "security":
            return False
        return purpose in self._stopped(number, commit) or self._by_ops.get(number, commit) < commit

    def deny(self, key: str, number: str, template: str, commit: int) -> bool:
        """Whether a confirmation would not be true, or one too many."""
        answers = self._answered.setdefault((number, template), set())
        answers.add(key)
        is_out = bool(self._stopped(number, commit)) or self._by_ops.get(number, commit) < commit
        is_true = is_out == (template == "opt_out_confirmed")
        return not is_true or len(answers) > self._due[number, template]

    def _stopped(self, number: str, commit: int) -> frozenset[str]:
        said = [purposes for at, purposes in self._by_reply.get(number, ()) if at < commit]
        return said[-1] if said else frozenset()
