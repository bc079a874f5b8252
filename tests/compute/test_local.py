"""Jobs on this machine: real processes, killed in every way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

import ml_intern
from ml_intern.compute.job_folder import CLAIM, EXIT, PROCESS, write_document
from ml_intern.compute.local import LocalCompute, runs_here
from ml_intern.compute.protocol import JobState
from ml_intern.errors import ComputeError
from ml_intern.messages import JobId
from ml_intern.sandbox.processes import Identity, identify, is_alive, name_of
from ml_intern.sandbox.unconfined import NoSandbox
from tests.compute.given import DONE, Jobs, kill_runner, python_script, record_of
from tests.contract.test_sandbox import sandbox_named
from tests.sandbox.given import running_with, wait_until

ROOT = Path(ml_intern.__file__).parents[1]


@pytest.fixture
def jobs(tmp_path):
    jobs = Jobs(tmp_path, NoSandbox())
    yield jobs
    jobs.clean()


@pytest.fixture(params=["process", "bubblewrap"])
def confined(request, tmp_path):
    jobs = Jobs(tmp_path, sandbox_named(request.param))
    yield jobs
    jobs.clean()


@pytest.fixture
def mark(request):
    return f"{request.node.name}-{os.getpid()}"


# How jobs end


def test_a_job_with_a_done_marker_has_succeeded(confined):
    found = confined.run(f"echo training; {DONE}")
    expected = JobState(status="succeeded", exit_code=0, done={"global_step": 3}, cost_micro_usd=0)
    assert found == expected
    assert confined.log(confined.handles[0]) == "training\n"


@pytest.mark.parametrize(
    "marker",
    [
        "",
        "echo broken > done.json",
        "echo '[1]' > done.json",
        "echo '{\"step\": 1}' > done.json",
        'echo \'{"global_step": "many"}\' > done.json',
        "echo '{\"global_step\": true}' > done.json",
        "mkfifo done.json",
        "mkdir done.json",
        "ln -s /dev/zero done.json",
        "ln -s other done.json; echo '{\"global_step\": 1}' > other",
        "head -c 3000000 /dev/zero | tr '\\0' '[' > done.json",
    ],
)
def test_anything_else_is_no_done_marker(jobs, marker):
    found = jobs.run(f"{marker}\nexit 0")
    assert found.status == "failed"
    assert found.reason == "ended with exit code 0 but wrote no done-marker"


def test_a_done_marker_older_than_the_job_does_not_count(jobs):
    (jobs.workspace / "done.json").write_text('{"global_step": 99}')
    assert jobs.run("exit 0").status == "failed"


def test_a_done_marker_with_an_old_date_does_not_count(jobs):
    assert jobs.run(f"{DONE}; touch -d '1 hour ago' done.json").status == "failed"


def test_why_a_job_failed_is_its_last_line(confined):
    found = confined.run(python_script("raise FloatingPointError('loss is nan at step 7')"))
    assert (found.status, found.exit_code) == ("failed", 1)
    assert found.reason == "ended with exit code 1: FloatingPointError: loss is nan at step 7"


def test_a_job_that_is_killed_says_by_what(confined):
    assert "signal 9 (SIGKILL)" in confined.run("kill -9 $$").reason
    assert "signal 11 (SIGSEGV)" in confined.run("kill -11 $$", job_id="call_2").reason


def test_a_job_that_needs_too_much_memory_says_so(confined):
    script = python_script("x = b'x' * (1 << 30)")
    found = confined.run(script, access={"memory_bytes": 512 << 20})
    assert found.exit_code == 1
    assert "the memory of 0.5 GB per process was not enough" in found.reason


def test_a_job_runs_here_until_it_has_ended_or_where_another_machine_has_it(jobs):
    handle = jobs.submit("sleep 300")
    folder = Path(handle["folder"])
    assert runs_here(handle)
    claim = json.loads((folder / CLAIM).read_bytes())
    write_document(folder / CLAIM, {**claim, "machine": "another"})
    assert not runs_here(handle)
    assert jobs.compute.state(handle).status == "running"
    write_document(folder / CLAIM, claim)
    jobs.compute.cancel(handle)
    assert not runs_here(handle)
    assert not runs_here({"job_id": "x", "folder": "/nowhere"})


def test_a_job_is_ended_at_its_time_limit(jobs, mark):
    found = jobs.run("sleep 300 & sleep 300", timeout_s=0.3, extra={"TEST_MARK": mark})
    assert found.status == "failed"
    assert found.reason == "stopped at its time limit of 0.3 s"
    assert running_with(mark) == []


def test_what_a_job_leaves_behind_is_ended_with_it(confined, mark):
    script = f"(setsid sleep 300 > /dev/null 2>&1 &); (setsid sleep 300 &); {DONE}"
    assert confined.run(script, extra={"TEST_MARK": mark}).status == "succeeded"
    assert running_with(mark) == []


def test_a_job_cannot_write_into_its_own_records(confined):
    folder = confined.folder / "jobs" / "call_1"
    found = confined.run(f"echo forged > {folder}/exit.json; cat {folder}/claim.json; {DONE}")
    assert found.status == "succeeded"
    assert "forged" not in (folder / EXIT).read_text()
    assert "job_id" not in confined.log(confined.handles[0])


def test_secrets_of_the_environment_are_not_written_down(jobs):
    handle = jobs.submit("echo $HF_TOKEN | tr a-z A-Z; sleep 300", extra={"HF_TOKEN": "granted"})
    wait_until(lambda: jobs.log(handle) == "GRANTED\n")
    files = [path.read_text() for path in Path(handle["folder"]).iterdir()]
    assert not any("granted" in text for text in files)


# Logs


def test_output_comes_in_order_while_the_job_runs(jobs):
    handle = jobs.submit("echo one; echo two >&2; printf thr; sleep 300")
    wait_until(lambda: jobs.log(handle) == "one\ntwo\n")
    chunk = jobs.compute.log(handle, 4)
    assert (chunk.text, chunk.next_offset) == ("two\n", 8)
    jobs.compute.cancel(handle, grace_s=0.1)
    assert jobs.compute.log(handle, 8).text == "thr"


def test_a_job_that_prints_100_megabytes_is_followed_to_its_end(jobs):
    print_much = "head -c 100000000 /dev/zero | tr '\\0' x | fold -w 999"
    handle = jobs.submit(f"echo first; {print_much}; echo; echo last; {DONE}")
    assert jobs.end_of(handle).status == "succeeded"
    sizes = [path.stat().st_size for path in Path(handle["folder"]).glob("log*")]
    assert sum(sizes) < 40 << 20
    texts, offset = [], 0
    while (chunk := jobs.compute.log(handle, offset)).next_offset > offset:
        texts.append(chunk.text)
        offset = chunk.next_offset
    assert texts[0].startswith("first\nxxx")
    assert texts[-1].endswith("xxx\nlast\n")
    assert any("left out" in text for text in texts)


def test_the_log_of_a_folder_that_is_gone_is_an_error(jobs, tmp_path):
    with pytest.raises(ComputeError):
        jobs.compute.log({"job_id": "call_9", "folder": str(tmp_path / "gone")}, 0)
    with pytest.raises(ComputeError, match="never a job"):
        jobs.compute.state({"job_id": "call_9", "folder": str(tmp_path / "gone")})


# Once, and found again


def test_submitting_twice_starts_one_process(jobs):
    count = jobs.workspace / "count"
    jobs.submit("echo started >> count; sleep 300")
    wait_until(lambda: count.exists() and count.read_text())
    assert jobs.submit("echo started >> count") == jobs.handles[0]
    assert (jobs.workspace / "count").read_text() == "started\n"


def test_submitting_at_the_same_time_starts_one_process(jobs):
    spec = jobs.spec("echo started >> count; sleep 300")
    threads = [
        threading.Thread(target=lambda: jobs.handles.append(LocalCompute(NoSandbox()).submit(spec)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs.handles) == 6
    count = jobs.workspace / "count"
    wait_until(lambda: count.exists() and count.read_text())
    assert count.read_text() == "started\n"


def test_a_job_that_has_ended_is_not_started_again(jobs):
    jobs.run(f"echo x >> count; {DONE}")
    assert jobs.run("echo x >> count").status == "succeeded"
    assert (jobs.workspace / "count").read_text() == "x\n"


def test_a_job_that_never_was_is_not_found(jobs, tmp_path):
    assert jobs.compute.find(JobId("call_1"), tmp_path / "jobs" / "call_1") is None


def test_the_folder_of_another_job_is_refused(jobs):
    handle = jobs.submit("sleep 300")
    with pytest.raises(ComputeError, match="belongs to the job call_1"):
        jobs.compute.find(JobId("call_2"), Path(handle["folder"]))


def test_a_job_that_cannot_be_confined_is_not_started(confined):
    confined.workspace.rename(confined.folder / "elsewhere")
    spec = confined.spec("echo ran")
    (confined.workspace / ".home" / ".cache").rmdir()
    (confined.workspace / ".home" / "tmp").rmdir()
    (confined.workspace / ".home").rmdir()
    confined.workspace.rmdir()
    with pytest.raises(ComputeError, match="could not be started"):
        confined.compute.submit(spec)
    assert confined.compute.find(JobId("call_1"), spec.folder) is None


def test_a_job_without_a_place_for_its_records_is_not_started(jobs):
    (jobs.folder / "jobs").write_text("in the way")
    with pytest.raises(ComputeError, match="could not be started"):
        jobs.compute.submit(jobs.spec("echo ran >> count"))
    assert not (jobs.workspace / "count").exists()


SUBMITTER = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from ml_intern.sandbox.unconfined import NoSandbox
from tests.compute.given import Jobs
folder = Path({folder!r})
Jobs(folder, NoSandbox()).submit("echo started; sleep 1; " + {done!r})
print("submitted", flush=True)
sys.stdin.read()
"""


