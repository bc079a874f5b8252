"""The metric and the number to reach.

Works on tokens: from a metric it looks both ways for a number, over words that may stand between
them; without a metric it takes a number that a verb of reaching leads to, or a share that stands
alone. A share that is none of these and describes nothing either is a doubt: it is asked about.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from ml_intern.llm.autopilot.objective import METRIC_WORDS, Metric, Split, Target
from ml_intern.llm.autopilot.reading.numbers import NUMBER, PERCENT, RATIO, parse
from ml_intern.llm.autopilot.reading.page import vocabulary, words

NOT_MEASURED = "is not measured here"
"""Part of the doubt about a metric that our evaluation does not have."""

_TOKEN = re.compile(
    rf"(?P<ratio>{RATIO})"
    rf"|(?P<number>(?<![\w.,])(?P<value>{NUMBER})"
    rf"(?:(?<!from\s\d\d)\s*(?:-|\u2013|\bto\b)\s*{NUMBER}(?={PERCENT}))?"
    rf"(?P<percent>{PERCENT})?)(?!\w)"
    r"|(?P<word>[a-z][\w-]*)|(?P<sign>>=|<=|->|=>|[≥≤<>=:~])|(?P<stop>[.,;!?()\n])",
    re.IGNORECASE,
)
_ABBREVIATED = words(r"\b(acc|val|min|max|approx|ca)\.(?= ?\S)")
_BETWEEN = words(rf"\bbetween ({NUMBER})(?:{PERCENT})? and {NUMBER}{PERCENT}")
_SAME = words(r"\b(?:hit|success)[ -]rate\b".replace("[ -]", r"[\s-]"))
_SAME_LOSS = re.compile(r"\bcross[\s-]?entropy(?:\s+loss)?\b")
_MACRO_AFTER = re.compile(r"\bf1(?:[\s_-]*score)?[\s,_-]*\(?macro\b(?:[\s_-]*averaged?\b)?\)?")
_KIND_BEFORE = re.compile(
    r"\b(?:(weighted|micro|binary)[\s_-]*(?:averaged?[\s_-]*)?(f1)|(balanced)[\s_-]+(?:acc\b|accuracy)"
    r"|(f1)(?:[\s_-]*score)?[\s,_-]*\(?(weighted|micro|binary)\b(?:[\s_-]*averaged?\b)?\)?)"
)
_TOP = re.compile(r"top-(?!1$)\d+")
_METRICS: dict[str, Metric] = {
    "accuracy": "accuracy",
    "accuracies": "accuracy",
    "acc": "accuracy",
    "f1": "macro_f1",
    "fscore": "macro_f1",
    "loss": "loss",
}
_RIGHT = vocabulary("accurate accurately right correct correctly")
_ERROR = vocabulary("error errors wrong incorrect mistakes misclassified misclassifications")
_UNMEASURED = vocabulary("precision recall auc auroc mcc kappa iou")
_OTHER_KINDS = vocabulary("weighted-f1 micro-f1 binary-f1 balanced-accuracy")
"""Kinds of a metric of ours that are another number."""
_AFTER_METRIC = vocabulary(
    "north score rate on the validation val test dev held-out held set split data of to be is "
    "should must at least above over than higher greater more better exceed exceeds "
    "exceeding beyond reach reaches target goal minimum min around about approximately "
    "roughly no not less worse fall drop go get below under up a an equal equals value "
    "threshold somewhere has will i we want need needs it are stay for >= <= ≥ ≤ < > = : "
    "~"
)
_AFTER_RIGHT = vocabulary("in at for least about over more than the time cases")
_AFTER_WRONG = _AFTER_METRIC | vocabulary("most in only every")
_BEFORE_METRIC = vocabulary(
    "or more better higher above validation val test dev eval evaluation held-out set "
    "mean overall average averaged classification top-1 of in on the macro as score final"
)
_BEFORE_WRONG = _BEFORE_METRIC | vocabulary("be may can them are is were answers cases messages")
_BEFORE_NUMBER = vocabulary(
    "to the a an at of about up is be will validation val test dev than more around some "
    "it us me least minimum no not less better my our mark only : = >= ≥ > ~ value score "
    "result for like"
)
_REACH = vocabulary(
    "reach reaches reached reaching achieve achieves achieving hit hits attain target "
    "targets goal beat beats surpass"
)
_WANT = vocabulary(
    "get gets getting obtain aim aiming deliver score want wants wanted need needs shoot strive"
)
_COMPARE = vocabulary("least above over exceed exceeds better worse minimum min until > >= ≥")
_UNDER = vocabulary("below under beneath lower fewer less worse")
_NEVER = vocabulary("not no never nothing cannot t")
_HINTS = vocabulary("to at have has")
"""Before a percentage that nothing follows: `to 90 %`, `when you have 90 %`."""
_GOAL = vocabulary(
    "goal target aim enough sufficient fine okay ok great nice perfect ideal lovely "
    "wonderful good acceptable suffice suffices do"
)
_BEFORE_GOAL = _BEFORE_NUMBER | vocabulary("are would should must might may good just quite")
_GOES_ON = vocabulary("on in or and with then please accuracy as for at before after")
_OR_MORE = vocabulary("more better higher above up upwards")
_SMALL = vocabulary(
    "at least about around with to minimum min over above more better than approx approximately "
    "roughly please a an the of me like maybe ca some no not less worse by or higher up plus "
    "upwards on validation val test dev held-out data set >= ≥ > = : ~ ->"
)
"""Words that leave a number alone."""
_PARTS_CLAUSE = vocabulary("and with but please then so just")
_OF_WHAT = vocabulary("them it these those time cases all")
"""`90 % of them`: a share of the answers; of anything else it describes the data."""
_DESCRIBES = vocabulary(
    "has have had is are was were contain contains containing there where which comprise holds "
    "includes include only a in the as with makes about"
)
_UNEVEN = vocabulary(
    "imbalance imbalanced unbalanced skewed skew noise noisy missing duplicates duplicated empty "
    "labelled labeled unlabelled unlabeled labels annotations annotated"
)
_VERSIONED = vocabulary("version v python torch release transformers cuda")
_COMPARED = vocabulary(
    "of off discount faster slower smaller larger bigger cheaper less fewer more"
)
_FARTHEST = 10


@dataclass(frozen=True)
class _Token:
    text: str
    kind: str
    value: float = 0.0
    percent: bool = False
    loose: bool = False
    """A ratio that may as well count things: `9 of 10`, `9/10`."""

    @property
    def parts(self) -> list[str]:
        return re.split(r"[_-]", self.text)


@dataclass(frozen=True)
class _Candidate:
    """A number that belongs to a metric."""

    metric: str
    number: _Token
    between: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What is measured: right answers and errors are both told by accuracy."""
        return "accuracy" if self.metric in ("right", "error") else self.metric


