"""The AsyncAPI document as AsyncAPI's own tools read it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.commandline import Cli

_PARSER = Path(__file__).parents[2] / "scripts" / "asyncapi"
#: We keep to 3.0, which more tools read than 3.1.
_ACCEPTED = {"asyncapi-latest-version"}


def test_the_official_parser_finds_nothing_wrong(duebell: Cli, tmp_path: Path) -> None:
    """The document that the command writes is valid for @asyncapi/parser, examples included, without a warning."""
    if not (_PARSER / "node_modules").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the AsyncAPI parser is not there: scripts/install_asyncapi")
    assert duebell("contract", "asyncapi", "--out", str(tmp_path)).stdout == f"wrote 1 file to {tmp_path}\n"
    broken = (tmp_path / "asyncapi.yaml").read_text("utf-8").replace("action: send", "action: shout", 1)
    (tmp_path / "broken.yaml").write_text(broken, "utf-8")
    ours, spoilt = _read_by_the_parser(tmp_path / "asyncapi.yaml", tmp_path / "broken.yaml")
    assert (ours["valid"], [one for one in ours["findings"] if one["code"] not in _ACCEPTED]) == (True, [])
    assert not spoilt["valid"]


def _read_by_the_parser(*files: Path) -> list[dict[str, Any]]:
    done = subprocess.run(["node", _PARSER / "validate.mjs", *files], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_contract_can_be_printed(duebell: Cli) -> None:
    """Without a folder the document, or a schema a line, stands on standard output."""
    assert duebell("contract", "asyncapi").stdout.startswith("asyncapi: 3.0.0\n")
    lines = duebell("contract", "schemas").stdout.splitlines()
    assert "urn:duebell:schema:loan.settled" in {json.loads(line)["$id"] for line in lines}
