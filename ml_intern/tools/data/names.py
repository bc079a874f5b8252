"""What names of columns, files and folders usually mean. Hints only: odd names must work too."""

import re
from typing import Literal

LABEL = frozenset(
    re.findall(
        r"\w+",
        "label labels class classes category categories target targets y output answer "
        "sentiment intent topic emotion polarity stance genre tag gold truth rating stars "
        "score spam toxic language lang klass kategorie klasse categoria etiqueta "
        "etichetta clase classe categorie etiquette",
    )
)
CERTAIN = frozenset(["label", "labels", "class", "target", "y"])
TEXT = frozenset(
    re.findall(
        r"\w+",
        "text texts sentence sentences review comment message content body document doc "
        "question utterance query tweet post headline title description abstract article "
        "input paragraph summary texto texte testo tekst satz frase",
    )
)
ASIDE = frozenset(
    re.findall(
        r"\w+",
        "id ids idx index uuid guid key split fold subset partition date time timestamp "
        "year month day user author name url link source file filename path age gender "
        "sex country city count num number length len version votes price amount worker "
        "annotator confidence",
    )
)
_SPLITS: dict[str, Literal["train", "validation", "test"]] = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


def words(name: str) -> frozenset[str]:
    """The words of a name such as `review_text`, `ReviewText` or `review-text.1`."""
    return frozenset(word.lower() for word in _WORD.findall(name))


def hint(name: str, meaning: frozenset[str]) -> float:
    """1 when the name is one of the words, 0.75 when one is a part of it, else 0."""
    if name.strip().lower() in meaning:
        return 1.0
    return 0.75 if words(name) & meaning else 0.0


def split_of(name: str) -> Literal["train", "validation", "test"] | None:
    """The split that the name of a file or folder speaks of; None when of none or of several."""
    found = {_SPLITS[word] for word in words(name) if word in _SPLITS}
    return found.pop() if len(found) == 1 else None


def is_split(name: str) -> bool:
    """Whether the whole name is that of a split."""
    return name.strip().lower() in _SPLITS
