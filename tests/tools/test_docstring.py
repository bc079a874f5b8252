"""What is read of a docstring, in both styles."""

import inspect

import pytest

from ml_intern.tools.docstring import parameters, summary

GOOGLE = """Look up a
molecule.

More about it.

Args:
    smiles (str): The molecule,
        as SMILES: `CCO`.
    count: How many.
    silent:

Returns:
    words: that are not a parameter.
"""
NUMPY = """Look up a molecule.

Parameters
----------
smiles : str
    The molecule,
    as SMILES.
count
    How many.
silent : bool

Returns
-------
words
    That are not a parameter.
"""


def test_the_first_paragraph_is_the_summary() -> None:
    assert summary(GOOGLE) == "Look up a molecule."


@pytest.mark.parametrize("text", ["", "Args:\n    x: One.", "Parameters\n----------\nx\n    One."])
def test_parameters_are_no_summary(text: str) -> None:
    assert summary(text) == ""


def test_words_on_parameters_are_found_in_googles_style() -> None:
    assert parameters(inspect.cleandoc(GOOGLE)) == {
        "smiles": "The molecule, as SMILES: `CCO`.",
        "count": "How many.",
    }


def test_words_on_parameters_are_found_in_numpys_style() -> None:
    assert parameters(inspect.cleandoc(NUMPY)) == {
        "smiles": "The molecule, as SMILES.",
        "count": "How many.",
    }


def test_without_such_a_section_there_are_none() -> None:
    assert parameters("Look.\n\nNote: nothing.\n") == {}
