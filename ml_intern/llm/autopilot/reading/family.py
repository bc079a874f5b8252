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
)
_TRAINING = words(
    r"\btrain\w*|\bfine-? ?tun\w*|\bclassif\w*|\bmodels?\b|\blearn\w*|\bdata ?sets?\b|\bdata\b"
    r"|\bpredict\w*"
    r"|\brecogni[sz]\w*|\baccuracy\b|\bepochs?\b|\bnetworks?\b|\btransformers?\b|\bvit\b|\blabel\w*"
    r"|\bcategor\w*|\bsentiment\b|\bspam\b|\bteach\b|\bdistinguish\w*|\bapart\b"
)

_ALWAYS_BEYOND: tuple[tuple[str, str], ...] = (
    ("multi-label classification", r"\bmulti-? ?label"),
    (
        "object detection",
        r"\bobject detect\w*|\bdetect\w* (?:the )?(?:objects?|cars|people|faces)\b|\bbounding box",
    ),
    (
        "segmentation",
        r"\bsegment(?:ation|ing)?\b (?:the |of |images|pictures|photos|masks|model)|\b(?:image"
        r"|semantic|instance) segmentation",
    ),
    (
        "speech and audio",
        r"\bspeech\b|\baudio (?:files?|clips?|data|recordings?|classif\w+|samples?)|\basr\b"
        r"|\btext-to-speech\b|\btts\b|\btranscrib\w+|\bvoice\b",
    ),
    ("video", r"\bvideo (?:clips?|classif\w+|files?|data)\b|\bclassif\w+ (?:the )?videos\b"),
    (
        "named entities and token labels",
        r"\bnamed[ -]entit\w+|\bner\b|\btoken[ -]classif\w+|\bpart[ -]of[ -]speech\b",
    ),
    ("time series", r"\btime[ -]series\b|\bforecast\w*"),
    (
        "image generation",
        r"\bdiffusion\b|\bgenerat\w+ (?:\w+ )?(?:images?|pictures?|photos?)\b"
        r"|\bimage generation\b|\bgan\b",
    ),
    (
        "preference training (DPO, RLHF, GRPO)",
        r"\bdpo\b|\brlhf\b|\bgrpo\b|\bppo\b|\bkto\b|\borpo\b|\breward model\w*"
        r"|\bpreference (?:data|pairs|optimi[sz]ation|tuning)\b|\breinforcement learning\b",
    ),
    (
        "supervised fine-tuning of a chat model (SFT)",
        r"\bsft\b|\binstruction[ -]tun\w*|\bsupervised fine-? ?tuning\b|\bchat ?(?:model|bot)\b",
    ),
)
_BEYOND_ALONE: tuple[tuple[str, str], ...] = (
    ("summarisation", r"\bsummari[sz]\w*"),
    ("translation", r"\btranslat\w*"),
    (
        "regression",
        r"\bregress\w*|\bpredict\w* (?:the |a )?(?:prices?|values?|numbers?|amounts?"
        r"|temperatures?)\b",
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
        r"|\bgenerat\w+ (?:the )?(?:text|stories|code"
        r"|poems)\b",
    ),
    (
        "embeddings and retrieval",
        r"\bembedding model\w*|\bsentence similarity\b|\bretriev\w+"
        r"|\bsemantic search\b",
    ),
    ("captioning", r"\bcaptioning\b|\bcaption (?:the )?(?:images|pictures|photos)\b"),
    ("recommendation", r"\brecommend(?:er|ation)\w*"),
    ("clustering", r"\bcluster(?:ing|s)? (?!node|gpu)"),
)


def _compiled(table: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, words(pattern)) for name, pattern in table)


_ALWAYS = _compiled(_ALWAYS_BEYOND)
_ALONE = _compiled(_BEYOND_ALONE)


def read_family(page: Page) -> Family | None:
    """The family that is named first; None when none is. Paths must be off the page by now."""
    image, text = _IMAGE.search(page.text), _TEXT.search(page.text)
    if image is not None and (text is None or image.start() < text.start()):
        return "image-classification"
    return "text-classification" if text is not None else None


def read_beyond(page: Page) -> str | None:
    """What the words ask for that no recipe covers; None when a recipe may do."""
    for name, pattern in _ALWAYS:
        if page.has(pattern):
            return name
    if page.has(_CLASSIFICATION):
        return None
    return next((name for name, pattern in _ALONE if page.has(pattern)), None)


def speaks_of_training(page: Page) -> bool:
    """Whether this is about training or data at all."""
    return page.has(_TRAINING)
