"""Which family of tasks the words speak of, or what in them no recipe covers."""

import re

from ml_intern.llm.autopilot.objective import Family
from ml_intern.llm.autopilot.reading.page import Page, words

_IMAGE = words(
    r"\bvit\b|\bvision\b|\bimages?\b|\bpictures?\b|\bphoto(?:graph)?s?\b|\bpixels?\b"
    r"|\bdrawings?\b|\bscans\b"
)
_TEXT = words(
    r"\btexts?\b|\bmessages?\b|\breviews?\b|\bsentences?\b|\btickets?\b|\be-?mails?\b|\bcomments?\b"
    r"|\btweets?\b|\bsentiments?\b|\bspam\b|\btopics?\b|\bintents?\b|\bheadlines?\b|\bcomplaints?\b"
    r"|\bposts?\b|\bnews\b|\bdocuments?\b|\bquestions?\b|\bsummar(?:y|ies)\b|\btranscripts?\b"
    r"|\blanguage (?:identification|detection|id)\b|\b(?:detect|identify|recogni[sz]e"
    r"|guess)\w* the language\b"
    r"|\bbert\b|\bparagraphs?\b|\barticles?\b|\bnotes\b|\bdescriptions?\b|\bphrases?\b"
    r"|\butterances?\b"
)
_CLASSIFICATION = words(
    r"\bclassif\w*|\bcategor(?:y|ies|i[sz]e\w*)\b|\bsentiment\b|\bspam\b|\bapart\b|\bsort\b"
    r"|\bclass(?:es)?\b"
    r"|\bdistinguish\w*|\blanguage (?:identification|detection)\b"
    r"|\b(?:predict|learn|tell|guess|detect|determine|decide|recogni[sz]e|estimate|find out"
    r"|judge)\w* (?:whether|if)\b"
)
_TRAINING = words(
    r"\btrain\w*|\bfine-? ?tun\w*|\bclassif\w*|\bmodels?\b|\blearn\w*|\bdata ?sets?\b|\bdata\b"
    r"|\bpredict\w*"
    r"|\brecogni[sz]\w*|\baccuracy\b|\bepochs?\b|\bnetworks?\b|\btransformers?\b|\bvit\b|\blabel\w*"
    r"|\bcategor\w*|\bsentiment\b|\bspam\b|\bteach\b|\bdistinguish\w*|\bapart\b"
)

_LANGUAGE = (
    r"(?:english|german|french|spanish|italian|dutch|portuguese|russian|polish|turkish|arabic"
    r"|hindi|chinese|japanese|korean|swedish|danish|norwegian|finnish|greek|czech|ukrainian)"
)
_MAKE = (
    r"(?:by (?:means of )?an?|as an?|train|fit|build|use|make|create|run|try|want|need|learn|with"
    r"|teach|let|set up|design|develop|write|prefer|via|please)\w*"
)
_KIND_OF = r"(?:(?!(?:not|no|than|beat|of|instead|without|like)\b)\w+ ){0,3}?"
_QUANTITY = (
    r"(?:prices?|costs?|values?|numbers?|amounts?|temperatures?|ages?|salar(?:y|ies)|incomes?"
    r"|revenues?|sales|weights?|heights?|durations?|distances?|rents?|wages?)"
)
_GUESS = r"(?:predict|estimat|guess|infer|forecast|comput|determin|regress)\w*"

