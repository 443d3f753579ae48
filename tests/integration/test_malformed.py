"""Broken messages end as dead letters with a reason, and nothing else notices them."""

import json
import random
import subprocess
import sys
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from duebell.sample import malformed, retimed, stream
from tests.expected import expected_event_keys, keys_that_may_end_unsent
from tests.integration.rig import BASE, Rig, as_bodies, eventually

pytestmark = pytest.mark.integration

BROKEN, GOOD, SEED = 1000, 600, 11


def dead_list(rig: Rig) -> list[dict[str, Any]]:
    """What `duebell dead list --json` says."""
    done = subprocess.run(
        [sys.executable, "-m", "duebell", "dead", "list", "--json"],
        check=True, capture_output=True, env=rig.environment(), cwd=rig.folder, timeout=60,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_broken_messages_hold_nothing_up(rig: Rig) -> None:
    """A thousand broken bodies are listed with field and reason; every good event among them is told, by the same process."""
    broken = list(malformed(BROKEN, SEED))
    good = list(retimed(stream(GOOD, SEED), BASE - timedelta(minutes=3), timedelta(minutes=2)))
    bodies = [("loan.repayment.received", body) for body in broken] + as_bodies(good)
    random.Random(SEED).shuffle(bodies)  # noqa: S311 - repeatable on purpose
    worker = rig.worker()
    eventually(rig.consuming)
    rig.publish(bodies)
    distinct = {(one["source"], one["id"]) for one in good}
    absorbed = "SELECT count(*) FROM inbox WHERE state = 'absorbed'"
    eventually(lambda: rig.one(absorbed) == len(distinct) and rig.depth("duebell.events")[0] == 0)
    eventually(rig.quiet)
    assert worker.alive
    assert worker.peak_mb < 250
    letters = dead_list(rig)
    assert len(letters) == len({sha256(body).digest() for body in broken})
    assert all(letter["field"] and letter["reason"] for letter in letters)
    assert expected_event_keys(good) - keys_that_may_end_unsent(good) <= set(rig.sent())
    assert len(set(rig.sent())) == len(rig.sent())