def test_a_job_outlives_whoever_submitted_it(tmp_path):
    code = SUBMITTER.format(root=str(ROOT), folder=str(tmp_path), done=DONE)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as submitter:
        assert submitter.stdout.readline() == b"submitted\n"
        submitter.kill()
    compute = LocalCompute(NoSandbox())
    handle = compute.find(JobId("call_1"), tmp_path / "jobs" / "call_1")
    assert handle is not None
    assert compute.state(handle).status == "running"
    wait_until(lambda: compute.state(handle).status != "running")
    assert compute.state(handle).status == "succeeded"
    assert compute.log(handle, 0).text == "started\n"


def test_the_process_is_on_record_before_its_first_word(jobs):
    """Whatever the job prints or writes, its record was there before."""
    folder = jobs.folder / "jobs" / "call_1"
    handle = jobs.submit(f"cat {folder}/{PROCESS}; echo; sleep 300")
    wait_until(lambda: jobs.log(handle))
    assert json.loads(jobs.log(handle)) == record_of(handle)


def test_a_runner_leaves_no_zombie_and_holds_nothing_of_ours(jobs):
    children = {child.pid for child in psutil.Process().children()}
    handle = jobs.submit("sleep 300")
    runner = record_of(handle)["runner"][0]
    stat = Path(f"/proc/{runner}/stat").read_text().rpartition(") ")[2].split()
    assert int(stat[1]) != os.getpid()
    assert os.getsid(runner) != os.getsid(0)
    assert str(Path(f"/proc/{runner}/fd/0").readlink()) == "/dev/null"
    assert str(Path(f"/proc/{runner}/cwd").readlink()) == "/"
    assert {child.pid for child in psutil.Process().children()} <= children


