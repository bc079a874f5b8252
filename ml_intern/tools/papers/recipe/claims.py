"""Whose a statement is, and whether it tells what was done: only that is part of a recipe."""

import re
from collections.abc import Iterator

from ml_intern.tools.papers.recipe.sentences import Role, Sentence

_BREAK = re.compile(
    r";|,? (?:while|whereas|although|though|but|unlike|in contrast(?: to)?|compared (?:to|with)|"
    r"rather than|instead of|as opposed to|in place of|in lieu of|however)\b|"
    r",(?= (?:we|our)\b)|,? (?:which|who) (?!(?:is|was|were|are) (?:then |later |subsequently |gradually |linearly )?(?:reduced|halved|decayed|divided|multiplied|annealed|decreased|lowered|dropped|warmed|kept|held|set|chosen|fixed))(?=(?:use[sd]?|train|report|was|were|employ|(?:is|are) (?:pre-?)?trained|has|have)\b)|"
    r"(?<=[a-z\d]), (?=unlike|in contrast|compared)"
)
_REPLACED = re.compile(
    r"\b(?:unlike|in contrast to|compared (?:to|with)|rather than|instead of|as opposed to|"
    r"in place of|in lieu of|which|who)\b"
)
_IS_OURS = re.compile(
    r"\bour (?:\w+ ){0,2}(?:is|are)\b|\bexperiments use\b|\b(?:we|is|are) (?:\w+ )?(?:use|start(?:ed)? from|initiali[sz]ed? (?:\w+ ){0,3}(?:from|with)|build on|fine-?tune)\b"
)
_HAS = re.compile(r" ?(?:has|have)\b")
"""`We start from X, which has 12 layers` tells of one's own model."""
_OWN = re.compile(r"\b(?:we|our|ours|us|this (?:work|paper|study))\b")
_OTHERS = re.compile(
    r"\bet al\b|\b(?:they|their(?! defaults?\b)|authors|prior|previous|earlier|baselines?|competitors?|existing|"
    r"originally|original (?:paper|work|model|network|implementation|authors|recipe|setting)|others|"
    r"state-of-the-art|concurrent|counterparts?|predecessors?|the teacher)\b"
)
_RIVALS = re.compile(
    r"\b(?:baselines?|competing|competitors?|the teacher|compared? (?:to|with|against)|comparisons?)\b"
)
"""Whoever is followed, what is told of these is not the authors' own."""
_GOES_ON = re.compile(r"\W*(?:its?|they|their|both)\b")
"""What begins so tells of the same thing as what stands before it."""
_FOLLOWS = re.compile(
    r"\b(?:following|follow|as in|same (?:\w+ )?as|similar to|inspired by|adopted from|"
    r"as (?:proposed|suggested|recommended|described|used) (?:in|by)|by default|introduced by|in line with)\b"
)
_THEIR_DOING = re.compile(
    r"\b(?:they|authors|et al\.?(?:,? ?[(\[][\w ,;.&-]*[)\]])?) (?:\w+ )?(?:use[sd]?|train(?:ed|s)?|set|"
    r"report(?:ed|s)?|employ(?:ed|s)?|choose|chose|adopt(?:ed|s)?|fine-?tuned?|recommend\w*|"
    r"propos\w+|rel(?:y|ied)|pre-?train\w*|optimi[sz]ed?|appl(?:y|ied))\b"
)
_INTRODUCTION = re.compile(r"\bintroduction\b|\bmotivation\b")
_TRIED = re.compile(
    r"\b(?:initially|at first|preliminary|pilot|(?:a second|another|an additional) (?:\w+ )?(?:model|network|training|run|experiment|version)|(?:first|early|earlier|initial|exploratory|previous) (?:experiments?|attempts?|trials?|runs?|tests?|versions?|drafts?)|sweep|swept|grid|search(?:ed|ing)? (?:over|across|among|in|space|for)|tried|try|tries|trying|"
    r"experimented with|explored?|exploring|ablat\w+|var(?:y|ied|ying)|ranging|\branges?\b (?:from|between)|(?:a|the|this|that|in) range|"
    r"candidates?|tested|tuned (?:over|in|from|on|within|among|between)|(?<!fine-)(?<!fine)tuned? (?:the |all |our |its |these )?(?:\w+ )?(?:hyper|learning|batch|dropout|weight decay|coefficient|temperature|threshold|values?\b)|(?:is|are|was|were|be) tune[d]? (?:on|for|by)|"
    r"(?:chosen|selected|picked) (?:from|among|in|within)|sampled (?:from|in) (?=[{\[\d(]|a (?:log|uniform))|either|trials?|variants?|"
    r"also (?:(?:tr(?:y|ied)|ran|run|trained|train|test(?:ed)?|fine-?tuned?|evaluated?)\b)|for comparison|to see (?:if|whether)|as a check)\b|"
    r"\b(?:between|among) [{\[]?\d"
)
_EFFECT = re.compile(
    r"\b(?:hurts?|degrad\w+|drops?|(?<!is )(?<!was )(?<!then )dropped|worse\w*|diverg\w+|unstable|instabilit\w+|(?<!not )(?<!stopped )(?<!stops )(?<!without )improv(?:es|ed|ing)|"
    r"collaps\w+|fails?|failed|sensitiv\w+|doubling|halving|increasing|reducing|raising|lowering|"
    r"when (?:using|we (?:use|increase|reduce|set|remove|double|halve)|set)|lead(?:s|ing)? to|"
    r"result(?:s|ed) in (?!an? (?:effective|total|global)\b)|no (?:gain|benefit|difference)|insensitive|(?:did|does|do) not(?! (?:improve|decrease|fall|increase)\b))\b"
)
_IMAGINED = re.compile(
    r"\b(?:would|could|might|if|future work|e\.g\.|for example|for instance|such as|typical(?:ly)?|"
    r"common(?:ly)?(?! voice| crawl)|often|usually|suppose|assume|ideally|in practice one|can be|may be|"
    r"in principle|in general|generally)\b"
)
_BEST = re.compile(
    r"\b(?:(?:work|perform|did|do)(?:s|ed|ing)?(?: the)? best|was best|best (?:value|result|setting|"
    r"performance|configuration|learning|batch|model|one)|final(?:ly)?|settled on|"
    r"(?:we )?(?:chose|choose|select(?:ed)?|pick(?:ed)?|use|used|report|keep|kept|fix(?:ed)?))\b"
)


