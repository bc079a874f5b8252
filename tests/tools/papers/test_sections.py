"""Finding sections by what people call them."""

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.papers.document import Document, Section
from ml_intern.tools.papers.sections import pick, text_of

NAMES = [
    ("", "Abstract", 1),
    ("1", "Introduction", 1),
    ("3", "Method", 1),
    ("3.1", "Training Details", 2),
    ("3.1.1", "Optimiser", 3),
    ("4", "Results", 1),
    ("B", "Method: more", 1),
]


def paper() -> Document:
    return Document(
        title="A paper",
        sections=tuple(
            Section(number=number, title=title, text=f"Of {title}.", level=level)
            for number, title, level in NAMES
        ),
        figures=(),
        tables=(),
        url="u",
        how="pdf",
    )


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ("3", [2, 3, 4]),
        ("3.1", [3, 4]),
        ("Section 3.1", [3, 4]),
        ("§3.1.", [3, 4]),
        ("b", [6]),
        ("Appendix B", [6]),
        ("method", [2, 3, 4]),
        ("3 Method", [2, 3, 4]),
        ("3. METHOD", [2, 3, 4]),
        ("training", [3, 4]),
        ("details", [3, 4]),
        ("abstract", [0]),
    ],
)
def test_a_section_is_found_by_number_or_title_with_what_is_below_it(
    wanted: str, places: list[int]
) -> None:
    assert list(pick(paper(), wanted)) == places


def test_the_text_of_a_section_names_its_subsections() -> None:
    document = paper()

    text = text_of(document, pick(document, "3"))

    assert text == (
        "Of Method.\n\n## 3.1 Training Details\n\nOf Training Details.\n\n"
        "## 3.1.1 Optimiser\n\nOf Optimiser."
    )


@pytest.mark.parametrize("wanted", ["7", "Metod of all", "", "\u202e"])
def test_a_section_that_is_not_there_is_answered_with_those_that_are(wanted: str) -> None:
    with pytest.raises(InputError, match=r"3\.1 Training Details"):
        pick(paper(), wanted)
