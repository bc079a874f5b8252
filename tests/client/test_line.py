"""Who listens at a socket, and why we may not ask."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.client.line import listens
from ml_intern.errors import ApiError, ConfigError

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that everybody may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="ml-intern-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def stranger() -> Iterator[None]:
    """This process is another user's meanwhile."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


def listening(path: Path, mode: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    path.chmod(mode)
    return listener


@pytest.fixture
def theirs(folder: Path) -> Iterator[Path]:
    with listening(folder / "s", 0o600):
        yield folder / "s"


@pytest.fixture
def ours(folder: Path) -> Iterator[Path]:
    """Of whom a stranger is."""
    with listening(folder / "s", 0o000):
        if os.geteuid() == 0:
            os.chown(folder / "s", NOBODY, NOBODY)
        yield folder / "s"


def test_a_socket_of_another_user_is_said_to_be_theirs(theirs: Path, stranger: None) -> None:
    with pytest.raises(ApiError, match="belongs to another user"):
        listens(theirs)


def test_a_folder_that_keeps_us_out_is_not_taken_for_anothers_socket(
    theirs: Path, request: pytest.FixtureRequest
) -> None:
    theirs.parent.chmod(0o000 if os.geteuid() else 0o700)
    if os.geteuid() == 0:
        request.getfixturevalue("stranger")
    try:
        with pytest.raises(ConfigError, match="a folder above it keeps this user out"):
            listens(theirs)
    finally:
        if os.getuid():
            theirs.parent.chmod(0o700)


def test_our_own_socket_that_we_may_not_use_is_said_to_be_ours(ours: Path, stranger: None) -> None:
    with pytest.raises(ConfigError, match="is this user's"):
        listens(ours)
