"""What takes the place of the older part of a conversation, and how much of it there is."""

from ml_intern.context.counting import count_text
from ml_intern.context.summary import Known, Standing, whole

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
