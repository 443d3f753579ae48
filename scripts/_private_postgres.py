"""A private PostgreSQL: UTF-8, C locale, trust on 127.0.0.1, and fsync on, because tests kill it."""

import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from _private_server import MissingServerError, PrivateServer, ServerFailedError

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a temporary folder's path may be too long for one
    "max_connections": "60",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "recovery_init_sync_method": "syncfs",  # after a kill: one call, not one for each file of each database there is
}


class PrivatePostgres(PrivateServer):
    """A PostgreSQL server of our own; its superuser is `postgres`, without a password.

    Raises:
        MissingServerError: PostgreSQL is not installed.
    """

    name = "postgres"

    def __init__(self) -> None:
        self._binaries = _binaries()
        super().__init__()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self.user = _account()
            shutil.chown(self.folder, self.user, self.user)
        self._data = self.folder / "data"

    @property
    def url(self) -> str:
        """The database that every server has; tests make their own with `create_database`."""
        return self._url_of("postgres")

    def create_database(self, name: str, template: str = "template1") -> str:
        """Creates a database, empty or a copy of another of ours that nobody is connected to; returns its URL."""
        names = map(psycopg.sql.Identifier, (name, template))
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return self._url_of(name)

    def _url_of(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _launch(self) -> None:
        if not self._data.exists():
            self._initialise()
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        self._spawn(self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *settings)

    def _initialise(self) -> None:
        command = (
            self._binaries / "initdb",
            "--no-sync",
            "-D",
            self._data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        )
        done = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            capture_output=True,
            text=True,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else (),
        )
        if done.returncode:
            raise ServerFailedError(f"initdb failed: {done.stderr.strip()}")

    def _is_ready(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _stop_signal(self) -> signal.Signals:
        return signal.SIGINT  # "fast": clients are cut off, nothing committed is lost

    def _close_signal(self) -> signal.Signals:
        return signal.SIGQUIT  # "immediate": nothing is written any more, and its shared memory is given back


def _binaries() -> Path:
    """The folder of `postgres` and `initdb`: the newest one of Debian's, or wherever they are on the PATH."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if found := shutil.which("postgres"):
        folders.insert(0, Path(found).resolve().parent)
    if not folders:
        raise MissingServerError("PostgreSQL is not installed: apt-get install postgresql")
    return max(folders, key=_major)


def _major(folder: Path) -> int:
    number = re.search(r"/(\d+)/bin$", str(folder))
    return int(number[1]) if number else 0


def _account() -> str:
    """The system account that runs it when we are root; made where a container has none."""
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "postgres"], check=True)
    return "postgres"
