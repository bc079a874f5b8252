"""How much of what is found in whole documents is right."""

from pathlib import Path

import pytest

from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.recipe.extract import extract
from ml_intern.tools.protocol import ToolContext
from tests.support.places import confined_place, context_in
from tests.tools.papers.recipe.corpus import BLIND, OWN, Judged, Paper, judged, papers, read

LEAST_PRECISION = 0.95
PAPERS = {folder: papers(folder) for folder in (OWN, BLIND)}
FOLDERS = [folder for folder, there in PAPERS.items() if there]
Documents = dict[Path, Document]


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> ToolContext:
    return context_in(confined_place(tmp_path_factory.mktemp("place")))


@pytest.fixture(scope="module")
def documents(ctx: ToolContext) -> Documents:
    return {paper.path: read(paper.path, ctx) for there in PAPERS.values() for paper in there}


def all_judged(folder: Path, documents: Documents) -> list[Judged]:
    return [
        each
        for paper in PAPERS[folder]
        for each in judged(paper, extract(documents[paper.path]).recipe)
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_found_is_right(folder: Path, documents: Documents) -> None:
    found = [each for each in all_judged(folder, documents) if each.found is not None]
    wrong = [each for each in found if not each.is_right]
    assert found
    assert len(found) - len(wrong) >= LEAST_PRECISION * len(found), wrong


def test_of_our_own_documents_nearly_all_is_found(documents: Documents) -> None:
    """Precision alone could be had by finding nothing."""
    expected = [each for each in all_judged(OWN, documents) if each.expected is not None]
    missed = [each for each in expected if not each.is_right]
    assert len(missed) <= 0.1 * len(expected), missed


@pytest.mark.parametrize(
    "paper",
    [each for there in PAPERS.values() for each in there],
    ids=lambda paper: paper.path.stem,
)
def test_every_quote_occurs_in_its_document(paper: Paper, documents: Documents) -> None:
    document = documents[paper.path]
    quotes = {found.sentence for _, found in extract(document).recipe.flat()}
    assert quotes
    assert [quote for quote in quotes if not document.holds(quote)] == []
    if paper.path.suffix == ".md":
        source = " ".join(paper.path.read_text().split())
        prose = {quote for quote in quotes if not quote.startswith("|")}
        assert [quote for quote in prose if quote not in source] == []
