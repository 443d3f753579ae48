"""The benchmark runs at a small size and writes what it promises; how fast it was is no matter here."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pika
import pytest
from rich.console import Console

from bench.__main__ import measure
from bench.sizes import Sizes
from private_servers import PrivatePostgres, PrivateRabbit
from tests.integration.rig import QUEUES

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
FIGURES = {"raw_consume", "intake", "end_to_end", "celery", "plan_seconds", "planned", "rss_mb"}
SMALL = {"BENCH_EVENTS": "300", "BENCH_INSTALMENTS": "2000", "BENCH_ROUNDS": "1", "BENCH_WORKERS": "1"}


@pytest.fixture(scope="module")
def small(
    tmp_path_factory: pytest.TempPathFactory, rabbit: PrivateRabbit, postgres: PrivatePostgres
) -> tuple[dict[str, Any], str]:
    """What a small run wrote, and what it printed."""
    out, printed = tmp_path_factory.mktemp("bench") / "latest.json", StringIO()
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        channel = connection.channel()
        for queue in QUEUES:
            channel.queue_delete(queue)  # with what other tests left in it
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**SMALL, "BENCH_OUT": str(out)}.items():
            environment.setenv(name, value)
        measure(rabbit, postgres, Sizes.from_environment(), Console(file=printed, width=200))
    return json.loads(out.read_text()), printed.getvalue()


def test_the_figures_are_numbers_under_their_names(small: tuple[dict[str, Any], str]) -> None:
    """latest.json holds exactly the seven figures, positive numbers all, and what is to be known of the machine and the run."""
    written, _ = small
    assert set(written) == FIGURES | {"cores", "stolen", "workers", "rounds", "versions"}
    assert all(isinstance(written[name], int | float) and written[name] > 0 for name in FIGURES)
    assert isinstance(written["cores"], int)
    assert 0 <= written["stolen"] < 1
    assert {"python", "rabbitmq", "postgresql", "aio-pika", "celery"} <= set(written["versions"])


def test_a_tenth_of_the_instalments_is_planned(small: tuple[dict[str, Any], str]) -> None:
    """The sweep writes one reminder for each of the tenth of the instalments that are due, and no other row."""
    written, _ = small
    assert written["planned"] == int(SMALL["BENCH_INSTALMENTS"]) // 10


def test_no_text_is_missing(small: tuple[dict[str, Any], str]) -> None:
    """The run says that every notice the events called for is in the file once, or why it is not."""
    _, printed = small
    assert "missing: none" in printed


def test_a_size_that_is_no_number_is_one_readable_line() -> None:
    """BENCH_EVENTS=many is refused in one line that names it."""
    done = subprocess.run(
        [sys.executable, "-m", "bench"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "scripts", "BENCH_EVENTS": "many"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "BENCH_EVENTS is 'many'; it should be a number, 1 or more\n"
