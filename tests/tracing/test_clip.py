"""Long texts become short ones that say what is missing."""

import json
import re

import pytest

from ml_intern.tracing.clip import clip


def size(text: str) -> int:
    return len(json.dumps(text)) - 2


@pytest.mark.parametrize("text", ["", "short", "x" * 500, "\u2028" * 83])
def test_a_text_that_fits_stays_as_it_is(text: str) -> None:
    assert clip(text, 500) == text


@pytest.mark.parametrize("letter", ["x", "é", "汉", "🤗", "\n", '"', "\0", "\ud800"])
@pytest.mark.parametrize("length", [501, 5_000, 200_000])
def test_a_long_text_keeps_its_head_and_tail(letter: str, length: int) -> None:
    text = "HEAD" + letter * length + "TAIL"
    short = clip(text, 500)
    assert size(short) <= 500
    assert short.startswith("HEAD")
    assert short.endswith("TAIL")
    (missing,) = re.findall(r"\[\.\.\. (\d+) characters left out of the trace \.\.\.\]", short)
    note = f"\n[... {missing} characters left out of the trace ...]\n"
    assert len(short) - len(note) + int(missing) == len(text)
