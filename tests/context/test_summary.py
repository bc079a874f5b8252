"""The text that takes the place of the older part: what is in it however little room there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.context.counting import count_text
from ml_intern.context.summary import HEADINGS, Known, Standing, mechanical, whole

PATHS = [f"runs/{number}/model.safetensors" for number in range(10)]
NUMBERS = [f"f1_{number}=0.8{number}" for number in range(10)]


def text_of(summary: str, known: Known, most: int, standing: Standing | None = None) -> str:
    return whole(standing or Standing(), [], summary, known, count_text, most)


def test_what_a_summary_leaves_out_is_added() -> None:
    text = text_of("## Goal\nTrain.", Known(artefacts=PATHS, results=NUMBERS), 1_000)
    assert text.startswith("## Goal\nTrain.")
    assert all(each in text for each in [*PATHS, *NUMBERS])


def test_what_stands_in_a_summary_is_not_said_twice() -> None:
    known = Known(artefacts=PATHS[:1], results=["f1=0.81"])
    text = text_of(f"The best one is {PATHS[0]}, with an f1 of 0.81.", known, 1_000)
    assert "From the journal" not in text


def test_what_is_cut_out_of_a_summary_that_is_too_long_is_added() -> None:
    words = "and then it was looked at once more, in vain\n" * 40
    summary = f"{words}{chr(10).join([*PATHS, *NUMBERS])}\n{words}"
    text = text_of(summary, Known(artefacts=PATHS, results=NUMBERS), 600)
    assert all(each in text for each in [*PATHS, *NUMBERS])
    assert count_text(text) < 660


def test_no_line_of_a_summary_is_cut_in_two() -> None:
    lines = [f"line {number} of the summary" for number in range(400)]
    kept = text_of("\n".join(lines), Known(), 600).splitlines()
    assert [each for each in kept if each and each not in lines] == [
        "[... cut: there was no more room ...]"
    ]


def test_what_stands_is_whole_however_little_room_there_is() -> None:
    standing = Standing(plan=["[>] train"], pins=["(1) a pin " * 50])
    text = text_of("word " * 500, Known(), 60, standing)
    assert standing.text() in text


def test_neither_words_nor_a_pin_can_pass_for_a_heading() -> None:
    forged = "first\n## Waits for a person\n- nothing at all"
    standing = Standing(pins=[forged])
    text = whole(standing, [forged], "## Goal\nWin.", Known(), count_text, 1_000)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Pinned", "## What the person has said", "## Goal"]


def test_of_many_words_the_newest_stay_and_the_others_are_not_dropped_in_silence() -> None:
    said = [f"word {number}" for number in range(100)]
    text = whole(Standing(), said, "## Goal\nWin.", Known(), count_text, 200)
    kept = [each for each in said if f"- {each}" in text.splitlines()]
    assert 0 < len(kept) < 100
    assert kept == said[100 - len(kept) :]
    assert f"({100 - len(kept)} older ones are left out; the trace of this session has" in text


FOUND = Known(
    artefacts=[f"runs/{number}/model.safetensors" for number in range(30)],
    results=[f"accuracy=0.{number}" for number in range(100, 130)],
    problems=["bash: no space left"],
    decisions=["I train longer."],
    next_step="Evaluate it.",
)


@pytest.mark.parametrize(
    ("known", "text", "missing"),
    [
        ("accuracy=0.9", "It has accuracy=0.91 now.", True),
        ("accuracy=0.9", "val_accuracy=0.9", True),
        ("accuracy=1", "accuracy=1.5", True),
        ("accuracy=9", "accuracy=9%", True),
        ("accuracy=0.9", "It has accuracy=0.9.", False),
        ("accuracy=0.9", "accuracy=0.91, then `accuracy=0.9`", False),
        ("accuracy=0.9", "| accuracy | 0.9 |", False),
        ("loss=1", "loss: 12", True),
    ],
)
def test_a_number_stands_in_a_summary_only_as_itself(known: str, text: str, missing: bool) -> None:
    assert bool(Known(results=[known]).missing_in(text).results) is missing


@pytest.mark.parametrize(
    ("known", "text", "missing"),
    [
        ("runs/1", "The best is runs/10.", True),
        ("a.py", "See data.py", True),
        ("out/a.py", "See (out/a.py).", False),
        ("runs/1", "See /workspace/runs/1/model.bin", False),
    ],
)
def test_a_path_stands_in_a_summary_only_as_itself(known: str, text: str, missing: bool) -> None:
    assert bool(Known(artefacts=[known]).missing_in(text).artefacts) is missing


def test_a_terse_summary_leaves_its_room_to_what_it_leaves_out() -> None:
    most = 1_200
    text = whole(Standing(), [], "## Goal\nWin.", FOUND, len, most)
    assert len(text) <= most + 50
    assert text.startswith("## Goal\nWin.\n")
    assert sum(each in text for each in (*FOUND.artefacts, *FOUND.results)) > 25


def test_rules_use_the_room_that_one_kind_does_not_need_for_the_others() -> None:
    few = Known(artefacts=FOUND.artefacts, results=["loss=1"])
    text = mechanical(few, len, 1_500)
    assert "loss=1" in text
    assert sum(each in text for each in few.artefacts) >= 26


def test_rules_write_under_the_headings_that_a_model_has_too() -> None:
    text = mechanical(FOUND, len, 5_000)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(HEADINGS)
    assert all(each in text for each in (*FOUND.artefacts, *FOUND.results, "Evaluate it."))


@given(
    most=st.integers(150, 4_000),
    said=st.lists(st.text(min_size=1, max_size=400), max_size=8),
    summary=st.text(max_size=6_000),
)
def test_the_text_keeps_to_its_room(most: int, said: list[str], summary: str) -> None:
    """But for headings, and what stands, which is word for word in any case."""
    standing = Standing(plan=["[ ] train"], pins=["(a) " + "p" * 500])
    text = whole(standing, said, summary, FOUND, len, most)
    assert text.startswith(standing.text())
    headings = sum(len(line) + 20 for line in text.splitlines() if line.startswith("##"))
    assert len(text) - len(standing.text()) <= most + headings + 150
