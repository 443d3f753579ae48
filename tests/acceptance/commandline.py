"""`duebell` as tests run it: in this process, in a folder of its own."""

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from consumers import _embedded
from duebell.__main__ import app
from duebell.clock import door_clock
from duebell.opening import open_engine
from service.notices import Lane
from service.settings import load_settings

NOW = "2026-06-17T10:30:00+08:00"
_BEGIN = datetime.fromisoformat(NOW)


@dataclass(slots=True)
class Cli:
    """`duebell`, run in this process; the current folder and DUEBELL_* are the test's own."""

    home: Path
    commands: int = 0

    def __call__(self, *arguments: str, stdin: str | None = None) -> Result:
        """Runs one command."""
        self._later()
        return CliRunner().invoke(app, list(arguments), input=stdin, prog_name="duebell")

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        """The lines of a command that succeeds with --json."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def mistake(self, *arguments: str, code: int = 1) -> str:
        """The one line on standard error with which a command fails."""
        result = self(*arguments)
        lines = result.stderr.strip().splitlines()
        assert (result.exit_code, len(lines)) == (code, 1), (result.exit_code, result.stderr, result.exception)
        assert not result.stdout
        return str(lines[0])

    def file(self, *events: dict[str, Any] | str) -> str:
        """A file of events, one a line."""
        path = self.home / "events.jsonl"
        path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in events), "utf-8")
        return str(path)

    def work(self) -> None:
        """What `duebell run` does until there is nothing left to do."""
        self._later()
        asyncio.run(_work())

    def _later(self) -> None:
        """Lets half a minute pass between commands: each starts its clock anew, and no clock may go back."""
        self.commands += 1
        if os.environ["DUEBELL_CLOCK_START"].startswith(NOW[:15]):
            os.environ["DUEBELL_CLOCK_START"] = (_BEGIN + self.commands * timedelta(seconds=30)).isoformat()


async def _work() -> None:
    settings = load_settings()
    engine = await open_engine(settings, clock=door_clock(settings))
    try:
        while await _embedded.step(engine.ledger, engine.vault, engine.intake, 100):
            pass
        await engine.planner.step(engine.clock())
        await engine.settling.expire(engine.clock())
        for lane in Lane:
            while await engine.delivery.step(lane):
                pass
    finally:
        await engine.close()
