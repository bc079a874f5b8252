"""What the confined process does, piece by piece, without a process."""

import io
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pytest

from ml_intern.tools.papers.confined.figures import grown
from ml_intern.tools.papers.confined.layout import find_gutter, lay_out
from ml_intern.tools.papers.confined.pictures import SCALE, read_with
from ml_intern.tools.papers.confined.spacing import gaps, with_spaces
from ml_intern.tools.papers.confined.spans import Span, read_page
from ml_intern.tools.papers.confined.structure import Page, structure
from ml_intern.tools.papers.confined.tables import cells_of
from ml_intern.tools.papers.document import Document, Draft
from tests.support.pdfs import BOLD, ROMAN, PdfPage, pdf, running_text


def span(text: str, left: float, bottom: float, right: float, size: float = 10) -> Span:
    return Span(text, left, bottom, right, bottom + size, size)


def column(left: float, right: float, lines: int = 20) -> list[Span]:
    return [span(f"line {at}", left, 700 - 12 * at, right) for at in range(lines)]


def read(*pages: PdfPage) -> Document:
    document = pdfium.PdfDocument(io.BytesIO(pdf(pages)))
    draft = Draft()
    texts = [read_page(document, number) for number in range(1, len(pages) + 1)]
    laid = [
        Page(text.number, text.height, lay_out(text.spans, text.number).lines) for text in texts
    ]
    structure(laid, [], draft)
    return draft.document("u", "pdf")


def test_two_columns_have_a_strip_between_them() -> None:
    gutter = find_gutter([*column(50, 290), *column(320, 560)])

    assert gutter is not None
    assert 285 < gutter < 325


@pytest.mark.parametrize(
    "spans",
    [
        column(50, 560),
        [*column(50, 90), *column(200, 240), *column(330, 370), *column(500, 540)],
        column(50, 290)[:4],
        [],
    ],
    ids=["one column", "a table", "little", "nothing"],
)
def test_what_is_not_two_columns_has_none(spans: list[Span]) -> None:
    assert find_gutter(spans) is None


def test_a_line_across_the_page_parts_what_is_above_from_what_is_below() -> None:
    spans = [*column(50, 290, 10), *column(320, 560, 10), span("across", 50, 540, 560)]
    spans += [span("below left", 50, 500 - 12 * at, 290) for at in range(9)]
    spans += [span("below right", 320, 500 - 12 * at, 560) for at in range(9)]

    lines = lay_out(spans, 1).lines

    assert [line.column for line in lines] == [1] * 10 + [2] * 10 + [0] + [1] * 9 + [2] * 9


def test_the_short_last_line_of_what_goes_across_goes_with_it() -> None:
    spans = [span("A caption that goes across", 50, 700, 560), span("and ends here.", 50, 688, 130)]
    spans += [span("left", 50, 660 - 12 * at, 290) for at in range(10)]
    spans += [span("right", 320, 660 - 12 * at, 560) for at in range(10)]

    lines = lay_out(spans, 1).lines

    assert [line.column for line in lines] == [0, 0] + [1] * 10 + [2] * 10
    assert lines[1].text == "and ends here."


def test_a_column_that_begins_below_what_goes_across_is_none_of_it() -> None:
    spans = [span("A caption that goes across", 50, 700, 560)]
    spans += [span("left", 50, 688 - 12 * at, 290) for at in range(10)]
    spans += [span("right", 320, 688 - 12 * at, 560) for at in range(10)]

    assert [line.column for line in lay_out(spans, 1).lines] == [0] + [1] * 10 + [2] * 10


def test_the_order_of_the_file_does_not_matter() -> None:
    """Written row by row, as some programs do."""
    left, right = column(50, 290), column(320, 560)
    mixed = [each for pair in zip(left, right, strict=True) for each in pair]

    assert [each.text for each in lay_out(mixed, 1).lines] == [
        *(each.text for each in left),
        *(each.text for each in right),
    ]