def read_target(text: str) -> tuple[Target | None, str | None, Metric | None]:
    """The target, or a sentence why the one in the words cannot be used; a metric without one."""
    tokens = list(_tokens(text))
    by_metric = list(_by_metric(tokens))
    rivals = {found.kind: found for found in reversed(by_metric)}
    if len(rivals) > 1:
        return None, _several([*rivals.values()][::-1]), None
    candidate = by_metric[0] if by_metric else _by_verb(tokens) or _alone(tokens)
    if candidate is None:
        return None, _left_over(tokens), _named(tokens)
    other = _of_another_split(tokens, candidate)
    if other is not None:
        return None, _several([candidate, other]), None
    target, doubt = _judge(candidate)
    return target, doubt, None


def _of_another_split(tokens: Sequence[_Token], chosen: _Candidate) -> _Candidate | None:
    """`90 % on validation and 85 % on test`: a second share, with its split."""
    for index, token in enumerate(tokens):
        after = [word.text for word in tokens[index + 1 : index + 4] if word.text != "the"][:2]
        if (
            token.kind == "number"
            and _may_be_share(token)
            and token != chosen.number
            and after[:1] in (["on"], ["for"])
        ):
            split = {*after[1:]} & {"test", "validation"}
            if split and ("test" in split) != ("test" in chosen.between):
                return _Candidate(chosen.metric, token, tuple(after))
    return None


def read_bare_number(text: str) -> tuple[Target | None, str | None]:
    """The target in an answer that may be nothing but a number."""
    target, doubt, _ = read_target(text)
    if target is not None:
        return target, None
    number = next((token for token in _tokens(text) if token.kind == "number"), None)
    if number is None or (doubt is not None and any(map(_metric, _tokens(text)))):
        return None, doubt
    return _judge(_Candidate("accuracy", number))


def _tokens(text: str) -> Iterator[_Token]:
    plain = _SAME.sub("accuracy", _ABBREVIATED.sub(r"\1 ", text.lower()))
    plain = _BETWEEN.sub(r"at least \1 %", plain)
    plain = _SAME_LOSS.sub("loss", plain)
    plain = _KIND_BEFORE.sub(_kind, _MACRO_AFTER.sub("macro f1", plain))
    for found in _TOKEN.finditer(plain):
        if found["ratio"] is not None:
            yield _ratio(found)
        elif found["number"] is not None:
            yield _Token(
                found["number"].strip(), "number", parse(found["value"]), bool(found["percent"])
            )
        else:
            yield _Token(found[0], found.lastgroup or "")


