"""Results that a paper reports of its own method, never those of a baseline.

In a table they stand in the one row that is the authors' own; in a sentence the authors say that
they reach them. Values are as printed: 93.1 with the unit `%`, or 0.931.
"""

import re
from collections.abc import Iterator, Sequence

from ml_intern.tools.papers.document import Document, Row, Table, markdown_table
from ml_intern.tools.papers.recipe.candidates import Candidate, agreed
from ml_intern.tools.papers.recipe.dataset_names import dataset_names
from ml_intern.tools.papers.recipe.numbers import NUMBER, plain, value_of
from ml_intern.tools.papers.recipe.own_names import names_own
from ml_intern.tools.papers.recipe.sentences import Sentence, roles_of
from ml_intern.tools.papers.recipe.words import Dataset, Reported

_METRICS = {
    "top-1 accuracy": r"top-?1(?: acc(?:uracy|\.)?)?",
    "top-5 accuracy": r"top-?5(?: acc(?:uracy|\.)?)?",
    "balanced accuracy": r"balanced accuracy",
    "accuracy": r"(?<!top-1 )(?<!top-5 )(?<!balanced )acc(?:uracy|\.|\b)",
    "macro f1": r"macro[- ](?:averaged )?f-?1(?:[- ]score)?|f1-macro|f1 \(macro\)",
    "micro f1": r"micro[- ](?:averaged )?f-?1(?:[- ]score)?|f1-micro|f1 \(micro\)",
    "weighted f1": r"weighted f-?1(?:[- ]score)?",
    "f1": r"(?<!macro )(?<!micro )(?<!weighted )(?<!macro-)(?<!micro-)(?<!averaged )\bf-?1(?:[- ]score| measure)?(?!-m| \(m)",
    "bleu": r"(?:sacre)?bleu(?:-4)?",
    "chrf": r"chrf(?:\+\+)?",
    "comet": r"comet(?:-\d+)?",
    "meteor": r"meteor",
    "rouge-1": r"rouge-?1|r-1",
    "rouge-2": r"rouge-?2|r-2",
    "rouge-l": r"rouge-?l(?:sum)?|r-l",
    "perplexity": r"perplexit(?:y|ies)|ppl",
    "bits per byte": r"bits[- ]per[- ]byte|bpb",
    "bits per character": r"bits[- ]per[- ]char(?:acter)?|bpc",
    "wer": r"wer|word error rate",
    "cer": r"cer|character error rate",
    "eer": r"eer|equal error rate",
    "top-1 error": r"top-?1 error(?: rate)?",
    "map": r"mean average precision|(?<![\w-])m?ap(?:@?\[?\.?50?:\.?95\]?)?(?![\d@])",
    "ap50": r"ap_?50|map@?50(?!:)",
    "miou": r"m-?iou|mean (?:iou|intersection over union)",
    "dice": r"dice(?: (?:score|coefficient))?|dsc",
    "auroc": r"au-?roc|roc[- ]auc|auc(?![- ]?pr)(?:-roc)?|area under the (?:roc|receiver)[\w ]*curve",
    "exact match": r"exact match|\bem\b",
    "mcc": r"mcc|matthews correlation(?: coefficient)?",
    "spearman": r"spearman(?:'s)?(?: (?:rank )?correlation| rho)?",
    "pearson": r"pearson(?:'s)?(?: correlation)?",
    "rmse": r"rmse|root[- ]mean[- ]squared?[- ]error",
    "mae": r"mae|mean absolute error",
    "mse": r"(?<!r)mse|(?<!root )mean[- ]squared[- ]error",
    "r2": r"r\^?2|coefficient of determination",
    "fid": r"fid|fréchet inception distance",
    "psnr": r"psnr",
    "ssim": r"ssim",
    "pass@1": r"pass@1",
    "ndcg@10": r"ndcg@10",
    "recall@10": r"recall@10|r@10",
    "recall@1": r"recall@1(?!0)|r@1(?!0)",
    "mrr": r"mrr(?:@10)?",
    "win rate": r"win[- ]rate",
}
_METRIC = {
    name: re.compile(rf"(?<![\w@])(?:{pattern})(?![\w@])") for name, pattern in _METRICS.items()
}
_ANY = "|".join(f"(?:{pattern})" for pattern in _METRICS.values())
_NEXT = re.compile(
    rf"(?<![\w@])(?P<metric>{_ANY})(?: scores?| value)?(?: \([^()\d]*\))?(?: (?:on|for) [^.;:\d%]{{0,40}})?(?: ?(?:=|:)| of| is| reaches| to| at| was)+ ?(?:about |up to )?(?P<n>{NUMBER}) ?(?P<unit>%)?"
)
_BEFORE = re.compile(
    rf"(?P<n>{NUMBER}) ?(?P<unit>%)?(?: ?± ?{NUMBER} ?%?)?(?: points?(?: of)?| in terms of)?,? (?:test |validation |mean |average |overall |dev )?(?P<metric>{_ANY})(?![\w@])"
)
_REACHES = re.compile(
    r"\b(?:achiev|reach|obtain|attain|scor|get|gets|yield|report|record|arriv|hits?\b|gives?|with an?|delivers?|has an?)\w*"
)
_MEANT = re.compile(
    r"\b(?:we|our|ours)\b|\bthe (?:proposed|final|resulting|full|best|trained|fine-tuned) (?:\w+ )?(?:model|method|system|classifier|network|configuration)|\bthis (?:model|system|method|configuration)|\b(?:the|it) model"
)
_COMPARES = re.compile(
    r"\b(?:by \d|points? (?:higher|better|lower|above|over|more)|compared|baselines?|versus|vs\.?|whereas|while|than|from \d|without|ablat\w+|remov\w+|"
    r"et al|outperform\w*|improv\w+|surpass\w*|drops?|previous|prior|when|only|if|human|random|chance|upper bound|increase|relative|respectively)\b"
)
_NOT_RESULTS = re.compile(
    r"ablat|hyper-?param|sensitiv|effect of|impact of|varying|validation|\bdev\b|statistics|baselines? only|per[- ]class|confusion|learning curve|search|variants"
)
_NOT_OWN_ROW = re.compile(r"\b(?:w/o|without|minus|no |only|baseline|- )|^[-+−]|\+ ?\w+$|\bw/ ")
_VALUE = re.compile(
    rf"(?:\*\*)?(?P<n>{NUMBER})(?:\*\*)? ?(?P<unit>%)?(?: ?(?:±|\+/-|\() ?{NUMBER}\)?)?[ *†‡^]*"
)
_IGNORED = re.compile(
    r"param|flops|time|speed|size|latency|memory|model|method|system|year|venue|throughput|gain|δ|Δ|epochs|steps|std|avg|average|mean|overall"
)


