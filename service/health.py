"""What this process needs and does not have: set by whoever works with it, read by readiness."""


class Health:
    """Named parts, each up or away with a reason that holds no secret and no personal data.

    Args:
        parts: what must come up before the process is ready.
    """

    def __init__(self, *parts: str) -> None:
        self._away: dict[str, str | None] = dict.fromkeys(parts, "not up yet")

    def up(self, part: str) -> None:
        """The part works."""
        self._away[part] = None

    def down(self, part: str, why: str) -> None:
        """The part is away, and why."""
        self._away[part] = why

    @property
    def parts(self) -> tuple[str, ...]:
        """Every part there is, by name."""
        return tuple(sorted(self._away))

    @property
    def away(self) -> dict[str, str]:
        """Part → why it is away; empty when everything is there."""
        return {part: why for part, why in sorted(self._away.items()) if why is not None}
