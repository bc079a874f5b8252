"""How much is found in whole documents, and how much of that is right."""

import re
from dataclasses import dataclass
from pathlib import Path

import lxml.html
import pypdfium2
import pytest

from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.recipe.extract import extract
from ml_intern.tools.protocol import ToolContext
from tests.support.places import confined_place, context_in
from tests.tools.papers.recipe.corpus import Judged, Paper, folders, judged, papers, read

PAPERS = {folder: papers(folder) for folder in folders()}


@dataclass(frozen=True)
class Floor:
    """Least shares, so that what works cannot be lost unseen."""

    precision: float
    """Of the values that are found, those that are right."""
    recall: float
    """Of the values that are stated, those that are found and right: finding nothing is no art."""


FLOORS = {"own": Floor(0.98, 0.95), "blind": Floor(0.98, 0.9), "blind_second": Floor(0.98, 0.75)}
ANY_OTHER = Floor(0.95, 0.4)
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


@pytest.mark.parametrize("folder", PAPERS, ids=lambda folder: folder.name)
def test_what_is_found_is_right(folder: Path, documents: Documents) -> None:
    found = [each for each in all_judged(folder, documents) if each.found is not None]
    wrong = [each for each in found if not each.is_right]
    assert found
    least = FLOORS.get(folder.name, ANY_OTHER).precision
    assert len(found) - len(wrong) >= least * len(found), wrong


@pytest.mark.parametrize("folder", PAPERS, ids=lambda folder: folder.name)
def test_much_of_what_is_stated_is_found(folder: Path, documents: Documents) -> None:
    stated = [each for each in all_judged(folder, documents) if each.expected is not None]
    missed = [each for each in stated if not each.is_right]
    least = FLOORS.get(folder.name, ANY_OTHER).recall
    assert len(stated) - len(missed) >= least * len(stated), missed


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


@pytest.mark.parametrize(
    "paper",
    [each for there in PAPERS.values() for each in there],
    ids=lambda paper: paper.path.stem,
)
def test_every_quote_occurs_in_the_file_as_others_read_it(
    paper: Paper, documents: Documents
) -> None:
    """Letter by letter; formulas and the lines between cells are ours."""
    source = letters(text_of(paper.path))
    quotes = {found.sentence for _, found in extract(documents[paper.path]).recipe.flat()}
    pieces = {piece for quote in quotes for piece in re.split(r"\$[^$]*\$|\s\|\s", quote)}
    assert [piece for piece in pieces if letters(piece) not in source] == []


def text_of(path: Path) -> str:
    if path.suffix == ".pdf":
        pages = pypdfium2.PdfDocument(path)
        return "".join(page.get_textpage().get_text_range() for page in pages)
    if path.suffix == ".html":
        return str(lxml.html.parse(path).getroot().text_content())
    return path.read_text()


def letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())
