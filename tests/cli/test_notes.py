from typing import Any

import pytest

from ml_intern.cli.notes import note, subject
from ml_intern.client.view import fold
from ml_intern.tools.untrusted import marked
from tests.cli.journals import Journal

OUTSIDE = ("docs", "extract_recipe", "github", "hub_details", "papers", "plan_experiment", "read")


def _note(tool: str, answer: dict[str, Any] | str, *, ok: bool = True, **arguments: Any) -> str:
    return note(fold(Journal().tool("c1", tool, answer, ok=ok, arguments=arguments)).steps[0])


@pytest.mark.parametrize(
    ("tool", "answer", "words"),
    [
        (
            "dummy_forward",
            {"report": {"loss": 2.31, "parameters": 70026}, "fits": True},
            "loss 2.310, 70,026 parameters",
        ),
        (
            "smoke_test",
            {"report": {"steps": 3, "losses": [2.4, 2.1]}},
            "3 steps, loss 2.400 → 2.100",
        ),
        (
            "prepare_dataset",
            {
                "rows": {"train": 1437, "test": 180},
                "labels": ["0", "1"],
                "dropped": {"duplicate": 3},
            },
            "train 1,437 / test 180, 2 labels, 3 left out",
        ),
        (
            "inspect_dataset",
            {"rows": 1800, "num_labels": 5, "task": "text-classification", "problems": ["a"]},
            "1,800 rows, 5 labels, text classification, 1 problem",
        ),
        (
            "inspect_dataset",
            {
                "rows": 1800,
                "num_labels": 0,
                "task": "text-classification",
                "mapping": {"text": "said", "label": None},
                "alternatives": {"label": ["team", "stars"]},
            },
            "1,800 rows, label still open, text classification",
        ),
        (
            "survey_hardware",
            {"cpus": 2, "available_memory_bytes": 2**33, "gpus": [], "disk_free_bytes": 2**35},
            "2 CPUs, 8.0 GiB memory free, no GPU, 32.0 GiB disk free",
        ),
        (
            "estimate_memory",
            {"total_bytes": 2**30, "available_bytes": 2**33, "fits": True},
            "needs 1.0 GiB, 8.0 GiB free, fits",
        ),
        (
            "write_recipe",
            {"recipe": "image_classification", "path": "train.py", "values": {"seed": 1}},
            "image_classification → train.py, 1 value set",
        ),
        (
            "watch_job",
            {"status": "failed", "verdicts": ["nan"], "error": "FloatingPointError: loss is nan"},
            "failed, nan, FloatingPointError: loss is nan",
        ),
        (
            "edit",
            {"path": "train.py", "diff": "--- a\n+++ b\n-old\n+new\n+more\n"},
            "train.py +2 -1",
        ),
        ("ask_person", {"answer": "a.csv"}, "“a.csv”"),
        ("papers", {"found": 37, "items": [{"title": "QLoRA"}, {}]}, "37 papers, QLoRA"),
        ("papers", {"found": 0, "items": []}, "0 papers"),
        (
            "read_paper",
            {"title": "QLoRA", "sections": [{}, {}], "tables": 3, "figures": 4},
            "QLoRA, 2 sections",
        ),
        (
            "read_paper",
            {"title": "QLoRA", "section": "3.1 Data", "text": "…", "read_from": "ocr"},
            "QLoRA, 3.1 Data, from pictures (OCR)",
        ),
        ("papers", {"title": "QLoRA", "code": "https://x"}, "QLoRA"),
        (
            "extract_recipe",
            {
                "epochs": {"value": 3, "from": 1},
                "dropout": None,
                "metrics": [{"value": 9, "from": 1}],
                "ambiguous": {"batch_size": [{}, {}]},
                "sentences": {"1": {}},
            },
            "1 value, 1 result, 1 stated in several ways",
        ),
        (
            "plan_experiment",
            {"work": {"updates": 72}, "total": {"cost": "$0.00"}, "changes": [{}, {}]},
            "72 updates, time unknown, $0.00, 2 changes against the paper",
        ),
        (
            "plan_experiment",
            {"work": {"updates": None}, "total": {}},
            "time unknown, cost unknown, as in the paper",
        ),
        (
            "papers",
            {"paper": "arXiv:2305.14314", "code": [{}], "models": [{}, {}], "datasets": []},
            "arXiv:2305.14314, 2 models, 1 repository",
        ),
        (
            "extract_recipe",
            {
                "title": "QLoRA",
                "url": "https://x",
                "optimiser": {"value": "AdamW", "from": 1},
                "dropout": None,
                "metrics": [{"metric": "accuracy"}],
            },
            "QLoRA, 1 value, 1 result",
        ),
        (
            "plan_experiment",
            {"recipe": "QLoRA", "scaled_to": 0.5, "total": {"time_s": 720.0, "cost": "$0.00"}},
            "QLoRA, scaled to 50.0 %, 12 min 00 s, $0.00, as in the paper",
        ),
        (
            "plan_experiment",
            {"recipe": "QLoRA", "total": {"time_s": None, "cost": None}},
            "QLoRA, time unknown, cost unknown, as in the paper",
        ),
        ("docs", {"pages": [{"title": "SFT Trainer"}], "total": 31}, "31 pages, SFT Trainer"),
        (
            "docs",
            {"url": "https://hf.co/docs/trl/sft_trainer"},
            "https://hf.co/docs/trl/sft_trainer",
        ),
        ("github", {"examples": [{"path": "examples/sft.py"}]}, "1 file, examples/sft.py"),
        ("github", {"repositories": []}, "0 repositories"),
        ("github", {"url": "https://github.com/a/b#L1"}, "https://github.com/a/b#L1"),
        ("hub_search", {"kind": "model", "found": [{"id": "a/b"}, {"id": "c/d"}]}, "2 models, a/b"),
        (
            "hub_details",
            {"repo": "a/b", "licence": {"id": "mit"}, "gated": "asks for the terms"},
            "a/b, mit, gated",
        ),
        ("hub_files", {"repo": "a/b", "entries": ["x"], "total": 1}, "a/b, 1 entry"),
        ("hub_files", {"repo": "a/b", "path": "x.py", "lines": 7}, "a/b, x.py, 7 lines"),
        (
            "hub_change",
            {"operation": "create", "repo": "a/b", "url": "https://x"},
            "create, a/b, https://x",
        ),
        ("check_licences", {"licences": [{}, {}], "conflicts": []}, "2 licences, no conflict"),
        (
            "check_licences",
            {"licences": [{}], "conflicts": ["?"]},
            "1 licence, 1 question, agreed to",
        ),
    ],
)
def test_an_answer_in_a_few_words(tool: str, answer: dict[str, Any], words: str) -> None:
    assert _note(tool, answer) == words


