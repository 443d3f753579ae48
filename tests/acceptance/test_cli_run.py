"""`duebell run` and `duebell demo`, as processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.acceptance.commandline import Cli

_ROOT = Path(__file__).resolve().parents[2]


def test_run_sends_what_was_published_and_stops_when_told(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """From a file of events to a text handed over, embedded; SIGTERM ends it with exit code 0."""
    duebell("publish", duebell.file(disbursed))
    command = [sys.executable, "-m", "duebell", "run", "--roles", "consume,schedule,deliver"]
    process = subprocess.Popen(command, cwd=duebell.home, env=os.environ | {"PYTHONPATH": str(_ROOT)}, stderr=subprocess.PIPE)
    sent = duebell.home / "sent.jsonl"
    try:
        for _ in range(1200):
            if process.poll() is not None or (sent.exists() and sent.read_text("utf-8").endswith("\n")):
                break
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    (text,) = map(json.loads, sent.read_text("utf-8").splitlines())
    assert (text["template"], text["to"]) == ("loan_disbursed", "+8613800138000")
    assert "13800138000" not in log.decode()
    assert [x["template"] for x in duebell.json("notices", "--state", "sent")] == ["loan_disbursed"]


def test_the_demo_breaks_no_text_where_nobody_watches(duebell: Cli) -> None:
    """Piped into a file or another program a text is one line, without blanks up to a width."""
    told = duebell("demo", "--borrowers", "2").stdout.splitlines()
    texts = [line for line in told if line.startswith("    【")]
    assert texts
    assert max(len(text.rstrip()) for text in texts) > 80
    assert not [text for text in texts if not text.rstrip().endswith(("。", ".", "！", "）"))]


def test_the_demos_totals_add_up(duebell: Cli) -> None:
    """Events, notices and printed texts agree; numbers are masked; nothing is stored."""
    result = duebell("demo", "--borrowers", "2")
    assert result.exit_code == 0, result.exception
    numbers = [
        (int(n), what.strip()) for n, what in re.findall(r"^ *(\d+)  (.+?) *$", result.stdout.split("Totals")[1], re.MULTILINE)
    ]
    total = {what: n for n, what in numbers}
    assert total["events published"] == sum(total.get(verdict, 0) for verdict in ("accepted", "duplicate", "refused"))
    states = ("sent", "cancelled", "superseded", "expired", "suppressed", "held", "planned", "failed", "unknown")
    assert total["notices"] == sum(total.get(state, 0) for state in states)
    assert total["texts printed above"] == total["sent"] == result.stdout.count("【Duebell】")
    assert not re.search(r"\+\d{8}", result.stdout)
    assert list(duebell.home.iterdir()) == []
