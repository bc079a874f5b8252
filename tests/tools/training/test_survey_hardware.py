import json
import sys
from dataclasses import replace
from pathlib import Path

from ml_intern.tools.training.environment import training_side
from tests.tools.training.sessions import Session


def test_the_survey_sees_machine_and_training_environment(session: Session) -> None:
    report = session.answer("survey_hardware")
    assert report["cpus"] >= 1
    assert report["memory_bytes"] >= report["available_memory_bytes"] > 0
    assert report["disk_free_bytes"] > 0
    assert report["packages"]["torch"].startswith("2.")
    assert report["training_python"] == str(session.place.training_python)
    assert "missing" not in report
    assert session.facts[-1].data == {"report": report}


def test_the_setting_is_a_memory_limit(session: Session) -> None:
    session.place = replace(session.place, memory_bytes=3 << 30)
    report = session.answer("survey_hardware")
    assert report["memory_limit_bytes"] == 3 << 30
    assert report["memory_limit_from"] == "memory_limit_bytes"


def test_missing_packages_are_named_with_the_way_to_get_them(session: Session) -> None:
    bare = Path("/usr/bin/python3")
    if not bare.exists():
        bare = Path(sys.base_prefix) / "bin/python3"
    session.place = replace(session.place, training_python=bare)
    report = session.answer("survey_hardware")
    assert "torch" in report["missing"]
    assert "pip install 'ml-intern[train]'" in report["how_to_install"]


def test_an_interpreter_that_does_not_start_is_named(session: Session, tmp_path: Path) -> None:
    session.place = replace(session.place, training_python=tmp_path / "no-python")
    answer = session.refusal("survey_hardware")
    assert "no-python does not work" in answer["error"]
    assert "training_python" in answer["error"]


def test_the_probe_resolves_what_a_package_needs(session: Session) -> None:
    from ml_intern.tools.training.training_side.probe_environment import closure

    found = closure(["Pydantic", "no-such-package"])
    assert {"pydantic", "pydantic-core", "typing-extensions"} <= found.keys()
    assert "no-such-package" not in found


def test_the_probe_reads_what_nvidia_smi_prints(session: Session, tmp_path: Path) -> None:
    """The row format is nvidia-smi's own; no GPU is needed to read it."""
    from ml_intern.tools.training.training_side.probe_environment import _from_row

    assert _from_row("NVIDIA A10G, 23028, 22500") == {
        "name": "NVIDIA A10G",
        "memory_bytes": 23028 << 20,
        "free_bytes": 22500 << 20,
    }


def test_the_scripts_of_the_training_side_import_nothing_of_ours() -> None:
    for name in ("probe_environment", "draw_curve", "reproduce"):
        assert "ml_intern" not in training_side(name).read_text().replace("not have ml-intern", "")


def test_reports_are_json(session: Session) -> None:
    json.dumps(session.answer("survey_hardware"), allow_nan=False)