def results_of(
    document: Document,
    sentences: Sequence[Sentence],
    own_names: Sequence[str],
    data: Sequence[Dataset],
) -> tuple[Reported, ...]:
    """Each metric of each dataset whose own value is beyond doubt."""
    names = [str(each.name.value) for each in data]
    found = [*_in_tables(document, own_names, names), *_in_sentences(sentences, own_names, names)]
    keys = dict.fromkeys(_key(each) for each in found)
    reported = []
    for key in keys:
        value = agreed([each for each in found if _key(each) == key])
        if value is not None:
            first = next(each for each in found if _key(each) == key)
            dataset, _, metric = first.name.partition("\n")
            reported.append(Reported(metric=metric, dataset=dataset, value=value))
    return tuple(reported)


def metrics_in(words: str) -> list[str]:
    """Those that are named in lower-case plain words."""
    return [name for name, pattern in _METRIC.items() if pattern.search(words)]


def _key(candidate: Candidate) -> str:
    return "".join(char for char in candidate.name.lower() if char.isalnum() or char == "\n")


def _made(
    dataset: str, metric: str, number: str, unit: str | None, sentence: str, section: str
) -> Candidate:
    return Candidate(
        name=f"{dataset}\n{metric}",
        value=value_of(number),
        unit=unit or "",
        sentence=sentence,
        section=section,
    )


