"""The paper whose experiment is to be done again."""

import re

from ml_intern.llm.autopilot.reading.page import Page, words

_AGAIN = words(r"\b(?:reproduc\w*|replicat\w*|re-?implement\w*|re-?creat\w*)\b")
_NAMES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"https?://(?:www\.|export\.)?(?:arxiv\.org|alphaxiv\.org|ar5iv\S*?|doi\.org|huggingface\.co/papers"
        r"|aclanthology\.org|openreview\.net)/\S+",
        r"\b(?:arxiv|doi)\s?:\s?\S+",
        r"(?<![\w./])10\.\d{4,9}/\S+",
        r"(?<![\w./-])(?:\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]{2,20}(?:\.[A-Z]{2})?/\d{7}(?:v\d+)?)(?![\w/])",
        r"[\"“'`](?P<quoted>[^\"“”'`\n]{1,300}\.(?:pdf|html?|tex|md|markdown))[\"”'`]",
        r"[^\s\"'“”`()<>]+\.(?:pdf|html?|tex|md|markdown)\b(?![\w/])",
        r"\bpaper\s*[:,]?\s*(?:called|titled|named)?\s*[\"“'`](?P<title>[^\"”'`\n]{8,300})[\"”'`]",
    )
)
_ENDS = ".,;:!?)]}>\"'"


def take_paper(page: Page) -> str | None:
    """The paper, as read_paper takes it, off the page; None where nothing is to be done again."""
    if not page.has(_AGAIN):
        return None
    for pattern in _NAMES:
        found = page.take(pattern)
        if found is not None:
            name = next((each for each in found.groups() if each), found[0])
            return name.rstrip(_ENDS).strip()
    return None
