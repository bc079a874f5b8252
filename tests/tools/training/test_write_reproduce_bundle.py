"""The bundle trains and measures the same model again, anywhere."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.tools.training.bundle import dependencies, requirements
from ml_intern.tools.training.environment import Environment
from ml_intern.tools.training.write_reproduce_bundle import BundleArguments, WriteReproduceBundle
from tests.tools.training.sessions import Session

pytestmark = pytest.mark.timeout(240)  # the first test here may be the one that trains


@pytest.fixture
def folder(described: Session) -> Path:
    return described.place.workspace / "out" / "reproduce"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, "reproduce/reproduce.py", *arguments],
        cwd=folder.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def document(folder: Path, name: str) -> dict[str, object]:
    return json.loads((folder / name).read_text())


def test_the_bundle_holds_everything(described: Session, folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        *("train.py", "score_classifier.py", "reproduce.py", "requirements.txt", "README.md"),
        *("run.json", "metrics.json", "dataset.json", "hardware.json", "data"),
    }
    workspace, held_out = described.place.workspace, described.place.held_out
    assert (folder / "train.py").read_bytes() == (workspace / "train.py").read_bytes()
    test = (held_out / "data/test/metadata.jsonl").read_bytes()
    assert (folder / "data/data/test/metadata.jsonl").read_bytes() == test
    environment = document(folder, "run.json")["environment"]
    assert environment["OMP_NUM_THREADS"] == "1"
    assert "torch==2." in (folder / "requirements.txt").read_text()
    measured = {fact.data["split"]: fact.data for fact in described.facts if "split" in fact.data}
    splits = document(folder, "metrics.json")["splits"]
    assert splits["test"]["metrics"] == measured["test"]["metrics"]


def test_the_bundle_names_no_folder_of_this_machine(described: Session, folder: Path) -> None:
    base = str(described.place.started_in.parent)
    for path in folder.glob("*.*"):
        assert base not in path.read_text(), path.name


def test_the_bundle_gives_the_same_metrics_elsewhere(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy" / "reproduce"
    shutil.copytree(folder, elsewhere)
    done = run(elsewhere)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "DIFFERENT" not in done.stdout
    assert done.stdout.count(" same\n") == 6
    assert done.stdout.count("identical") == 2
    assert done.stdout.endswith("Reproduced.\n")


def test_a_bundle_without_its_data_or_with_another_script_says_so(
    folder: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "reproduce"
    shutil.copytree(folder, elsewhere)
    shutil.rmtree(elsewhere / "data/data/train")
    (elsewhere / "train.py").write_text("print(1)")
    (elsewhere / "output").mkdir()
    (elsewhere / "output" / "x").touch()
    done = run(elsewhere)
    assert done.returncode == 2
    assert "The train data data/data/train is not in this bundle" in done.stderr
    assert "train.py is not the script that trained the model." in done.stderr
    assert "is not empty" in done.stderr


def test_other_metrics_are_a_failure(described: Session, folder: Path, tmp_path: Path) -> None:
    """The scorer is replaced by one that says something else; nothing is trained."""
    elsewhere = tmp_path / "reproduce"
    shutil.copytree(folder, elsewhere)
    (elsewhere / "train.py").write_text("")
    run_json = document(elsewhere, "run.json")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (elsewhere / "run.json").write_text(json.dumps({**run_json, "script_sha256": empty}))
    (elsewhere / "score_classifier.py").write_text(
        'print(\'{"event":"score","accuracy":0.1,"macro_f1":0.1,"loss":9,"weights_sha256":""}\')'
    )
    done = run(elsewhere)
    assert done.returncode == 1
    assert done.stdout.count("DIFFERENT") == 6
    assert "Not reproduced" in done.stdout


def test_before_the_test_split_was_scored_there_is_no_bundle(measured: Session) -> None:
    """It would put the held-out rows where the session's code can read them."""
    measured.facts = [fact for fact in measured.facts if fact.data.get("split") != "test"]
    answer = measured.refusal("write_reproduce_bundle", model_dir="out")
    assert "with split test first" in answer["error"]


class SmallBundle(WriteReproduceBundle):
    """Takes no data worth mentioning."""

    largest_data_bytes = 1_000


def test_large_data_stays_out_and_the_readme_says_how_to_make_it(publishable: Session) -> None:
    outcome = SmallBundle().run(BundleArguments(model_dir="out"), publishable.context())
    assert outcome.ok
    folder = publishable.place.workspace / "out" / "reproduce"
    assert not (folder / "data").exists()
    readme = (folder / "README.md").read_text()
    assert "too large to lie here" in readme
    assert "- test: `data/data/test`" in readme


def test_a_link_among_the_data_is_refused(publishable: Session, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    (publishable.place.workspace / "data/data/train/link.png").symlink_to(secret)
    answer = publishable.refusal("write_reproduce_bundle", model_dir="out")
    assert "link.png is no plain file" in answer["error"]


def test_a_folder_that_leads_out_of_the_workspace_is_refused(
    publishable: Session, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = publishable.place.workspace / "out" / "reproduce"
    shutil.rmtree(folder)
    folder.symlink_to(outside)
    publishable.refusal("write_reproduce_bundle", model_dir="out")
    assert list(outside.iterdir()) == []


def test_requirements_can_be_served_by_an_index() -> None:
    environment = Environment(
        python="3.11.7",
        packages={},
        gpus=[],
        requirements={"numpy": "2.4.6", "torch": "2.13.0+cpu"},
    )
    assert requirements(environment) == (
        "# Python 3.11.7\nnumpy==2.4.6\ntorch==2.13.0  # measured with the build +cpu\n"
    )
    assert replace(environment, packages={"torch": "2"}).missing[0] == "transformers"


def test_the_header_of_a_script_names_its_packages() -> None:
    header = (
        b'# /// script\n# dependencies = [\n#   "torch>=2",\n#   "pillow",\n# ]\n# ///\nx = 1\n'
    )
    assert dependencies(header) == ["torch", "pillow"]
    assert dependencies(b"x = 1\n") == []
    assert dependencies(b"# /// script\n# dependencies = [\n# ///\n") == []
