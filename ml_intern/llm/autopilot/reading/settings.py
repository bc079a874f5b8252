"""Hyperparameters, shares of the splits and limits, taken at their word."""

import re
from collections.abc import Callable

from ml_intern.llm.autopilot.objective import Value
from ml_intern.llm.autopilot.reading.numbers import NUMBER, PERCENT, WHOLE, parse
from ml_intern.llm.autopilot.reading.page import Page, words

_LINK = r"(?:[\s:=]|\b(?:of|is|to|at|be|should|must|set|equal|around|about)\b){1,8}"
_SQUARE = r"(?:\s*[x\u00d7]\s*\d+)?"
_FLOAT = rf"({NUMBER})(?!\s*%)"

_WHOLE_SETTINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "gradient_accumulation_steps",
        (rf"gradient[\s_-]*accumulation(?:[\s_-]*steps)?{_LINK}{WHOLE}",),
    ),
    (
        "warmup_steps",
        (rf"\b{WHOLE}[\s-]*warm-?up[\s_-]*steps", rf"\bwarm-?up(?:[\s_-]*steps)?{_LINK}{WHOLE}"),
    ),
    (
        "num_train_epochs",
        (
            rf"\b{WHOLE}[\s-]*(?:(?:full|training|complete|more)\s+)?epochs?\b",
            rf"\b(?:num_train_)?epochs{_LINK}{WHOLE}",
        ),
    ),
    (
        "per_device_train_batch_size",
        (
            rf"\b(?:per_device_train_)?batch(?:es)?(?:[\s_-]*sizes?)?{_LINK}{WHOLE}",
            rf"\bbs{_LINK}{WHOLE}",
        ),
    ),
    ("seed", (rf"\bseed(?:ed)?(?:\s+with)?{_LINK}{WHOLE}",)),
    (
        "max_length",
        (
            r"\bmax(?:imum)?[\s_-]*(?:(?:input|sequence|seq|text"
            rf"|token)[\s_-]*)?len(?:gth)?{_LINK}{WHOLE}",
            rf"\b{WHOLE}\s*tokens?\b",
        ),
    ),
    (
        "patch_size",
        (
            rf"\b{WHOLE}{_SQUARE}[\s-]*(?:pixels?\s+)?patch(?:es)?\b",
            rf"\bpatch(?:es)?[\s_-]*(?:sizes?)?{_LINK}{WHOLE}{_SQUARE}",
        ),
    ),
    (
        "image_size",
        (
            rf"\bimage[\s_-]*sizes?{_LINK}{WHOLE}{_SQUARE}",
            rf"\bresiz\w+\s+(?:\w+\s+){{0,3}}?to\s+{WHOLE}{_SQUARE}",
        ),
    ),
    (
        "num_labels",
        (
            rf"\bnum_labels{_LINK}{WHOLE}",
            rf"\b{WHOLE}[\s-]*(?:(?:different|distinct|possible|separate)\s+)?"
            r"(?:class(?:es)?|categor(?:y|ies)|labels?)\b",
        ),
    ),
    ("hidden_size", (rf"\bhidden[\s_-]*(?:size|dim\w*|width){_LINK}{WHOLE}",)),
    ("intermediate_size", (rf"\bintermediate[\s_-]*size{_LINK}{WHOLE}",)),
    (
        "num_hidden_layers",
        (
            rf"\b{WHOLE}[\s-]*(?:(?:hidden|transformer|encoder)\s+)?layers?\b",
            rf"\b(?:num_hidden_)?layers{_LINK}{WHOLE}",
        ),
    ),
    (
        "num_attention_heads",
        (
            rf"\b{WHOLE}[\s-]*(?:attention\s+)?heads?\b",
            rf"\b(?:num_attention_)?heads{_LINK}{WHOLE}",
        ),
    ),
    ("vocab_size", (rf"\bvocab(?:ulary)?(?:[\s_-]*size)?{_LINK}{WHOLE}",)),
)
_FLOAT_SETTINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "learning_rate",
        (
            rf"(?:\blearning[\s_-]*rate|\blr)\b{_LINK}{_FLOAT}",
            rf"(?<![\w.,+-])({NUMBER})\s+(?:as\s+(?:the\s+)?)?learning[\s_-]rate\b",
        ),
    ),
    ("weight_decay", (rf"\bweight[\s_-]*decay{_LINK}{_FLOAT}",)),
    ("label_smoothing_factor", (rf"\blabel[\s_-]*smoothing(?:_factor)?{_LINK}{_FLOAT}",)),
    (
        "hidden_dropout_prob",
        (rf"\b(?:hidden_)?dropout(?:[\s_-]*(?:prob(?:ability)?|rate))?{_LINK}{_FLOAT}",),
    ),
)

