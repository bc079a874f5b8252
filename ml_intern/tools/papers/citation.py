"""What a page says of the paper that it is about, for search engines: the tags `citation_*`.

Publishers and repositories write them for Google Scholar
(https://scholar.google.com/intl/en/scholar/inclusion.html). They are a page's own words: where an
address in them leads is looked at as any other is.
"""

from dataclasses import dataclass

from ml_intern.errors import InputError
from ml_intern.tools.papers.addresses import absolute
from ml_intern.tools.papers.html import parsed

_HEAD_BYTES = 256 << 10
"""Where a page says it."""
_MOST_TAGS = 2_000
_MOST_CHARS = 1_000


@dataclass(frozen=True, kw_only=True)
class Citation:
    """Empty where the page does not say."""

    title: str = ""
    pdf: str = ""
    """Absolute address."""


def citation(content: bytes, url: str, charset: str | None) -> Citation:
    """Of an HTML page; one that says nothing for what is none."""
    try:
        page, _ = parsed(content[:_HEAD_BYTES], url, charset)
    except InputError:
        return Citation()
    said: dict[str, str] = {}
    for number, tag in enumerate(page.iter("meta")):
        name = (tag.get("name") or tag.get("property") or "").lower()
        if name.startswith("citation_") and number < _MOST_TAGS:
            said.setdefault(name, " ".join((tag.get("content") or "").split())[:_MOST_CHARS])
    return Citation(
        title=said.get("citation_title", ""),
        pdf=absolute(url, said.get("citation_pdf_url", "")),
    )
