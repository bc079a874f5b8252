"""The two checks of a script: what they establish, and how they fail."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.training.hardware import this_machine
from ml_intern.tools.training.script import check, read_script, syntax_error, threads_for
from tests.support.contexts import a_place
from tests.tools.training.scripts import a_script
from tests.tools.training.sessions import Session


def test_the_dummy_forward_vouches_for_the_bytes_that_ran(session: Session) -> None:
    path = session.write("train.py", a_script())
    answer = session.answer("dummy_forward", path="train.py")
    assert answer["report"]["parameters"] == 1000
    assert answer["memory"]["parameters"] == 1000
    assert answer["fits"] is True
    fact = session.facts[-1]
    assert (fact.kind, fact.data["path"]) == ("dummy_forward", "train.py")
    assert fact.data["sha256"] == sha256(path.read_bytes()).hexdigest()


def test_the_smoke_test_vouches_for_the_bytes_that_ran(session: Session) -> None:
    path = session.write("train.py", a_script())
    assert session.answer("smoke_test", path="train.py")["report"]["loss"] == 0.7
    fact = session.facts[-1]
    assert (fact.kind, fact.data["sha256"]) == ("smoke", sha256(path.read_bytes()).hexdigest())


def test_a_failing_script_answers_with_its_exception(session: Session) -> None:
    session.write("train.py", a_script(dummy="raise IndexError('Target 2 is out of bounds.')"))
    answer = session.refusal("dummy_forward", path="train.py")
    assert answer["error"] == "IndexError: Target 2 is out of bounds."
    assert answer["traceback"].startswith("Traceback (most recent call last)")
    assert answer["exit_code"] == 1
    assert session.facts[-1].kind == "dataset_prepared"


def test_bad_input_of_a_script_is_its_line_for_people(session: Session) -> None:
    session.write("train.py", a_script(dummy="sys.exit('error: no rows in data/train')"))
    answer = session.refusal("dummy_forward", path="train.py")
    assert answer["error"] == "error: no rows in data/train"
    assert answer["traceback"] is None


def test_a_script_without_the_flag_is_told_to_have_it(session: Session) -> None:
    session.write("train.py", "print('hello')\n")
    answer = session.refusal("dummy_forward", path="train.py")
    assert "printed no line of JSON" in answer["error"]
    assert "--dummy_forward" in answer["error"]


@pytest.mark.parametrize("tool", ["dummy_forward", "smoke_test"])
def test_a_call_that_would_end_in_a_type_error_is_told_before_it_runs(
    session: Session, tool: str
) -> None:
    text = "from datasets import load_from_disk\ndef f(): load_from_disk(dataset_dir='x')\n"
    session.write("train.py", text + a_script(dummy="open('ran', 'w')", smoke="open('ran', 'w')"))
    answer = session.refusal(tool, path="train.py")
    assert "train.py was not run" in answer["error"]
    assert "Line 2: load_from_disk has no argument dataset_dir (datasets " in answer["error"]
    assert "Nearest: dataset_path." in answer["error"]
    assert not (session.place.workspace / "ran").exists()


@pytest.mark.parametrize("tool", ["dummy_forward", "smoke_test"])
def test_a_deprecated_argument_is_told_beside_what_passed(session: Session, tool: str) -> None:
    session.write("train.py", a_script())
    assert "cautions" not in session.answer(tool, path="train.py")
    old = (
        "def f():\n    from transformers import pipeline\n    pipeline(model='x', torch_dtype=1)\n"
    )
    session.write("train.py", old + a_script())
    (caution,) = session.answer(tool, path="train.py")["cautions"]
    assert caution.startswith("Line 3: pipeline still takes torch_dtype, but warns of it (")
    assert "`dtype`" in caution
    assert "cautions" not in session.facts[-1].data


def test_a_killed_script_is_said_to_be_killed(session: Session) -> None:
    session.write("train.py", a_script(dummy="import os; os.kill(os.getpid(), 9)"))
    answer = session.refusal("dummy_forward", path="train.py")
    assert "Killed by signal 9" in answer["error"]
    assert answer["exit_code"] == 137


def test_a_memory_limit_is_felt_by_the_script(session: Session) -> None:
    session.place = replace(session.place, memory_bytes=1 << 30)
    session.write("train.py", a_script(dummy="bytearray(3 << 30)"))
    answer = session.refusal("dummy_forward", path="train.py")
    assert answer["error"] == "MemoryError"


def test_a_script_that_rewrites_itself_has_not_passed(session: Session) -> None:
    session.write("train.py", a_script(smoke="open(__file__, 'a').write('#'); say('smoke')"))
    assert "changed while it ran" in session.refusal("smoke_test", path="train.py")["error"]


def test_a_script_stands_alone(session: Session) -> None:
    """The hash of one file can vouch only for what that file does."""
    session.write("helper.py", "x = 1\n")
    session.write("train.py", "import helper\n" + a_script())
    answer = session.refusal("dummy_forward", path="train.py")
    assert answer["error"] == "ModuleNotFoundError: No module named 'helper'"


@pytest.mark.parametrize("loss", ["float('nan')", "0.0", "None"])
def test_a_broken_loss_in_the_smoke_test_fails_it(session: Session, loss: str) -> None:
    session.write("train.py", a_script(smoke=f"say('smoke', losses=[1.0, {loss}])"))
    assert "not a finite number" in session.refusal("smoke_test", path="train.py")["error"]
    assert session.facts[-1].kind != "smoke"


def test_without_shapes_the_measured_peak_decides(session: Session) -> None:
    line = "say('dummy_forward', peak_memory_bytes=1 << 60, per_device_train_batch_size=8)"
    session.write("train.py", a_script(dummy=line))
    answer = session.answer("dummy_forward", path="train.py")
    assert answer["fits"] is False
    assert answer["memory"]["largest_batch_size_that_fits"] == 4


def test_without_shapes_and_peak_nothing_can_be_judged(session: Session) -> None:
    session.write("train.py", a_script(dummy="say('dummy_forward', loss=1.0)"))
    assert "says too little" in session.refusal("dummy_forward", path="train.py")["error"]


def test_a_script_that_does_not_end_is_stopped(session: Session) -> None:
    session.write("train.py", a_script(dummy="time.sleep(600)"))
    script = read_script(session.place, "train.py")
    outcome = check(session.context(), script, "dummy_forward", threads=1, timeout_s=1.0)
    assert isinstance(outcome, ToolOutcome)
    answer = json.loads(outcome.output)
    assert "took longer than 1 s and was stopped" in answer["error"]
    assert answer["exit_code"] is None


def test_a_script_that_prints_much_is_still_understood(session: Session) -> None:
    noisy = "print('x' * 80 + '\\n' * 3_000_000); say('smoke', loss=1.0)"
    session.write("train.py", a_script(smoke=noisy))
    assert session.answer("smoke_test", path="train.py")["report"]["loss"] == 1.0


@pytest.mark.parametrize("path", ["no.py", ".", "../x.py"])
def test_a_script_that_is_not_there_is_named(session: Session, path: str) -> None:
    assert session.refusal("dummy_forward", path=path)["error"].startswith("dummy_forward:")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (b"x = (\n", "line 1: '(' was never closed, at 'x = ('"),
        (b"x = 1\0", "source code string cannot contain null bytes"),
        (b"x = 1\nif x\n  pass\n", "line 2: expected ':', at 'if x'"),
        (b"x = 1\n", None),
    ],
)
def test_what_does_not_parse_is_said_with_its_line(source: bytes, error: str | None) -> None:
    assert syntax_error(source) == error


def test_a_script_that_is_not_utf8_does_not_parse() -> None:
    assert "utf-8" in (syntax_error(b"x = '\xff'\n") or "")


def test_small_models_compute_with_one_thread() -> None:
    place = a_place(cpus=16, threads=None)
    assert threads_for(70_000, place) == 1
    assert threads_for(100_000_000, place) == 16
    assert threads_for(None, place) == 16
    assert threads_for(70_000, replace(place, threads=3)) == 3


def test_threads_that_are_set_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (this_machine().threads, this_machine(threads=2).threads) == (3, 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert this_machine().threads is None


@pytest.mark.parametrize(
    ("losses", "diverged"),
    [([1.1, 40.0, 1.6e5], True), ([1.1, 3.5], False), ([0.9], False), ([2.3, 500.0, 2.1], False)],
)
def test_a_loss_that_explodes_within_the_smoke_test_fails_it(
    session: Session, losses: list[float], diverged: bool
) -> None:
    session.write("train.py", a_script(smoke=f"say('smoke', losses={losses})"))
    if diverged:
        assert "has diverged" in session.refusal("smoke_test", path="train.py")["error"]
        assert session.facts[-1].kind != "smoke"
    else:
        session.answer("smoke_test", path="train.py")
