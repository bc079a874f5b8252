"""Documents of a few sentences or one table, as papers have them."""

from ml_intern.tools.papers.document import Document, Draft
from ml_intern.tools.papers.markdown import read_markdown


def saying(text: str, section: str = "Experiments", title: str = "") -> Document:
    """A paper of one section."""
    draft = Draft(title=title)
    draft.heading("4", section, 1)
    draft.paragraph(text)
    return draft.document("paper.md", "markdown")


def tabled(*rows: tuple[str, ...], caption: str = "Settings.", before: str = "") -> Document:
    """A paper of one table."""
    draft = Draft(title="")
    draft.heading("4", "Experiments", 1)
    draft.paragraph(before)
    draft.table("Table 1", caption, rows)
    return draft.document("paper.md", "markdown")


def written(*lines: str) -> Document:
    """A paper in Markdown."""
    return read_markdown("\n\n".join(lines), "paper.md")
