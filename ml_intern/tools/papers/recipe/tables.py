"""Hyper-parameters in tables: a name in one cell, its value beside or below it.

A value is quoted by its row. Columns of values that were only tried are left out; where several
columns remain and differ, so do the candidates, and nothing is decided here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ml_intern.tools.papers.document import Document, Row, Table, markdown_table
from ml_intern.tools.papers.recipe.candidates import Candidate
from ml_intern.tools.papers.recipe.claims import is_own
from ml_intern.tools.papers.recipe.dataset_names import dataset_names
from ml_intern.tools.papers.recipe.names import (
    accelerator_of,
    loss_of,
    optimiser_of,
    precision_of,
    schedule_of,
)
from ml_intern.tools.papers.recipe.numbers import NUMBER, plain, value_of
from ml_intern.tools.papers.recipe.sentences import Sentence, roles_of
from ml_intern.tools.papers.recipe.subject import names_model

_LR = r"(?:learning[- ]rate|lr|step[- ]size)"
KEYS: Mapping[str, str] = {
    "learning_rate": rf"(?:(?:peak|initial|base|max(?:imum)?|starting) )?{_LR}(?: peak| max)?",
    "schedule": rf"(?:{_LR} )?(?:schedule|scheduler|decay schedule)(?: type)?|{_LR} decay",
    "warmup": r"(?:(?:linear|lr|learning[- ]rate) )?warm-?up(?: (?:steps|epochs|ratio|fraction|proportion|iterations|updates|tokens|period))?",
    "batch_size": r"(?:(?:global|total|effective|training|train|overall) )*(?:mini-?)?batch ?-?size",
    "batch_size_per_device": r"(?:per[- ](?:gpu|device) (?:training |train )?batch ?size|batch ?size per (?:gpu|device))",
    "gradient_accumulation_steps": r"gradient accumulation(?: steps)?|accumulation steps",
    "gradient_clipping": r"(?:max(?:imum|\.)? )?grad(?:ient)?[- ](?:norm(?: clip(?:ping)?)?|clip(?:ping)?(?: norm| threshold| value)?)|clip(?:ping)? (?:grad(?:ient)? )?norm",
    "epochs": r"(?:(?:number of|no\. of|num|#|max(?:imum)?|total|training|train) ?)*epochs?",
    "steps": r"(?:(?:number of|num|#|max(?:imum)?|total|training|train) ?)*(?:steps|iterations|updates)",
    "weight_decay": r"(?:decoupled )?weight[- ]decay(?: (?:rate|coefficient|factor))?|wd|l2 regulari[sz]ation",
    "dropout": r"(?:hidden )?dropout(?: (?:rate|probability|prob|ratio))?",
    "label_smoothing": r"label smoothing(?: factor)?",
    "precision": r"(?:training |numerical |numeric |floating[- ]point )?precision|mixed precision|dtype|data type",
    "optimiser": r"optimi[sz]er(?: type)?|optimi[sz]ation algorithm",
    "adam_beta1": r"(?:adamw? )?(?:optimi[sz]er )?(?:β ?_?1|beta ?_?1)",
    "adam_beta2": r"(?:adamw? )?(?:optimi[sz]er )?(?:β ?_?2|beta ?_?2)",
    "betas": r"(?:adamw? |optimi[sz]er )?(?:\(?(?:β|beta) ?_?1, ?(?:β|beta) ?_?2\)?|betas?|β|βs)",
    "adam_epsilon": r"(?:adamw? |optimi[sz]er )?(?:ε|eps|epsilon)",
    "momentum": r"(?:sgd )?momentum",
    "sequence_length": r"(?:max(?:imum|\.)? )?(?:input )?(?:sequence|seq\.?|context|input|token)[- ](?:length|len|window|size)(?: limit)?|max(?:imum|\.)? (?:tokens|length|input tokens)",
    "image_size": r"(?:input |image |training )?(?:resolution|image size|crop size)|input size",
    "loss": r"(?:training )?(?:loss(?: function)?|objective)",
    "num_hidden_layers": r"(?:(?:number of|num|no\. of|#|transformer|hidden|encoder) ?)*layers|depth",
    "hidden_size": r"(?:hidden|model|embedding|attention|encoder|transformer)[- ](?:size|dim(?:ension)?|width|units)|d_?model|width",
    "num_attention_heads": r"(?:(?:number of|num|no\. of|#|attention|self-attention) ?)*heads",
    "intermediate_size": r"(?:feed-?forward|ffn|intermediate|mlp|inner)[- ](?:hidden )?(?:size|dim(?:ension)?|width)|d_?ff",
    "vocab_size": r"vocab(?:ulary)?(?: size)?",
    "parameters": r"(?:(?:number of|num|#|total|model) ?)*param(?:eter)?s(?: count)?|model size",
    "accelerator": r"hardware|gpus?|accelerators?|devices?|gpu (?:type|model)|compute",
    "accelerators": r"(?:number of|num|#|no\. of) ?(?:gpus|accelerators|devices|tpus)",
    "training_time": r"(?:training|wall-?clock|train|total) (?:time|duration)",
    "length": r"(?:training )?(?:duration|length)|training|schedule length|training budget",
    "seeds": r"(?:(?:random|number of|num|#) ?)*seeds?",
}  # fmt: skip
_COMPILED = {name: re.compile(pattern) for name, pattern in KEYS.items()}
_TRIED = re.compile(
    r"search|range|tried|candidate|grid|space|sweep|values? (?:considered|explored)|symbol|notation|"
    r"description|meaning|options|baseline|explored|considered|default|distribution|comment|note"
)
_CHOSEN = re.compile(
    r"\b(?:best|chosen|selected|final|used|ours|our|optimal|selection|choice|picked|proposed)\b"
)
_NOT_OWN = re.compile(
    r"baseline|ablat|sensitiv|search|sweep|varying|effect of|comparison|impact of|related|prior|"
    r"variants?\b|\bother\b|scaling|\b(?:smaller|larger)\b|\bgrowth of\b"
)
_SETTINGS = re.compile(
    r"hyper-?param|\bsettings?\b|recipe|configuration|implementation|training details"
)
_SETTINGS_OF = re.compile(
    r"(?:[Ss]ettings?|[Hh]yper-?parameters?|[Rr]ecipe|[Cc]onfiguration|[Vv]alues)s?(?: used)? (?:of|for|by) (?:the )?(?P<name>[A-Z][\w+-]*)(?![\w+-]| (?:stage|phase|training|fine-?tuning)\b)"
)
_PARENTHESIS = re.compile(r"\s*\([^()]*\)\s*$")
_SYMBOL = re.compile(r" [a-zα-ω](?:_?\w)?$")
"""`Width d`."""
_UNITS = r"(?P<unit>tokens?|steps?|epochs?|iterations?|updates?|sequences?|examples?|images?|samples?|sentences?|hours?|days?|minutes?|h|utterances?|pixels?|px|params|parameters|seeds|gpus?)"
_ONE = re.compile(
    rf"(?:~ ?|≈ ?|about )?(?P<n>{NUMBER}) ?(?P<percent>%)?(?: (?:of (?:total |all |the )?(?:training )?)?{_UNITS})?"
)
_SQUARE = re.compile(r"(?P<w>\d{2,5}) ?(?:×|x) ?(?P<h>\d{2,5})(?: ?(?:px|pixels))?")
_PAIR = re.compile(rf"[(\[{{]?(?P<one>{NUMBER}) ?(?:,|/|;) ?(?P<two>{NUMBER})[)\]}}]?")
_PLAIN_NUMBERS: Mapping[str, tuple[str, float, float, bool]] = {
    "learning_rate": ("", 0, 100, False),
    "batch_size": ("examples", 1, 1e12, True),
    "batch_size_per_device": ("examples", 1, 1e12, True),
    "gradient_accumulation_steps": ("steps", 1, 4096, True),
    "gradient_clipping": ("", 0, 1000, False),
    "epochs": ("epochs", 0, 1e6, False),
    "steps": ("steps", 1, 1e12, True),
    "weight_decay": ("", 0, 10, False),
    "dropout": ("", 0, 0.99, False),
    "label_smoothing": ("", 0, 0.9, False),
    "adam_beta1": ("", 0, 0.99999, False),
    "adam_beta2": ("", 0, 0.99999, False),
    "adam_epsilon": ("", 0, 1e-3, False),
    "momentum": ("", 0, 0.9999, False),
    "sequence_length": ("tokens", 8, 1e9, True),
    "image_size": ("pixels", 8, 20_000, True),
    "num_hidden_layers": ("", 1, 500, True),
    "hidden_size": ("", 4, 200_000, True),
    "num_attention_heads": ("", 1, 512, True),
    "intermediate_size": ("", 4, 1_000_000, True),
    "vocab_size": ("", 20, 10_000_000, True),
    "parameters": ("parameters", 1000, 1e14, True),
    "accelerators": ("", 1, 100_000, True),
}
"""Unit where the cell says none, least and greatest value, and whether it is a whole number."""
_KEYED = re.compile(r"(?:- )?(?P<key>[A-Za-z][\w /().#-]{1,40}): (?P<value>.+)")
_PIECES = re.compile(r"[,;(] ?(?:which (?:is|are) |ie,? )?(?!\d{3}\b)")
_TOLD: Mapping[str, tuple[str, ...]] = {
    "learning_rate": (),
    "batch_size": (
        "tokens",
        "sequences",
        "examples",
        "images",
        "samples",
        "sentences",
        "utterances",
    ),
    "batch_size_per_device": ("sequences", "examples", "images", "samples", "sentences"),
    "epochs": ("epochs",),
    "steps": ("steps", "iterations", "updates"),
    "gradient_accumulation_steps": ("steps",),
    "sequence_length": ("tokens",),
    "image_size": ("pixels", "pxs"),
    "parameters": ("params", "parameters"),
    "accelerators": ("gpus",),
    "vocab_size": ("tokens",),
}
"""Units that a cell may say for these; with another it is no such value."""


def in_tables(document: Document, own_names: Sequence[str]) -> Iterator[Candidate]:
    """Every hyper-parameter that a table states as the paper's own."""
    roles = roles_of(document)
    for table in document.tables:
        if roles[table.section] == "end" or len(table.rows) > 200:
            continue
        section = document.sections[table.section].name if document.sections else ""
        caption = plain(table.caption).lower()
        is_elsewhere = roles[table.section] in ("aside", "results", "further")
        is_aside = (
            bool(_NOT_OWN.search(caption))
            or (is_elsewhere and not _SETTINGS.search(caption))
            or _is_of_another(plain(table.caption), own_names)
        )
        yield from _of_table(table, section, own_names, is_aside=is_aside)


