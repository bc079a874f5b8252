"""The commands as a shell sees them: words in, status and sentences out."""

import fcntl
import json
import os
import pty
import select
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ml_intern import __version__
from ml_intern.cli.main import app
from ml_intern.events import JobStarted, TurnFinished, TurnStarted
from ml_intern.messages import JobId
from ml_intern.queue.mail import Draft
from tests.cli.services import change, scripted_service, started
from tests.support.lost import lose_call
from tests.support.nursery import Nursery
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SCHEMA_0001 = ROOT / "tests/queue/schema_0001.sql"
MUST_NOT_LOAD = (
    "rich",
    "pydantic",
    "pydantic_settings",
    "sqlalchemy",
    "torch",
    "litellm",
    "starlette",
    "ml_intern.settings",
    "ml_intern.daemon",
)
QUESTION = "Train a text classifier"
"""A task that names no data, so that the embedded planner asks."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def environment(state: Path, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    return {
        **kept,
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "ML_INTERN_STATE_DIR": str(state),
        "ML_INTERN_SANDBOX": "process",
    }


@pytest.fixture
def ml_intern(environment: dict[str, str], tmp_path: Path, nursery: Nursery):
    """Runs one command without a terminal."""

    def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return nursery.run(*words, environment={**environment, **(env or {})}, folder=tmp_path)

    return run


@pytest.fixture
def waiting(state: Path) -> str:
    """A session that waits for an approval."""
    with scripted_service(state, [change()]) as service:
        session_id = started(service, "Try a smaller batch")
        service.try_host()
        wait_until(lambda: service.store.session(session_id).state == "waiting")
    return session_id


@pytest.fixture
def unknown(state: Path) -> str:
    """A session that waits for a word on what became of a call."""
    with scripted_service(state) as service:
        started(service, "Tell the lab")
        return lose_call(service.store, "send", to="lab")


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ml_intern.cli.main", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    assert "typer" in loaded
    assert not {name for name in MUST_NOT_LOAD if name in loaded}
    assert "Shell completion" in done.stdout


@pytest.mark.parametrize(
    "command", [c.name or c.callback.__name__ for c in app.registered_commands]
)
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])

    assert done.exit_code == 0
    assert f"Usage: ml-intern {command}" in done.output or f" {command} " in done.output


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"ml-intern {__version__}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no-such-command"], "No such command"),
        (["run"], "Missing argument"),
        (["run", " \n"], "The task is empty"),
        (["say", "abc", " "], "nothing to say"),
        (["show", "abc"], "No session has an id that begins with 'abc'"),
        (["approve", "abc"], "No approval 'abc'"),
        (["sessions", "--limit", "0"], "Invalid value"),
        (["run", "--effort", "hrad", "x"], "Invalid value for '--effort': 'hrad' is not one of"),
    ],
)
def test_what_was_typed_wrong_is_said_in_a_sentence(
    ml_intern, words: list[str], sentence: str
) -> None:
    done = ml_intern(*words)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        pytest.param(b"x" * 1_000_000, b"1,000,000 characters", id="a megabyte"),
        pytest.param(b"Train \xff\xfe", b"", id="no text"),
    ],
)
def test_a_task_on_standard_input_that_cannot_be_one_is_refused(
    environment: dict[str, str], task: bytes, sentence: bytes
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ml_intern.cli.main", "run", "-"],
        env={**environment, "PYTHONUTF8": "1"},
        input=task,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert sentence in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ML_INTERN_STATE_DIR", "/proc/nowhere", "ML_INTERN_STATE_DIR"),
        ("ML_INTERN_MODEL", "gpt-unheard-of", "OPENAI_API_KEY"),
        ("ML_INTERN_WORKERS", "many", "workers"),
        ("ML_INTERN_SANBOX", "auto", "sandbox"),
    ],
)
def test_a_wrong_setting_is_status_78(ml_intern, name: str, value: str, sentence: str) -> None:
    done = ml_intern("run", "Train", env={name: value})

    assert done.returncode == 78
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(ml_intern) -> None:
    done = ml_intern("--debug", "run", " ")

    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_a_question_without_a_terminal_is_left_with_the_command_that_answers_it(ml_intern) -> None:
    done = ml_intern("run", *QUESTION.split())
    session = done.stdout.split()[1]

    assert done.returncode == 4
    assert f'ml-intern say {session} "..."' in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_json_writes_every_event_and_one_summary(ml_intern) -> None:
    done = ml_intern("run", "--json", QUESTION)
    documents = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 4
    assert documents[0]["event"]["kind"] == "session_started"
    assert [d["type"] for d in documents[:-1]] == ["event"] * (len(documents) - 1)
    assert documents[-1]["type"] == "summary"
    assert documents[-1]["exit_code"] == 4
    assert documents[-1]["answer_with"]


def test_sessions_and_show_as_json(ml_intern, waiting: str) -> None:
    listed = json.loads(ml_intern("sessions", "--json").stdout)
    shown = json.loads(ml_intern("show", waiting[:6], "--json", "--events").stdout)

    assert [(row["session_id"], row["state"]) for row in listed] == [(waiting, "waiting")]
    assert ml_intern("sessions").stdout.split("\t")[:2] == [waiting[:8], "needs you"]
    assert listed[0]["created_at"].endswith("Z")
    assert shown["session_id"] == waiting
    assert shown["task"] == "Try a smaller batch"
    assert [step["tool"] for step in shown["steps"]] == ["propose_change"]
    assert shown["approvals"][0]["arguments"]["becomes"] == "8"
    assert shown["events"][0]["event"]["kind"] == "session_started"


def test_show_tells_a_person_what_waits_and_how_to_answer(ml_intern, waiting: str) -> None:
    done = ml_intern("show", waiting)

    assert "propose_change needs your yes" in done.stdout
    assert "Change batch from 32 to 8." in done.stdout
    assert "→ answer with: ml-intern approve" in done.stdout


def test_the_first_decision_counts_and_a_second_one_is_told_so(ml_intern, waiting: str) -> None:
    (asked,) = json.loads(ml_intern("show", waiting, "--json").stdout)["approvals"]
    first = ml_intern("deny", waiting, "--reason", "no", "--no-wait")
    second = ml_intern("approve", asked["approval_id"][:8])
    by_session = ml_intern("approve", waiting, "--no-wait")

    assert first.returncode == 0
    assert first.stdout.startswith("Denied propose_change")
    assert second.returncode == 2
    assert "Already decided by" in second.stderr
    assert "denied" in second.stderr
    assert by_session.returncode == 2
    assert "nothing to decide" in by_session.stderr


@pytest.fixture
def two_asked(state: Path) -> str:
    """A session of which two calls of one answer wait for a yes."""
    one, other = change("8"), change("16")
    both = replace(one, tool_calls=one.tool_calls + other.tool_calls)
    with scripted_service(state, [both]) as service:
        session_id = started(service, "Try a smaller batch")
        service.try_host()
        wait_until(lambda: service.store.session(session_id).state == "waiting")
    return session_id


def test_all_that_is_open_is_shown_and_approved_at_once(ml_intern, two_asked: str) -> None:
    edited = ml_intern("approve", two_asked, "--edit", "{}", "--no-wait")
    done = ml_intern("approve", two_asked, "--no-wait")

    assert edited.returncode == 2
    assert "name the one to edit" in edited.stderr
    assert done.returncode == 0
    assert done.stdout.count("propose_change needs your yes") == 2
    assert "Approved propose_change, propose_change of session" in done.stdout
    assert json.loads(ml_intern("show", two_asked, "--json").stdout)["approvals"] == []


def test_what_is_not_offered_for_all_is_refused(ml_intern, waiting: str) -> None:
    done = ml_intern("approve", waiting, "--like-this", "--no-wait")

    assert done.returncode == 2
    assert "approve this one alone" in done.stderr


def test_what_became_of_a_call_is_said_once(ml_intern, unknown: str) -> None:
    first = ml_intern("resolve", unknown[:8], "--skip", "--note", "it came", "--no-wait")
    second = ml_intern("resolve", unknown, "--retry", "--no-wait")

    assert (first.returncode, first.stdout) == (
        0,
        f"send of session {unknown[:8]} is not repeated.\n",
    )
    assert second.returncode == 2
    assert "Somebody else has answered already" in second.stderr


def test_resolve_goes_on_with_the_session_here(ml_intern, unknown: str) -> None:
    done = ml_intern("resolve", unknown, "call_lost", "--done", "--json")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    late = ml_intern("resolve", unknown, "call_lost", "--retry")

    said = [d["event"] for d in documents[:-1] if d["event"]["kind"] == "unknown_resolved"]
    assert [one["choice"] for one in said] == ["done"]
    assert documents[-1]["type"] == "summary"
    assert late.returncode == 2
    assert "Already answered by" in late.stderr
    assert "done" in late.stderr


def test_a_job_of_a_machine_that_is_gone_is_declared_lost_once(ml_intern, state: Path) -> None:
    with scripted_service(state) as service:
        session_id = started(service)
        claim = service.store.claim(0)
        handle = {"job_id": "j1", "folder": str(state / "gone")}
        job = JobStarted(job_id=JobId("j1"), compute="local", handle=handle, label="train.py")
        end = TurnFinished(outcome="waiting", detail="a job", waiting_on=("job:j1",))
        service.store.finish(claim, TurnStarted(op_seq=1, attempt=1), job, end)

    first = ml_intern("resolve", session_id, "--lost", "--note", "it burned", "--no-wait")
    second = ml_intern("resolve", session_id, "j1", "--lost", "--no-wait")

    assert (first.returncode, first.stdout) == (
        0,
        f"The job of session {session_id[:8]} counts as lost.\n",
    )
    assert second.returncode == 2
    assert "has ended already" in second.stderr
    assert ml_intern("fsck").returncode == 0


def test_sessions_and_show_name_the_command_for_a_lost_call(ml_intern, unknown: str) -> None:
    listed = ml_intern("sessions")
    shown = ml_intern("show", unknown)
    document = json.loads(ml_intern("show", unknown, "--json").stdout)

    assert len(listed.stdout.splitlines()) == 1
    assert f"`ml-intern resolve {unknown[:8]} --retry`, `--done` or `--skip`" in listed.stderr
    assert "send may have taken effect or not" in shown.stdout
    assert f"→ answer with: ml-intern resolve {unknown[:8]} --done" in shown.stdout
    assert document["unknowns"] == [
        {"call_id": "call_lost", "tool": "send", "arguments": {"to": "lab"}}
    ]
    assert document["waiting_on"] == ["unknown:call_lost"]


def test_a_lost_call_of_a_session_that_is_not_listed_is_counted(
    ml_intern, unknown: str, state: Path
) -> None:
    with scripted_service(state) as service:
        started(service)

    listed = ml_intern("sessions", "-n", "1")

    assert "1 such call of sessions that are not listed" in listed.stderr


def test_doctor_names_the_command_for_a_lost_call(ml_intern, unknown: str) -> None:
    done = ml_intern("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    assert checks["outcomes"]["verdict"] == "warn"
    assert (
        f"1 call may have taken effect or not: send of {unknown[:8]}" in checks["outcomes"]["found"]
    )
    assert f"ml-intern resolve {unknown[:8]} --retry" in checks["outcomes"]["next_step"]


def test_doctor_tells_of_messages_that_slack_did_not_take(ml_intern, state: Path) -> None:
    with scripted_service(state) as service:
        mail = service.store.mail
        mail.put("slack", [Draft(lane=lane, dedupe=lane, body={}) for lane in ("one", "two")])
        mail.drop(mail.ready("slack", 1)[0], "failed")

    done = ml_intern("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    assert checks["messages"]["verdict"] == "warn"
    assert "1 message to Slack to be sent" in checks["messages"]["found"]
    assert "1 of the last 7 days not taken" in checks["messages"]["found"]
    assert "slack_message_lost" in checks["messages"]["next_step"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Say one of --retry, --done and --skip"),
        (("--lost", "--done"), "Say one of --retry, --done and --skip"),
        (("--lost",), "No job of this session runs"),
        (("--retry", "--skip"), "Say one of --retry, --done and --skip"),
        (("call_x", "--skip"), "Name one call of session"),
    ],
)
def test_a_word_on_a_lost_call_that_is_unclear_changes_nothing(
    ml_intern, unknown: str, words: tuple[str, ...], sentence: str
) -> None:
    done = ml_intern("resolve", unknown, *words)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert json.loads(ml_intern("show", unknown, "--json").stdout)["unknowns"]


def test_a_session_without_a_lost_call_has_nothing_to_resolve(ml_intern, waiting: str) -> None:
    done = ml_intern("resolve", waiting, "--done")

    assert done.returncode == 2
    assert "has no call that waits for a word on its effect" in done.stderr


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        pytest.param("[" * 100_000, "is not JSON", id="deep"),
        ("{bad", "not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"no_such_field": 1}', "cannot be used"),
    ],
)
def test_an_edit_that_cannot_be_used_decides_nothing(
    ml_intern, waiting: str, edit: str, sentence: str
) -> None:
    done = ml_intern("approve", waiting, "--edit", edit)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert json.loads(ml_intern("show", waiting, "--json").stdout)["approvals"]


def test_an_ended_session_cannot_be_interrupted_again(ml_intern, waiting: str) -> None:
    first = ml_intern("interrupt", waiting, "--reason", "enough")
    second = ml_intern("interrupt", waiting)

    assert first.returncode == 0
    assert "Interrupted" in first.stdout
    assert second.returncode == 0
    assert "has ended already (interrupted)" in second.stdout


def test_an_interrupt_without_a_daemon_begins_no_other_session(ml_intern, state: Path) -> None:
    with scripted_service(state) as service:
        other, stopped = started(service, QUESTION), started(service, QUESTION)

    done = ml_intern("interrupt", stopped)

    assert done.returncode == 0, done.stderr
    assert other[:8] not in done.stdout + done.stderr
    assert json.loads(ml_intern("show", other, "--json").stdout)["state"] == "queued"


@pytest.mark.parametrize("words", [("undo",), ("model", "autopilot")])
def test_a_revision_without_a_daemon_begins_no_other_session(
    ml_intern, state: Path, waiting: str, words: tuple[str, ...]
) -> None:
    with scripted_service(state) as service:
        other = started(service, QUESTION)

    done = ml_intern(words[0], waiting, *words[1:])

    assert done.returncode == 0, done.stderr
    assert json.loads(ml_intern("show", other, "--json").stdout)["state"] == "queued"


def test_how_hard_models_think_is_chosen_at_the_start_and_changed_later(ml_intern) -> None:
    new = ml_intern("submit", "--effort", "xhigh", QUESTION).stdout.strip()
    assert "model       autopilot\n" in ml_intern("show", new).stdout  # it has no effort
    assert json.loads(ml_intern("show", new, "--json").stdout)["effort"] == "xhigh"

    assert ml_intern("interrupt", new).returncode == 0
    done = ml_intern("model", new, "--effort", "low")
    assert done.stdout == f"From now on session {new[:8]} asks autopilot.\n"
    told = json.loads(ml_intern("show", new, "--json").stdout)
    assert (told["model"], told["own_model"], told["effort"]) == ("autopilot", "autopilot", "low")

    assert ml_intern("model", new).stdout == (
        f"Session {new[:8]} asks autopilot.\n"
        "  1. autopilot\n"
        f"Another one: ml-intern model {new[:8]} NAME\n"
    )
    done = ml_intern("run", "--effort", "extreme", QUESTION)
    assert (done.returncode, "'minimal'" in done.stderr) == (2, True)


def test_the_models_that_would_go_on_with_a_session_are_listed(ml_intern) -> None:
    new = ml_intern("submit", "--model", "vllm/a", "--effort", "low", QUESTION).stdout.strip()
    told = ml_intern("model", new, env={"ML_INTERN_FALLBACK_MODELS": "vllm/b,vllm/a"})
    assert told.stdout.splitlines()[:3] == [
        f"Session {new[:8]} asks vllm/a, effort low.",
        "  1. vllm/a",
        "  2. vllm/b",
    ]


def test_resume_with_nothing_to_do_says_so(ml_intern) -> None:
    done = ml_intern("resume")

    assert done.returncode == 0
    assert "Nothing is queued or cut off" in done.stdout


def test_an_ambiguous_prefix_is_refused(ml_intern, state: Path) -> None:
    with scripted_service(state) as service:
        ids = [started(service, f"Task {number}") for number in range(17)]
    first = {identifier[0] for identifier in ids}
    shared = next(c for c in first if sum(i.startswith(c) for i in ids) > 1)

    done = ml_intern("show", shared)

    assert done.returncode == 2
    assert "No session" not in done.stderr


def test_a_near_miss_of_an_id_is_suggested(ml_intern, waiting: str) -> None:
    wrong = waiting[:7] + ("0" if waiting[7] != "0" else "1")

    assert f"Did you mean {waiting[:8]}" in ml_intern("show", wrong).stderr


def test_a_reader_that_goes_away_is_no_error(environment: dict[str, str], waiting: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ml_intern.cli.main", "show", waiting, "--events"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()

    assert process.stderr.read() == b""
    assert process.wait(30) == 141
    process.stderr.close()


def test_the_log_is_private_and_the_terminal_free_of_it(ml_intern, state: Path) -> None:
    ml_intern("run", QUESTION)

    assert (state / "logs/ml-intern.log").stat().st_mode & 0o777 == 0o600


def test_slack_manifest_is_json(ml_intern) -> None:
    done = ml_intern("slack", "manifest")
    assert done.returncode == 0
    assert json.loads(done.stdout)["settings"]["socket_mode_enabled"]


def test_doctor_names_what_slack_lacks(ml_intern) -> None:
    done = ml_intern("doctor", "--json", env={"SLACK_BOT_TOKEN": "xoxb-verysecret"})
    (found,) = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "slack"]
    assert found["verdict"] == "fail"
    assert "slack_app_token" in found["found"]
    assert "verysecret" not in done.stdout


def test_doctor_misses_the_tokens_of_who_may_decide(ml_intern) -> None:
    done = ml_intern("doctor", "--json", env={"ML_INTERN_SLACK_MAY_DECIDE": "U0123456789"})
    (check,) = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "slack"]
    assert check["verdict"] == "warn"
    assert "SLACK_APP_TOKEN" in check["next_step"]


def test_doctor_finds_what_a_run_needs(ml_intern) -> None:
    hub = {"HF_TOKEN": "hf_verysecretverysecret", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = ml_intern("doctor", "--json", env=hub)
    document = json.loads(done.stdout)
    checks = {check["name"]: check for check in document["checks"]}

    assert {"python", "settings", "state dir", "sandbox", "training", "model"} <= set(checks)
    assert checks["hub token"]["found"].startswith("present")
    assert "cannot be reached" in checks["traces"]["found"]
    assert checks["traces"]["verdict"] == "warn"
    assert "verysecret" not in done.stdout
    assert (done.returncode == 0) is document["ok"]
    assert document["ok"] is all(check["verdict"] != "fail" for check in document["checks"])


@pytest.mark.parametrize(
    ("name", "value", "failing"),
    [
        ("ML_INTERN_TRAINING_PYTHON", "/no/such/python", "training"),
        ("ML_INTERN_STATE_DIR", "/proc/nowhere", "state dir"),
        ("ML_INTERN_DATABASE", "postgresql://ada:secret@127.0.0.1:1/none", "database"),
        ("ML_INTERN_DATABASE", "mysql://127.0.0.1/none", "database"),
        ("ML_INTERN_MODEL", "gpt-unheard-of", "model"),
        ("ML_INTERN_WORKERS", "none", "settings"),
    ],
)
def test_doctor_names_what_is_missing(ml_intern, name: str, value: str, failing: str) -> None:
    done = ml_intern("doctor", "--json", env={name: value})
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    assert done.returncode == 78
    assert checks[failing]["verdict"] == "fail"
    assert checks[failing]["next_step"]
    assert "secret" not in done.stdout


def test_doctor_leaves_an_older_database_as_it_is(ml_intern, tmp_path: Path) -> None:
    old = tmp_path / "old/ml-intern.db"
    old.parent.mkdir()
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(SCHEMA_0001.read_text())
    before = old.read_bytes()
    done = ml_intern("doctor", "--json", env={"ML_INTERN_STATE_DIR": str(old.parent)})
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert "has schema 1; the next start makes it" in checks["database"]["found"]
    assert old.read_bytes() == before
    assert not list(old.parent.glob("*.schema-*"))


class Terminal:
    """`ml-intern` at a pseudo-terminal, as a person has it."""

    def __init__(self, environment: dict[str, str], *words: str, columns: int = 80) -> None:
        self._near, far = pty.openpty()
        termios.tcsetwinsize(far, (24, columns))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ml_intern.cli.main", *words],
            env={**environment, "TERM": "xterm-256color"},
            stdin=far,
            stdout=far,
            stderr=far,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(far)
        self.shown = ""
        self._seen = 0

    def until(self, words: str, within_s: float = 40.0) -> None:
        """Read on until `words` are shown once more than at the last call."""
        end = time.monotonic() + within_s
        while words not in self.shown[self._seen :] and time.monotonic() < end and self._read():
            pass
        assert words in self.shown[self._seen :]
        self._seen = self.shown.index(words, self._seen) + len(words)

    def type(self, text: str) -> None:
        os.write(self._near, text.encode())

    def ends(self) -> int:
        while self._read():
            pass
        os.close(self._near)
        return self.process.wait(30)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._near], [], [], 1.0)
        if not ready:
            return self.process.poll() is None
        try:
            got = os.read(self._near, 65_536)
        except OSError:  # the other side is closed
            return False
        self.shown += got.decode(errors="replace")
        return bool(got)


def test_a_question_is_answered_at_the_terminal(environment: dict[str, str]) -> None:
    terminal = Terminal(environment, "run", QUESTION)
    terminal.until("Your answer")
    terminal.type("no-such-file.csv\r")
    terminal.until("no-such-file.csv does not exist")
    terminal.until("Your answer")
    terminal.type("\r")

    assert terminal.ends() == 4
    assert "Waiting for you" in terminal.shown


def test_ctrl_c_at_a_question_stops_the_session(environment: dict[str, str]) -> None:
    terminal = Terminal(environment, "run", QUESTION)
    terminal.until("Your answer")
    terminal.type("\x03")

    assert terminal.ends() == 130
    assert "Interrupted" in terminal.shown
    assert "Traceback" not in terminal.shown


def test_a_terminal_has_colours_and_no_color_is_honoured(environment: dict[str, str]) -> None:
    coloured = Terminal(environment, "run", QUESTION)
    coloured.until("Your answer")
    coloured.type("\x04")
    plain = Terminal({**environment, "NO_COLOR": "1"}, "run", QUESTION)
    plain.until("Your answer")
    plain.type("\x04")

    assert (coloured.ends(), plain.ends()) == (4, 4)
    assert "\x1b[1;33m" in coloured.shown
    assert "\x1b[1;33m" not in plain.shown
    assert "33m" not in plain.shown


def test_ctrl_c_before_there_is_a_session_is_silent(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ml_intern.cli.main", "run", "-"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: _reads_standard_input(process.pid))
    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 130


def _reads_standard_input(pid: int) -> bool:
    try:
        syscall = Path(f"/proc/{pid}/syscall").read_text().split()
    except OSError:
        return False
    return syscall[:2] == ["0", "0x0"]


def test_completion_is_shown_with_status_0(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "ml_intern.cli.main", "--show-completion", "bash"]
    # Tests may run below no shell at all, where there is none to detect.
    told = {**environment, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(command, env=told, capture_output=True, check=False, timeout=60)
    assert (done.returncode, b"complete" in done.stdout) == (0, True)
