"""No secret of any kind is seen in any writing of it."""

import json

import pytest

from ml_intern.tracing.redaction import Redactor
from tests.tracing.redaction.seeds import Seed, seeds

WRITINGS = {
    "plain": lambda text: text,
    "in a sentence": lambda text: f"We used\n{text}\nand it failed.",
    "json": lambda text: json.dumps({"output": text}),
    "json in json": lambda text: json.dumps(json.dumps({"output": text})),
    "python": lambda text: f"print({text!r})",
    "twice": lambda text: f"{text}\n\n{text}",
}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("number", range(20))
def test_nothing_is_left(writing: str, number: int) -> None:
    def left(seed: Seed) -> bool:
        shown = Redactor().text(WRITINGS[writing](seed.text))
        return seed.value in shown or json.dumps(seed.value)[1:-1] in shown

    assert [seed.kind for seed in seeds(f"{writing} {number}") if left(seed)] == []
