"""What processes of the recipes have in memory before they begin."""

import importlib

AT_HAND = (
    "ml_intern.recipes.image_classification",
    "ml_intern.recipes.score_classifier",
    "ml_intern.recipes.text_classification",
)


def warm() -> None:
    """Imports: four of the five seconds that a short training takes."""
    for name in AT_HAND:
        importlib.import_module(name)
