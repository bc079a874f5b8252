"""A PostgreSQL server of our own: a free port, a private folder, never as root."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg

# Nobody looks after the many short-lived databases of a run, and no power is lost.
_IN_HASTE = " -c fsync=off -c full_page_writes=off -c autovacuum=off"
_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None where there is no PostgreSQL."""
    on_path = shutil.which("initdb")
    found = [*_DEBIAN, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in found if (folder / "initdb").exists()), None)


class PostgresServer:
    """One cluster; it may be stopped, killed and started again."""

    def __init__(self, folder: Path, *, safe: bool = False) -> None:
        """`folder`: one that the user `postgres` may enter, when we are root.

        `safe`: also from a loss of power, which takes time and which no test causes.
        """
        self._safe = safe
        where = binaries()
        assert where is not None, "ask `binaries` first"
        self._bin = where
        self._folder = folder / "pg"
        self._folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        self.port = _free_port()
        self._run(
            "initdb", "--no-sync", "-D", str(self._data), "-A", "trust", "-U", "postgres",
            "-E", "UTF8", "--locale=C.UTF-8",
        )  # fmt: skip
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, database: str) -> str:
        """Of one database of the cluster."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def empty(self, database: str) -> None:
        """Take all tables out of the database with this URL; quicker than a new one."""
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    def start(self) -> None:
        """Returns when it answers."""
        options = (
            f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c shared_buffers=32MB"
            f" -c max_connections=200{'' if self._safe else _IN_HASTE}"
        )
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-t", "60", "-D", str(self._data), "-l", log, "-o", options,
                  "start")  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """`immediate`: without a word, as if it had crashed."""
        self._run("pg_ctl", "-w", "-t", "60", "-D", str(self._data), "-m", mode, "stop")

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._bin / program), *words]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        found = subprocess.run(
            command, capture_output=True, text=True, cwd="/", check=False, stdin=subprocess.DEVNULL
        )
        if found.returncode != 0:
            raise RuntimeError(f"{program}: {found.stdout}{found.stderr}")


@contextlib.contextmanager
def postgres(*, safe: bool = False) -> Iterator[PostgresServer]:
    """A server for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="ml-intern-pg-") as folder:
        Path(folder).chmod(0o711)
        server = PostgresServer(Path(folder), safe=safe)
        try:
            yield server
        finally:
            with contextlib.suppress(RuntimeError):  # a test may have stopped it
                server.stop("immediate")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