def _kind(found: re.Match[str]) -> str:
    """`weighted F1` and `F1 (weighted)` as one word."""
    kind = found[1] or found[3] or found[5]
    return f"{kind}-{'accuracy' if found[3] else 'f1'}"


def _ratio(found: re.Match[str]) -> _Token:
    part, whole = int(found["part"]), int(found["whole"])
    if not 0 < part <= whole or whole < 2:
        return _Token(found["part"], "number", part)
    loose = "out" not in found["how"]
    return _Token(found["ratio"], "number", 100 * part / whole, percent=True, loose=loose)


def _named(tokens: Sequence[_Token]) -> Metric | None:
    """A metric that is named without a number; accuracy and loss are named all the time."""
    return next(
        ("macro_f1" for token in tokens if _metric(token) == "macro_f1"),
        None,
    )


def _by_metric(tokens: Sequence[_Token]) -> Iterator[_Candidate]:
    for index, token in enumerate(tokens):
        metric = _metric(token)
        if metric is None:
            continue
        if index and (ranked := _TOP.fullmatch(tokens[index - 1].text)):
            metric = f"{ranked[0]} {token.text}"
        left = tokens[max(0, index - _FARTHEST) : index][::-1]
        number, between = _scan(left, _BRIDGES_LEFT.get(metric, _BEFORE_METRIC))
        if number is None:
            right = tokens[index + 1 : index + 1 + _FARTHEST]
            number, between = _scan(right, _BRIDGES_RIGHT.get(metric, _AFTER_METRIC))
        if number is None or not _suits(metric, number, between):
            continue
        last = max(index, next(at for at, other in enumerate(tokens) if other is number))
        before = _splits(tokens[max(0, index - 2) : index])
        said = (*token.parts, *between, *before, *_split_after(tokens, last))
        yield _Candidate(metric, number, said)


def _split_after(tokens: Sequence[_Token], last: int) -> tuple[str, ...]:
    """`0.85 on the test split`: the split that is named right after the metric and its number."""
    words_after = takewhile(lambda token: token.kind == "word", tokens[last + 1 : last + 6])
    after = [part for token in words_after for part in token.parts]
    bracketed = [token.text for token in tokens[last + 1 : last + 4]]
    if bracketed[:1] == ["("] and bracketed[2:] == [")"] and bracketed[1] in _SPLITS:
        return (bracketed[1],)
    if after[:1] not in (["on"], ["for"], ["over"], ["in"]):
        return ()
    named = [part for part in after[1:] if part not in _BEFORE_SPLIT][:1]
    return tuple(part for part in named if part in _SPLITS)


def _splits(tokens: Sequence[_Token]) -> tuple[str, ...]:
    return tuple(part for token in tokens for part in token.parts if part in _SPLITS)


_SPLITS = ("test", "validation")
_BEFORE_SPLIT = vocabulary("the a our my held out final unseen independent separate hidden")
_BRIDGES_LEFT: dict[str, frozenset[str] | None] = {"right": None, "error": _BEFORE_WRONG}
"""Words that may stand between a number and the metric after it; None: any."""
_BRIDGES_RIGHT = {"right": _AFTER_RIGHT, "error": _AFTER_WRONG}


def _suits(metric: str, number: _Token, between: tuple[str, ...]) -> bool:
    """Shares of right answers, but not of rows that are labelled right."""
    if metric in ("right", "error"):
        return _may_be_share(number) and not _UNEVEN & set(between)
    return metric in _METRICS.values() or not number.loose


def _may_be_share(number: _Token) -> bool:
    return number.percent or 0 < number.value <= 1


def _metric(token: _Token) -> str | None:
    if token.kind != "word":
        return None
    if token.text in ("f-score", "f-measure"):
        return "macro_f1"
    if token.text in _OTHER_KINDS:
        return token.text
    for part in token.parts:
        if part in _METRICS:
            return _METRICS[part]
        if part in _UNMEASURED:
            return part
    if token.text in _RIGHT:
        return "right"
    return "error" if token.text in _ERROR else None


