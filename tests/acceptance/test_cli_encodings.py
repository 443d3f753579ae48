"""`duebell` where the output does not take UTF-8: a letter that it lacks is escaped and ends nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.commandline import Cli

_ROOT = Path(__file__).resolve().parents[2]
_ASCII = {"PYTHONIOENCODING": "ascii"}
_C = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}


def _told(encoding: dict[str, str], *arguments: str) -> str:
    """What a command that succeeds prints."""
    environment = os.environ | {"PYTHONPATH": str(_ROOT)} | encoding
    command = [sys.executable, "-m", "duebell", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (result.returncode, b"Traceback" in result.stderr) == (0, False), result.stderr
    return result.stdout.decode("ascii")


@pytest.mark.parametrize("encoding", [_ASCII, _C])
@pytest.mark.parametrize("command", [("templates", "preview", "loan_settled"), ("contract", "asyncapi"), ("--help",)])
def test_letters_that_the_output_lacks_are_escaped(
    duebell: Cli,  # noqa: ARG001 - an environment without settings
    command: tuple[str, ...],
    encoding: dict[str, str],
) -> None:
    """A person reads what there is to read."""
    assert _told(encoding, *command)


@pytest.mark.parametrize("encoding", [_ASCII, _C])
def test_json_stays_json(duebell: Cli, disbursed: dict[str, Any], encoding: dict[str, str]) -> None:
    """In any encoding a program reads the same."""
    file = duebell.file(disbursed)
    told = _told(encoding, "simulate", file, "--until", "2026-06-17", "--json")
    assert [json.loads(line) for line in told.splitlines()] == duebell.json("simulate", file, "--until", "2026-06-17")
