"""Under which name the result is to be published."""

import pytest

from ml_intern.llm.autopilot.reading import read

NAMES: list[tuple[str, str | None]] = [
    ("repository name city-routing", "city-routing"),
    ("Repo: mail-sorter.", "mail-sorter"),
    ("repository name: moods", "moods"),
    ("the repo is called mood-net", "mood-net"),
    ("repo name is moods", "moods"),
    ("the repository should be named moods", "moods"),
    ("Repository=team/moods", "team/moods"),
    ('in repo "mood net"', "mood net"),
    ("upload to the repository moods-2", "moods-2"),
    ("push it to mood-net", "mood-net"),
    ("publish it as moods.", "moods"),
    ("publish it as moods on the hub", "moods"),
    ("publish as moods, privately", "moods"),
    ("name it moods", "moods"),
    ('Publish under the name "mail sorter"', "mail sorter"),
    ("push it to the hub", None),
    ("publish as soon as possible", None),
    ("publish it as private model", None),
    ("release the repo for everyone", None),
    ("the repo should be public", None),
    ("no repository please", None),
    ("the repository of our team has the code", None),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_repository_name(text: str, name: str | None) -> None:
    assert read(f"Train on a.csv, {text}").repo_name == name
