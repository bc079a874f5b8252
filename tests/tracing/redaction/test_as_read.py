"""What colours, escapes and line ends hide is found, and replaced where it stands."""

import pytest

from ml_intern.tracing.redaction import Redactor

TOKEN = "hf_" + "aBcD" * 8 + "eF"
HALVES = TOKEN[:18], TOKEN[18:]

HIDDEN = [
    ("\x1b[36mDB_PASSWORD\x1b[0m=\x1b[32mhunter-2040\x1b[0m", "hunter"),
    (f"\x1b[33m{HALVES[0]}\x1b[0m\x1b[33m{HALVES[1]}\x1b[0m", HALVES[1]),
    ("\\u001b[36mDB_PASSWORD\\u001b[0m=hunter-2040", "hunter"),
    ("postgres%3A%2F%2Fada%3Ahunter2040%40db%2Fx", "hunter"),
    ("DB_PASSWORD\\u003dhunter-2040", "hunter"),
    ("DB_PASSWORD&#61;hunter-2040", "hunter"),
    (f"KEY={HALVES[0]}\\\n{HALVES[1]}", HALVES[1]),
    (f'KEY = ("{HALVES[0]}"\n       "{HALVES[1]}")', HALVES[1]),
    (f"KEY = '{HALVES[0]}' + '{HALVES[1]}'", HALVES[1]),
    (f"│ {HALVES[0]} │\n│ {HALVES[1]} │", HALVES[1]),
    (f"{HALVES[0]}\n{HALVES[1]}\n", HALVES[1]),
]


@pytest.mark.parametrize(("text", "secret"), HIDDEN, ids=[text[:24] for text, _ in HIDDEN])
def test_what_writing_hides_is_replaced(text: str, secret: str) -> None:
    before, behind = "first line\n", "\nlast line"
    shown = Redactor().text(before + text + behind)
    assert secret not in shown
    assert "[REDACTED:" in shown
    assert (shown.startswith(before), shown.endswith("last line")) == (True, True)


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[32mtoken\x1b[0m: \x1b[1mParis\x1b[0m",
        "https://example.org/a%20b?q=%22tokens%22&n=1",
        'print("first part of it " "second part of it")',
        f"{HALVES[0]} is short\nand this is the next line",
        "make all \\\n    TOKEN_COUNT=12",
    ],
)
def test_ordinary_text_stays_in_every_writing(text: str) -> None:
    assert Redactor().text(text) == text
