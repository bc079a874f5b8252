"""Sizes, batches and the arguments of the recipes."""

import ast
import re
from pathlib import Path

import pytest

import ml_intern
from ml_intern.llm.autopilot.reading.page import Page
from ml_intern.llm.autopilot.reading.settings import take_settings
from ml_intern.llm.autopilot.rules import improve, repair, script
from ml_intern.llm.autopilot.rules.script import patch_for, shrink
from tests.llm.autopilot.world import IMAGE_DEFAULTS, TEXT_DEFAULTS

RECIPES = Path(ml_intern.__file__).parent / "recipes"


def arguments_of(recipe: str) -> dict[str, object]:
    """The arguments of a recipe as it ships, with their defaults."""
    tree = ast.parse((RECIPES / f"{recipe}.py").read_text())
    (found,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Arguments"]
    return {
        line.target.id: ast.literal_eval(line.value)
        for line in found.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value
    }


@pytest.mark.parametrize(
    ("recipe", "pretended"),
    [("image_classification", IMAGE_DEFAULTS), ("text_classification", TEXT_DEFAULTS)],
)
def test_the_pretended_recipes_have_the_arguments_of_the_real_ones(
    recipe: str, pretended: dict[str, object]
) -> None:
    real = arguments_of(recipe)
    assert set(pretended) <= set(real)
    assert {name: type(value) for name, value in pretended.items()} == {
        name: type(real[name]) for name in pretended
    }


def test_every_argument_that_the_rules_name_is_one_of_a_recipe() -> None:
    known = {*arguments_of("image_classification"), *arguments_of("text_classification")}
    named = set()
    for module in (script, repair, improve):
        source = Path(str(module.__file__)).read_text()
        named |= set(
            re.findall(
                r'"((?:num|hidden|learning|per_device|weight|label|max|image|patch'
                r'|gradient|intermediate|model_name)_[a-z_]+)"',
                source,
            )
        )
    named -= {"image_classification", "label_column", "largest_batch_size_that_fits"}
    assert len(named) > 12
    assert named <= known


def test_every_setting_that_is_read_is_an_argument_of_a_recipe() -> None:
    known = {*arguments_of("image_classification"), *arguments_of("text_classification")}
    words = (
        "20 epochs, learning rate 1e-3, batch size 8, seed 1, max length 9, patch size 2, image "
        "size 8, 3 classes, hidden size 8, 2 layers, 2 heads, vocabulary 900, 10 warmup steps, "
        "gradient accumulation 2, weight decay 0.1, label smoothing 0.1, dropout 0.1, "
        "deterministic, augmentation, intermediate size 16"
    )
    read, _ = take_settings(Page(words))
    assert len(read) == 20
    assert set(read) <= known


@pytest.mark.parametrize(
    ("batch", "accumulation", "largest", "expected"),
    [
        (32, 1, None, (16, 2)),
        (32, 2, None, (16, 4)),
        (50, 1, None, (25, 2)),
        (25, 2, None, (10, 5)),
        (7, 1, None, (1, 7)),
        (2, 1, None, (1, 2)),
        (48, 1, 20, (16, 3)),
        (64, 1, 0, (32, 2)),
    ],
)
def test_a_smaller_batch_keeps_the_effective_one(
    batch: int, accumulation: int, largest: int | None, expected: tuple[int, int]
) -> None:
    smaller, more = shrink(batch, accumulation, largest)
    assert (smaller, more) == expected
    assert smaller * more == batch * accumulation


@pytest.mark.parametrize(
    ("side", "patch"), [(8, 2), (16, 2), (28, 4), (32, 4), (64, 8), (9, 3), (31, 31), (128, 16)]
)
def test_patches_divide_the_image_into_at_most_eight_a_side(side: int, patch: int) -> None:
    assert patch_for(side) == patch
