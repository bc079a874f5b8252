"""What a job is, and how it is found again."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ml_intern.compute.local import LocalCompute
from ml_intern.messages import CallId, JobId
from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.training.jobs import job_id_of
from ml_intern.tools.training.launch_training import LaunchArguments, LaunchTraining
from tests.tools.training.scripts import DONE, GATE, a_script
from tests.tools.training.sessions import Session, wait_until


def checked(session: Session, text: str) -> LaunchArguments:
    session.write("train.py", text)
    session.answer("dummy_forward", path="train.py")
    session.answer("smoke_test", path="train.py")
    return LaunchArguments(path="train.py", output_dir="out")


def test_a_job_is_named_after_its_call(session: Session) -> None:
    args = checked(session, a_script())
    outcome = LaunchTraining().run(args, session.context("call_42"))
    assert isinstance(outcome, ToolOutcome)
    assert outcome.job is not None
    assert outcome.job.job_id == json.loads(outcome.output)["job_id"] == "call_42"
    assert (outcome.job.compute, outcome.job.label) == ("local", "train.py")
    fact = outcome.facts[0]
    assert fact.kind == "job"
    source = (session.place.workspace / "train.py").read_bytes()
    assert fact.data["sha256"] == sha256(source).hexdigest()
    session.facts += outcome.facts
    assert session.watch("call_42")["status"] == "succeeded"


def test_a_later_edit_does_not_change_what_runs(session: Session) -> None:
    wait = "while not pathlib.Path('gate').exists(): time.sleep(0.02)"
    text = a_script(train=f"{wait}\n    print('the script that was launched')\n    {DONE}")
    job = session.launch("train.py", text)
    session.write("train.py", "raise SystemExit('another script')\n")
    session.write("gate", "")
    assert session.watch(job["job_id"])["status"] == "succeeded"


def test_a_job_runs_in_the_workspace_with_a_recorded_environment(session: Session) -> None:
    text = a_script(
        train="import os\n"
        "    keys = ('OMP_NUM_THREADS', 'PYTHONHASHSEED', 'HF_HUB_OFFLINE')\n"
        "    found = {key: os.environ.get(key) for key in keys}\n"
        "    pathlib.Path('seen.json').write_text(json.dumps(found))\n"
        f"    {DONE}"
    )
    session.watch(session.launch("train.py", text)["job_id"])
    seen = json.loads((session.place.workspace / "seen.json").read_text())
    recorded = next(fact for fact in session.facts if fact.kind == "job").data["environment"]
    assert seen == {key: recorded[key] for key in seen}


def test_a_job_cannot_reach_its_own_record_or_the_held_out_data(session: Session) -> None:
    secret = session.place.held_out / "data" / "test.jsonl"
    secret.parent.mkdir()
    secret.write_text("the answers")
    record = session.place.jobs
    text = a_script(
        train=f"""\
