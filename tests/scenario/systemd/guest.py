"""Runs as root in the machine that `machine.py` boots, and finds out how the service behaves there.

Each fact is one line of JSON in `facts.jsonl`; nothing is judged here. What does not come true in
time is a fact too: `broken`, after the `step` that waited for it.
"""

import json
import os
import pwd
import re
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from tests.scenario.systemd import look
from tests.scenario.systemd.journal import Journal
from tests.scenario.systemd.look import UNIT
from tests.scenario.systemd.machine import DATA, PROJECT, SHARED
from tests.scenario.systemd.shell import (
    STATE,
    as_service,
    follow_readme,
    run,
    service_command,
    wait_until,
)

OVERRIDES = Path(f"/etc/systemd/system/{UNIT}.d")
ENVIRONMENT = Path("/etc/ml-intern/ml-intern.env")
INSTALLED = (STATE, ENVIRONMENT.parent, Path("/etc/systemd/system", UNIT), OVERRIDES)
TASK = (
    f"Train a small image classifier from scratch on {DATA}/colours for 5000 epochs. "
    "Do not publish it."
)
WATCHDOG_S = 5
ALL_IN_S = 480
SESSION_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def main() -> None:
    """All steps in order; then the machine may be switched off."""
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(ALL_IN_S)
    steps = Steps()
    try:
        for step in (
            steps.install,
            steps.start,
            steps.kill,
            steps.train_inside_the_service,
            steps.restart,
            steps.train_in_a_unit_of_its_own,
            steps.hang,
            steps.stop,
            steps.upgrade,
            steps.interrupt,
            steps.uninstall,
            steps.serve_one_person,
        ):
            steps.note("step", step.__name__)
            step()
        steps.note("step", "all done")
    except BaseException:
        steps.note("broken", traceback.format_exc())
        raise
    finally:
        told = run("journalctl", "--no-pager", "--output=short-monotonic", check=False)
        Path(SHARED, "journal.txt").write_text(told)


class Steps:
    """What a person does with the service, and what else may happen to it."""

    def __init__(self) -> None:
        self._facts = Path(SHARED, "facts.jsonl")
        self._began = time.monotonic()
        self._session = ""
        self._journal = Journal()

    def note(self, fact: str, value: object) -> None:
        """Tell the outside."""
        at = round(time.monotonic() - self._began, 1)
        with self._facts.open("a") as file:
            file.write(json.dumps({"fact": fact, "value": value, "at": at}) + "\n")
        sys.stdout.write(f"{at:6.1f} {fact}: {value}\n")
        sys.stdout.flush()

    def install(self) -> None:
        """As the README says; only the interpreter is where it is."""
        run("mount", "-t", "proc", "proc", "/proc")  # see machine.py
        follow_readme("Register the service")
        OVERRIDES.mkdir()
        (OVERRIDES / "interpreter.conf").write_text(_interpreter())
        run("systemctl", "daemon-reload")

    def start(self) -> None:
        """A credential whose file is missing does not keep the service from starting."""
        follow_readme("Start it")
        self.note("after_start", look.show("ActiveState", "StatusText", "Type", "NRestarts"))
        self.note("ready_after_s", look.ready_after_s())
        self.note("socket_mode", oct((STATE / "daemon.sock").stat().st_mode & 0o777))
        self._journal.open()

    def kill(self) -> None:
        """In the middle of a turn, while confined code runs."""
        self._session = _submit()
        daemon = look.main_pid()
        self._wait_for("tool_started", tool="dummy_forward")
        confined = wait_until(lambda: _confined(daemon), "confined code runs")
        os.kill(daemon, signal.SIGKILL)
        wait_until(lambda: look.is_up_after(1), "the service is started again after kill -9")
        self.note("after_kill", look.show("ActiveState", "NRestarts", "StatusText"))
        self.note("confined_left_by_kill", look.left_of(confined))

    def train_inside_the_service(self) -> None:
        """The session goes on after the kill, to a job. Nobody has a unit for it."""
        self._wait_for("job_progressed")
        self.note("job_without_manager", look.job())

    def restart(self) -> None:
        """Afterwards code is confined by Landlock, and the watchdog is impatient."""
        with ENVIRONMENT.open("a") as file:
            file.write("ML_INTERN_SANDBOX=process\n")
        (OVERRIDES / "watchdog.conf").write_text(f"[Service]\nWatchdogSec={WATCHDOG_S}\n")
        run("systemctl", "daemon-reload")
        job, began = look.job(), time.monotonic()
        run("systemctl", "restart", UNIT)
        self.note("restart_took_s", round(time.monotonic() - began, 2))
        self._note_that_job_goes_on("restart", job)

    def train_in_a_unit_of_its_own(self) -> None:
        self._interrupt()
        follow_readme("Give jobs units of their own")
        seen = len(self._journal)
        saying = subprocess.Popen(service_command("say", self._session, "Continue."))
        self._wait_for("job_progressed", after=seen)
        saying.terminate()  # it may have stayed, to show what becomes of it
        self.note("job_with_manager", look.job())
        self.note("units_of_jobs", look.units_of_jobs())

    def hang(self) -> None:
        """A daemon whose every thread stands still."""
        job, daemon, restarts = look.job(), look.main_pid(), look.restarts()
        os.kill(daemon, signal.SIGSTOP)
        wait_until(lambda: look.main_pid() != daemon, "the watchdog ends a daemon that hangs")
        (OVERRIDES / "watchdog.conf").unlink()
        run("systemctl", "daemon-reload")
        wait_until(lambda: look.is_up_after(restarts + 1), "the service is started after a hang")
        self.note("watchdog_said", run("journalctl", "-u", UNIT, "--no-pager", "-g", "atchdog"))
        self._note_that_job_goes_on("hang", job)

    def stop(self) -> None:
        job, began = look.job(), time.monotonic()
        run("systemctl", "stop", UNIT)
        self.note("stop_took_s", round(time.monotonic() - began, 2))
        self.note("after_stop", look.show("ActiveState", "Result", "ExecMainStatus"))
        self.note("left_in_the_service", look.words_of(look.processes_of_service()))
        self._note_that_job_goes_on("stop", job)

    def upgrade(self) -> None:
        """The new daemon takes the job up."""
        job, seen = look.job(), len(self._journal)
        follow_readme("Upgrade")
        self._wait_for("job_progressed", after=seen)
        self._note_that_job_goes_on("upgrade", job)
        self.note("status_with_job", look.show("StatusText")["StatusText"])

    def interrupt(self) -> None:
        """The new daemon can also end the job that it has not started."""
        job = look.job()
        self._interrupt()
        self.note("processes_of_job", look.alive(job))
        self.note("units_at_the_end", look.units_of_jobs())
        self.note("jobs_started", len(self._journal.all("job_started", "job_id")))
        self.note("jobs_ended", self._journal.all("job_ended", "status"))

    def uninstall(self) -> None:
        self._journal.close()
        follow_readme("Uninstall")
        self.note("unit_after_uninstall", look.show("LoadState")["LoadState"])
        self.note("left_by_uninstall", [str(path) for path in INSTALLED if path.exists()])

    def serve_one_person(self) -> None:
        """The unit of a user manager, which confines by other means."""
        ada = Person("ada")
        ada.arrive()
        follow_readme("For one person", ada.become)
        self.note("after_start_for_one_person", ada.shows("ActiveState", "StatusText", "Type"))
        ada.does("systemctl", "--user", "stop", UNIT)
        self.note("after_stop_for_one_person", ada.shows("ActiveState", "Result"))

    def _wait_for(self, kind: str, *, after: int = 0, **fields: str) -> None:
        self._journal.wait_for(kind, after=after, session=self._session, **fields)

    def _interrupt(self) -> None:
        seen = len(self._journal)
        as_service("interrupt", self._session)
        self._wait_for("job_ended", after=seen)

    def _note_that_job_goes_on(self, through: str, job: dict[str, Any]) -> None:
        """Whether its runner and its process are those that they were."""
        self.note(f"job_goes_on_through_{through}", len(look.alive(job)) == 2)


