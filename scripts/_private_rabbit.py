"""A private RabbitMQ: its own node name, ports, cookie and epmd, no plugins, nothing shared with a broker of the system."""

import logging
import os
import shutil
import subprocess
import time
from pathlib import Path

import pika
import pika.exceptions

from _private_server import MissingServerError, PrivateServer, ServerFailedError, free_port

_CONFIG = """
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = warning
log.file = false
"""


class PrivateRabbit(PrivateServer):
    """A RabbitMQ node of our own; user and password are `guest`. It starts in about 5 s of one core.

    Before a `kill()` call `remember_queues()`: RabbitMQ 3.10 writes a new quorum queue's name to disk a second after it has
    answered, and without the name the queue's confirmed messages are lost.

    Raises:
        MissingServerError: RabbitMQ is not installed.
    """

    name = "rabbit"

    def __init__(self) -> None:
        self._scripts = _scripts()
        super().__init__()
        self._environment = self._make_environment()

    @property
    def url(self) -> str:
        """The broker's default virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def ctl(self, *arguments: str) -> str:
        """Runs `rabbitmqctl` on this node; returns what it printed.

        Raises:
            ServerFailedError: it refused.
        """
        done = subprocess.run(
            [self._scripts / "rabbitmqctl", "-q", "-n", self._environment["RABBITMQ_NODENAME"], *arguments],
            check=False,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ServerFailedError(f"rabbitmqctl {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def remember_queues(self) -> None:
        """Waits until the names of all quorum queues are on disk.

        Raises:
            ServerFailedError: they are not in time.
        """
        deadline = time.monotonic() + self.patience
        while not all(map(_knows_its_queues, self.folder.glob("data/*/quorum/*/names.dets"))):
            if time.monotonic() > deadline:
                raise ServerFailedError("a queue's name is not on disk")
            time.sleep(0.05)

    def _make_environment(self) -> dict[str, str]:
        for name, text in (("rabbitmq.conf", _CONFIG), ("enabled_plugins", "[].\n"), ("rabbitmq-env.conf", "")):
            (self.folder / name).write_text(text)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),  # its Erlang cookie lies here
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_NODENAME": f"duebell-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "config"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            **self._parts(),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the node instead of watching it: one process to signal
        }

    def _parts(self) -> dict[str, str]:
        """The setting that names the libraries of the broker alone: it looks at each start through all it finds beside them."""
        home = self._scripts.parent
        found = next((f for f in (*home.glob("lib/rabbitmq_server-*/plugins"), home / "plugins") if f.is_dir()), None)
        if found is None:
            return {}
        parts = self.folder / "parts"
        parts.mkdir()
        for library in found.iterdir():
            if not library.name.startswith("rabbitmq_") or library.name.startswith("rabbitmq_prelaunch"):
                (parts / library.name).symlink_to(library)
        return {"RABBITMQ_PLUGINS_DIR": str(parts)}

    def _launch(self) -> None:
        self._spawn("epmd", environment=self._environment)
        self._spawn(self._scripts / "rabbitmq-server", environment=self._environment)

    def _is_ready(self) -> bool:
        pika_log = logging.getLogger("pika")
        pika_log.setLevel(logging.CRITICAL)  # it reports every refused connection as an error
        try:
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        finally:
            pika_log.setLevel(logging.NOTSET)
        return True


def _knows_its_queues(names: Path) -> bool:
    """Whether the file of names has every queue that has a folder beside it."""
    known = names.read_bytes()
    return all(folder.name.encode() in known for folder in names.parent.iterdir() if folder.is_dir())


def _scripts() -> Path:
    """The folder of the plain scripts; the ones in Debian's PATH switch to another user."""
    debian = Path("/usr/lib/rabbitmq/bin")
    if (debian / "rabbitmq-server").exists():
        return debian
    if found := shutil.which("rabbitmq-server"):
        return Path(found).parent
    raise MissingServerError("RabbitMQ is not installed: apt-get install rabbitmq-server")
