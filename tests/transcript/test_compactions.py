"""What is said of a compaction is what its line says, whoever wrote that."""

from typing import Any

import pytest

from ml_intern.transcript.compactions import summed_up

PLAIN = "the conversation was summed up"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({}, PLAIN),
        ({"model": 3, "conversation": {"before": "x", "after": None}}, PLAIN),
        ({"model": "m", "writtenBy": "model"}, f"{PLAIN} by m"),
        (
            {"model": "m", "conversation": {"before": 14820, "after": 6120}},
            f"{PLAIN} by m: 14,820 tokens became 6,120",
        ),
        (
            {"model": "", "writtenBy": "rules", "conversation": {"before": 900, "after": 80}},
            f"{PLAIN} by rules, without a model: 900 tokens became 80",
        ),
    ],
)
def test_what_is_known_is_said(extra: dict[str, Any], words: str) -> None:
    assert summed_up(extra) == words
