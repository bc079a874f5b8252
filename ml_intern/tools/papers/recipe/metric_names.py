"""The measures of results that the field uses, and their names in a recipe."""

import re

_METRICS = {
    "top-1 accuracy": r"top-?1(?: acc(?:uracy|\.)?)?",
    "top-5 accuracy": r"top-?5(?: acc(?:uracy|\.)?)?",
    "top-20": r"top-?20(?: acc(?:uracy|\.)?)?",
    "top-100": r"top-?100(?: acc(?:uracy|\.)?)?",
    "balanced accuracy": r"balanced accuracy",
    "accuracy": r"(?<!top-1 )(?<!top-5 )(?<!top-20 )(?<!top-100 )(?<!balanced )acc(?:urac(?:y|ies)|\.|\b)",
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
    "wer": r"wer|word error rates?",
    "cer": r"cer|character error rates?",
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
    "sfid": r"sfid",
    "fid": r"fid|fréchet inception distance",
    "psnr": r"psnr",
    "mrr": r"mrr(?!@)",
    "lc win rate": r"length-controlled(?: \(lc\))? win[- ]rate|lc(?: win[- ]rate)?",
    "win rate": r"(?<!length-controlled )(?<!lc )(?<!\) )win[- ]rates?",
    "return": r"(?:(?:mean|average|episodic|cumulative|normali[sz]ed|test) )*returns?(?=$|[ ,.(])",
    "success rates?": r"success rates?",
    "inception score": r"inception score",
    "ssim": r"ssim",
    "lpips": r"lpips",
    "der": r"diari[sz]ation error rate",
    "kendall": r"kendall(?:'s)?(?: tau)?",
    "crps": r"crps",
    "mape": r"s?mape",
    "c-index": r"c-?index|concordance index",
    "tm-score": r"tm-?score",
    "auprc": r"au-?prc|auc-pr|area under the precision-recall curve",
    "sensitivity": r"sensitivity(?= of \d| \()",
    "specificity": r"specificity(?= of \d| \()",
}
_METRIC = {
    name: re.compile(rf"(?<![\w@])(?:{pattern})(?![\w@])") for name, pattern in _METRICS.items()
}
_RANKED = {
    **{name: name for name in ("recall", "ndcg", "mrr", "precision", "pass", "accuracy")},
    **dict.fromkeys(("hit", "hits", "hit rate", "hr"), "hits"),
    "r": "recall",
    "p": "precision",
    "acc": "accuracy",
}
_RANK = rf"(?:{'|'.join(sorted(_RANKED, key=len, reverse=True))}) ?@ ?\d+"
_AT_RANK = re.compile(rf"(?<![\w@]){_RANK}(?![\w@])")
"""Those that count down to a rank."""
ANY_METRIC = "|".join(f"(?:{pattern})" for pattern in (_RANK, *_METRICS.values()))
"""Matches the name of one measure in lower-case plain words. It has no groups of its own."""


_IN_HEADS = {
    "is": "inception score",
    "lc": "lc win rate",
    "wr": "win rate",
    "p": "precision",
    "r": "recall",
    "precision": "precision",
    "recall": "recall",
}


def metrics_in(words: str) -> list[str]:
    """Those that are named in lower-case plain words."""
    found = [name for name, pattern in _METRIC.items() if pattern.search(words)]
    return [*found, *dict.fromkeys(_at(each) for each in _AT_RANK.finditer(words))]


def metrics_in_head(words: str) -> list[str]:
    """Of the head of a column, where some stand that would be other words in a sentence."""
    bare = re.sub(r"\([^()]*\)|[↑↓%]", " ", words).strip().lower()
    return [_IN_HEADS[bare]] if bare in _IN_HEADS else metrics_in(words.lower())


def without_metrics(words: str) -> str:
    """What is left of the head of a column: the name of data, if anything."""
    bare = re.sub(r"\([^()]*\)|[↑↓%]", " ", words)
    for pattern in (_AT_RANK, *_METRIC.values()):
        bare = re.sub(pattern.pattern, " ", bare, flags=re.IGNORECASE)
    bare = " ".join(bare.split()).strip(" ,:-/")
    return "" if bare.lower() in _IN_HEADS else bare


def _at(found: re.Match[str]) -> str:
    """`recall@10` of `R@10`."""
    measure, _, rank = found[0].partition("@")
    return f"{_RANKED[measure.strip()]}@{rank.strip()}"