def _scan(
    tokens: Sequence[_Token], bridge: frozenset[str] | None
) -> tuple[_Token | None, tuple[str, ...]]:
    """The first number over words of `bridge` (None: any words), with the words passed."""
    passed: list[str] = []
    for token in tokens:
        if token.kind == "number":
            return token, tuple(passed)
        if token.kind == "stop" or not (
            bridge is None or set(token.parts) <= bridge or token.text in bridge
        ):
            return None, ()
        passed.append(token.text)
    return None, ()


def _by_verb(tokens: Sequence[_Token]) -> _Candidate | None:
    for index, token in enumerate(tokens):
        if token.kind != "number":
            continue
        left = tokens[max(0, index - 6) : index][::-1]
        after = tokens[index + 1 : index + 6]
        if _UNEVEN & {word.text for word in _clause(tokens, index)}:
            continue
        if _led(token, left, after) or (_may_be_share(token) and _praised(token, after)):
            between = tuple(word.text for word in (*left, *after[:3]))
            return _Candidate("accuracy", token, between)
    return None


def _led(token: _Token, left: Sequence[_Token], after: Sequence[_Token]) -> bool:
    """Whether the words before the number ask for it."""
    if _leads_to(left, _REACH):
        return _ends(token, after, strict=False)
    if not _may_be_share(token):
        return False
    if _leads_to(left, _WANT) or _not_under(left):
        return _ends(token, after, strict=not token.percent)
    if token.percent:
        return (_leads_to(left, _COMPARE) and _ends(token, after, strict=token.loose)) or (
            not token.loose
            and _leads_to(left, _HINTS)
            and not _is_near(left)
            and _ends(token, after, strict=True)
        )
    return _leads_to(left, _COMPARE) and _is_alone(left) and _ends(token, after, strict=True)


def _is_near(left: Sequence[_Token]) -> bool:
    """`as close to 100 % as can be` names no number to reach."""
    return any(word.text in ("close", "near", "nearer", "towards") for word in left[:2])


def _praised(token: _Token, after: Sequence[_Token]) -> bool:
    """`95 % is the goal`, `90 % or better`."""
    if _leads_to(after, _GOAL, _BEFORE_GOAL):
        return True
    following = [word.text for word in after[:3]]
    if following[:1] in (["minimum"], ["min"], ["upwards"], ["plus"]):
        return _ends(token, after[1:], strict=True)
    is_more = following[:2] and following[0] in ("or", "and") and {*following[1:2]} <= _OR_MORE
    return bool(is_more) and len(following) > 1 and _ends(token, after[2:], strict=True)


def _leads_to(
    left: Sequence[_Token], verbs: frozenset[str], bridge: frozenset[str] = _BEFORE_NUMBER
) -> bool:
    for token in left:
        if token.text in verbs:
            return True
        if token.text not in bridge:
            return False
    return False


def _not_under(left: Sequence[_Token]) -> bool:
    """`not below 0.9`, `should never fall under 90 %`."""
    for index, token in enumerate(left):
        if token.text in _UNDER:
            return any(word.text in _NEVER for word in left[index + 1 : index + 4])
        if token.text not in _BEFORE_NUMBER:
            return False
    return False


def _is_alone(words_around: Sequence[_Token]) -> bool:
    """Whether only small words stand between the number and the end of its clause."""
    for token in words_around:
        if token.kind == "stop" or token.text in _PARTS_CLAUSE:
            return True
        if token.text not in _SMALL:
            return False
    return True


def _ends(number: _Token, following: Sequence[_Token], *, strict: bool) -> bool:
    """Whether the number counts nothing: `reach 0.9 on validation`, not `reach 50 rows`."""
    after = following[0] if following else None
    if after is None or after.kind == "stop" or after.text in _GOES_ON:
        return True
    return (
        number.percent and not strict and after.text not in ("of", "local", "more", "less", "fewer")
    )


def _alone(tokens: Sequence[_Token]) -> _Candidate | None:
    """A share that is a clause of its own: `Sort a.csv by mood, 90 %`."""
    for index, token in enumerate(tokens):
        if token.kind != "number" or not token.percent or token.loose:
            continue
        left = tokens[max(0, index - _FARTHEST) : index][::-1]
        if _is_alone(left) and _is_alone(tokens[index + 1 : index + 1 + _FARTHEST]):
            return _Candidate("accuracy", token)
    return None


def _left_over(tokens: Sequence[_Token]) -> str | None:
    """A doubt about the first share that nobody has understood."""
    for index, token in enumerate(tokens):
        if token.kind == "number" and _may_be_meant(tokens, index):
            return f"I do not understand what {token.text} is to be."
    return None


