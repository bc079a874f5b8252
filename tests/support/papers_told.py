"""A paper as arXiv serves one and as a PDF, and which numbers a sentence holds."""

import re
from collections.abc import Sequence

from tests.support.outside import Given
from tests.support.pdfs import BOLD, PdfPage, pdf

TITLE = "PatchHue: Small Vision Transformers for Colours"
ABSTRACT = (
    "We study image classification with small vision transformers.",
    "PatchHue reaches an accuracy of 98.4% on HueSet.",
)
INTRODUCTION = tuple(
    f"Colour is what the {word} eye sees before it sees a shape, an edge or a thing."
    for word in ("human", "open", "tired", "trained", "young", "old", "sharp", "quick")
    for _ in range(4)
)
"""A reader of papers takes no page of a few lines for a whole one."""
DATA = (
    "We use the HueSet dataset, which contains 48,000 training, 6,000 validation and 6,000 test "
    "images.",
)
TRAINING = (
    "We use a Vision Transformer with 2 layers, a hidden size of 64 and 4 attention heads.",
    "We train with AdamW with a learning rate of 0.002 and a weight decay of 0.01.",
    "We train for 8 epochs with a batch size of 16.",
    "The learning rate is warmed up over the first 5% of steps.",
    "All experiments are repeated with 3 seeds.",
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:e-\d+)?")
Sections = Sequence[tuple[str, Sequence[str]]]


def sections(training: Sequence[str] = TRAINING, abstract: Sequence[str] = ABSTRACT) -> Sections:
    """Titles and sentences."""
    return (
        ("Abstract", abstract),
        ("1 Introduction", INTRODUCTION),
        ("2 Data", DATA),
        ("3 Training details", training),
    )


def as_html(paper: Sections) -> Given:
    """As arXiv has it."""
    return Given(content=html(paper), content_type="text/html; charset=utf-8")


def html(paper: Sections) -> str:
    """LaTeXML's markup."""
    parts = [f'<h1 class="ltx_title ltx_title_document">{TITLE}</h1>']
    for title, said in paper:
        kind = "abstract" if title == "Abstract" else "section"
        words = f'<p class="ltx_p">{" ".join(said)}</p>'
        head = f'<h2 class="ltx_title ltx_title_{kind}">{title}</h2>'
        parts.append(f'<section class="ltx_{kind}">{head}{words}</section>')
    return f'<html><body><article class="ltx_document">{"".join(parts)}</article></body></html>'


def as_pdf(paper: Sections) -> bytes:
    """One page, a line for a sentence."""
    page = PdfPage().text(72, 740, TITLE, 16, BOLD)
    top = 700.0
    for title, said in paper:
        page.text(72, top, title, 12, BOLD)
        page.lines(72, top - 18, said)
        top -= 30 + 12 * len(said)
    return pdf([page])


def printed(words: str) -> set[float]:
    """The numbers in some words, as they are printed."""
    return {float(each.replace(",", "")) for each in _NUMBER.findall(words)}


def shares(words: str) -> set[float]:
    """Those that are of a hundred, as fractions."""
    return {float(each) / 100 for each in re.findall(r"(\d+(?:\.\d+)?)\s?%", words)}
