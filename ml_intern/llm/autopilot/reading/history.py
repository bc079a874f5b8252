"""What the words tell of earlier runs: told, not wished, so its numbers set nothing."""

import re

from ml_intern.llm.autopilot.reading.page import Page, words

_SENTENCE = re.compile(r"(?:[^;!?\n.]|\.(?!\s|$))+")
_DID = (
    r"(?:tried|trained|ran|used|got|reached|achieved|managed|obtained|hit|scored|did|saw|measured"
    r"|stopped at|ended at|came to"
    r"|had(?= (?:an? |the |some |about |around |only )?(?:\w+ ){0,2}?\d))"
)
_EARLIER = r"(?:old|previous|former|earlier|existing|current|last|prior|present|original)"
_TRIAL = (
    r"(?:models?|runs?|classifiers?|versions?|attempts?|tr(?:y|ies)|results?|accuracy|scores?"
    r"|networks?|systems?|trainings?|ones?|experiments?|baseline)"
)
_STATES = (
    r"(?:has|have|had|was|were|is|are|stands? at|stood at|gets?|got|reach(?:es|ed)|achieve[sd]"
    r"|scored?|scores|used|uses|gave|gives|ran|took|made|makes|managed)"
)
_PAST = words(
    r"(?<!until\s)(?<!when\s)(?<!once\s)(?<!unless\s)(?<!till\s)(?<!as\s)(?<!if\s)(?<!after\s)"
    r"(?:\b(?:i|we|he|she|they|someone|somebody|my \w+|our \w+|a colleague)"
    rf" (?:(?:already|only|just|once|previously|first|also|last) )*{_DID}\b"
    r"|\b(?:i|we|they)(?: have|['\u2019]ve| had) (?:already |once |previously |only )?(?:tried"
    r"|trained|used|run|reached|achieved|obtained|seen|measured)\b)"
    rf"|\b(?:the|our|my|an?|this|that) {_EARLIER} (?:\w+ )?{_TRIAL} (?:\w+ )?{_STATES}\b"
    rf"|\bbaseline (?:{_STATES}|accuracy|score)\b"
    r"|\b(?:last time|previously|yesterday|last (?:week|month|year|night|spring|summer|autumn"
    r"|winter)|in the past|so far|up to now|until now|formerly|(?:days?|weeks?|months?|years?) ago"
    r"|currently|at the moment)\b"
)
_WISH = (
    r"(?:want|need|should|must|please|aim|reach|get|do|train|use|make|improve|raise|try|like"
    r"|expect|let|beat|hope|can|could|fine-?tune|classify|target|at least|go|give|set|push|bring"
    r"|build|start|run|take)"
)
_TURN = words(
    r"(?:[,:(—\u2013-]|\band\b|\bbut\b)*\s*(?:\b(?:now|this time|instead|but|however|so(?! far)"
    r"|then|today|next)\b"
    r"|(?:[,:(—\u2013-]|\band\b|\bwhich\b) ?(?:(?:i|we|it|you|she|he|they|that)"
    r"(?:['\u2019](?:d|ll))? )?"
    rf"(?:(?:would|will|now|really|do) )?{_WISH}\b)"
)
_BORDER = words(r"[,:(—\u2013]|\b(?:and|but|because|where|since|though|although|as)\b")
_UNDER_WHICH = words(r"^\W*(?:with|after|using|in|at|for|by)\b")
_SHARE = re.compile(
    r"(?<![\w.,])(?:\d{1,3}(?:[.,]\d+)?\s*(?:%|percent\b|per\s+cent\b|pct\b)|0?[.,]\d+)"
)


def take_past(page: Page) -> str | None:
    """Take the clauses about earlier runs off the page; a score they told of, as it was written."""
    scores = []
    for sentence in list(_SENTENCE.finditer(page.text)):
        for start, end in _told(sentence[0]):
            scores += _SHARE.findall(sentence[0][start:end])
            page.blank(sentence.start() + start, sentence.start() + end)
    return scores[-1].strip() if scores else None


def _told(sentence: str) -> list[tuple[int, int]]:
    """Where the sentence speaks of the past: from the start of that clause to the next turn."""
    told: list[tuple[int, int]] = []
    for found in _PAST.finditer(sentence):
        if told and found.start() < told[-1][1]:
            continue
        start = _start_of_clause(sentence, found.start())
        turn = _TURN.search(sentence, found.end())
        end = turn.start() if turn is not None else len(sentence)
        if any(char.isdigit() for char in sentence[start:end]):
            told.append((start, end))
    return told


def _start_of_clause(sentence: str, position: int) -> int:
    """`With 40 epochs, we got 70 %`: what it was done with belongs to it."""
    borders = [0, *(found.start() for found in _BORDER.finditer(sentence, 0, position))]
    start = borders[-1]
    if len(borders) > 1 and _UNDER_WHICH.search(sentence[borders[-2] : start]):
        return borders[-2]
    return start
