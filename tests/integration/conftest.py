"""What the tests on real servers share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from private_servers import PrivateRabbit
from tests.integration.rig import Rig


@pytest.fixture
def rig(rabbit: PrivateRabbit, postgres_url: str, tmp_path: Path) -> Iterator[Rig]:
    """A Duebell with an empty database and no queues, so that none holds what another test left."""
    rig = Rig(rabbit, postgres_url, tmp_path)
    rig.forget_queues()
    yield rig
    rig.close()
    print(rig.log_end())  # noqa: T201 - pytest shows it where the test has failed