_ALWAYS_BEYOND: tuple[tuple[str, str], ...] = (
    ("multi-label classification", r"\bmulti-? ?label"),
    (
        "classification of pairs of texts",
        r"\b(?:sentence|text|question) pairs?\b|\bpairs of (?:sentences|texts|questions|messages)\b"
        r"|\bentailment\b|\bnatural language inference\b|\bnli\b|\bparaphras\w+"
        r"|\bduplicate questions?\b",
    ),
    (
        "object detection",
        r"\bobject detect\w*|\bdetect\w* (?:the |all )?(?:objects?|cars|people|faces|pedestrians"
        r"|vehicles)\b|\bbounding box|\byolo\w*",
    ),
    (
        "segmentation",
        r"\bsegment(?:ation|ing)?\b (?:the |of |images|pictures|photos|masks|model)|\b(?:image"
        r"|semantic|instance) segmentation",
    ),
    ("named entities and token labels", r"\bpart[s]?[ -]of[ -]speech\b|\bpos[ -]tag\w*"),
    (
        "speech and audio",
        r"(?<!hate[\s-])(?<!free\s)\bspeech\b|\basr\b"
        r"|\baudio (?:files?|clips?|data|recordings?|classif\w+|samples?)"
        r"|\btext-to-speech\b|\btts\b|\btranscrib\w+|\bvoice\b(?! transcripts?)"
        r"|\bspoken (?:digits?|words?|commands?|language)\b"
        r"|\bspeaker (?:recogni\w+|identif\w+|verif\w+)|\bwhisper\b",
    ),
    ("video", r"\bvideo (?:clips?|classif\w+|files?|data)\b|\bclassif\w+ (?:the )?videos\b"),
    (
        "named entities and token labels",
        r"\bnamed[ -]entit\w+|\bner\b|\btoken[ -]classif\w+|\bextract\w* (?:the |all )?(?:names?"
        r"|entit\w+|dates|address\w*|keywords|amounts|spans)\b",
    ),
    ("time series", r"\btime[ -]series\b|\bforecast\w*"),
    (
        "image generation",
        r"\bdiffusion\b|\bgenerat\w+ (?:\w+ )?(?:images?|pictures?|photos?)\b"
        r"|\bimage generation\b|\bgan\b",
    ),
    (
        "image restoration",
        r"\bsuper-? ?resolution\b|\bup-?scal\w+ (?:the |of )?(?:images|pictures|photos)\b"
        r"|\bdenois\w+|\bdeblur\w*|\binpaint\w*|\bcolou?ri[sz]\w+",
    ),
    (
        "an autoencoder or other unsupervised training",
        r"\bauto-? ?encoders?\b|\bvaes?\b|\bself-? ?supervised\b|\bunsupervised\b"
        r"|\bcontrastive(?:ly)?\b",
    ),
    (
        "preference training (DPO, RLHF, GRPO)",
        r"\bdpo\b|\brlhf\b|\bgrpo\b|\bppo\b|\bkto\b|\borpo\b|\breward model\w*"
        r"|\bpreference (?:data|pairs|optimi[sz]ation|tuning)\b|\breinforcement learning\b"
        r"|\bpreferen\w+[ -](?:tun|train|align|optimi[sz])\w*|\balign (?:a |the |my |our |this )?"
        r"(?:\w+ )?(?:model|llm)",
    ),
    (
        "supervised fine-tuning of a chat model (SFT)",
        r"\bsft\b|\binstruction[ -]tun\w*|\bsupervised fine-? ?tuning\b|\bchat ?(?:model|bots?)\b",
    ),
    ("knowledge distillation", r"\bdistil(?:l(?:s|ed|ing|ation)?)?\b"),
    (
        "a gradient-boosted or other classical model",
        rf"\b{_MAKE} {_KIND_OF}(?:xgboost|lightgbm|catboost"
        r"|gradient[ -]boost\w*|random forests?|decision trees?|svms?|support[ -]vector\w*"
        r"|naive bayes|logistic regression|k-? ?nn|nearest neighbou?rs?|tf-?idf|fasttext"
        r"|linear regression)\b",
    ),
)
_BEYOND_ALONE: tuple[tuple[str, str], ...] = (
    ("summarisation", r"\bsummari[sz]\w*|\bwrit\w+ (?:\w+ )?summar(?:y|ies)\b"),
    (
        "translation",
        r"\btranslat\w*|\bn?mt (?:model|system|engine)\b|\bneural mt\b"
        rf"|\b{_LANGUAGE} ?(?:-|\u2013|->|→|to|into) ?{_LANGUAGE}\b"
        r"|\b(?:de|en|fr|es|it) ?(?:->|→) ?(?:de|en|fr|es|it)\b",
    ),
    (
        "regression",
        rf"\bregress(?:ion|or|ors|ing)?\b|\b{_GUESS} (?:the |a |an |their |its |each )?"
        rf"(?:\w+(?:['\u2019]s)? ){{0,2}}?{_QUANTITY}\b(?! (?:group|class|bracket|range|band"
        r"|category|segment|level|tier))"
        rf"|\b(?:{_GUESS}|tell\w*|learn\w*) how (?:much|many|old|long|expensive|tall|heavy|far)\b"
        r"|\b(?:from|using|with|by) (?:all )?(?:the )?(?:other|remaining|numeric(?:al)?)"
        r" (?:columns|features|fields|variables)\b"
        r"|\b(?:score|grade|rate) (?:\w+ ){0,3}?(?:in|of|from|between) ?,? +"
        r"(?:from |between )?\d+ (?:to|and|-) \d{2,}\b",
    ),
    (
        "question answering",
        r"\bquestion[ -]answering\b|\banswer(?:s|ing)? (?:the )?questions\b"
        r"|\bqa model\b",
    ),
    (
        "language modelling and text generation",
        r"\blanguage model\w*|\bcausal[ -]lm\b|\bllms?\b"
        r"|\btext[ -]generation\b"
        r"|\bgenerat\w+ (?:the |new |more )?(?:text|stories|code"
        r"|poems|sentences|names|answers|replies)\b"
        r"|\b(?:writes?|writing|compos\w+|produc\w+) (?:\w+ )?(?:poems?|stories|code|texts?|replies"
        r"|answers|lyrics|emails?|mails?)\b"
        r"|\bgrammar correction\b|\b(?:correct|fix)\w* (?:the )?(?:spelling|grammar|typos)\b"
        r"|\bspelling correction\b|\bauto-?complet\w+|\bnext[ -]word\b",
    ),
    (
        "embeddings and retrieval",
        r"\bembedding models?\b|\bembed(?:dings?)?\b(?! (?:size|dim|layer))"
        r"|\bsentence similarity\b|\bretriev\w+|\bsemantic search\b",
    ),
    (
        "ranking",
        r"\b(?:re-?)?rank(?:ing|er|s)? (?:the |search |all |my )?(?:\w+ ){0,2}?(?:results|documents"
        r"|answers|items|by relevance|model)\b|\blearning to rank\b",
    ),
    ("captioning", r"\bcaptioning\b|\bcaption (?:the )?(?:images|pictures|photos)\b"),
    (
        "recommendation",
        r"(?<!\bi\s)(?<!\bwe\s)(?<!would\s)(?<!\bwho\s)(?<!people\s)(?<!\bnot\s)"
        r"\brecommend(?:er|ation|ations|s)?\b(?! (?:to|that|using|settings?|values?)|\s*,)",
    ),
    ("clustering", r"\bcluster(?:ing|s)? (?!node|gpu)|\btopic model(?:s|ing|ling)\b"),
    (
        "finding what is unusual or doubled",
        r"\b(?:find|detect|spot|flag)\w* (?:the |all |any )?(?:anomal\w+|outliers?|duplicates?"
        r"|near-duplicates?)\b|\banomaly detect\w*|\boutlier detect\w*|\bde-?duplicat\w+",
    ),
)
_OTHER_NETWORKS: tuple[tuple[str, str], ...] = (
    (
        "a network that is no transformer",
        rf"\b{_MAKE} {_KIND_OF}(?:cnns?|convnets?|convolutional\w*"
        r"|resnet[\w-]*|efficientnet[\w-]*|mobilenet[\w-]*|vgg[\w-]*|alexnet|lenet[\w-]*"
        r"|densenet[\w-]*|rnns?|lstms?|grus?|mlps?|multi-? ?layer perceptrons?|u-?nets?"
        r"|graph neural networks?)\b",
    ),
)
"""Built from nothing; one that is there may be fine-tuned."""
_OTHER_MEASURES: tuple[tuple[str, str], ...] = (
    (
        "regression (its measure is an error in numbers)",
        r"\b(?:rmse|rmsle|mape|nrmse|r-?squared|mean (?:absolute|squared) errors?)\b"
        r"|\b(?:mae|mse) (?:of|below|under|less|at most|<|<=|is|should|down|as low|:|=)"
        r"|\b(?:minimi[sz]e|lowest|reduce|lower|report) (?:the )?(?:mae|mse)\b"
        r"|(?<![\w.])r(?:2|²|\^2) (?:score|of|above|over|at least|>|>=|≥|=|:|should)"
        r"|(?<![\w.])r(?:2|²|\^2) ?(?:>|>=|≥|=|:) ?\.?\d",
    ),
    (
        "text generation (its measure compares texts)",
        r"\b(?:sacre)?bleu(?:-?\d)?\b|\brouge(?:-?[12l])?\b|\bmeteor score\b|\bbertscore\b|\bchrf\b"
        r"|\bperplexit(?:y|ies)\b",
    ),
    ("speech and audio", r"\b(?:word error rate|wer) (?:of|below|under|at most|<|<=|=|:)"),
)
_GENERATIVE = words(
    r"(?<![\w/-])(?:[\w-]+/)?(?:qwen|llama|mistral|mixtral|gemma|phi|gpt|t5|mt5|flan|bart|pythia"
    r"|opt|falcon|deepseek|smollm|bloom|olmo)(?:[-_ ]?v?\d[\w.-]*|-[\w.-]+)?(?![\w/])"
)
_LABELLING = words(
    r"\baccura\w*|\bacc\b|\bf1\b|\bclassif\w*|\bcategor\w*|\bsentiment\b|\bspam\b|\blabels?\b"
    r"|\bclass(?:es)?\b|\bsort\b|\bapart\b|\bdistinguish\w*|\bpredict\w*|\bintents?\b"
)


