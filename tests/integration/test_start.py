"""A worker that starts before its servers waits for them."""

import pytest

from private_servers import PrivatePostgres
from tests.integration.rig import Rig, eventually

pytestmark = pytest.mark.integration


def test_a_worker_waits_for_its_database(rig: Rig, postgres: PrivatePostgres) -> None:
    """A worker started while the database is away goes to work as soon as it is there, without a restart."""
    postgres.stop()
    worker = rig.worker()
    eventually(lambda: "database away" in rig.log_end())
    postgres.start()
    eventually(rig.consuming)
    assert worker.alive
    assert worker.terminate() == 0
