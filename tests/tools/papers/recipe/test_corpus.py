"""How much of what is found in whole documents is right."""

from pathlib import Path

import pytest

from ml_intern.tools.papers.recipe.extract import extract
from tests.tools.papers.recipe.corpus import BLIND, OWN, Judged, Paper, judged, papers, read

LEAST_PRECISION = 0.95
FOLDERS = [folder for folder in (OWN, BLIND) if papers(folder)]


def all_judged(folder: Path) -> list[Judged]:
    return [
        each
        for paper in papers(folder)
        if paper.path.suffix != ".pdf"
        for each in judged(paper, extract(read(paper.path)).recipe)
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_found_is_right(folder: Path) -> None:
    found = [each for each in all_judged(folder) if each.found is not None]
    wrong = [each for each in found if not each.is_right]
    assert len(found) - len(wrong) >= LEAST_PRECISION * len(found), wrong


def test_of_our_own_documents_nearly_all_is_found() -> None:
    """Precision alone could be had by finding nothing."""
    expected = [each for each in all_judged(OWN) if each.expected is not None]
    missed = [each for each in expected if not each.is_right]
    assert len(missed) <= 0.1 * len(expected), missed


@pytest.mark.parametrize(
    "paper",
    [each for folder in FOLDERS for each in papers(folder) if each.path.suffix != ".pdf"],
    ids=lambda paper: paper.path.stem,
)
def test_every_quote_occurs_in_its_document(paper: Paper) -> None:
    source = " ".join(paper.path.read_text().split()).replace("**", "")
    document = read(paper.path)
    quotes = {found.sentence for _, found in extract(document).recipe.flat()}
    assert quotes
    assert [quote for quote in quotes if not document.holds(quote)] == []
    if paper.path.suffix == ".md":
        assert [quote for quote in quotes if quote.replace("**", "") not in source] == []