class Person:
    """Somebody with a home and a manager."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.become: list[str] = []

    def arrive(self) -> None:
        """Come to have an account and a manager, and the program at its other place."""
        run("useradd", "--create-home", self._name)
        entry = pwd.getpwnam(self._name)
        settings = f"XDG_RUNTIME_DIR=/run/user/{entry.pw_uid}", f"HOME={entry.pw_dir}"
        self.become = ["runuser", "-u", self._name, "--", "env", *settings]
        run("loginctl", "enable-linger", self._name)
        run("systemctl", "start", f"user@{entry.pw_uid}.service")
        drop_in = f"{entry.pw_dir}/.config/systemd/user/{UNIT}.d/interpreter.conf"
        self.does("install", "-D", "/dev/null", drop_in)
        Path(drop_in).write_text(_interpreter())

    def does(self, *command: str) -> str:
        return run(*self.become, *command)

    def shows(self, *names: str) -> dict[str, str]:
        """Properties of the unit."""
        wanted = (f"--property={name}" for name in names)
        told = self.does("systemctl", "--user", "show", UNIT, *wanted)
        return dict(line.split("=", 1) for line in told.splitlines())


def _submit() -> str:
    said = as_service("submit", TASK)
    found = SESSION_ID.search(said)
    assert found is not None, f"submit names no session: {said}"
    return found.group()


def _confined(daemon: int) -> set[int]:
    """What runs below the daemon, once bubblewrap is among it."""
    below = look.processes_of_service() - {daemon}
    return below if any("bwrap" in words for words in look.words_of(below)) else set()


def _interpreter() -> str:
    """A drop-in that starts the same program from where this interpreter lives."""
    hidden = json.loads(Path(SHARED, "hidden.json").read_text())
    return "\n".join(
        [
            "[Service]",
            "ExecStart=",
            f"ExecStart={sys.executable} -m ml_intern.cli.main serve",
            f"Environment=PYTHONPATH={PROJECT} OMP_NUM_THREADS=1",
            *(f"BindReadOnlyPaths={path}" for path in hidden),
            "LoadCredential=HF_TOKEN:/etc/ml-intern/credentials/HF_TOKEN",
            "SetCredential=HF_TOKEN:\\n",
            "",
        ]
    )


def _give_up(*_: object) -> None:
    raise TimeoutError(f"not done in {ALL_IN_S} s")


if __name__ == "__main__":
    main()
