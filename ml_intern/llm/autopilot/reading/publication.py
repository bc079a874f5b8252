"""Whether, as what and how openly the result is to be published."""

import re

from ml_intern.llm.autopilot.reading.page import Page, vocabulary, words

_VERB = r"(?:publish\w*|publication|push\w*|upload\w*|releas\w*|shar(?:e|ed|ing))"
_NEVER = words(
    r"(?:\bdo not|\bdon['\u2019]?t|\bnever|\bnot to|\bwithout|\bno need to|\bneed not|\bmust not"
    rf"|\bno|\bnot|\bskip)"
    rf" (?:\w+ ){{0,2}}?{_VERB}\b"
    r"|(?:\bdo not|\bdon['\u2019]?t|\bnever|\bnot) (?:put|get|bring) (?:\w+ ){1,3}?on the hub\b"
    r"|\bkeep (?:it |the model |everything |the weights |this |all )*(?:local|here"
    r"|on this machine)\b"
    r"|\bnothing (?:is |to be |gets |shall be )?(?:published|uploaded|shared)\b|\bno hub\b"
    r"|\blocal only\b|\bnothing (?:may |must |shall )?leaves? (?:this|the) machine\b"
)
_ALWAYS = words(rf"\b{_VERB}\b|\b(?:put|get|bring) (?:it|the model|the result|that) on the hub\b")
_NAME = r"(?:\"([^\"\n]{1,96})\"|'([^'\n]{1,96})'|`([^`\n]{1,96})`|([A-Za-z0-9][\w.-]{0,95}))"
_CALLED = words(rf"\b(?:call|name) (?:it|the model|the repo(?:sitory)?|the result) {_NAME}")
_UNDER_NAME = words(
    rf"\b{_VERB}\b[^.;!?\n]{{0,50}}?\b(?:named|called|under the name(?: of)?"
    rf"|repo(?:sitory)?(?: name)?[:=]?) {_NAME}"
)
_AS = words(rf"\b{_VERB}\b[^.;!?\n]{{0,50}}?\b(?:as|under) {_NAME}")
_REPO = words(rf"\brepo(?:sitory)?(?:_| )?(?:name|id)\s*(?:[:=]|is)\s*{_NAME}")
_NO_NAME = vocabulary("the a an my our it this hub hugging soon well private public model is of")
_TELLING = re.compile(r"[-_/\d]")
_OPENLY = words(r"\bpublic(?:ly)?\b(?! (?:data|domain))")
_PRIVATELY = words(r"\bprivate(?:ly)?\b")
_NO_CARD = words(
    r"\b(?:no|without|skip|don['\u2019]?t write|do not write) (?:(?:the|a|any) )?(?:model )?card\b"
)


def read_publish(page: Page) -> bool | None:
    """True: told to. False: told not to. None: not a word about it."""
    if page.has(_NEVER):
        return False
    return True if page.has(_ALWAYS) else None


def read_repo_name(page: Page) -> str | None:
    """The repository's name, where it is no path and thus still on the page."""
    for pattern in (_CALLED, _UNDER_NAME, _REPO, _AS):
        for found in pattern.finditer(page.text):
            quoted = next((group for group in found.groups()[:3] if group), None)
            bare = (found[4] or "").rstrip(".-")
            if quoted:
                return quoted.strip()
            if (
                bare
                and bare.lower() not in _NO_NAME
                and (pattern is not _AS or _TELLING.search(bare))
            ):
                return bare
    return None


def read_private(page: Page) -> bool | None:
    """Whether the repository is to be private; None: not said."""
    if page.has(_PRIVATELY):
        return True
    return False if page.has(_OPENLY) else None


def wants_card(page: Page) -> bool:
    """A model card is written unless the words forbid it."""
    return not page.has(_NO_CARD)
