"""Slips in key words are mended; other words are not taken for them."""

import pytest

from ml_intern.llm.autopilot.reading.spelling import corrected

SLIPS = [
    *(("acuracy", "accuracy"), ("accurracy", "accuracy"), ("accuarcy", "accuracy")),
    *(("accurcy", "accuracy"), ("Acurracy", "accuracy"), ("accuracey", "accuracy")),
    *(("validaton", "validation"), ("vaildation", "validation"), ("valdation", "validation")),
    *(("lerning", "learning"), ("learing", "learning"), ("leanring", "learning")),
    *(("epcohs", "epochs"), ("epoches", "epochs"), ("ephocs", "ephocs"), ("epocs", "epochs")),
    *(("clasify", "classify"), ("clasification", "classification"), ("clasifier", "classifier")),
    *(("precent", "percent"), ("droput", "dropout")),
]
RIGHT = [
    *("variation", "valuation", "earning", "leaning", "accurate", "accurately", "recent", "parent"),
    *("present", "epics", "classical", "classified", "transform", "publisher", "account", "access"),
    *("meaning", "season", "evaluation", "elevation", "category", "labels", "capacity", "percept"),
]


@pytest.mark.parametrize(("word", "expected"), SLIPS)
def test_a_slip_in_a_key_word_is_mended(word: str, expected: str) -> None:
    assert corrected(f"a {word} of 3") == f"a {expected} of 3"


@pytest.mark.parametrize("word", RIGHT)
def test_other_words_stay(word: str) -> None:
    assert corrected(word) == word