def test_an_author_whose_name_begins_with_an_initial_is_no_appendix() -> None:
    page = (
        PdfPage()
        .text(150, 730, "Small Steps", 18, BOLD)
        .text(200, 705, "A. Author and B. Writer", 12)
    )
    page.text(54, 680, "Abstract", 12, BOLD).lines(54, 660, running_text(6, 80))
    page.text(54, 560, "1 Method", 12, BOLD).lines(54, 540, running_text(6, 80, 500))
    page.text(54, 440, "A. Details", 12, BOLD).lines(54, 420, running_text(6, 80, 900))

    titles = [(each.number, each.title) for each in read(page).sections]

    assert titles == [("", ""), ("", "Abstract"), ("1", "Method"), ("A", "Details")]


def test_a_sentence_goes_on_in_the_next_column_past_a_footnote() -> None:
    page = PdfPage().lines(
        54, 700, [*running_text(20, 46), "We use a batch size of 64 and a learn-"]
    )
    page.rule(54, 430, 120).lines(54, 420, ["1 Once it was", "32."], 8)
    page.lines(316, 700, ["ing rate of 0.001.", *running_text(20, 46, 700)])

    text = read(page).text

    assert "a batch size of 64 and a learning rate of 0.001." in text
    assert "1 Once it was 32." in text.split("\n\n")


def test_cells_go_where_their_columns_are() -> None:
    rows = [
        [span("Accuracy", 100, 700, 200)],
        [span("Model", 10, 686, 40), span("dev", 100, 686, 120), span("test", 170, 686, 190)],
        [span("Ours", 10, 672, 30), span("1.0", 102, 672, 115)],
    ]

    assert cells_of([each for row in rows for each in row]) == [
        ["", "Accuracy", "Accuracy"],
        ["Model", "dev", "test"],
        ["Ours", "1.0", ""],
    ]


def heading(text: str, font: str = BOLD, size: float = 10) -> PdfPage:
    page = PdfPage().lines(54, 700, running_text(8, 90))
    page.text(54, 560, text, size, font)
    return page.lines(54, 540, running_text(8, 90, begin=99))


@pytest.mark.parametrize(
    ("text", "font", "size", "name"),
    [
        ("1 Introduction", BOLD, 10, "1 Introduction"),
        ("1. Introduction", ROMAN, 14, "1 Introduction"),
        ("I. INTRODUCTION", ROMAN, 10, "I INTRODUCTION"),
        ("2.1 Data", BOLD, 10, "2.1 Data"),
        ("A Proofs", BOLD, 12, "A Proofs"),
        ("References", ROMAN, 10, "References"),
        ("Related Work", BOLD, 12, "Related Work"),
    ],
)
def test_headings_are_known_by_their_letters(text: str, font: str, size: float, name: str) -> None:
    assert name in [each.name for each in read(heading(text, font, size)).sections]


@pytest.mark.parametrize(
    ("text", "font", "size"),
    [
        ("3 models were trained on it", ROMAN, 10),
        ("7 Models", BOLD, 10),
        ("a bold remark that goes on", BOLD, 10),
        ("1 Introduction . . . . . . . . 3", BOLD, 10),
        ("Note that this ends with a full stop.", BOLD, 12),
        ("84.0", BOLD, 14),
    ],
)
def test_what_only_looks_like_a_heading_is_text(text: str, font: str, size: float) -> None:
    document = read(heading(text, font, size))

    assert len(document.sections) == 1
    assert text in document.text


def test_a_caption_ends_where_the_text_goes_on() -> None:
    page = PdfPage().lines(54, 700, running_text(8, 90))
    page.lines(54, 560, ["Figure 2: The loss of", "both models."], 9)
    page.lines(54, 520, running_text(8, 90, begin=99))

    (figure,) = read(page).figures

    assert (figure.label, figure.caption) == ("Figure 2", "The loss of both models.")


def test_an_abstract_that_runs_into_its_text_is_a_section() -> None:
    page = PdfPage().lines(54, 700, ["Abstract: We train models.", *running_text(8, 90)])

    sections = read(page).sections

    assert sections[0].title == "Abstract"
    assert sections[0].text.startswith("We train models.")