def test_a_failure_shows_its_error() -> None:
    assert _note("inspect_dataset", {"error": "There is no file x.csv."}, ok=False) == (
        "There is no file x.csv."
    )


def test_an_answer_from_outside_is_read_between_its_marks() -> None:
    output = marked('{"found": 1, "items": [{"title": "QLoRA"}]}', ["https://arxiv.org/"])
    assert _note("papers", output) == "1 paper, QLoRA"
    assert _note("papers", f"[this ran: {{}}]\n{output}") == "1 paper, QLoRA"
    failed = marked('{"error": "arXiv has no arXiv:2305.99999."}', [])
    assert _note("papers", failed, ok=False) == "arXiv has no arXiv:2305.99999."


@pytest.mark.parametrize("tool", OUTSIDE)
def test_no_step_shows_the_marks_of_outside_text(tool: str) -> None:
    assert "OUTSIDE TEXT" not in _note(tool, marked("{}", ["https://x"]))
    assert "OUTSIDE TEXT" not in _note(tool, marked("no such page", []), ok=False)


def test_a_failed_command_shows_the_last_thing_it_said() -> None:
    output = "Traceback\nValueError: no\n\n[exit code 1]"

    assert _note("bash", output, ok=False, command="python x.py") == "python x.py · ValueError: no"


@pytest.mark.parametrize("answer", ["", "not JSON", "{", "[1]", {"report": 3}, {"report": None}])
def test_an_answer_of_another_shape_breaks_nothing(answer: dict[str, Any] | str) -> None:
    for tool in (
        "papers",
        "dummy_forward",
        "watch_job",
        "evaluate",
        "inspect_dataset",
        "no_such_tool",
    ):
        assert isinstance(_note(tool, answer), str)


def test_a_note_is_one_bounded_line() -> None:
    words = _note("write_model_card", {"path": "a\n" * 500})

    assert "\n" not in words
    assert len(words) <= 160


def test_the_subject_of_a_call_is_what_it_is_about() -> None:
    step = fold(Journal().reply(("c1", "inspect_dataset", {"source": "data.csv"}))).steps[0]

    assert subject(step) == "data.csv"
