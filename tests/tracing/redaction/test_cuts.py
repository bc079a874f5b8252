"""A secret that a cut went through is seen on neither side of it."""

import pytest

from ml_intern.sandbox.capture import gap_note
from ml_intern.tracing.redaction import Redactor

KNOWN = Redactor({"DB": "correct-horse-battery"})
TOKEN = "hf_aBc9dE7Qw8eR2tY7uIoP4sD5fG6hJ8kL9zX"


@pytest.mark.parametrize("at", range(4, len(TOKEN) - 8))
def test_a_token_is_seen_on_neither_side(at: int) -> None:
    shown = KNOWN.text(f"export HF={TOKEN[:at]}{gap_note(120)}{TOKEN[at:]} and more")
    assert (TOKEN[:at] in shown, TOKEN[at:] in shown) == (False, False)
    assert shown.endswith(" and more")


@pytest.mark.parametrize("at", range(4, 17))
def test_a_known_value_is_seen_on_neither_side(at: int) -> None:
    value = "correct-horse-battery"
    shown = KNOWN.text(f"it is {value[:at]}{gap_note(9)}{value[at:]} then")
    assert (value[:at] in shown, value[at:] in shown) == (False, False)


def test_words_beside_a_cut_stay() -> None:
    text = f"the last words before{gap_note(120)}and the first words behind"
    assert KNOWN.text(text) == text