def _is_of_another(caption: str, own_names: Sequence[str]) -> bool:
    """Whether it says that these are the settings of a method that is not the authors'."""
    found = _SETTINGS_OF.search(caption)
    if found is None or sum(char.isupper() or char.isdigit() for char in found["name"]) < 2:
        return False
    name = found["name"].lower()
    is_own = any(name.startswith(own.lower()) or own.lower().startswith(name) for own in own_names)
    return not (is_own or names_model(found["name"]) or dataset_names(found["name"]))


def in_item(sentence: Sentence) -> Iterator[Candidate]:
    """Of an item of a list: `Duration: 2 epochs, which are 1,640 steps`."""
    item = _KEYED.fullmatch(sentence.plain)
    name = key_of(item["key"]) if item else ""
    if item is None or not name or not is_own(sentence):
        return
    whole = item["value"].lower().strip(" .")
    pieces = [each.strip(" .") for each in _PIECES.split(whole)] if name != "seeds" else [whole]
    for piece in pieces if name == "length" else pieces[:1]:
        for field, value, unit in _parsed(name, item["key"].lower(), piece):
            yield Candidate(
                name=field,
                value=value,
                unit=unit,
                sentence=sentence.text,
                section=sentence.section,
            )


def key_of(cell: str) -> str:
    """The name of the recipe that a cell stands for; empty for another."""
    words = plain(cell).lower().strip(" :.*†‡")
    bare = _PARENTHESIS.sub("", words).strip()
    for name, pattern in _COMPILED.items():
        if any(pattern.fullmatch(each) for each in (words, bare, _SYMBOL.sub("", bare))):
            return name
    return ""


