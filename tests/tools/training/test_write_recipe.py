import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.errors import InputError
from ml_intern.tools.training.recipe import parameters, source_of, with_values
from tests.tools.training.sessions import Session

SOURCE = '''\
"""A script."""
from dataclasses import dataclass


@dataclass
class Arguments:
    """Settings."""

    name: str = "grün"  # of the model
    """help"""
    rate: float = 1e-3
    steps: int = 10
    fast: bool = False
    maybe: str | None = None


name: str = "untouched"
'''


@pytest.mark.parametrize("recipe", ["image_classification", "text_classification"])
def test_a_recipe_differs_from_its_source_only_in_the_values(session: Session, recipe: str) -> None:
    answer = session.answer(
        "write_recipe", recipe=recipe, values={"learning_rate": 0.01, "seed": 7}
    )
    written = (session.place.workspace / "train.py").read_text()
    source = source_of(recipe)
    changed = [
        (before, after)
        for before, after in zip(source.split("\n"), written.split("\n"), strict=True)
        if before != after
    ]
    assert [after.strip().split(" = ")[0] for _, after in changed] == [
        "learning_rate: float",
        "seed: int",
    ]
    assert answer["arguments"]["learning_rate"] == 0.01
    assert answer["arguments"]["seed"] == 7
    assert session.facts[-1].data == {
        "path": "train.py",
        "sha256": answer["sha256"],
        "recipe": recipe,
    }


def test_values_replace_defaults_and_nothing_else() -> None:
    text = with_values(SOURCE, {"name": 'a "b" \\ ü', "rate": 1, "steps": 3.0, "fast": True})
    assert text == SOURCE.replace('"grün"', json.dumps('a "b" \\ ü', ensure_ascii=False)).replace(
        "1e-3", "1.0"
    ).replace("10", "3").replace("False", "True")


def test_numbers_and_booleans_in_quotes_are_what_they_say() -> None:
    quoted = with_values(SOURCE, {"rate": "2e-4", "steps": "20", "fast": "True", "name": "7"})
    assert quoted == with_values(SOURCE, {"rate": 2e-4, "steps": 20, "fast": True, "name": "7"})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"rat": 1.0}, "The recipe has no argument rat; the nearest are rate"),
        ({"zzz": 1.0}, "The recipe has no argument zzz; it has name, rate, steps, fast, maybe."),
        ({"rate": "fast"}, 'rate takes a float, not "fast" (str).'),
        ({"rate": "nan"}, "rate takes a float"),
        ({"rate": "1e999"}, "rate cannot be inf; give a finite number."),
        ({"steps": "1.5"}, "steps takes a int, not 1.5 (float)."),
        ({"steps": "[3]"}, 'steps takes a int, not "[3]" (str).'),
        ({"fast": "1"}, "fast takes a bool, not 1 (int)."),
        ({"steps": 1.5}, "steps takes a int, not 1.5 (float)."),
        ({"steps": True}, "steps takes a int, not true (bool)."),
        ({"fast": 1}, "fast takes a bool, not 1 (int)."),
        ({"name": 3}, "name takes a str, not 3 (int)."),
        ({"rate": float("nan")}, "rate cannot be nan; give a finite number."),
        ({"rate": 10**400}, "rate is too large for a number."),
        ({"name": "\ud800"}, "name holds characters that cannot be written to a file."),
        ({"maybe": "x"}, "maybe is a str | None and cannot be set here; edit the script."),
    ],
)
def test_a_value_that_does_not_fit_is_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        with_values(SOURCE, values)
    assert str(caught.value).startswith(sentence)


@given(
    name=st.text(st.characters(exclude_categories=["Cs"])),
    rate=st.floats(allow_nan=False, allow_infinity=False),
    steps=st.integers(-(10**30), 10**30),
)
def test_what_was_set_is_what_is_read_back(name: str, rate: float, steps: int) -> None:
    text = with_values(SOURCE, {"name": name, "rate": rate, "steps": steps})
    found = parameters(text)
    assert (found["name"].default, found["rate"].default, found["steps"].default) == (
        name,
        rate,
        steps,
    )
    ast.parse(text)


def test_an_unknown_argument_writes_nothing(session: Session) -> None:
    answer = session.refusal(
        "write_recipe", recipe="image_classification", values={"batch_size": 8}
    )
    assert "the nearest are" in answer["error"]
    assert "batch_size" in answer["error"]
    assert not (session.place.workspace / "train.py").exists()


@pytest.mark.parametrize("path", ["../train.py", "/etc/train.py", "train", "data"])
def test_a_script_lies_in_the_workspace_and_ends_in_py(session: Session, path: str) -> None:
    session.refusal("write_recipe", recipe="image_classification", path=path)


def test_a_link_out_of_the_workspace_is_not_followed(session: Session, tmp_path: Path) -> None:
    target = tmp_path / "victim.py"
    target.write_text("mine")
    (session.place.workspace / "train.py").symlink_to(target)
    session.refusal("write_recipe", recipe="image_classification")
    assert target.read_text() == "mine"


def test_after_a_crash_the_script_is_as_if_there_had_been_none(session: Session) -> None:
    first = session.answer("write_recipe", recipe="image_classification", values={"seed": 1})
    again = session.recover(
        "write_recipe", "call_9", recipe="image_classification", values={"seed": 1}
    )
    assert again == first
