"""Whether, as what and how openly the result is to be published."""

import re

from ml_intern.llm.autopilot.objective import Target
from ml_intern.llm.autopilot.reading.page import Page, vocabulary, words

_VERB = r"(?:publish\w*|publication|push\w*|upload\w*|releas\w*|shar(?:e|ed|ing))"
_DONE = r"(?:published|pushed|uploaded|released|shared)"
_NEVER = words(
    r"(?:\b\w+n['\u2019]t|\bdont|\bcannot|\bnever|\bwithout|\bno|\bnot|\bskip"
    r"|\b(?:refrain|abstain)\w* from|\bavoid\w*|\bhold off|\bforbid\w*|\bprohibit\w*)"
    rf" (?!(?:only|(?:to )?(?:forget|hesitate|fail|omit))\b)(?:\w+ ){{0,3}}?{_VERB}\b"
    rf"|\bnothing (?:\w+ ){{0,6}}?{_DONE}\b|\bnothing to (?:be )?{_VERB}\b"
    rf"|\b(?:leave|keep) (?:the )?{_VERB} (?:\w+ )?(?:to (?:me|us)|out|aside|for later|off)\b"
    rf"|\b(?:i|we)(?:['\u2019]ll| will| want to| would like to|['\u2019]d like to"
    rf"|['\u2019]d rather) {_VERB} (?:it |this |that |the model )?(?:myself|ourselves|later"
    r"|by hand)\b"
    rf"|\b{_VERB} (?:it |the model )?(?:is|are|will be|would be|can|may|must|should)"
    r"(?:n['\u2019]t| not| un| never) ?(?:\w+ )?(?:needed|necessary|required|wanted|allowed|desired"
    r"|happen|take place|intended|planned|permitted|for us|for me)\b"
    rf"|\b{_VERB} (?:is|are) (?:unnecessary|unwanted|forbidden|prohibited|off limits"
    r"|out of the question)"
    rf"|\b{_VERB} can wait\b"
    r"|(?:\bdo not|\bdon['\u2019]?t|\bnever|\bnot) (?:put|get|bring) (?:\w+ ){1,3}?on the hub\b"
    r"|\bkeep (?:it |the model |everything |the weights |this |all )*(?:local|here"
    r"|on this machine)\b"
    r"|\bno hub\b|\bunpublished\b"
    rf"|\b{_VERB} ?[:=?] ?(?:no|nope|false|off|never|none|0|n)\b"
    r"|\blocal only\b|\bnothing (?:may |must |shall )?leaves? (?:this|the) machine\b"
)
_ALWAYS = words(rf"\b{_VERB}\b|\b(?:put|get|bring) (?:it|the model|the result|that) on the hub\b")
_CONDITION = words(
    rf"\b(?:do not |don['\u2019]?t |never |not )?{_VERB}\b[^.;!?\n]{{0,40}}?"
    r"(?:\b(?:if|unless|provided|as long as|in case)\b|\bonly (?:when|once|after)\b)[^.;!?\n]{1,80}"
    rf"|\bif\b[^.;!?\n]{{1,80}}?\b{_VERB}\b(?: it| the model)?"
)
_NO_CONDITION = words(
    r"\bif (?:possible|you can|done|ready|finished|all (?:is|goes|went) well|everything (?:is|goes"
    r"|went)|(?:it|the model|training) (?:is |has )?(?:done|ready|finished|works|worked))\b"
    r"|\bonly (?:when|once|after) (?:(?:it|everything|training|you|the training) )?"
    r"(?:is |are |has )?(?:done|ready|finished|training)\b"
)
_BY_SCORE = words(
    r"\b(?:reach|meet|met|hit|exceed|above|over|at least|better than)\w*\b|[>\u2265]|\d ?%"
)
_ELSE = words(r"\bunless\b|\b(?:not|don['\u2019]?t|never)\b|\btest\b")
_UNDECIDED = words(
    rf"\b{_VERB}\b[^.;!?\n]{{0,20}}?\bor (?:not|don['\u2019]?t|do not)\b(?: {_VERB})?"
    rf"|\b(?:do not|don['\u2019]?t) (?:really )?(?:care|mind)\b[^.;!?\n]{{0,20}}?\b{_VERB}\b"
    rf"|\b(?:maybe|perhaps|possibly) {_VERB}\b|\b{_VERB}(?: it)? (?:maybe|perhaps|possibly)\b"
)
_NAME = r"(?:\"([^\"\n]{1,96})\"|'([^'\n]{1,96})'|`([^`\n]{1,96})`|([A-Za-z0-9][\w.-]{0,95}))"
_CALLED = words(rf"\b(?:call|name) (?:it|the model|the repo(?:sitory)?|the result) {_NAME}")
_UNDER_NAME = words(
    rf"\b{_VERB}\b[^.;!?\n]{{0,50}}?\b(?:named|called|under the name(?: of)?"
    rf"|repo(?:sitory)?(?: name)?[:=]?) {_NAME}"
)
_KEY = words(
    rf"(?:^|[\n.;,*\u2022-])[^\S\n]*(?:model |repo )?name ?[:=] ?{_NAME}"
    rf"|[\n;,][^\S\n]*name {_NAME}(?= ?(?:$|[.;,\n]))"
)
_AS = words(rf"\b{_VERB}\b(?: ?[?:=] ?(?:yes|true),?)?[^.;!?\n]{{0,50}}?\b(?:as|under) {_NAME}")
_TO = words(rf"\b(?:publish\w*|push\w*|upload\w*) (?:\w+ ){{0,3}}?to {_NAME}")
_REPO = words(
    r"\brepo(?:sitory)?(?:[_-]| )?(?:(?:name|id)(?:\s*[:=]| is| should be| shall be)?"
    rf"|\s*[:=]|(?: is| shall be| should be)? (?:named|called)) ?{_NAME}"
)
_IN_REPO = words(rf"\brepo(?:sitory)? {_NAME}")
_NO_NAME = vocabulary(
    "the a an my our it this that hub hugging soon well private public privately publicly model "
    "is of on in for and or with by as name named called id should shall must to usual before "
    "always such possible needed instructed requested agreed planned dataset draft everyone "
    "anyone people me us them once safetensors huggingface local"
)
_ENDS = words(r" ?(?:$|[.,;:!?)\n]|(?:and|with|when|if|once|please|then|but|after|in|on|at) )")
_TELLING = re.compile(r"[-_/\d]")
_OPENLY = words(r"\bpublic(?:ly)?\b(?! (?:data|domain))")
_PRIVATELY = words(
    r"\bprivate(?:ly)?\b|(?:\bnot|\bnever|n['\u2019]t|\bdont) (?:\w+ ){0,3}?public(?:ly)?\b"
    r"|\bnon-public\b|\bkeep (?:it|that|the (?:model|repo(?:sitory)?)) (?:hidden|secret)\b"
)
_NO_CARD = words(
    r"\b(?:no|without|skip|don['\u2019]?t write|do not write) (?:(?:the|a|any) )?(?:model )?card\b"
)


