"""A disk without room stops the work with a sentence; with room again it goes on."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.client.door import Fork
from ml_intern.daemon import workers
from ml_intern.errors import InputError
from ml_intern.queue import sqlite
from tests.cli.services import scripted_service, started
from tests.scenario.test_kill import assert_nothing_lost_or_doubled, starts
from tests.scenario.world import World, wait_until

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that leaves no byte free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as sink:
        size = 1 << 20
        while size:
            try:
                sink.write(b"\\0" * size)
            except OSError:
                size //= 2
    return ballast


def test_a_full_disk_is_told_in_a_sentence_and_resume_goes_on(
    tmp_path: Path, small_disk: Path, pictures: Path
) -> None:
    world = World(folder=tmp_path, state=small_disk / "state")
    try:
        running = world.start(
            "run",
            "--yes",
            f"Train an image classifier from scratch on {pictures} for 2 epochs. Do not publish.",
        )
        world.wait_for(starts("dummy_forward"), "checking", running)
        session_id = world.only_session()
        ballast = fill(small_disk)

        status = running.ends()

        said = running.said()
        assert status == 75, said
        assert "Traceback" not in said
        assert "is full" in said
        assert f"ml-intern resume {session_id[:8]}" in said
        assert world.left_processes() == []

        ballast.unlink()
        status, said = world.does("resume", "--yes")
        assert status == 0, said
        assert_nothing_lost_or_doubled(world.events(session_id))
    finally:
        world.end()


def test_a_fork_for_which_there_is_no_room_is_refused_and_not_kept(small_disk: Path) -> None:
    with scripted_service(small_disk / "state", ["I looked."]) as service:
        session_id = started(service, "Look around")
        assert service.try_host()
        wait_until(lambda: service.door.session(session_id).outcome == "finished", "it is done")
        sessions = service.settings.sessions_path
        for name in "abc":
            (sessions / session_id / "workspace" / name).write_bytes(b"x" * 4_000_000)
        wish = Fork(source=session_id, turn=1, started_in="/", author="ada")
        with pytest.raises(InputError, match="No space left on device"):
            service.door.fork(wish)
        assert [path.name for path in sessions.iterdir()] == [session_id]
        (sessions / session_id / "workspace/a").unlink()
        fork = service.door.fork(wish)
        assert (sessions / fork / "workspace/c").stat().st_size == 4_000_000


def test_a_service_is_in_ill_health_as_long_as_its_disk_is_full(small_disk: Path) -> None:
    with scripted_service(small_disk / "state") as service:
        ballast = fill(small_disk)
        full = service.door.health()
        ballast.unlink()
        again = service.door.health()

    assert full.state == "degraded"
    assert "Free space" in full.trouble
    assert (again.state, again.trouble) == ("ready", "")


def test_a_service_is_in_ill_health_as_long_as_it_cannot_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "RENEW_S", 0.1)
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.1)
    with scripted_service(tmp_path / "state") as service:
        assert service.try_host()
        with (tmp_path / "state/ml-intern.db.writer").open() as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            wait_until(lambda: service.door.health().state == "degraded", "it is noticed")
            assert "locked by another process" in service.door.health().trouble
        wait_until(lambda: service.door.health().state == "ready", "it goes on")
