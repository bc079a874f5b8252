"""Which sentences tell of the authors' own experiment, beyond what their sections say."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ml_intern.tools.papers.recipe.claims import is_own
from ml_intern.tools.papers.recipe.numbers import plain
from ml_intern.tools.papers.recipe.own_names import names_own
from ml_intern.tools.papers.recipe.sentences import OTHER_MODEL, Sentence

_STAGE = re.compile(
    r"\W*(?:(?:training )?(?:stage|phase)) (?:\d|[ivx]+|one|two|three)\b", re.IGNORECASE
)
_EARLIER = re.compile(
    r"(?:sft|supervised fine-?tuning|pre-?training|(?:cold|warm) start|reward model(?:l?ing)?)(?: stage)?[:.]?",
    re.IGNORECASE,
)
"""What comes before the training that a paper is about."""
_BESIDE = re.compile(
    r"(?:[\d.]+ )?(?:(?:cold|warm)[- ]start\b|(?:supervised )?fine-?tuning (?:for|on) \w)",
    re.IGNORECASE,
)
"""Headings of a stage before or after the training that a paper is about."""
_MAIN = re.compile(
    r"(?:[\d.]+ )?(?:pre-?training|training|optimi[sz]ation|reinforcement learning|rl)\b",
    re.IGNORECASE,
)
_IT = re.compile(r"(?:it|its|they|their|this (?:model|variant|one|run|version))\b", re.IGNORECASE)
_CITED = re.compile(
    r"(?P<subject>(?:The |An? )?(?:[\w-]+ ){1,8}?)(?:of |by )?(?:[A-Z]\w+ (?:et al\.? |and [A-Z]\w+ )?)?(?:\[[\d, ]+\]|\((?:[A-Z][^()]*)?(?:19|20)\d\d[a-z]?\)),? "
    r"(?:has|have|had|was|were|is|are|uses?|used|employs?|reach\w*|achiev\w*|obtain\w*|trains?|trained|relies|requires?|sets?|keeps?|needs?)\b"
)
_TOOLS = re.compile(
    r"optimi[sz]|adam|sgd|loss|schedul|data|corpus|benchmark|set\b|tokeni[sz]|librar|framework|implementation|augment|normali[sz]|dropout|activation|initiali|toolkit|"
    r"precision|backbone|clipping|smoothing|decay|strategy|technique|metric|vocabulary|warm",
    re.IGNORECASE,
)
"""What is cited because it is used, not because others did something."""
_IN_GENERAL = re.compile(
    r"\b(?:unless|if not) (?:otherwise )?(?:stated|noted|specified|mentioned|said)"
)
_IN_ONE_CASE = re.compile(
    r"(?:In|For|Under) (?:the|our|this) (?:[\w-]+ ){1,3}(?:settings?|regime|scenario|case|variant|experiments?|tasks?|split|condition|datasets?)\b,?"
)
_ON_ONE = re.compile(
    r"(?:On|For) (?:the )?(?:(?:[A-Z]|og[bn]+-)[\w-]*\b[^.;]{0,80}?,? we\b|[\w-]*[A-Z\d][\w-]*[A-Z\d][\w-]*,|(?:[A-Z][\w-]* ){1,2}(?:\d+ )?(?:the|it|training)\b)"
)


def placed(
    sentences: Sequence[Sentence], names: Sequence[str], models: Sequence[str]
) -> list[Sentence]:
    """All of them, each with the part that it plays itself.

    What tells of another method is an aside; what tells of another stage, or of a model beside the
    authors', has no settings of theirs. `names` are those of their method, `models` those that
    they train.
    """
    names_stage = any(_is_own_head(each.head, names) for each in sentences)
    found: list[Sentence] = []
    for sentence in sentences:
        before = found[-1] if found and found[-1].paragraph == sentence.paragraph else None
        role = sentence.role
        if (
            names_stage and _is_stage(sentence.head) and not _is_own_head(sentence.head, names)
        ) or (role == "own" and OTHER_MODEL.match(sentence.plain)):
            role = "results"
        elif _goes_on(sentence, before) or is_about_another(sentence, (*names, *models)):
            role = "aside"
        found.append(replace(sentence, role=role))
    return found


def side_stages(sentences: Sequence[Sentence]) -> frozenset[int]:
    """The places of those that tell of another stage than the main training, where a paper has both."""
    headings = {(each.section, each.head) for each in sentences}
    if not any(_MAIN.match(title) for pair in headings for title in pair):
        return frozenset()
    return frozenset(
        each.place for each in sentences if _BESIDE.match(each.section) or _BESIDE.match(each.head)
    )


def _is_stage(head: str) -> bool:
    return bool(_STAGE.match(head) or _EARLIER.fullmatch(head))


def _goes_on(sentence: Sentence, before: Sentence | None) -> bool:
    """Whether it tells more of what the sentence before it tells, which is not the authors' own."""
    return before is not None and bool(_IT.match(sentence.text)) and not is_own(before)


def _is_own_head(head: str, names: Sequence[str]) -> bool:
    """Whether a heading in a line has the name of the authors' method, or a part of it."""
    parts = {part for name in names for part in name.split() if part.isupper()}
    return names_own(plain(head), names) or bool(head and head.rstrip(":") in parts)


def standing_of(sentence: Sentence) -> int:
    """How much its values count: see `Candidate.standing`."""
    if _IN_GENERAL.search(sentence.lower):
        return 3
    if _ON_ONE.match(sentence.plain) or _IN_ONE_CASE.match(sentence.plain):
        return -1
    return 2 if sentence.is_setup else 1


_SUBJECT = re.compile(
    r"(?:^|[,;:] |\band |\bwhile |\bwhereas |\bThe (?:original |released )?)"
    r"(?P<name>[A-Z][\w+]{1,30}(?:[- ][A-Z0-9][\w.+]{0,30}){0,3})(?: \([^()]{1,40}\)| \[[\d, ]+\])*"
    r" (?:(?:was|were|is|are) (?:originally |first |also )?(?:pre-?|re-?)?(?:trained|fine-?tuned|optimi[sz]ed|tuned|initiali[sz]ed|run)|"
    r"(?:originally )?(?:use[sd]?|train(?:s|ed)?|employ(?:s|ed)|adopt(?:s|ed)|require[sd]?|need(?:s|ed)|relie[sd]|applies)|sets?)\b"
)
_NO_METHOD = re.compile(
    r"Adam|SGD|Lion|LAMB|Adafactor|RMSprop|GPUs?|TPUs?|A100|H100|V100|CIFAR|ImageNet|FP16|BF16|LoRA|BPE|We\b|All\b|Our\b|GLUE|SST|MNIST"
)


def is_about_another(sentence: Sentence, own: Sequence[str]) -> bool:
    """Whether it tells how a named method, which is not the authors' own, was trained."""
    for found in _SUBJECT.finditer(sentence.plain):
        name = found["name"]
        if sum(char.isupper() or char.isdigit() for char in name) < 2:
            continue  # the first word of a sentence, more likely than a name
        if _NO_METHOD.match(name) or any(
            name.lower().startswith(each.lower()) or each.lower().startswith(name.lower())
            for each in own
        ):
            continue
        return True
    cited = _CITED.match(sentence.plain)
    is_ours = re.search(r"\b(?:we|our|ours)\b", sentence.lower) or names_own(sentence.plain, own)
    return cited is not None and not is_ours and not _TOOLS.search(cited["subject"])