def read_publish(page: Page) -> bool | None:
    """True: told to. False: told not to. None: not a word about it."""
    if page.has(_NEVER):
        return False
    return True if page.has(_ALWAYS) else None


def take_unsettled(page: Page, target: Target | None) -> tuple[str, ...]:
    """What leaves open whether to publish. A score on validation that is the target is no such
    thing: nothing is published before it is reached, or the person takes what there is."""
    undecided = page.take(_UNDECIDED)
    if undecided is not None:
        return (" ".join(undecided[0].split()),)
    found = _CONDITION.search(page.text)
    if found is None or _NO_CONDITION.search(found[0]):
        return ()
    by_score = _BY_SCORE.search(found[0]) and not _ELSE.search(found[0])
    if by_score and target is not None and target.split == "validation":
        return ()
    return (" ".join(found[0].split()),)


def take_repo_name(page: Page) -> str | None:
    """The repository's name, where it is no path and thus still on the page."""
    for pattern in (_CALLED, _REPO, _UNDER_NAME, _AS, _IN_REPO, _TO, _KEY):
        for found in pattern.finditer(page.text):
            group = next(index for index in range(1, len(found.groups()) + 1) if found[index])
            quoted = group % _BARE != 0
            name = found[group].strip() if quoted else found[group].rstrip(".-")
            if name and (quoted or _may_be_bare(pattern, name, page.text, found.start(group))):
                page.blank(*found.span(group))
                return name
    return None


_BARE = 4
"""Each so many groups, the one of `_NAME` that holds a name without quotes."""


def _may_be_bare(pattern: re.Pattern[str], name: str, text: str, start: int) -> bool:
    """Whether a word without quotes is a name: it tells by its signs, or nothing follows it."""
    if name.lower() in _NO_NAME:
        return False
    if pattern in (_CALLED, _REPO, _UNDER_NAME, _KEY) or _TELLING.search(name):
        return True
    return pattern is _AS and _ENDS.match(text, start + len(name)) is not None


def read_private(page: Page) -> bool | None:
    """Whether the repository is to be private; None: not said."""
    if page.has(_PRIVATELY):
        return True
    return False if page.has(_OPENLY) else None


def wants_card(page: Page) -> bool:
    """A model card is written unless the words forbid it."""
    return not page.has(_NO_CARD)