def clauses(sentence: Sentence) -> Iterator[str]:
    """Those that tell what the paper's own authors did, in lower case and plain.

    What stands behind `instead of`, `unlike` and the like is left out.
    """
    if sentence.role not in ("own", "abstract") or _is_of_the_field(sentence):
        return
    was_theirs = False
    for clause in _parts(sentence.lower):
        is_theirs = is_of_rivals(clause) or (was_theirs and bool(_GOES_ON.match(clause)))
        if not is_theirs and is_done_by_us(clause, sentence.is_setup):
            yield clause
        was_theirs = is_theirs


def is_own(sentence: Sentence, *also: Role) -> bool:
    """Whether as a whole it tells what the authors did; `also`: where it may stand, too."""
    if sentence.role not in ("own", "abstract", *also) or _is_of_the_field(sentence):
        return False
    return is_done_by_us(sentence.lower, sentence.is_setup)


def _is_of_the_field(sentence: Sentence) -> bool:
    """Whether an introduction tells in it what others do."""
    return bool(_INTRODUCTION.search(sentence.section.lower())) and not _OWN.search(sentence.lower)


def is_done_by_us(words: str, is_setup: bool = False) -> bool:
    """Of lower-case plain words."""
    if _THEIR_DOING.search(words) or _IMAGINED.search(words) or _TRIED.search(words):
        return False
    if _EFFECT.search(words) or _RIVALS.search(words):
        return False
    if _OTHERS.search(words):
        return bool(_FOLLOWS.search(words) and (_OWN.search(words) or is_setup))
    return True


def is_of_rivals(words: str) -> bool:
    """Whether it tells of baselines and the like."""
    return bool(_RIVALS.search(words))


def is_tried(words: str) -> bool:
    """Whether several values were tried in it."""
    return bool(_TRIED.search(words)) or "{" in words


def names_best(words: str) -> bool:
    """Whether it says which was taken in the end."""
    return bool(_BEST.search(words))


def _parts(words: str) -> Iterator[str]:
    begin = 0
    dropped = False
    for stop in _BREAK.finditer(words):
        if not dropped:
            yield words[begin : stop.start()]
        begin = stop.end() if stop[0].strip() != "," else stop.start()
        says_what_it_is = _IS_OURS.search(words[: stop.start()]) and _HAS.match(words, begin)
        dropped = bool(_REPLACED.search(stop[0])) and not says_what_it_is
        if stop[0].strip() == ",":
            dropped = False
    if not dropped:
        yield words[begin:]