def _may_be_meant(tokens: Sequence[_Token], index: int) -> bool:
    token, clause = tokens[index], _clause(tokens, index)
    left, after = tokens[max(0, index - 6) : index][::-1], tokens[index + 1 : index + 5]
    if _UNEVEN & {word.text for word in clause}:
        return False
    if token.percent and {word.text for word in clause} & _RIGHT:
        return True
    if token.percent and not token.loose:
        return not (_describes(left, after, clause) or (_is_ratio(token) and _counts(after)))
    if token.loose:
        return _is_alone(left) and _is_alone(after)
    if left and left[0].text in _VERSIONED:
        return False
    share = 0.5 <= token.value < 1
    wanted = 50 <= token.value <= 100 and (
        _leads_to(left, _WANT) or (bool(left) and left[0].kind == "stop")
    )
    return (share or wanted) and _ends(token, after, strict=True)


def _clause(tokens: Sequence[_Token], index: int) -> list[_Token]:
    """Everything from the stop before the token to the stop after it; commas part nothing."""
    start = end = index
    while start > 0 and index - start < 3 * _FARTHEST and tokens[start - 1].text not in ".;!?\n":
        start -= 1
    while (
        end + 1 < len(tokens)
        and end - index < 3 * _FARTHEST
        and tokens[end + 1].text not in ".;!?\n"
    ):
        end += 1
    return list(tokens[start : end + 1])


def _describes(left: Sequence[_Token], after: Sequence[_Token], clause: Sequence[_Token]) -> bool:
    """`has 90 % spam`, `30 % of the rows lack`, `20 % faster`: nothing that is to be reached."""
    if after and after[0].text in _COMPARED:
        whole = [word.text for word in after[1:3] if word.text not in ("the", "all", "our", "my")]
        return after[0].text != "of" or not (whole and whole[0] in _OF_WHAT)
    if left and left[0].text in ("is", "are", "was", "were", "makes"):
        return True
    shares = [word.value for word in clause if word.percent]
    if len(shares) > 1 and sum(shares) == 100:
        return True
    beside = takewhile(lambda word: word.kind != "stop", left)
    return _counts(after) and any(word.text in _DESCRIBES for word in beside)


def _counts(after: Sequence[_Token]) -> bool:
    """`5 out of 10 rows`: the number is one of things."""
    return (
        bool(after)
        and after[0].kind == "word"
        and after[0].text not in _GOES_ON | {"are", "is", "will", "would", "should"}
    )


def _is_ratio(token: _Token) -> bool:
    return " of " in token.text or "/" in token.text


def _judge(found: _Candidate) -> tuple[Target | None, str | None]:
    metric = "accuracy" if found.metric == "right" else found.metric
    if metric not in ("accuracy", "macro_f1", "loss", "error"):
        said = metric.replace("-f1", " F1").replace("balanced-", "balanced ")
        return None, (f"{said} {NOT_MEASURED}: the evaluation gives accuracy, macro F1 and loss.")
    if metric == "loss":
        return _loss(found)
    share = _share(found.number)
    if share is None or (metric == "error" and share == 1.0):
        return None, (
            f"A target of {found.number.text} cannot be reached or is not clear: "
            "it must lie above 0 and be at most 100 %."
        )
    on_test = "test" in found.between and "validation" not in found.between
    split: Split = "test" if on_test else "validation"
    if metric == "error":
        return Target(value=round(1 - share, 6), split=split), None
    kind: Metric = "macro_f1" if metric == "macro_f1" else "accuracy"
    return Target(metric=kind, value=share, split=split), None


def _several(found: Sequence[_Candidate]) -> str:
    """One number decides; which one, the person says."""
    said = []
    for candidate in found:
        target, _ = _judge(candidate)
        said.append(target.words() if target else f"{candidate.kind} {candidate.number.text}")
    unmeasured = [c.kind for c in found if c.kind not in METRIC_WORDS]
    note = f" {', '.join(unmeasured)} {NOT_MEASURED}." if unmeasured else ""
    return f"Several targets are named ({' and '.join(said)}) and only one can decide.{note}"


def _loss(found: _Candidate) -> tuple[Target | None, str | None]:
    if found.number.percent or found.number.value <= 0:
        return None, f"A loss of {found.number.text} cannot be reached: it must lie above 0."
    return Target(metric="loss", value=found.number.value), None


def _share(number: _Token) -> float | None:
    """The number as a share; None when it cannot be one or may be meant in two ways."""
    if number.percent:
        return round(number.value / 100, 6) if 1 <= number.value <= 100 else None
    if 0 < number.value <= 1:
        return number.value
    return round(number.value / 100, 6) if 2 <= number.value <= 100 else None