def _compiled(table: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, words(pattern.replace("[ -]", r"[\s-]"))) for name, pattern in table)


_ALWAYS = _compiled(_ALWAYS_BEYOND)
_ALONE = _compiled(_BEYOND_ALONE)
_NETWORKS = _compiled(_OTHER_NETWORKS)
_MEASURES = _compiled(_OTHER_MEASURES)
_STARTED = words(
    r"\bfine-? ?tun\w*|\bpre-? ?train\w*|\bback-? ?bone\b|\bcheck-? ?points?\b|\bbase model\b"
)


def read_family(page: Page) -> Family | None:
    """The family that is named first; None when none is. Paths must be off the page by now."""
    image, text = _IMAGE.search(page.text), _TEXT.search(page.text)
    if image is not None and (text is None or image.start() < text.start()):
        return "image-classification"
    return "text-classification" if text is not None else None


def read_beyond(page: Page, model: str | None = None) -> str | None:
    """What the words ask for that no recipe covers; None when a recipe may do."""
    found = _first(_ALWAYS, page)
    if found is None and model is None and not page.has(_STARTED):
        found = _first(_NETWORKS, page)
    if found is None and not speaks_of_classes(page.text):
        found = _first(_ALONE, page)
    return found or _first(_MEASURES, page) or _generative(page, model)


def _first(table: tuple[tuple[str, re.Pattern[str]], ...], page: Page) -> str | None:
    return next((name for name, pattern in table if page.has(pattern)), None)


def _generative(page: Page, model: str | None) -> str | None:
    """A model that writes is trained to write, unless something is to be told apart."""
    named = _GENERATIVE.search(f"{page.text} {model or ''}")
    if named is None or page.has(_LABELLING):
        return None
    return f"training a language model ({named[0]})"


def speaks_of_classes(text: str) -> bool:
    """Whether the words say that classes are to be told apart."""
    return _CLASSIFICATION.search(text) is not None


def speaks_of_training(page: Page) -> bool:
    """Whether this is about training or data at all."""
    return page.has(_TRAINING)