def _in_sentences(
    sentences: Sequence[Sentence], own_names: Sequence[str], names: Sequence[str]
) -> Iterator[Candidate]:
    for sentence in sentences:
        words = sentence.lower
        if sentence.role in ("aside", "end") or _COMPARES.search(words):
            continue
        meant = _MEANT.search(words) or names_own(sentence.plain, own_names)
        if (
            not meant
            or not _REACHES.search(words)
            or re.search(r"validation|\bdev\b|train(?:ing)? (?:acc|set)", words)
        ):
            continue
        yield from _stated(sentence, names)


def _stated(sentence: Sentence, names: Sequence[str]) -> Iterator[Candidate]:
    """Of a sentence about one dataset; each metric with the one number beside it."""
    here = _datasets(sentence.plain, names)
    of = here or (list(names) if len(names) == 1 else [])
    if len(of) != 1:
        return
    found: dict[str, set[tuple[str, str | None]]] = {}
    taken: set[int] = set()
    for pattern in (_BEFORE, _NEXT):
        for match in pattern.finditer(sentence.lower):
            metrics = metrics_in(match["metric"])
            if len(metrics) == 1 and match.start("n") not in taken:
                taken.add(match.start("n"))
                found.setdefault(metrics[0], set()).add((match["n"], match["unit"]))
    for metric, values in found.items():
        if len(values) == 1:
            number, unit = values.pop()
            yield _made(of[0], metric, number, unit, sentence.text, sentence.section)


def _in_tables(
    document: Document, own_names: Sequence[str], names: Sequence[str]
) -> Iterator[Candidate]:
    roles = roles_of(document)
    for table in document.tables:
        caption = plain(table.caption)
        # Tables float, into a section on ablations too: what they show their captions say.
        if roles[table.section] == "end" or len(table.rows) < 2:
            continue
        if _NOT_RESULTS.search(caption.lower()):
            continue
        section = document.sections[table.section].name if document.sections else ""
        row = _own_row(table, own_names)
        if row is not None:
            yield from _of_row(table, row, caption, names, section)


def _own_row(table: Table, own_names: Sequence[str]) -> Row | None:
    """The one row that is the authors'; None for none, and for several."""
    rows = [row for row in table.rows[1:] if _is_own(plain(row[0]), own_names)]
    return rows[0] if len(rows) == 1 else None


def _is_own(label: str, own_names: Sequence[str]) -> bool:
    words = label.strip(" *†‡").lower()
    if _NOT_OWN_ROW.search(words):
        return False
    if re.search(r"\bours?\b|this (?:work|paper)", words):
        return True
    return any(words == name.lower() for name in own_names)


def _of_row(
    table: Table, row: Row, caption: str, names: Sequence[str], section: str
) -> Iterator[Candidate]:
    sentence = markdown_table((row,)).split("\n")[0]
    in_caption = _datasets(caption, names)
    metrics_said = metrics_in(caption.lower())
    for head, cell in zip(table.rows[0][1:], row[1:], strict=True):
        value = _VALUE.fullmatch(plain(cell).lower().strip())
        words = plain(head)
        metrics = metrics_in(words.lower())
        if value is None or (not metrics and _IGNORED.search(words.lower())) or len(metrics) > 1:
            continue
        if re.search(r"valid|\bval\b|\bdev\b|train", words.lower()):
            continue
        here = _datasets(words, names) or [n for n in names if _bare(n) == _bare(_unmetric(words))]
        metric = metrics or (metrics_said if here else [])
        dataset = here or in_caption or (list(names) if len(names) == 1 else [])
        if len(metric) == 1 and len(dataset) == 1:
            unit = value["unit"] or ("%" if "%" in head or ("%" in caption and not metrics) else "")
            yield _made(dataset[0], metric[0], value["n"], unit, sentence, section)


def _unmetric(words: str) -> str:
    return re.sub(r"\([^()]*\)|[↑↓%]", "", words)


def _bare(words: str) -> str:
    return "".join(char for char in words.lower() if char.isalnum())


def _datasets(words: str, names: Sequence[str]) -> list[str]:
    """Those of the paper's data that are named in plain words; else those that are named at all."""
    known = [name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words)]
    known = [n for n in known if not any(n != m and n in m for m in known)]
    return known or dataset_names(words)
