"""Which sentences tell of the authors' own experiment, beyond what their sections say.

A paragraph about another method, and a stage of the training that is not the paper's subject, are
asides, as the sections on related work are.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from ml_intern.tools.papers.recipe.claims import is_own
from ml_intern.tools.papers.recipe.numbers import plain
from ml_intern.tools.papers.recipe.own_names import names_own
from ml_intern.tools.papers.recipe.sentences import Sentence

_STAGE = re.compile(
    r"\W*(?:(?:training )?(?:stage|phase)) (?:\d|[ivx]+|one|two|three)\b", re.IGNORECASE
)
_IT = re.compile(r"(?:it|its|they|their|this (?:model|variant|one|run|version))\b", re.IGNORECASE)
_ON_ONE = re.compile(r"(?:On|For) (?:the )?[A-Z][\w-]*\b[^.;]{0,80}?,? we\b")


def placed(
    sentences: Sequence[Sentence], names: Sequence[str], models: Sequence[str]
) -> list[Sentence]:
    """All of them; what tells of something other than the authors' method is an aside.

    `names` are those of their method, `models` those that they train.
    """
    has_stage = any(
        _STAGE.match(each.head) and names_own(plain(each.head), names) for each in sentences
    )
    found: list[Sentence] = []
    for sentence in sentences:
        before = found[-1] if found and found[-1].paragraph == sentence.paragraph else None
        is_other_stage = (
            has_stage
            and bool(_STAGE.match(sentence.head))
            and not names_own(plain(sentence.head), names)
        )
        goes_on = before is not None and bool(_IT.match(sentence.text)) and not is_own(before)
        if is_other_stage or goes_on or is_about_another(sentence, (*names, *models)):
            sentence = replace(sentence, role="results" if is_other_stage else "aside")
        found.append(sentence)
    return found


def tells_of_a_part(sentence: Sentence) -> bool:
    """Whether it holds for one dataset only: `On CIFAR-100 we train for 200 epochs`."""
    return bool(_ON_ONE.match(sentence.plain))


_SUBJECT = re.compile(
    r"(?:^|[,;:] |\band |\bwhile |\bwhereas |\bThe (?:original |released )?)"
    r"(?P<name>[A-Z][\w+]{1,30}(?:[- ][A-Z0-9][\w.+]{0,30}){0,3})(?: \([^()]{1,40}\)| \[[\d, ]+\])*"
    r" (?:(?:was|were|is|are) (?:originally |first |also )?(?:pre-?)?(?:trained|fine-?tuned|optimi[sz]ed|tuned|initiali[sz]ed)|"
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
    return False
