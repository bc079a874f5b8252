"""Words that name a dataset without a path, e.g. one that an installed package carries."""

import re
from itertools import dropwhile, takewhile

from ml_intern.llm.autopilot.reading.page import vocabulary, words

_WORD = r"[\w'&+-]{1,40}"
_BEFORE_DATASET = words(
    rf"\b(?:on|with|using|use|take|from|for|in|over|of|against|inspect) ((?:{_WORD} ){{1,6}}?)"
    r"(?:data ?sets?|corpus|collection|data)\b"
)
_AFTER_DATASET = words(
    rf"\b(?:data ?set|corpus)(?: (?:called|named|of|is)|\s*[:=])? ((?:{_WORD} ?){{1,4}})"
)
_KEYED = words(rf"(?:^|[\n.;]) ?data ?[:=] ?((?:{_WORD} ?){{1,5}})")
_ON = words(
    rf"\bon ((?:{_WORD} ?){{1,4}}?)(?=\s*(?:$|[.,;:!?()\n\u2013\u2014]|\b(?:to|and|with|until"
    rf"|for|so|then|by|from|using)\b))"
)
_PREPOSITIONS = re.compile(
    r"\b(?:on|with|using|use|take|from|for|in|over|of|against|inspect|to)\s+", re.IGNORECASE
)
_ENDS = vocabulary(
    "and or to with until for so then by from using in on at as which that reach get is "
    "are has have please into whose where i we it train classify should must will can"
)
_SAYS_NOTHING = vocabulary(
    "the a an my our this that these those its your their some any following attached "
    "given local labelled labeled training train validation test dev held-out whole "
    "entire full same new public well-known well known famous classic standard image "
    "images picture pictures photo photos text texts tabular small large big little tiny "
    "csv json file files own good right data dataset datasets set sets hub it them all "
    "each every one both there here"
)
_NOT_DATA = vocabulary(
    "gpu gpus cpu cpus machine laptop computer workstation server cluster disk scratch "
    "hub average basis top time screen mac cuda validation test accuracy f1 purpose core "
    "cores thread"
)


def read_dataset_words(text: str) -> str | None:
    """The words that name the dataset, or None when they are missing or say nothing."""
    for pattern in (_KEYED, _BEFORE_DATASET, _AFTER_DATASET, _ON):
        for found in pattern.finditer(text):
            name = _name(found[1], until_verb=pattern is not _BEFORE_DATASET)
            if name:
                return name
    return None


def _name(words_found: str, *, until_verb: bool) -> str:
    """The telling words: without what stands before the last preposition, articles and fillers."""
    kept = (words_found if until_verb else _PREPOSITIONS.split(words_found)[-1]).split()
    if until_verb:
        kept = list(takewhile(lambda word: word.lower() not in _ENDS, kept))
    kept = list(dropwhile(lambda word: word.lower() in _SAYS_NOTHING, kept))
    if all(word.lower() in _SAYS_NOTHING for word in kept) or _NOT_DATA & {w.lower() for w in kept}:
        return ""
    return " ".join(kept)
