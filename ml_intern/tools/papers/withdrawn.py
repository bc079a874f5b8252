"""Whether a paper was taken back, by what its authors or arXiv say in its comment or abstract."""

import re

_WHAT = r"(?:paper|article|submission|manuscript|work|preprint|thesis|draft|note|report|version)"
_BACK = r"(?:withdrawn|retracted)(?!\s+from\s+(?!(?:the\s+)?arxiv))"
_SAID = re.compile(
    rf"\b(?:this|the|our|present|current)\s+(?:\w+\s+)?{_WHAT}\s+(?:has\s+been|have\s+been|was|is)\s+"
    rf"(?:\w+\s+)?{_BACK}",
    re.IGNORECASE,
)
_BRIEFLY = re.compile(rf"(?:{_WHAT}\s+)?(?:is\s+|was\s+)?{_BACK}\b", re.IGNORECASE)
_ABSTRACT_CHARS = 300
"""Of an abstract that are looked at: one of a paper that was taken back says so at once."""


def withdrawal(comment: str, abstract: str = "") -> str:
    """The sentence that says it, in the words of whoever took it back; empty: it stands."""
    for text, patterns in ((comment, (_SAID, _BRIEFLY)), (abstract[:_ABSTRACT_CHARS], (_SAID,))):
        text = " ".join(text.split())
        for sentence in re.split(r"(?<=[.;!])\s+", text):
            if _SAID.search(sentence) or (_BRIEFLY in patterns and _BRIEFLY.match(sentence)):
                return sentence
    return ""