def _of_table(
    table: Table, section: str, own_names: Sequence[str], *, is_aside: bool
) -> Iterator[Candidate]:
    rows = table.rows
    if not rows:
        return
    across = [place for place, cell in enumerate(rows[0]) if key_of(cell)]
    columns = _key_columns(rows)
    if columns and sum(bool(key_of(row[columns[0]])) for row in rows) >= 2:
        yield from _downwards(rows, columns, section, own_names, is_aside=is_aside)
    elif len(across) >= 2 and len(rows) > 1 and not is_aside:
        yield from _across(rows, across, section, own_names)


def _key_columns(rows: Sequence[Row]) -> list[int]:
    """Those where names stand below each other, each with a column of values behind it."""
    width = len(rows[0])
    found = [
        place
        for place in range(width - 1)
        if sum(bool(key_of(row[place])) for row in rows) >= 2
        and not any(_ONE.fullmatch(plain(row[place]).lower()) for row in rows)
    ]
    return found if 0 in found or not found or found[0] <= 1 else []


def _downwards(
    rows: Sequence[Row],
    columns: Sequence[int],
    section: str,
    own_names: Sequence[str],
    *,
    is_aside: bool,
) -> Iterator[Candidate]:
    for number, column in enumerate(columns):
        end = columns[number + 1] if number + 1 < len(columns) else len(rows[0])
        has_head = not key_of(rows[0][column])
        heads = {place: rows[0][place] if has_head else "" for place in range(column + 1, end)}
        chosen, is_chosen = _chosen(heads, own_names)
        if is_aside and not is_chosen:
            continue
        for row in rows[1:] if has_head else rows:
            cells = dict.fromkeys(row[place] for place in chosen)
            for cell in cells:
                for found in _valued(row[column], cell, row, section):
                    yield replace(found, standing=2 if len(cells) == 1 else 0)


