"""What is away, and why."""

from service.health import Health


def test_a_part_that_must_come_up_is_away_until_it_has() -> None:
    """A process is not ready before everything it needs was there once."""
    health = Health("broker", "database")
    health.up("database")
    assert health.away == {"broker": "not up yet"}
    health.up("broker")
    assert health.away == {}


def test_a_part_can_go_and_come_back() -> None:
    """The newest word counts; a part nobody announced counts too."""
    health = Health()
    health.down("consume", "ConnectionError")
    assert health.away == {"consume": "ConnectionError"}
    health.up("consume")
    assert health.away == {}
    assert health.parts == ("consume",)
