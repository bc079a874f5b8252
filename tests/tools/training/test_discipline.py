"""What a launch is refused for, word by word."""

from pathlib import Path

import pytest

from tests.tools.training.scripts import GATE, a_script
from tests.tools.training.sessions import Session, start


def refused(session: Session, output_dir: str = "out") -> dict[str, object]:
    return session.refusal("launch_training", path="train.py", output_dir=output_dir)


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    session = start(tmp_path, prepared=False)
    session.write("train.py", "print(1)\n")
    answer = refused(session)
    assert answer["missing"] == [
        "dataset_inspected",
        "dataset_prepared",
        "dummy_forward",
        "smoke_test",
    ]
    assert answer["error"] == (
        "No dataset was inspected: call inspect_dataset with its source. "
        "No dataset was prepared: call prepare_dataset, which makes the three splits. "
        "The dummy forward pass has not passed for train.py: call dummy_forward. "
        "The smoke test has not passed for train.py: call smoke_test."
    )


def test_a_script_that_does_not_parse_is_refused_with_its_line(session: Session) -> None:
    session.write("train.py", "x = 1\nif x\n    pass\n")
    answer = refused(session)
    assert answer["missing"] == ["script_parses", "dummy_forward", "smoke_test"]
    assert "train.py does not parse: line 2: expected ':', at 'if x'." in answer["error"]


def test_a_script_that_passed_both_checks_is_launched(session: Session) -> None:
    job = session.launch("train.py", a_script())
    assert job["output_dir"] == "out"
    assert session.watch(job["job_id"])["status"] == "succeeded"


def test_editing_a_script_voids_the_checks_that_it_had_passed(session: Session) -> None:
    session.write("train.py", a_script())
    session.answer("dummy_forward", path="train.py")
    session.answer("smoke_test", path="train.py")
    session.write("train.py", a_script() + "# a remark\n")
    answer = refused(session)
    assert answer["missing"] == ["dummy_forward", "smoke_test"]
    assert answer["error"] == (
        "The dummy forward pass passed for another version of train.py; editing a script voids its "
        "checks: call dummy_forward. "
        "The smoke test passed for another version of train.py; editing a script voids its checks: "
        "call smoke_test."
    )


def test_taking_an_edit_back_brings_the_checks_back(session: Session) -> None:
    session.write("train.py", a_script())
    session.answer("dummy_forward", path="train.py")
    session.answer("smoke_test", path="train.py")
    session.write("train.py", "broken")
    session.write("train.py", a_script())
    assert "job_id" in session.answer("launch_training", path="train.py", output_dir="out")


def test_a_step_that_does_not_fit_into_memory_is_refused_with_the_batch_that_does(
    session: Session,
) -> None:
    step = "per_device_train_batch_size=4"
    session.write("train.py", a_script().replace(step, f"{step}0000000"))
    assert session.answer("dummy_forward", path="train.py")["fits"] is False
    session.answer("smoke_test", path="train.py")
    answer = refused(session)
    assert answer["missing"] == ["memory_fits"]
    most = session.facts[-2].data["memory"]["largest_batch_size_that_fits"]
    assert 0 < most < 40_000_000
    assert f"set per_device_train_batch_size to {most} or less and raise" in answer["error"]


@pytest.mark.parametrize(
    ("output_dir", "sentence"),
    [
        ("../out", "../out lies outside the workspace"),
        ("/tmp/out", "/tmp/out lies outside the workspace"),
        (".", "output_dir is the workspace itself"),
        ("train.py", "output_dir train.py is a file"),
        ("full", "output_dir full is not empty; name a new folder, so that no run is lost."),
    ],
)
def test_weights_go_to_a_new_folder_in_the_workspace(
    session: Session, output_dir: str, sentence: str
) -> None:
    session.write("train.py", a_script())
    session.write("full/earlier.txt", "weights")
    session.answer("dummy_forward", path="train.py")
    session.answer("smoke_test", path="train.py")
    answer = refused(session, output_dir)
    assert answer["missing"] == ["output_dir"]
    assert sentence in answer["error"]


def test_a_second_job_waits_for_the_first_to_end(session: Session) -> None:
    first = session.launch("train.py", a_script(train=GATE))
    answer = refused(session, "second")
    assert answer["missing"] == ["one_job_first"]
    assert answer["error"] == (
        f"Job {first['job_id']} still runs and none has succeeded yet: wait for it with watch_job "
        "or stop it with cancel_job."
    )
    session.write("gate", "")
    session.wait_for(first["job_id"])
    assert "job_id" in session.answer("launch_training", path="train.py", output_dir="second")


def test_jobs_run_side_by_side_once_one_has_succeeded(session: Session) -> None:
    session.watch(session.launch("train.py", a_script(), "first")["job_id"])
    second = session.launch("train.py", a_script(train=GATE), "second")
    assert refused(session, "second")["missing"] == ["output_dir"]
    third = session.answer("launch_training", path="train.py", output_dir="third")
    assert session.is_running(second["job_id"])
    session.write("gate", "")
    assert session.watch(third["job_id"])["status"] == "succeeded"
    assert session.watch(second["job_id"])["status"] == "succeeded"


def test_a_failed_job_does_not_open_the_way_to_a_sweep(session: Session) -> None:
    failed = session.launch("train.py", a_script(train="raise ValueError('no')"), "first")
    session.wait_for(failed["job_id"])
    session.launch("train.py", a_script(train=GATE), "second")
    assert refused(session, "third")["missing"] == ["one_job_first"]
    session.write("gate", "")
