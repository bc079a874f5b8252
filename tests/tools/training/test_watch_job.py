"""What the model is told when a job has ended, however it ended."""

import json

from ml_intern.tools.protocol import Waiting
from tests.tools.training.scripts import DONE, GATE, a_script
from tests.tools.training.sessions import Session


def summary(session: Session, train: str) -> dict[str, object]:
    return session.watch(session.launch("train.py", a_script(train=train))["job_id"])


def test_a_running_job_is_waited_for_without_a_thread(session: Session) -> None:
    job = session.launch("train.py", a_script(train=GATE))
    assert session.call("watch_job", job_id=job["job_id"]) == Waiting(on=f"job:{job['job_id']}")
    session.write("gate", "")
    session.wait_for(job["job_id"])
    assert session.answer("watch_job", job_id=job["job_id"])["status"] == "succeeded"


def test_a_job_that_succeeded_is_summed_up_from_its_log(session: Session) -> None:
    job = session.launch("train.py", a_script())
    assert session.watch(job["job_id"]) == {
        "job_id": job["job_id"],
        "status": "succeeded",
        "exit_code": 0,
        "reason": "",
        "done": {"global_step": 3, "max_steps": 3},
        "last": {
            "step": 3.0,
            "max_steps": 3.0,
            "epoch": 1.0,
            "loss": 1 / 3,
            "eval_loss": 1.1 / 3,
            "eval_accuracy": 0.75,
        },
        "evaluations": [
            {
                "step": step,
                "epoch": step / 3,
                "eval_loss": 1.1 / step,
                "eval_accuracy": step / 4,
                "train_loss": 1 / step,
            }
            for step in (1, 2, 3)
        ],
        "verdicts": [],
        "error": None,
        "traceback": None,
        "output_dir": "out",
    }


def test_a_job_that_became_nan_says_so(session: Session) -> None:
    found = summary(
        session,
        'say("log", step=1, loss=2.3)\n    say("log", step=2, loss=float("nan"))\n'
        '    raise FloatingPointError("loss is nan at step 2 (learning_rate=10.0)")',
    )
    assert found["status"] == "failed"
    assert found["verdicts"] == ["nan"]
    assert found["error"] == "FloatingPointError: loss is nan at step 2 (learning_rate=10.0)"
    assert "raise FloatingPointError" in str(found["traceback"])


def test_a_loss_of_zero_is_nan_even_when_the_job_went_to_its_end(session: Session) -> None:
    found = summary(session, f'say("log", step=1, loss=0.0)\n    {DONE}')
    assert (found["status"], found["verdicts"]) == ("succeeded", ["nan"])


def test_a_job_that_ran_out_of_memory_says_so(session: Session) -> None:
    words = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 GB"
    found = summary(session, f"raise RuntimeError({words!r})")
    assert found["verdicts"] == ["out_of_memory"]
    assert found["error"] == f"RuntimeError: {words}"
    assert found["exit_code"] == 1


def test_a_killed_job_has_a_reason_and_no_traceback(session: Session) -> None:
    found = summary(session, "import os; print('half way', flush=True); os.kill(os.getpid(), 9)")
    assert found["status"] == "failed"
    assert found["traceback"] is None
    assert "9" in str(found["error"])
    assert found["verdicts"] == []


def test_a_job_that_ends_without_its_done_marker_has_failed(session: Session) -> None:
    found = summary(session, "print('all is well')")
    assert (found["status"], found["exit_code"], found["done"]) == ("failed", 0, None)
    assert "done" in str(found["reason"])


def test_bad_input_is_the_line_that_the_script_wrote(session: Session) -> None:
    found = summary(session, "print('error: no rows', file=sys.stderr); sys.exit(2)")
    assert (found["exit_code"], found["error"]) == (2, "error: no rows")


def test_a_long_run_is_thinned_out(session: Session) -> None:
    found = summary(
        session,
        "for step in range(1, 2001):\n"
        "        accuracy = 0.9 if step == 77 else 0.5\n"
        '        say("evaluate", step=step, eval_loss=1.0, eval_accuracy=accuracy)\n'
        f"    {DONE}",
    )
    evaluations = found["evaluations"]
    assert isinstance(evaluations, list)
    assert len(evaluations) <= 60
    assert {1, 77, 2000} <= {evaluation["step"] for evaluation in evaluations}
    assert len(json.dumps(found)) < 20_000


def test_numbers_that_are_none_do_not_spoil_the_json(session: Session) -> None:
    found = summary(session, f'say("log", step=1, loss=float("inf"))\n    {DONE}')
    assert "Infinity" not in json.dumps(found)
    assert found["last"] == {"step": 1.0, "loss": None}


def test_an_unknown_job_is_answered_with_the_known_ones(session: Session) -> None:
    assert (
        "launched none; call launch_training" in session.refusal("watch_job", job_id="x")["error"]
    )
    job = session.launch("train.py", a_script())
    session.wait_for(job["job_id"])
    answer = session.refusal("watch_job", job_id="../" + job["job_id"])
    assert f"Its jobs are: {job['job_id']}." in answer["error"]