def test_a_figure_is_what_hangs_together_beside_its_caption() -> None:
    caption = (100.0, 200.0, 300.0, 210.0)
    near, above, far = (100, 220, 200, 300), (210, 310, 300, 400), (100, 600, 200, 700)

    assert grown([far, above, near], caption, is_above=True) == (100, 220, 300, 400)
    assert grown([far], caption, is_above=True) is None
    assert grown([(100, 215, 300, 216)], caption, is_above=True) is None


def test_what_is_seen_on_a_picture_stands_at_its_place() -> None:
    document = pdfium.PdfDocument(io.BytesIO(pdf([PdfPage().box(10, 10, 20, 20)])))

    def engine(picture: Any, *, return_word_box: bool) -> tuple[Any, Any]:
        assert picture.shape[1:] == (round(612 * SCALE), 3)
        corners = [[54 * SCALE, 92 * SCALE], [200 * SCALE, 92 * SCALE]]
        corners += [[200 * SCALE, 102 * SCALE], [54 * SCALE, 102 * SCALE]]
        return [[corners, "We train for 3 epochs", "0.98"], [corners, "dirt", 0.2]], None

    (found,) = read_with(engine, document, read_page(document, 1)).spans

    assert found.text == "We train for 3 epochs"
    assert (found.left, found.right) == pytest.approx((54, 200))
    assert (found.bottom, found.top) == pytest.approx((690, 700))


def test_a_page_that_lies_upside_down_is_turned_over() -> None:
    corners = [[54, 92], [200, 92], [200, 112], [54, 112]]
    seen: list[int] = []

    def engine(picture: Any, *, return_word_box: bool) -> tuple[Any, Any]:
        seen.append(int(picture[-30:].min()))  # there is ink below, and once it is turned above
        return [[corners, "Read" if len(seen) > 1 else "peeH", 0.55 + 0.4 * (len(seen) - 1)]], None

    document = pdfium.PdfDocument(io.BytesIO(pdf([PdfPage().box(10, 2, 20, 10)])))
    (found,) = read_with(engine, document, read_page(document, 1)).spans

    assert (found.text, seen) == ("Read", [0, 255])


def test_a_page_without_anything_to_see_has_no_text() -> None:
    document = pdfium.PdfDocument(io.BytesIO(pdf([PdfPage()])))

    assert (
        read_with(lambda _picture, **_: (None, None), document, read_page(document, 1)).spans == []
    )


def inked(*words: int) -> np.ndarray:
    """A line of letters three dots wide and a dot apart, words six dots apart; twenty dots high."""
    columns: list[int] = []
    for length in words:
        columns += [255] * 6
        columns += [0, 0, 0, 255] * length
    return np.tile(np.array(columns, dtype=np.uint8), (20, 1))


def centres(*words: int) -> list[float]:
    """Of its letters."""
    found, at = [], 0
    for length in words:
        at += 6
        found += [at + 4 * number + 1.0 for number in range(length)]
        at += 4 * length
    return found


def test_a_gap_in_the_ink_is_a_space_between_words() -> None:
    line, places = inked(2, 5, 3), centres(2, 5, 3)
    assert with_spaces("Wetrainfor", list("Wetrainfor"), places, line) == "We train for"


def test_a_space_that_was_read_is_not_doubled() -> None:
    places = centres(2, 5, 3)
    text, there = "We trainfor", [*places[:2], places[1] + 5.0, *places[2:]]
    assert with_spaces(text, list(text), there, inked(2, 5, 3)) == "We train for"


@pytest.mark.parametrize("letters", [[], ["W"], list("other")])
def test_without_the_places_of_its_letters_a_text_stays_as_it_is(letters: list[str]) -> None:
    assert with_spaces("Wetrain", letters, [1.0] * len(letters), inked(2, 5)) == "Wetrain"


def test_a_line_without_ink_has_no_gaps() -> None:
    assert gaps(np.full((20, 50), 255, np.uint8)) == []
    assert gaps(np.zeros((0, 0), np.uint8)) == []
