"""Hyperparameters, shares of the splits and limits, taken at their word."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

from ml_intern.llm.autopilot.objective import Value
from ml_intern.llm.autopilot.reading.numbers import (
    IN_EACH_BATCH,
    NUMBER,
    PERCENT,
    WHOLE,
    parse,
    parse_whole,
)
from ml_intern.llm.autopilot.reading.page import Page, words

_LINK = (
    r"(?:[\s:=~\u2248]|\b(?:of|is|to|at|be|should|must|set|equals?|around|about|roughly"
    r"|approximately|approx|circa)\b){1,8}"
)
_TIMES = r"\s*(?:[x\u00d7]|by\b)\s*"
_SQUARE = rf"(?:{_TIMES}\d+)?"
_FLOAT = rf"({NUMBER})(?![.,]?\d|\s*%|\s*(?:times|multiplied)\b)"
_SHARE = rf"({NUMBER}(?:\s*%)?)"
_SCIENTIFIC = r"(\d+(?:[.,]\d+)?e-\d+)\b"
_SMALL = r"(0?[.,]0\d*|\d+(?:[.,]\d+)?e-\d+)(?![\d%]|\s*%)"
_NO_OTHER_RATE = "".join(
    rf"(?<!{word}[\s_-])" for word in ("error", "hit", "success", "dropout", "failure", "sampling")
)

_WHOLE_SETTINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "gradient_accumulation_steps",
        (
            rf"gradient[\s_-]*accumulation(?:[\s_-]*steps)?{_LINK}{WHOLE}",
            rf"accumulat\w*\s+(?:the\s+)?(?:gradients?\s+)?(?:over|across|for|of|with|every)\s+{WHOLE}"
            r"\s+(?:steps|passes|batches|mini-?batches)\b",
        ),
    ),
    (
        "warmup_steps",
        (
            rf"\b{WHOLE}[\s-]*warm[\s-]?up[\s_-]*steps",
            rf"\bwarm[\s-]?up(?:[\s_-]*steps)?{_LINK}{WHOLE}",
            rf"\bwarm[\s-]?up\s+(?:for|over|during)\s+(?:the\s+first\s+)?{WHOLE}\s+steps\b",
        ),
    ),
    (
        "per_device_train_batch_size",
        (
            rf"(?:\b(?:per_device_train_)?|\bmini)bat?ch(?:es)?(?:[\s_-]*sizes?)?{_LINK}{WHOLE}",
            rf"\bbsz?(?:{_LINK})?{WHOLE}",
            rf"\b{WHOLE}\s+(?:as\s+(?:the\s+)?)?batch[\s-]*size\b",
            rf"\b{WHOLE}\s+(?:[a-z]+\s+){{0,2}}?{IN_EACH_BATCH}",
        ),
    ),
    (
        "seed",
        (
            rf"\bseed(?:ed)?(?:\s+(?:with|number|no\.?|value))?{_LINK}{WHOLE}",
            rf"\brandom[\s_-]*state{_LINK}{WHOLE}",
        ),
    ),
    (
        "num_train_epochs",
        (
            rf"(?<![\w.,+-]){WHOLE}[\s-]*(?:(?:full|training|complete|more)\s+)?epochs?\b",
            rf"\b(?:num_train_)?epochs{_LINK}"
            rf"(?:(?:max(?:imum)?\.?|at\s+most|up\s+to|no\s+more\s+than)\s+)?{WHOLE}",
            rf"\b{WHOLE}\s+(?:full\s+)?passes\s+(?:over|through)\b",
            rf"\bep(?:och)?\s*[:=]\s*{WHOLE}",
            rf"(?<![\w.,+-]){WHOLE}\s*ep\b",
        ),
    ),
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
            rf"\b(?:(?:image|img|picture|photo)s?[\s_-]*(?:sizes?|resolutions?)|resolutions?)"
            rf"{_LINK}{WHOLE}{_SQUARE}",
            rf"\b(?:re|down-?)?(?:siz|scal)\w+\s+(?:\w+\s+){{0,3}}?to\s+{WHOLE}{_SQUARE}",
            rf"\binputs?(?:\s+sizes?)?{_LINK}{WHOLE}(?:\s*[x\u00d7]\s*\d+|\s*(?:px|pixels?)\b)",
            rf"\b{WHOLE}{_SQUARE}[\s-]*(?:(?:px|pixels?)\s+)?inputs?\b(?!\s*(?:files?|columns?|rows?))",
            rf"(?<![\w.,/-])(\d{{1,4}}){_TIMES}\1(?![\w%]|[.,]\d)(?!\s*(?:grid|kernel|conv))",
            rf"(?:[,;:(]|\b(?:at|to|of|with|use|using|in))\s*{WHOLE}[\s-]*(?:px|pixels?)\b(?!\s*(?:wide|high))",
        ),
    ),
    (
        "num_labels",
        (
            rf"\bnum_labels{_LINK}{WHOLE}",
            rf"\b{WHOLE}[\s-]*(?:(?:different|distinct|possible|separate)\s+)?"
            r"(?:class(?:es)?|categor(?:y|ies)|labels?)\b",
            r"\b(?:classif|categori|sort|rout|group|assign)\w*\b[^.;!?\n\d]{0,60}?\binto\s+"
            rf"(?:one\s+of\s+)?(?:the\s+|our\s+|these\s+)?{WHOLE}\s+"
            r"(?!(?:parts?|splits?|sets?|folds?|pieces|shares?|files?|rows|folders)\b)[a-z]+",
        ),
    ),
    ("hidden_size", (rf"\b(?:hidden|embedding)[\s_-]*(?:size|dim\w*|width){_LINK}{WHOLE}",)),
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
            rf"(?<![\w.,+-])({NUMBER})\s+(?:as\s+(?:the\s+)?)?(?:learning[\s_-]*rate|lr)\b",
            rf"\blr{_FLOAT}",
            rf"\bstep[\s_-]*size{_LINK}{_FLOAT}",
            rf"\badam\w*\s+(?:(?:at|with|using)\s+)?(?:an?\s+)?(?:rate\s+(?:of\s+)?)?{_FLOAT}",
            rf"{_NO_OTHER_RATE}\brate(?:\s+of)?[\s:=]+{_SMALL}",
            rf"\bat\s+{_SCIENTIFIC}",
        ),
    ),
    (
        "warmup_steps",
        (
            rf"\bwarm[\s-]?up[\s_-]*(?:ratio|fraction|share|proportion){_LINK}{_SHARE}",
            rf"(?<![\w.,+-])({NUMBER}\s*%)\s*(?:of\s+)?warm[\s-]?up\b",
            rf"\bwarm[\s-]?up{_LINK}({NUMBER}\s*%)",
        ),
    ),
    (
        "max_grad_norm",
        (
            rf"\b(?:max_grad_norm|grad(?:ient)?[\s_-]*clip\w*"
            rf"|clip\w*\s+(?:the\s+)?grad\w*(?:\s+norms?)?){_LINK}{_FLOAT}",
        ),
    ),
    (
        "weight_decay",
        (
            rf"\b(?:weight[\s_-]*decay|wd){_LINK}{_FLOAT}",
            rf"(?<![\w.,+-])({NUMBER})\s+(?:of\s+)?weight[\s_-]*decay\b",
        ),
    ),
    ("label_smoothing_factor", (rf"\blabel[\s_-]*smoothing(?:_factor)?{_LINK}{_SHARE}",)),
    (
        "hidden_dropout_prob",
        (
            rf"\b(?:hidden_)?dropout(?:[\s_-]*(?:prob(?:ability)?|rate))?{_LINK}{_SHARE}",
            rf"(?<![\w.,+-])({NUMBER}(?:{PERCENT})?)\s+(?:of\s+)?dropout\b",
        ),
    ),
)


def _parse_share(text: str) -> float:
    number = re.sub(rf"{PERCENT}$", "", text, flags=re.IGNORECASE).rstrip()
    return parse(number) / 100 if number != text.rstrip() else parse(text)


Reader = tuple[str, tuple[re.Pattern[str], ...], Callable[[str], Value]]
_READERS: tuple[Reader, ...] = tuple(
    (name, tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns), kind)
    for table, kind in ((_FLOAT_SETTINGS, _parse_share), (_WHOLE_SETTINGS, parse_whole))
    for name, patterns in table
)

_ONE_EACH = frozenset(
    {"learning_rate", "num_train_epochs", "per_device_train_batch_size", "seed", "image_size"}
)
"""Settings that one training has once, so that a second value contradicts the first."""
_PATIENCE = re.compile(
    r"\b\d+\s+(?:epochs?|steps|rounds|evaluations?)\s+(?:without|with\s+no|of\s+no|no)\s+(?:\w+\s+)?"
    r"(?:improv|progress|gain|change|better)\w*"
    r"|\b(?:[a-z]+\s+){0,3}every\s+\d+\s+(?:epochs?|steps)\b"
    r"|\b(?:improv\w*|better|progress)\s+(?:for|in|over|within|after)\s+\d+\s+(?:epochs?|steps)\b",
    re.IGNORECASE,
)
"""When to stop early, which is no number of epochs."""
_MOST_MENTIONS = 5
_INSTEAD = re.compile(
    r"(?:\binstead\s+of|\brather\s+than|\b(?:and|but)\s+not|,\s*not)\s+(?:the\s+)?$", re.IGNORECASE
)
_NO_UNIT = (
    rf"(?![\d\w]|[.,]\d|{PERCENT}|\s+(?:acc|f1|epoch|layer|head|class|token|warm|step|batch)"
    r"\w*\b(?!\s*[:=]))"
)
_RIVAL_BEFORE = re.compile(
    rf"(?:(?<![\w.,])(?:between\s+{NUMBER}\s+and|{NUMBER}(?:[-\u2013\u2014]|\s*(?:/|\bto\b|\bor\b)))"
    r"\s*)$",
    re.IGNORECASE,
)
_RIVAL_AFTER = re.compile(
    r"(?:[-\u2013\u2014\u2026]|\.{2,3}|\s*(?:->|=>|\u2192|/|(?:up\s+)?to\b|or\b|versus\b|vs\b\.?"
    r"|,?\s*(?:and\s+)?then\b"
    rf"|[-\u2013\u2014](?=\s*{NUMBER}\s*(?:$|[.,;)\n]))|and\b(?=\s*{NUMBER}\s*(?:$|[.;)\n]))))"
    rf"\s*{NUMBER}{_NO_UNIT}",
    re.IGNORECASE,
)
_RIVAL_UNIT = re.compile(
    rf"\s*(?:or|versus|vs\.?)\s+{NUMBER}(?!\w|[.,]\d|{PERCENT})", re.IGNORECASE
)
_SIDES = re.compile(rf"(?<!\d)(\d+){_TIMES}(\d+)", re.IGNORECASE)

_DETERMINISTIC = words(r"\bdeterministic\w*|\bbit for bit\b|\bbit-identical\b")
_SCHEDULE = words(
    r"\b(cosine|linear|constant|polynomial)(?: (?:lr|learning[ -]rate))?".replace("[ -]", r"[\s-]")
    + r" (?:schedul\w*|decay|annealing)\b"
)
_AUGMENT = words(r"(?<!no\s)(?<!without\s)(?<!data\s)\b(?:data )?augment\w*")

_SHARES = re.compile(
    r"(?<![\d/:.,-])(\d{1,2})([/:-])(\d{1,2})(?:\2(\d{1,2}))?(?![\d/:]|-\d|[.,]\d|\s*%)"
)
_IS_SPLIT = words(r"\bsplit\w*|\btrain\w* ?[/,-] ?(?:val|dev|test)|\bdivid\w*|\bratio\b")
_TWO_WAY = words(r"\btrain\w* ?[/,-] ?(validation|val|dev|test)\w*|\b(validation|val|dev|test)\b")
_OF_ALL = r"of\s+(?:the\s+|all\s+|our\s+|my\s+|them\s+)*(?:,\s+|\w+\s+)?"
_GOES = r"(?:(?:go|goes|is|are|should|be|kept|reserved|used|held|set|put|out|back|aside)\s+)*"
_WHOSE = r"(?:(?:the|a|an|final|independent|held-?out|blind|separate|later)\s+)*"
_PART = rf"(?<![\w.,/])({NUMBER})({PERCENT}|\s*/\s*\d{{1,3}}\b)?"
_SURE_PART = rf"(?<![\w.,/])({NUMBER})({PERCENT}|\s*/\s*\d{{1,3}}\b)"
_SHARE_FIRST = re.compile(
    rf"{_PART}\s+(?:{_OF_ALL})?{_GOES}(?:for|as|to|into|in)\s+{_WHOSE}(validation|val|dev|test)\w*",
    re.IGNORECASE,
)
_SHARE_LAST = re.compile(
    r"\b(validation|val|dev|test)(?:ing)?[\s_-]*(?:fraction|split|share|portion|size)"
    rf"{_LINK}({NUMBER})({PERCENT}|\s*/\s*\d{{1,3}}\b)?",
    re.IGNORECASE,
)
_SHARE_KEYED = re.compile(
    r"(?<!%)(?<!%\s)\b(validation|val|dev|test)(?:ing)?(?:\s+(?:set|data|split))?"
    rf"\s*[:=]?\s*(?<![\w.,])({NUMBER})({PERCENT})(?!\s+(?:acc\w*|f1|loss|score|macro|error))",
    re.IGNORECASE,
)
_SHARE_EQUALS = re.compile(
    rf"\b(validation|val|dev|test)\s*=\s*({NUMBER})({PERCENT})?", re.IGNORECASE
)
_SHARE_BARE = re.compile(
    rf"(?<![\w.,])({NUMBER})({PERCENT})\s+(?:for\s+)?(validation|val|dev|test)(?:ing)?\b"
    r"(?!\s+(?:acc\w*|f1|loss|score|set\s+acc\w*|macro|error))",
    re.IGNORECASE,
)
_SCORED_ON = re.compile(
    rf"\b(validat|test|evaluat)\w*\s+(?:\w+\s+)?on\s+{_SURE_PART}"
    r"(?:\s+of\b|(?=\s*(?:$|[,;)\n]|\.(?!\d)|and\b)))",
    re.IGNORECASE,
)
_SURE_SHARES = (_SHARE_LAST, _SHARE_FIRST, _SCORED_ON)
"""What they find is a share, even where it is too large to be followed."""
_HELD = r"(?:hold|held|keep|kept|set|put|leav|left|reserv|withhold|withheld)\w*"
_HELD_OUT = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_HELD}\s+(?:\w+\s+)?(?:out|back|aside)\s+{_SURE_PART}",
        rf"\b{_HELD}\s+{_SURE_PART}\s+(?:{_OF_ALL})?(?:out|back|aside)\b",
        rf"{_SURE_PART}\s+hold-?out\b",
        rf"{_SURE_PART}\s+(?:{_OF_ALL})?(?:is\s+|are\s+)?{_HELD}[\s-]+(?:out|back|aside)\b",
        rf"\bhold-?out(?:\s+set)?{_LINK}{_SURE_PART}",
    )
)
"""A share that no model sees before it is scored: test, where the words do not say otherwise."""
_SHARE_OF_TRAINING = re.compile(
    rf"{_SURE_PART}\s+(?:(?:{_OF_ALL})?"
    r"(?:for|as|to|into)\s+)?(?:the\s+)?train(?:ing)?\b(?!\s+(?:acc\w*|f1|loss|score))",
    re.IGNORECASE,
)
_TRAINED_ON = re.compile(rf"\btrain\w*\s+(?:on|with)\s+{_SURE_PART}", re.IGNORECASE)
_MOST_HELD_OUT = 0.4
_TIME = r"(s|sec|secs|seconds?|m|min|mins|minutes?|h|hrs?|hours?)\b"
_DURATION = (
    rf"(?:({NUMBER})\s*{_TIME}(?:\s*(?:and\s+)?({NUMBER})\s*{_TIME})?|(half\s+an?|an?)\s+{_TIME})"
)
_LIMITS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:within|under|at\s+most|(?:no|not)\s+(?:more|longer)\s+than|less\s+than|up\s+to"
        rf"|max(?:imum)?(?:\s+of)?|time[\s_-]*(?:limit|out|budget){_LINK}|limit{_LINK}"
        rf"|limit\w*\s+(?:\w+\s+){{0,3}}?to)\s*{_DURATION}",
        rf"\b(?:stop|end|finish|quit|abort|cancel|cut)\w*\s+(?:\w+\s+){{0,3}}?(?:after|at|in|by)"
        rf"\s+(?:at\s+most\s+)?{_DURATION}",
        rf"\b(?:train|run|training|running|learn)\b[^.;!?\n\d]{{0,40}}?\bfor\s+"
        rf"(?:about\s+|around\s+|some\s+)?{_DURATION}",
        rf"(?<![\w.,]){_DURATION}\s+(?:at\s+(?:the\s+)?most|max(?:imum)?|tops|(?:time\s+)?limit)\b",
        rf"\bafter\s+{_DURATION}\s*,?\s*(?:stop|end|quit|abort)",
        rf"\b(?:training|run|running|wall|compute|total|max(?:imum)?)[\s_-]*time{_LINK}{_DURATION}",
        r"\b(?:train|run|learn|done|finish|ready|results?|complete)\w*\b[^.;!?\n\d]{0,60}?\bin\s+"
        rf"(?:about\s+|around\s+|under\s+|less\s+than\s+|at\s+most\s+)?{_DURATION}",
        rf"\b(?:have|spend|budget\s+(?:of|is))\s+(?:only\s+|about\s+|at\s+most\s+)?{_DURATION}(?!\s+of)",
    )
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def take_settings(page: Page) -> tuple[dict[str, Value], list[str]]:
    """Every hyperparameter that the words name, by the recipes' argument name, and what of it is
    unclear: a range, or several values for one setting."""
    asked: dict[str, Value] = {}
    patience = page.take(_PATIENCE)
    unclear = [patience[0].strip()] if patience is not None else []
    for name, patterns, kind in _READERS:
        said = list(_said(page, patterns))
        values = {kind(_value(found)[0]) for found, several in said if several is None}
        several = [several for _, several in said if several is not None]
        if several or (len(values) > 1 and name in _ONE_EACH):
            unclear += several or [found[0].strip() for found, _ in said]
        elif said:
            asked.setdefault(name, kind(_value(said[0][0])[0]))
    schedule = page.take(_SCHEDULE)
    asked |= {"lr_scheduler_type": schedule[1].lower()} if schedule is not None else {}
    asked |= {"deterministic": True} if page.has(_DETERMINISTIC) else {}
    asked |= {"augment": True} if page.has(_AUGMENT) else {}
    return asked, unclear


def _said(
    page: Page, patterns: tuple[re.Pattern[str], ...]
) -> Iterator[tuple[re.Match[str], str | None]]:
    """Each mention of a setting, with all of its words where they name several values."""
    for pattern in patterns:
        for found in list(islice(pattern.finditer(page.text), _MOST_MENTIONS)):
            span = _with_rivals(found)
            page.blank(*span)
            if _INSTEAD.search(found.string, max(0, found.start() - 20), found.start()):
                continue
            single = span == found.span() and not _is_uneven(found[0])
            yield found, None if single else " ".join(found.string[slice(*span)].split())


def _is_uneven(said: str) -> bool:
    """`64x48`, where one side is asked for."""
    sides = _SIDES.search(said)
    return sides is not None and sides[1] != sides[2]


def _value(found: re.Match[str]) -> tuple[str, tuple[int, int]]:
    """The number of a mention and where it stands."""
    index = next(index for index, group in enumerate(found.groups(), start=1) if group)
    return found[index], found.span(index)


def _with_rivals(found: re.Match[str]) -> tuple[int, int]:
    """The mention with the numbers beside its own: `3-5 epochs`, `lr 1e-3 to 1e-5`."""
    start, end = found.span()
    _, (first, last) = _value(found)
    before = _RIVAL_BEFORE.search(found.string, max(0, first - 20), first)
    after = (_RIVAL_AFTER if last == end else _RIVAL_UNIT).match(found.string, end)
    return min(start, before.start()) if before else start, after.end() if after else end


def take_fractions(page: Page) -> tuple[float | None, float | None, list[str]]:
    """The shares of validation and test, where the words fix them, and what of it is unclear."""
    found: dict[str, float] = {}
    unclear = _take_shares(page, found)
    for pattern, order in (
        (_SHARE_LAST, (1, 2, 3)),
        (_SHARE_FIRST, (3, 1, 2)),
        (_SHARE_EQUALS, (1, 2, 3)),
        (_SHARE_KEYED, (1, 2, 3)),
        (_SHARE_BARE, (3, 1, 2)),
        (_SCORED_ON, (1, 2, 3)),
    ):
        position = 0
        while (match := pattern.search(page.text, position)) is not None:
            position = match.end()
            split, number, sign = (match[index] for index in order)
            share = _portion(number, sign)
            if 0 < share <= _MOST_HELD_OUT:
                found.setdefault("validation" if split[0] in "vVdD" else "test", share)
                page.blank(*match.span())
            elif share == 0 or (pattern in _SURE_SHARES and share < 1):
                unclear.append(match[0].strip())
                page.blank(*match.span())
    unclear += _take_held_out(page, found)
    training = page.take(_SHARE_OF_TRAINING) or page.take(_TRAINED_ON)
    if training is not None and not found:
        unclear.append(training[0].strip())
    return found.get("validation"), found.get("test"), unclear


def _portion(number: str, sign: str | None) -> float:
    """`20`, ` %` and `1`, `/5` as shares."""
    if sign is None:
        return parse(number)
    parts = int(sign.strip("/ \t\n")) if "/" in sign else 100
    return parse(number) / parts if parts else 0.0


def _take_held_out(page: Page, found: dict[str, float]) -> list[str]:
    """`hold out a fifth`, which names no split."""
    for pattern in _HELD_OUT:
        match = page.take(pattern)
        if match is None:
            continue
        share = _portion(match[1], match[2])
        if "test" not in found and 0 < share <= _MOST_HELD_OUT:
            found["test"] = share
            return []
        return [match[0].strip()]
    return []


def _take_shares(page: Page, found: dict[str, float]) -> list[str]:
    """`80/10/10`, and `90/10` where the words around say that it is a split, and which."""
    for match in list(_SHARES.finditer(page.text)):
        train, last = int(match[1]), match[4]
        shares = [train, int(match[3]), *([int(last)] if last else [])]
        if sum(shares) != 100 or not (last or page.has(_IS_SPLIT)):
            continue
        page.blank(*match.span())
        around = page.text[max(0, match.start() - 40) : match.end() + 40]
        named = _TWO_WAY.search(around)
        if max(shares[1:]) > 100 * _MOST_HELD_OUT or not (last or named):
            return [f"split {match[0]}"]
        if last:
            found |= {"validation": shares[1] / 100, "test": shares[2] / 100}
        elif named is not None:
            held_out = (named[1] or named[2]).lower()
            found["test" if held_out == "test" else "validation"] = shares[1] / 100
    return []


def take_time_limit(page: Page) -> float | None:
    """Seconds that training may take."""
    for pattern in _LIMITS:
        found = page.take(pattern)
        if found is None:
            continue
        number, unit, more, smaller, article, whole = found.groups()
        if article is not None:
            return _SECONDS[whole[0].lower()] * (0.5 if "half" in article.lower() else 1)
        seconds = parse(number) * _SECONDS[unit[0].lower()]
        return seconds + (parse(more) * _SECONDS[smaller[0].lower()] if more else 0)
    return None