def _chosen(heads: Mapping[int, str], own_names: Sequence[str]) -> tuple[list[int], bool]:
    """The columns whose values were used, and whether their heads say so."""
    words = {place: plain(head).lower() for place, head in heads.items()}
    own = [place for place, head in words.items() if _is_own(head, own_names)]
    if len(own) == 1:
        return own, True
    left = [
        place
        for place, head in words.items()
        if not _TRIED.search(head) and not re.search(r"\[\d+\]|\bet al\b", head)
    ]
    return (left or [], False) if len(words) > 1 else (list(words), False)


def _is_own(head: str, own_names: Sequence[str]) -> bool:
    if _CHOSEN.search(head) and not re.search(r"baseline|search", head):
        return True
    return any(head == name.lower() for name in own_names)


def _across(
    rows: Sequence[Row], columns: Sequence[int], section: str, own_names: Sequence[str]
) -> Iterator[Candidate]:
    body = [row for row in rows[1:] if not _NOT_OWN.search(plain(row[0]).lower())]
    own = [row for row in body if 0 not in columns and _is_own(plain(row[0]).lower(), own_names)]
    used = own if len(own) == 1 else body
    for row in used:
        for place in columns:
            is_alike = len({each[place] for each in used}) == 1
            for found in _valued(rows[0][place], row[place], row, section):
                yield replace(found, standing=2 if is_alike else 0)


def _valued(key: str, cell: str, row: Row, section: str) -> Iterator[Candidate]:
    name, words = key_of(key), plain(cell).lower().strip(" *†‡")
    if not name or not words:
        return
    sentence = markdown_table((row,)).split("\n")[0]
    for field, value, unit in _parsed(name, plain(key).lower(), words):
        yield Candidate(name=field, value=value, unit=unit, sentence=sentence, section=section)


def _parsed(name: str, key: str, words: str) -> Iterator[tuple[str, str | int | float, str]]:
    if name != "seeds" and re.search(r"[{}∈]|\bor\b|…|\.\.\.", words):
        return
    if name in _MAY_BE_LEFT_OUT and words in ("none", "no", "off", "not used"):
        yield name, 0, ""
        return
    if name in _WORDS:
        if found := _WORDS[name](words):
            yield name, found, ""
        if name == "optimiser":
            yield from _betas(words)
    elif name == "betas":
        if pair := _PAIR.fullmatch(words):
            yield "adam_beta1", value_of(pair["one"]), ""
            yield "adam_beta2", value_of(pair["two"]), ""
    elif name == "accelerator":
        kind, count = accelerator_of(words)
        if kind:
            yield "accelerator", kind, ""
        if kind and count is not None:
            yield "accelerators", count, ""
    elif name == "warmup":
        yield from _warmup(key, words)
    elif name == "length":
        yield from _length(words)
    elif name in ("training_time", "seeds"):
        yield from _counted(name, key, words)
    else:
        yield from _number(name, key, words)


