"""A PostgreSQL server of its own for the tests that want one; skipped where there is none."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

BIN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session")
def _postgres_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    pytest.importorskip("psycopg")
    if not (BIN / "initdb").exists() or os.geteuid() != 0:
        pytest.skip("needs PostgreSQL 15 and root")
    folder = Path("/tmp") / f"ml-intern-pg-{uuid.uuid4().hex[:8]}"
    folder.mkdir(mode=0o700)
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(folder / "data")

    def does(*words: str) -> None:
        command = ["runuser", "-u", "postgres", "--", *words]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    does(str(BIN / "initdb"), "-D", data, "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    does(str(BIN / "pg_ctl"), "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    yield port
    does(str(BIN / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(_postgres_port: int) -> str:
    """A new, empty database."""
    import psycopg

    name = f"t{uuid.uuid4().hex[:12]}"
    address = f"postgresql://postgres@127.0.0.1:{_postgres_port}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{address}/{name}"