Reader = tuple[str, tuple[re.Pattern[str], ...], Callable[[str], Value]]
_READERS: tuple[Reader, ...] = tuple(
    (name, tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns), kind)
    for table, kind in ((_FLOAT_SETTINGS, parse), (_WHOLE_SETTINGS, int))
    for name, patterns in table
)

_DETERMINISTIC = words(r"\bdeterministic\w*|\bbit for bit\b|\bbit-identical\b")
_AUGMENT = words(r"(?<!no\s)(?<!without\s)(?<!data\s)\b(?:data )?augment\w*")

_SHARES = re.compile(r"(?<![\d/])(\d{2})/(\d{1,2})/(\d{1,2})(?![\d/])")
_SHARE_FIRST = re.compile(
    rf"(?<![\w.,])({NUMBER})({PERCENT})?\s+(?:of\s+(?:the\s+|all\s+|our\s+|my\s+)?(?:\w+\s+)?)?"
    r"(?:for|as|to|into|in)\s+(?:the\s+|a\s+)?(validation|val|dev|test)\w*",
    re.IGNORECASE,
)
_SHARE_LAST = re.compile(
    r"\b(validation|val|dev|test)(?:ing)?[\s_-]*(?:fraction|split|share|portion|size)"
    rf"{_LINK}({NUMBER})({PERCENT})?",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"\b(?:within|under|at\s+most|(?:no|not)\s+(?:more|longer)\s+than|less\s+than|up\s+to"
    rf"|max(?:imum)?(?:\s+of)?|time\s+limit{_LINK})\s*({NUMBER})\s*(s|sec|seconds?|m|min|minutes?"
    rf"|h|hours?)\b",
    re.IGNORECASE,
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def take_settings(page: Page) -> dict[str, Value]:
    """Every hyperparameter that the words name, by the recipes' argument name."""
    asked: dict[str, Value] = {}
    for name, patterns, kind in _READERS:
        for pattern in patterns:
            found = page.take(pattern)
            if found is not None:
                asked[name] = kind(next(group for group in found.groups() if group))
                break
    asked |= {"deterministic": True} if page.has(_DETERMINISTIC) else {}
    asked |= {"augment": True} if page.has(_AUGMENT) else {}
    return asked


def take_fractions(page: Page) -> tuple[float | None, float | None]:
    """The shares of validation and test, where the words fix them."""
    shares = page.take(_SHARES)
    if shares is not None and sum(map(int, shares.groups())) == 100:
        return int(shares[2]) / 100, int(shares[3]) / 100
    found: dict[str, float] = {}
    for pattern, order in ((_SHARE_LAST, (1, 2, 3)), (_SHARE_FIRST, (3, 1, 2))):
        for match in list(pattern.finditer(page.text)):
            split, number, sign = (match[index] for index in order)
            share = parse(number) / (100 if sign else 1)
            if 0 < share <= 0.5:
                found.setdefault("test" if split.lower() == "test" else "validation", share)
                page.blank(*match.span())
    return found.get("validation"), found.get("test")


def take_time_limit(page: Page) -> float | None:
    """Seconds that training may take."""
    found = page.take(_LIMIT)
    return parse(found[1]) * _SECONDS[found[2][0].lower()] if found is not None else None
