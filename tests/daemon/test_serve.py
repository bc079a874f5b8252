"""The daemon before it serves: what keeps it from that keeps it from working, too."""

from pathlib import Path

import pytest

from ml_intern.client.door import Health, NewSession
from ml_intern.clock import SystemClock
from ml_intern.daemon.cautions import cautions
from ml_intern.daemon.serve import Daemon, status
from ml_intern.daemon.service import Service
from ml_intern.daemon.systemd import Notifier
from ml_intern.errors import ConfigError
from ml_intern.settings import Settings


def test_a_daemon_that_cannot_listen_begins_no_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(state_dir=tmp_path / "state", sandbox="process")
    service = Service.open(settings)
    new = NewSession(task="Train an image classifier.", started_in="/", author="ada")
    session_id = service.door.start_session(new)
    settings.socket_path.write_text("something else")

    with pytest.raises(ConfigError, match="is no socket"):
        Daemon(settings, SystemClock(), lambda: 0, Notifier(None)).run()

    events = [recorded.event.kind for recorded in service.door.events(session_id)]
    service.close()
    assert events == ["session_started"]
    logged = [record.__dict__["found"] for record in caplog.records if record.msg == "caution"]
    assert logged == [caution.found for caution in cautions(settings)]


def test_the_status_names_the_command_for_calls_whose_outcome_is_unknown() -> None:
    counts = {"running": 1, "queued": 0, "waiting": 2, "open_approvals": 1}
    health = Health(version="1", pid=1, state="ready", trouble="", unknown_calls=2, **counts)
    assert status(health) == (
        "1 running, 0 queued, 2 waiting, 1 approval open, 2 unknown outcomes (ml-intern resolve)"
    )


@pytest.mark.parametrize(
    ("oldest_s", "words"), [(59.0, ""), (185.0, ", 4 for Slack, the first for 3 min")]
)
def test_the_status_tells_of_messages_that_wait_for_long(oldest_s: float, words: str) -> None:
    counts = {"running": 0, "queued": 0, "waiting": 0, "open_approvals": 0}
    mail = {"messages_waiting": 4, "oldest_message_s": oldest_s}
    health = Health(version="1", pid=1, state="ready", trouble="", **counts, **mail)
    assert status(health) == f"0 running, 0 queued, 0 waiting, 0 approvals open{words}"