seen = []
    for path in ({str(secret)!r}, {str(record)!r} + "/" + out.name):
        try:
            pathlib.Path(path).read_text()
            seen.append(path)
        except OSError:
            pass
    try:
        (pathlib.Path(__file__).parent / "train.py").write_text("")
        seen.append("script")
    except OSError:
        pass
    pathlib.Path("seen.json").write_text(json.dumps(seen))
    {DONE}"""
    )
    session.watch(session.launch("train.py", text)["job_id"])
    assert json.loads((session.place.workspace / "seen.json").read_text()) == []


def test_after_a_crash_a_job_that_runs_is_adopted(session: Session) -> None:
    """The journal never heard of the job: the process died right after it was started."""
    args = checked(session, a_script(train=GATE))
    lost = LaunchTraining().run(args, session.context("call_7"))
    assert isinstance(lost, ToolOutcome)
    answer = session.recover("launch_training", "call_7", path="train.py", output_dir="out")
    assert answer == json.loads(lost.output)
    assert session.facts[-1] == lost.facts[0]
    assert session.is_running("call_7")
    session.write("gate", "")
    assert session.watch("call_7")["status"] == "succeeded"


def test_after_a_crash_a_job_that_has_ended_is_adopted(session: Session) -> None:
    args = checked(session, a_script())
    LaunchTraining().run(args, session.context("call_7"))
    session.wait_for("call_7")
    session.recover("launch_training", "call_7", path="train.py", output_dir="out")
    assert session.watch("call_7")["status"] == "succeeded"


def test_an_adopted_job_is_the_one_that_was_started_though_the_script_changed(
    session: Session,
) -> None:
    args = checked(session, a_script())
    lost = LaunchTraining().run(args, session.context("call_7"))
    assert isinstance(lost, ToolOutcome)
    session.write("train.py", "another script")
    session.recover("launch_training", "call_7", path="train.py", output_dir="out")
    assert session.facts[-1].data["sha256"] == lost.facts[0].data["sha256"]
    session.wait_for("call_7")


def test_after_a_crash_a_job_that_never_started_is_started_once(session: Session) -> None:
    checked(session, a_script())
    session.recover("launch_training", "call_7", path="train.py", output_dir="out")
    assert session.watch("call_7")["status"] == "succeeded"


def test_a_job_whose_runner_was_on_its_way_at_the_crash_is_adopted(session: Session) -> None:
    """It was not to be seen at the first look, and had begun to write at the second."""
    args = checked(session, a_script(train=f"(out / 'begun').touch()\n    {GATE}"))
    lost = LaunchTraining().run(args, session.context("call_7"))
    assert isinstance(lost, ToolOutcome)
    wait_until((session.place.workspace / "out" / "begun").exists)
    session.place = replace(session.place, compute=LateCompute(session.place.sandbox))
    answer = session.recover("launch_training", "call_7", path="train.py", output_dir="out")
    assert answer == json.loads(lost.output)
    session.write("gate", "")
    assert session.watch("call_7")["status"] == "succeeded"


class LateCompute(LocalCompute):
    """Does not see any job at the first look."""

    looks = 0

    def find(self, job_id: JobId, folder: Path) -> dict[str, Any] | None:
        self.looks += 1
        return super().find(job_id, folder) if self.looks > 1 else None


def test_a_job_may_not_run_longer_than_the_settings_allow(session: Session) -> None:
    session.place = replace(session.place, job_timeout_s=30.0)
    checked(session, a_script())
    answer = session.refusal("launch_training", path="train.py", output_dir="out", timeout_s=31.0)
    assert "The settings allow a job 30 s" in answer["error"]


def test_a_job_is_stopped_when_its_time_is_over(session: Session) -> None:
    checked(session, a_script(train="time.sleep(600)"))
    job = session.answer("launch_training", path="train.py", output_dir="out", timeout_s=1.0)
    summary = session.watch(job["job_id"])
    assert summary["status"] == "failed"
    assert "time" in summary["reason"]


@pytest.mark.parametrize("call_id", ["../../etc", "a/b", "", "x" * 500, ".hidden", "toolu_01 b"])
def test_a_call_id_that_is_no_file_name_is_hashed(call_id: str) -> None:
    assert job_id_of(CallId(call_id)).isalnum()
    assert len(job_id_of(CallId(call_id))) == 32


def test_cancel_stops_a_job_and_says_so(session: Session) -> None:
    job = session.launch("train.py", a_script(train="time.sleep(600)"))
    assert session.answer("cancel_job", job_id=job["job_id"]) == {"status": "cancelled"}
    assert not session.is_running(job["job_id"])
    assert session.watch(job["job_id"])["status"] == "cancelled"


def test_a_job_that_has_ended_cannot_be_cancelled_any_more(session: Session) -> None:
    job = session.launch("train.py", a_script())
    session.wait_for(job["job_id"])
    assert session.answer("cancel_job", job_id=job["job_id"]) == {"status": "succeeded"}
    again = session.recover("cancel_job", "call_9", job_id=job["job_id"])
    assert again == {"status": "succeeded"}


def test_only_jobs_of_the_session_can_be_cancelled(session: Session) -> None:
    answer = session.refusal("cancel_job", job_id="../call_1")
    assert "This session has no job ../call_1." in answer["error"]


CUT = "(out / 'half').write_text('1')\n    sys.exit(1)"


def test_a_run_that_did_not_come_to_its_end_goes_on_in_its_folder(session: Session) -> None:
    first = session.launch("train.py", a_script(train=CUT), "out")["job_id"]
    assert session.watch(first)["status"] == "failed"
    second = session.answer("launch_training", path="train.py", output_dir="./out/")
    assert second["goes_on_from"] == first
    assert second["output_dir"] == "out"
    session.wait_for(second["job_id"])


def test_another_script_does_not_go_on_in_the_folder_of_a_run(session: Session) -> None:
    first = session.launch("train.py", a_script(train=CUT), "out")["job_id"]
    session.wait_for(first)
    checked(session, a_script(train=DONE))
    answer = session.refusal("launch_training", path="train.py", output_dir="out")
    assert answer["missing"] == ["output_dir"]


def test_a_run_that_has_succeeded_is_not_run_over(session: Session) -> None:
    session.watch(session.launch("train.py", a_script(), "out")["job_id"])
    answer = session.refusal("launch_training", path="train.py", output_dir="out")
    assert answer["missing"] == ["output_dir"]