# Killed in the middle


def test_a_job_whose_runner_was_killed_is_lost(confined, mark):
    handle = confined.submit("sleep 300 & sleep 300; sleep 300", extra={"TEST_MARK": mark})
    wait_until(lambda: running_with(mark))
    kill_runner(handle)
    found = confined.end_of(handle)
    assert (found.status, found.exit_code) == ("lost", None)
    confined.compute.cancel(handle, grace_s=0)
    assert running_with(mark) == []


def test_a_job_that_was_done_before_its_runner_was_killed_has_succeeded(jobs):
    handle = jobs.submit(f"{DONE}; sleep 300")
    wait_until((jobs.workspace / "done.json").exists)
    kill_runner(handle)
    assert jobs.end_of(handle).status == "succeeded"


def test_a_job_of_before_the_last_boot_is_lost(jobs):
    handle = jobs.submit("sleep 300")
    jobs.compute.cancel(handle, grace_s=0)
    folder = Path(handle["folder"])
    somebody = identify(os.getpid())._replace(boot_id="an earlier boot")
    (folder / EXIT).unlink()
    (folder / "cancel.json").unlink()
    write_document(folder / PROCESS, {"runner": somebody, "process": somebody})
    assert jobs.compute.state(handle).status == "lost"


def test_a_runner_that_died_before_it_recorded_the_process_started_nothing(jobs):
    folder = jobs.folder / "jobs" / "call_1"
    folder.mkdir(parents=True)
    known = {"job_id": "call_1", "done_marker": "/none", "timeout_s": 1, "run_id": "1"}
    write_document(folder / CLAIM, {**known, "runner": Identity(2**22 + 1, 1, "boot")})
    handle = jobs.compute.find(JobId("call_1"), folder)
    assert jobs.compute.state(handle).status == "lost"


