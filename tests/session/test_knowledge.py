"""What is found in a session without a model: paths, numbers, what is broken."""

import time

import pytest

from ml_intern.context.summary import Known
from ml_intern.events import Fact, ToolFinished, ToolStarted
from ml_intern.messages import CallId
from ml_intern.session.knowledge import MOST_NUMBERS, Knowledge


def told(*outputs: str) -> Known:
    """What is known when reads have said this."""
    knowledge = Knowledge()
    for output in outputs:
        knowledge.apply(answer(output))
    return knowledge.known()


def answer(output: str, *facts: Fact) -> ToolFinished:
    return ToolFinished(
        call_id=CallId("call_1"),
        tool="bash",
        ok=True,
        output=output,
        facts=facts,
        answered_by="tool",
        duration_ms=1,
    )


@pytest.mark.parametrize(
    "text",
    [
        "accuracy=0.93",
        "accuracy: 0.93",
        '{"accuracy": 0.93, "epoch": 3}',
        "| accuracy | 0.93 |",
        "**accuracy**: 0.93",
        "epoch 3 accuracy 0.93",
        "an accuracy of 0.93",
    ],
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert told(text).results == ["accuracy=0.93"]
    assert told(text).missing_in(f"It reached {text} in the end.").results == []


@pytest.mark.parametrize(
    "path",
    [
        "runs/7/model.safetensors",
        "/data/train.csv.gz",
        "./out/eval.json",
        "runs/7/checkpoint-500",
        "plots/loss@2x.png",
    ],
)
def test_a_path_is_found_within_words(path: str) -> None:
    assert told(f"saved to {path}, took 3 s").artefacts == [path]


def test_all_numbers_of_a_metric_are_known_the_newest_of_each_last() -> None:
    known = told("f1=0.1", "f1=0.2", "loss=3", "f1=0.3")
    assert known.results == ["f1=0.1", "f1=0.2", "loss=3", "f1=0.3"]


def test_of_a_curve_the_newest_number_is_known() -> None:
    outputs = [f"loss: {number}" for number in range(MOST_NUMBERS + 5)]
    assert told(*outputs).results == [f"loss={MOST_NUMBERS + 4}"]


def test_what_was_made_comes_behind_what_was_only_seen() -> None:
    knowledge = Knowledge()
    knowledge.apply(
        ToolStarted(
            call_id=CallId("call_1"),
            tool="write",
            arguments={"path": "train.py"},
            arguments_sha256="0",
            effect="write",
            recovery="pure",
        )
    )
    knowledge.apply(answer("written"))
    knowledge.apply(answer("lib/other.py"))
    assert knowledge.known().artefacts == ["lib/other.py", "train.py"]


@pytest.mark.parametrize("piece", ["a/", "a+", "a@", "a-", "loss ", "'", "a:", "x.py", " "])
def test_no_output_takes_long_to_search(piece: str) -> None:
    output = piece * (24_000 // len(piece))
    began = time.thread_time()
    told(output)
    assert time.thread_time() - began < 0.5
