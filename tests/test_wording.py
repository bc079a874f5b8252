"""Texts as people read them: cut where one sees it, ended once."""

import pytest

from ml_intern.wording import sentence, shortened


@pytest.mark.parametrize(
    ("text", "words"),
    [("too  large\n", "too large"), ("x" * 10, "x" * 10), ("x" * 11, "x" * 9 + "…"),
     ("four five six", "four five…")],
)  # fmt: skip
def test_a_cut_is_seen(text: str, words: str) -> None:
    assert shortened(text, 10) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [("so it ends", "so it ends."), ("so it ends.", "so it ends."), ("did you?", "did you?"),
     ("no! ", "no!"), ("and so on…", "and so on…")],
)  # fmt: skip
def test_a_sentence_ends_once(text: str, words: str) -> None:
    assert sentence(text) == words
