"""Names of people and their home folders, where a person wants them out."""

from pathlib import PurePath

import pytest

from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.redaction.home import Home

ADA = Redactor(home=Home(PurePath("/data/ada"), "ada"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data/ada/train.py", "~/train.py"),
        ("/home/bob/x and /Users/eve/y", "~/x and ~/y"),
        (r"C:\Users\eve\x", r"~\x"),
        ("ada@box:~$ whoami", "[user]@box:~$ whoami"),
        ("adam, /data/adam, ada_boost", "adam, /data/adam, ada_boost"),
        ("/srv/home/bob", "/srv/home/bob"),
    ],
)
def test_they_are_masked(text: str, expected: str) -> None:
    assert ADA.text(text) == expected


def test_a_name_that_everybody_has_is_left() -> None:
    assert Redactor(home=Home(PurePath("/srv/a"), "admin")).text("admin /srv/a/x") == "admin ~/x"


def test_without_the_wish_they_stay() -> None:
    assert Redactor().text("/home/bob/x") == "/home/bob/x"