_WORDS = {
    "optimiser": optimiser_of,
    "schedule": schedule_of,
    "precision": precision_of,
    "loss": loss_of,
}


def _betas(words: str) -> Iterator[tuple[str, float, str]]:
    """Of `AdamW (β1=0.9, β2=0.95)`."""
    for index, name in ((1, "adam_beta1"), (2, "adam_beta2")):
        if found := re.search(rf"β ?_?{index} ?= ?({NUMBER})", words):
            yield name, value_of(found[1]), ""


def _warmup(key: str, words: str) -> Iterator[tuple[str, int | float, str]]:
    found = _ONE.fullmatch(words)
    if found is None:
        return
    value, unit = value_of(found["n"]), _plural(found["unit"])
    if found["percent"]:
        yield "warmup", value / 100, "fraction"
        return
    said = unit or next(
        (each for each in ("steps", "epochs", "tokens", "iterations", "updates") if each in key), ""
    )
    if said in ("steps", "iterations", "updates"):
        yield "warmup", value, "steps"
    elif said in ("epochs", "tokens"):
        yield "warmup", value, said
    elif re.search(r"ratio|fraction|proportion", key) and value < 1:
        yield "warmup", value, "fraction"


def _length(words: str) -> Iterator[tuple[str, int | float, str]]:
    """Of a training, whose unit says what is counted."""
    found = _ONE.fullmatch(words)
    if found is None or found["percent"]:
        return
    unit, value = _plural(found["unit"]), value_of(found["n"])
    if unit == "epochs":
        yield "epochs", value, "epochs"
    elif unit in ("steps", "iterations", "updates"):
        yield "steps", value, "steps"
    elif unit in _TIMES:
        yield "training_time", value, _TIMES[unit]


def _counted(name: str, key: str, words: str) -> Iterator[tuple[str, int | float | str, str]]:
    found = _ONE.fullmatch(words)
    if name == "seeds":
        if re.fullmatch(r"[{(\[]?\d+(?:, ?(?:and )?\d+)+[)}\]]?", words):
            yield "seeds", ", ".join(re.findall(r"\d+", words)), "seed"
        elif found and not found["percent"]:
            counts = re.search(r"number|#|num|seeds", key) or found["unit"] == "seeds"
            yield "seeds", value_of(found["n"]), "seeds" if counts else "seed"
    elif found and found["unit"] in _TIMES:
        yield "training_time", value_of(found["n"]), _TIMES[found["unit"]]
    elif found and not found["unit"] and (said := re.search(r"\((h|hours|days|minutes)\)", key)):
        yield "training_time", value_of(found["n"]), _TIMES[said[1]]


_TIMES = {
    "h": "hours",
    "hour": "hours",
    "hours": "hours",
    "day": "days",
    "days": "days",
    "minute": "minutes",
    "minutes": "minutes",
}


def _number(name: str, key: str, words: str) -> Iterator[tuple[str, int | float | str, str]]:
    unit, least, most, whole = _PLAIN_NUMBERS[name]
    if name == "image_size" and (square := _SQUARE.fullmatch(words)):
        same = square["w"] == square["h"]
        yield name, int(square["w"]) if same else f"{square['w']}x{square['h']}", "pixels"
        return
    found = _ONE.fullmatch(words)
    if found is None or (found["percent"] and name not in _SHARES):
        return
    said = _plural(found["unit"])
    if said and said not in _TOLD.get(name, ()):
        return
    value = value_of(found["n"])
    value = value / 100 if found["percent"] else value
    if name == "parameters" and value < 1e4 and "(m)" in key:
        value = value * 10**6
    if name == "sequence_length" and re.fullmatch(r"\d+k", found["n"].strip()):
        return
    if least <= value <= most and (not whole or value == int(value)):
        in_tokens = said == "tokens" or "token" in key
        yield name, value, "tokens" if name == "batch_size" and in_tokens else unit


_MAY_BE_LEFT_OUT = frozenset({"weight_decay", "dropout", "label_smoothing"})
_SHARES = frozenset({"weight_decay", "dropout", "label_smoothing"})


def _plural(unit: str | None) -> str:
    return f"{unit.rstrip('s')}s" if unit and unit != "h" else unit or ""