def test_records_that_cannot_be_read_are_an_error(jobs):
    handle = jobs.submit("exit 0")
    jobs.end_of(handle)
    end = Path(handle["folder"]) / EXIT
    end.write_text("{")
    with pytest.raises(ComputeError, match="cannot be read"):
        jobs.compute.state(handle)
    end.unlink()


# Cancelling


def test_cancelling_ends_all_of_it(confined, mark):
    handle = confined.submit("sleep 300 & sleep 300; sleep 300", extra={"TEST_MARK": mark})
    wait_until(lambda: running_with(mark))
    found = confined.compute.cancel(handle)
    assert (found.status, found.reason) == ("cancelled", "cancelled")
    assert running_with(mark) == []


def test_a_cancelled_job_may_save_its_work(confined):
    handle = confined.submit("trap 'echo saved; exit 0' TERM; echo on; sleep 300 & wait")
    wait_until(lambda: confined.log(handle) == "on\n")
    assert confined.compute.cancel(handle, grace_s=10).status == "cancelled"
    assert confined.log(handle) == "on\nsaved\n"


def test_a_job_that_ignores_term_is_killed_after_the_grace(confined, mark):
    script = "trap '' TERM; echo on; (setsid sleep 300 &); sleep 300; sleep 300"
    handle = confined.submit(script, extra={"TEST_MARK": mark})
    wait_until(lambda: confined.log(handle) == "on\n")
    started = time.monotonic()
    assert confined.compute.cancel(handle, grace_s=0.3).status == "cancelled"
    assert 0.3 <= time.monotonic() - started < 15
    assert running_with(mark) == []


def test_cancelling_twice_or_too_late_changes_nothing(jobs):
    handle = jobs.submit("sleep 300")
    first = jobs.compute.cancel(handle, grace_s=1)
    assert jobs.compute.cancel(handle) == first
    done = jobs.submit(DONE, job_id="call_2")
    jobs.end_of(done)
    assert jobs.compute.cancel(done).status == "succeeded"


def test_cancelling_does_not_touch_a_job_of_the_same_id_elsewhere(jobs, tmp_path):
    """Ids of jobs are unique in their session only."""
    (tmp_path / "other").mkdir()
    other = Jobs(tmp_path / "other", NoSandbox())
    theirs = other.submit("sleep 300")
    jobs.compute.cancel(jobs.submit("sleep 300"), grace_s=0)
    assert other.compute.state(theirs).status == "running"
    other.clean()


def test_a_frozen_runner_does_not_keep_a_job_running(jobs, mark, monkeypatch):
    monkeypatch.setattr("ml_intern.compute.local._RUNNER_PATIENCE_S", 0.3)
    handle = jobs.submit("sleep 300", extra={"TEST_MARK": mark})
    os.kill(record_of(handle)["runner"][0], signal.SIGSTOP)
    assert jobs.compute.cancel(handle, grace_s=0.1).status == "cancelled"
    assert running_with(mark) == []


def test_a_stranger_with_the_id_of_the_runner_is_left_alone(jobs):
    handle = jobs.submit("exit 0")
    jobs.end_of(handle)
    folder = Path(handle["folder"])
    (folder / EXIT).unlink()
    with subprocess.Popen(["sleep", "300"]) as stranger:
        wait_until(lambda: name_of(stranger.pid) == "sleep")
        who = identify(stranger.pid)
        earlier = who._replace(started_ticks=who.started_ticks - 1)
        write_document(folder / PROCESS, {"runner": earlier, "process": earlier})
        jobs.compute.cancel(handle, grace_s=0)
        assert is_alive(who)
        stranger.kill()


def test_looking_is_cheap(jobs):
    """Twice a second for every job: a look may cost a few hundred microseconds, not processes."""
    handle = jobs.submit("sleep 300")
    started = time.process_time()
    for _ in range(200):
        jobs.compute.state(handle)
    assert time.process_time() - started < 0.4
