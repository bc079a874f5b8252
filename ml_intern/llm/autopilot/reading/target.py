"""The metric and the number to reach.

Works on tokens: from a metric it looks both ways for a number, over words that may stand between
them; without a metric it takes a number that a verb of reaching leads to.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml_intern.llm.autopilot.objective import Metric, Split, Target
from ml_intern.llm.autopilot.reading.numbers import NUMBER, PERCENT, parse
from ml_intern.llm.autopilot.reading.page import vocabulary

_TOKEN = re.compile(
    rf"(?P<number>(?<![\w.,])(?P<value>{NUMBER})(?P<percent>{PERCENT})?)(?!\w)"
    r"|(?P<word>[a-z][\w-]*)|(?P<sign>>=|<=|[≥≤<>=:~])|(?P<stop>[.,;!?\n])",
    re.IGNORECASE,
)
_OUT_OF = re.compile(
    r"\b(\d{1,6})\s+(?:out\s+of|in)\s+(\d{1,6})\b(?=[^.;\n]{0,40}\b(?:right|correct(?:ly)?)\b)",
    re.IGNORECASE,
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
_ERROR = frozenset(["error", "errors"])
_UNMEASURED = vocabulary(
    "precision recall auc auroc mcc kappa bleu rouge perplexity mse mae rmse iou wer cer"
)
_AFTER_METRIC = vocabulary(
    "north score rate on the validation val test dev held-out held set split data of to be is "
    "should must at least above over than higher greater more better exceed exceeds "
    "exceeding beyond reach reaches target goal minimum min around about approximately "
    "roughly no not less worse fall drop go get below under up a an equal equals value "
    "threshold somewhere has will i we want need needs it are stay for >= <= ≥ ≤ < > = : "
    "~"
)
_AFTER_RIGHT = vocabulary("in at for least about over more than")
_BEFORE_METRIC = vocabulary(
    "or more better higher above validation val test dev eval evaluation held-out set "
    "mean overall average averaged classification top-1 of in on the macro as score final"
)
_BEFORE_NUMBER = vocabulary(
    "to the a an at of about up is be will validation val test dev than more around some "
    "it us me least minimum no not less better my our mark only : = >= ≥ > ~ value score "
    "result"
)
_REACH = vocabulary(
    "reach reaches reached reaching achieve achieves achieving hit hits attain target "
    "targets goal beat beats surpass"
)
_REACH_PERCENT = _REACH | vocabulary(
    "get gets getting obtain aim deliver score want need least above over exceed exceeds "
    "worse until > >= ≥"
)
_HINTS = vocabulary("to at have has")
"""Before a percentage that nothing follows: `to 90 %`, `when you have 90 %`."""
_GOAL = vocabulary("goal target aim enough sufficient fine okay ok acceptable")
_GOES_ON = vocabulary("on in or and with then please accuracy as for at before after")
_FARTHEST = 10


@dataclass(frozen=True)
class _Token:
    text: str
    kind: str
    value: float = 0.0
    percent: bool = False

    @property
    def parts(self) -> list[str]:
        return re.split(r"[_-]", self.text)


@dataclass(frozen=True)
class _Candidate:
    """A number that belongs to a metric."""

    metric: str
    number: _Token
    between: tuple[str, ...] = ()


def read_target(text: str) -> tuple[Target | None, str | None, Metric | None]:
    """The target, or a sentence why the one in the words cannot be used; a metric without one."""
    out_of = _OUT_OF.search(text)
    if out_of is not None and 0 < int(out_of[1]) <= int(out_of[2]):
        return Target(value=int(out_of[1]) / int(out_of[2])), None, None
    tokens = list(_tokens(text))
    candidate = _by_metric(tokens) or _by_verb(tokens)
    if candidate is None:
        return None, None, _named(tokens)
    target, doubt = _judge(candidate)
    return target, doubt, None


def read_bare_number(text: str) -> tuple[Target | None, str | None]:
    """The target in an answer that may be nothing but a number."""
    target, doubt, _ = read_target(text)
    if target or doubt:
        return target, doubt
    number = next((token for token in _tokens(text) if token.kind == "number"), None)
    return _judge(_Candidate("accuracy", number)) if number is not None else (None, None)


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text.lower()):
        kind = found.lastgroup or ""
        if found["number"] is not None:
            yield _Token(
                found["number"].strip(), "number", parse(found["value"]), bool(found["percent"])
            )
        else:
            yield _Token(found[0], kind)


def _named(tokens: Sequence[_Token]) -> Metric | None:
    """A metric that is named without a number; accuracy and loss are named all the time."""
    return next(
        ("macro_f1" for token in tokens if _metric(token) == "macro_f1"),
        None,
    )


def _by_metric(tokens: Sequence[_Token]) -> _Candidate | None:
    for index, token in enumerate(tokens):
        metric = _metric(token)
        if metric is None:
            continue
        if index and (ranked := _TOP.fullmatch(tokens[index - 1].text)):
            metric = f"{ranked[0]} {token.text}"
        left = tokens[max(0, index - _FARTHEST) : index][::-1]
        number, between = _scan(left, None if metric == "right" else _BEFORE_METRIC)
        if number is None:
            right = tokens[index + 1 : index + 1 + _FARTHEST]
            number, between = _scan(right, _AFTER_RIGHT if metric == "right" else _AFTER_METRIC)
        if number is not None and not (metric == "right" and not _may_be_share(number)):
            return _Candidate(metric, number, (*token.parts, *between))
    return None


def _may_be_share(number: _Token) -> bool:
    return number.percent or 0 < number.value <= 1


def _metric(token: _Token) -> str | None:
    if token.kind != "word":
        return None
    if token.text in ("f-score", "f-measure"):
        return "macro_f1"
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
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        verbs = _REACH_PERCENT if token.percent else _REACH
        led = _leads_to(left, verbs) and _ends(token, after, strict=False)
        hinted = token.percent and _leads_to(left, _HINTS) and _ends(token, after, strict=True)
        named = _may_be_share(token) and _leads_to(tokens[index + 1 : index + 5], _GOAL)
        if led or hinted or named:
            between = tuple(word.text for word in (*left, *tokens[index + 1 : index + 4]))
            return _Candidate("accuracy", token, between)
    return None


def _leads_to(left: Sequence[_Token], verbs: frozenset[str]) -> bool:
    for token in left:
        if token.text in verbs:
            return True
        if token.text not in _BEFORE_NUMBER:
            return False
    return False


def _ends(number: _Token, after: _Token | None, *, strict: bool) -> bool:
    """Whether the number counts nothing: `reach 0.9 on validation`, not `reach 50 rows`."""
    if after is None or after.kind == "stop" or after.text in _GOES_ON:
        return True
    return (
        number.percent and not strict and after.text not in ("of", "local", "more", "less", "fewer")
    )


def _judge(found: _Candidate) -> tuple[Target | None, str | None]:
    metric = "accuracy" if found.metric == "right" else found.metric
    if metric not in ("accuracy", "macro_f1", "loss", "error"):
        return None, (
            f"{metric} is not measured here: the evaluation gives accuracy, macro F1 and loss."
        )
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
