"""What was released: where the code is, and the licences of paper, code and data."""

import re
from collections.abc import Iterator

from ml_intern.tools.papers.recipe.candidates import Candidate
from ml_intern.tools.papers.recipe.sentences import Sentence

_URL = re.compile(
    r"(?:https?://)?(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|huggingface\.co|anonymous\.4open\.science|zenodo\.org|[\w-]+\.github\.io|"
    r"git\.[\w-]+\.[\w.]+)/[\w./~%+#-]*[\w/]",
    re.IGNORECASE,
)
_CODE = re.compile(r"\b(?:code|implementation|source|scripts?|repository|software|codebase)\b")
_OURS = re.compile(
    r"\b(?:we (?:\w+ )?(?:release|publish|provide|share|make|open-?source)|our (?:\w+ )?(?:code|implementation|source|repository|scripts|training code|codebase|software)|"
    r"(?:code|implementation|scripts?|source code|software)(?: \w+){0,6} (?:is|are|can be|will be|was|were) (?:\w+ )?(?:available|released|found|published|hosted|provided|open)|(?:code|implementation|scripts?|software)(?: \w+){0,4} (?:is|are) (?:\w+ )?(?:at|on|here:?) (?:<|\()?URL|^code:|^code available|code under|reproduc)"
)
_THEIRS = re.compile(
    r"\b(?:based on|built (?:on|upon)|build (?:on|upon)|official|adapt\w* from|fork\w*|implementation of|provided by|taken from|library|toolkit|framework|baselines?|"
    r"we (?:use|used|rely on|start from)|using the|from the authors|et al)\b"
)
_LICENCES = {
    "MIT": r"\bmit\b(?: licen[sc]e)?",
    "Apache-2.0": r"\bapache(?: licen[sc]e)?,?(?: version)?[- ]?(?:v?2(?:\.0)?)?",
    "BSD-3-Clause": r"\bbsd[- ]3(?:-clause)?|3-clause bsd",
    "BSD-2-Clause": r"\bbsd[- ]2(?:-clause)?|2-clause bsd",
    "GPL-3.0": r"(?<![al])\bgpl(?:[- ]?v?3(?:\.0)?)|gnu general public licen[sc]e,?(?: version| v)? ?3",
    "AGPL-3.0": r"\bagpl(?:[- ]?v?3(?:\.0)?)?",
    "LGPL-3.0": r"\blgpl(?:[- ]?v?3(?:\.0)?)",
    "MPL-2.0": r"\bmpl[- ]?2(?:\.0)?|mozilla public licen[sc]e",
    "CC0-1.0": r"\bcc-?0\b|cc zero",
    "ODC-By-1.0": r"\bodc-by\b",
    "OpenRAIL": r"\bopen-?rail(?:-m)?\b",
}
_CC = re.compile(
    r"\bcc[- ]by(?P<kind>(?:[- ](?:nc|sa|nd))*)[- ]?(?P<version>[234]\.0)?\b|"
    r"creative commons attribution(?P<long>(?:[- ](?:non-?commercial|share-?alike|no-?deriv\w+))*)(?: international)?(?: licen[sc]e)?(?: \(cc[- ]by[^)]*\))?,?(?: version)? ?(?P<v2>[234]\.0)?"
)
_LICENSED = re.compile(
    r"(?:code|data|software).*\((?:mit|apache|bsd|gpl|agpl|mpl|cc)\b[^()]*\)|licen[sc]|(?:released|distributed|available|published|shared) under|under (?:the |an? )?(?:mit|apache|cc|bsd|gpl|creative)"
)
_THINGS = {
    "code_licence": r"\b(?:code|implementation|software|source|scripts|codebase)\b",
    "data_licence": r"\b(?:data|datasets?|(?:the|this|our) set|corpus|corpora|(?:all|both) (?:\w+ )?sets|collection|annotations|recordings|benchmark|images|imagery|photographs|reports|texts)\b",
    "paper_licence": r"\b(?:this (?:work|paper|article|preprint|document|manuscript)|the paper|paper|article|preprint|text of this)\b",
    "": r"\b(?:models?|weights|checkpoints?)\b",
}


def released_in(sentence: Sentence, before: Sentence | None = None) -> Iterator[Candidate]:
    """What the sentence says of it; `before` is the one before it in its paragraph."""
    if sentence.role == "aside":
        return
    yield from _code(sentence)
    goes_on = before is not None and re.match(r"(?:it|they|both) (?:is|are)\b", sentence.lower)
    yield from _licences(sentence, before.lower if before is not None and goes_on else "")


def _code(sentence: Sentence) -> Iterator[Candidate]:
    found = {each.rstrip(".") for each in _URL.findall(sentence.text)}
    words = re.sub(r", which is based on [^,.]*,", " ", _URL.sub("URL", sentence.lower))
    if len(found) != 1 or not _CODE.search(words) or _THEIRS.search(words):
        return
    if _OURS.search(words):
        yield _made(sentence, "code", found.pop())


def _licences(sentence: Sentence, subject: str) -> Iterator[Candidate]:
    """Each licence belongs to the things that are named before it, back to the one before; the
    first also to those that `subject` names.
    """
    words = sentence.lower
    if not _LICENSED.search(words) or re.search(r"\bet al\b|related|baselines?|unlike", words):
        return
    begin, found, is_of_other = 0, [], False
    for start, end, licence in _named(words):
        before = f"{subject if begin == 0 else ''} {words[begin:start]}".rpartition(";")[2]
        begin = end
        if re.search(r"\b(?:not|except|unless|or)\s*(?:\w+\s){0,2}$", before):
            continue
        things = [name for name, pattern in _THINGS.items() if re.search(pattern, before)]
        is_of_other |= not things
        found += [(name, licence) for name in things if name]
    for name, licence in found:
        # Beside the licence of something else that is named, data are one of several.
        if not (is_of_other and name == "data_licence"):
            yield _made(sentence, name, licence)


def _named(words: str) -> list[tuple[int, int, str]]:
    found = [
        (match.start(), match.end(), licence)
        for licence, pattern in _LICENCES.items()
        for match in re.finditer(pattern, words)
    ]
    found += [(match.start(), match.end(), _creative(match)) for match in _CC.finditer(words)]
    return sorted(found)


def _creative(match: re.Match[str]) -> str:
    kinds = re.sub(r"non-?commercial", "nc", match["kind"] or match["long"] or "")
    kinds = re.sub(r"share-?alike", "sa", re.sub(r"no-?deriv\w+", "nd", kinds))
    parts = ["CC-BY", *(part.upper() for part in re.findall(r"nc|sa|nd", kinds))]
    version = match["version"] or match["v2"]
    return "-".join([*parts, version] if version else parts)


def _made(sentence: Sentence, name: str, value: str) -> Candidate:
    return Candidate(name=name, value=value, sentence=sentence.text, section=sentence.section)
