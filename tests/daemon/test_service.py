"""The composition root: one host for a state directory, and what it refuses to begin."""

import threading
from pathlib import Path

import pytest

from ml_intern.client.door import NewSession
from ml_intern.daemon.folders import private_folder
from ml_intern.daemon.local import MAX_TASK_CHARS
from ml_intern.daemon.service import Service
from ml_intern.errors import ConfigError, InputError
from ml_intern.settings import Settings


def settings(tmp_path: Path, **changes) -> Settings:
    return Settings(**{"state_dir": tmp_path / "state", "sandbox": "process", **changes})


@pytest.fixture
def opened(tmp_path):
    services = []

    def make(**changes) -> Service:
        service = Service.open(settings(tmp_path, **changes))
        services.append(service)
        return service

    yield make
    for service in services:
        service.close()


def start(service: Service, task: str):
    return service.door.start_session(NewSession(task=task, started_in="/", author="ada"))


def test_the_state_directory_is_private(opened, tmp_path):
    opened()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state/ml-intern.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("task", ["", " \n\t ", "x" * (MAX_TASK_CHARS + 1)])
def test_a_task_that_cannot_be_used_starts_nothing(opened, task):
    service = opened()
    with pytest.raises(InputError):
        start(service, task)
    assert service.store.sessions(10) == []


def test_a_model_that_cannot_be_used_starts_nothing(opened):
    service = opened(model="no-such-provider/model")
    with pytest.raises(ConfigError, match="no-such-provider"):
        start(service, "do it")
    assert service.store.sessions(10) == []


def test_one_process_hosts_and_the_next_takes_over(opened):
    first, second = opened(), opened()
    assert first.try_host()
    assert first.try_host()
    assert not second.try_host()
    first.close()
    assert second.try_host()


def test_a_service_in_a_hurry_still_lets_its_readers_end_before_the_store(opened):
    before = set(threading.enumerate())
    service = opened()
    assert service.try_host()
    service.close(drain_s=0.0)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not left & {"trace-writer", "job-watcher"}


def test_a_session_is_known_before_anybody_works_on_it(opened):
    service = opened()
    session_id = start(service, "  Train   it\nwell ")
    row = service.store.session(session_id)
    assert (row.title, row.state, row.outcome) == ("Train it well", "ready", None)


def test_a_state_directory_that_cannot_be_made_is_a_configuration_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="ML_INTERN_STATE_DIR"):
        Service.open(settings(tmp_path, state_dir=tmp_path / "file/state"))


def test_a_training_python_that_does_not_start_is_a_configuration_error(opened, tmp_path):
    service = opened(training_python=tmp_path / "no-python")
    with pytest.raises(ConfigError, match="ML_INTERN_TRAINING_PYTHON"):
        service.try_host()
    assert service.host_pid() is None


def test_a_folder_that_exists_keeps_its_mode(opened, tmp_path):
    (tmp_path / "state").mkdir(mode=0o1777)
    (tmp_path / "state").chmod(0o1777)
    service = opened()
    start(service, "do it")
    assert (tmp_path / "state").stat().st_mode & 0o7777 == 0o1777
    assert (tmp_path / "state/ml-intern.db").stat().st_mode & 0o077 == 0


def test_every_new_folder_is_private(tmp_path):
    private_folder(tmp_path / "a/b/c")
    for name in ("a", "a/b", "a/b/c"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700
