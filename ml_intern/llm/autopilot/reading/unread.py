"""What the words ask for that has no counterpart here: asked about, never left out in silence.

Runs on what the readers of settings have left on the page.
"""

import re
from collections.abc import Iterator

from ml_intern.llm.autopilot.reading.numbers import NUMBER, PERCENT
from ml_intern.llm.autopilot.reading.page import Page, vocabulary, words

_LINK = r"(?:[\s:=]|\b(?:of|is|to|at)\b){1,6}"
_LOOSELY = (
    r"(?:(?:start|begin|initial|peak|fixed|constant|near|close|rough|approximate|like|maybe|perhaps"
    r"|max|min|somewhere|between|from|around|about|as|high|low|large|small|big|up|the|a|of|at|to|in"
    r"|is|range)\w*\s+){1,5}"
)
_EQUATION = re.compile(
    rf"(?<![\w=<>!])([A-Za-z][A-Za-z0-9_-]{{0,40}})\s*=\s*({NUMBER}%?|[A-Za-z](?:[\w.-]{{0,60}}\w)?)(?!\w)"
)
_UNDERSTOOD = vocabulary(
    "accuracy acc f1 loss target goal score error fscore text texts label labels input inputs "
    "output outputs x class classes category categories y data dataset source file folder path "
    "model repo repository name id column columns split splits task type publish private card "
    "col cols seed validation val test train dev metric device gpu cpu true false deterministic "
    "augment dir directory precision recall auc"
)
_ROWS = r"(?:rows|lines|examples|samples|images|pictures|photos|texts|records|entries|messages)"
_BEYOND_SETTINGS = (
    rf"\b(?:learning[\s_-]*rate|lr|dropout|weight[\s_-]*decay)\s+(?:{_LOOSELY})?{NUMBER}\s+times\b",
    rf"\b(?:learning[\s_-]*rate|lr|batch(?:es)?(?:\s+sizes?)?|weight[\s_-]*decay|dropout)\s+"
    rf"{_LOOSELY}{NUMBER}",
    rf"\b(?:hold|held)\w*[\s-]*(?:out|back)\s+(?:[a-z]+\s+){{0,3}}?{NUMBER}(?:\s*%)?",
    r"\bseeds\s+\d+(?:\s*(?:,\s*and|,|and|to|-)\s*\d+)+",
    r"\b(?:(?:only|just)\s+(?:use\s+|on\s+)?(?:the\s+)?(?:first\s+|last\s+)?|the\s+(?:first|last)\s+"
    r"|(?:at\s+most|up\s+to|max(?:imum)?(?:\s+of)?|(?:sample|subset)\s+of)\s+)(?:random\s+)?"
    rf"\d+k?\s+{_ROWS}\b",
    rf"\b(?:only|just)\s+(?:use\s+|on\s+)?(?:a\s+)?(?:{NUMBER}{PERCENT}|1/\d+)(?:\s+of\b)?",
    rf"\bonly\s+(?:use\s+|on\s+)?(?:the\s+)?(?!(?:these|those|few|some|labell?ed)\b)[a-z]+\s+{_ROWS}\b",
    rf"\bonly\s+(?:use\s+|on\s+)?(?:the\s+)?{_ROWS}\s+(?:where|with|whose|from|that|in)\b[^.,;\n]{{0,40}}",
    r"\b(?:a\s+)?(?:couple(?:\s+of)?|few|handful\s+of|several|some|many)\s+(?:more\s+)?epochs\b",
    r"\b\d+k?\s+(?:(?:training|optimi[sz]\w+|gradient|update)\s+)?"
    r"(?:rounds|iterations|iters|steps|updates)\b",
    rf"\b(?:max[\s_-]*)?(?:steps|iterations|rounds){_LINK}\d+k?\b",
    r"\b(?:decay|anneal|dropp|drop|fall|reduc|lower|decreas)\w*\s+(?:\w+\s+){0,2}?"
    rf"(?:to|towards?|until|by)\s+{NUMBER}",
    r"\b(?:halv|divid|multipl|reduc|decay|lower|drop)\w*\b[^.;\n]{0,30}?\b(?:every|each)\b(?:\s+\w+){0,2}",
    rf"\bdown\s+to\s+{NUMBER}(?!{PERCENT})",
    r"\b(?:doubl|halv|increas|decreas|rais|lower|reduc|small|low|high|large|big|tiny|huge)\w*\s+"
    r"(?:the\s+|an?\s+)?(?:learning[\s_-]*rate|lr|batch(?:es)?(?:\s+sizes?)?)\b",
    r"\b(?:lots\s+of|plenty\s+of|loads\s+of|more|fewer|less|as\s+many)\s+epochs\b",
    rf"\b(?:validation|val|dev|test)\w*\s+(?:set|split|data)\s+(?:of|with)\s+\d+k?\s+{_ROWS}\b",
    rf"\b\d+k?\s+{_ROWS}\s+(?:for|as|in)\s+(?:the\s+)?(?:validation|val|dev|test|train)\w*",
    r"(?<!has\s)(?<!have\s)(?<!is\s)(?<!with\s)\b(?:no|without\s+an?|without)\s+test(?:ing)?\s+(?:set|split|data)\b",
    r"\b(?:learning[\s_-]*rate|lr)\s+(?:finder|sweep|search|schedul\w*|range\s+test)\b",
    r"\b(?:ignor|exclud|drop|skip|omit|remov)\w*\s+(?:the\s+|all\s+)?"
    r"(?:(?!(?:without|missing|no|with|empty|rows?|lines?|where)\b)\w+\s+){1,3}?"
    r"(?:class(?:es)?|categor(?:y|ies)|labels?)\b",
    r"\b(?:lower-?cas|lemmati[sz]|concatenat)\w*(?:\s+(?:all|the)\b)*(?:\s+\w+)?"
    r"|\b(?:clean|normali[sz]e|stem)\s+(?:up\s+)?(?:the\s+|all\s+)*(?:texts?|comments?|data|words)\b"
    r"|\b(?:remov|strip|drop)\w*\s+(?:the\s+|all\s+)?(?:stop-?\s?words|punctuation|html|urls|emojis)\b",
    r"\b\d+\s+(?:at\s+(?:the\s+)?most|max(?:imum)?|tops)\b",
    r"\b(?:run|train|repeat|do)\w*\s+(?:\w+\s+){0,2}?(?:\d+|two|three|four|five|ten|several|many)\s+times\b",
    r"\b(?:different|several|multiple|various)\s+seeds\b",
    r"\bsame\s+(?:\w+\s+){0,2}?(?:as|like)\s+(?:last|before|usual|the\s+(?:last|previous))\b(?:\s+\w+)?",
    rf"(?<!error\s)(?<!hit\s)(?<!success\s)\brate\s+of\s+{NUMBER}(?!{PERCENT})",
    r"(?<![\w.])\d+(?:[.,]\d+)?e-\d+\b",
    r"\brandom\s+(?:crop|flip|rotation|erasing)\w*|\bcolou?r[\s-]*jitter\w*|\bhorizontal\s+flips?\b"
    r"|\brand-?augment\b",
    r"\b(?:in|to|as)\s+gr[ae]y-?scale|\bgr[ae]y-?scale\s+(?:inputs?|only)\b|\bconvert\w*\s+to\s+gr[ae]y\w*",
    r"\b(?:merg|binari[sz]|bucket|combin)\w*\s+(?:the\s+)?(?:labels?|class(?:es)?|categories|stars"
    r"|ratings?|columns?|texts?)\b",
    r"\b(?:positive|negative|neutral)\s+(?:means|is|are|being)\s+[^.;\n]{0,30}?\d[^.;\n]{0,20}",
    rf"\bmomentum(?:{_LINK}{NUMBER})?",
    rf"\b(?:adam[\s_-]*)?beta[\s_-]?[12]?{_LINK}{NUMBER}",
    rf"\b(?:adam[\s_-]*)?epsilon{_LINK}{NUMBER}",
    r"\b(?:sgd|adafactor|rmsprop|adagrad|adadelta|lamb|muon|nadam)\b",
    r"\b(?:lion|sophia)\s+optimi[sz]er",
    r"\bearly[\s-]*stop\w*",
    r"\b\d[\d.,]*\s*[kmb]?\s+(?:params|parameters)\b",
    rf"\bpatience{_LINK}{NUMBER}",
    r"\b(?:fp16|bf16|fp8|half[\s-]precision|mixed[\s-]precision|int8|4-?bit|8-?bit)\b",
    r"\b(?:q?lora|dora)\b|\b(?:prefix|prompt|adapter)[\s-]tun\w+",
    r"\b(?:\d+|[kx]|[a-z]+)?[\s-]?fold\s+cross[\s-]?validat\w*|\bcross[\s-]?validat\w*|\b\d+-fold\b",
    r"\bensembl\w+",
    r"\bfocal\s+loss\b|\bclass[\s-]weight\w*|\bweighted\s+(?:loss|sampling)\b",
    r"\b(?:over|under|up|down)[\s-]?sampl\w+",
    r"\bfreez\w+\s+(?:the\s+|all\s+)?(?:\w+\s+){0,2}?(?:layers?|back-?bone|encoder|embeddings?)",
    r"\b(?:hyper-?parameter|grid|random)\s+(?:search|sweep)\b|\boptuna\b",
    r"\bmix-?up\b|\bcut-?mix\b",
)
_NAMED_MODELS = words(
    r"(?<![\w/-])(?:(?:distil|mobile|tiny)bert|m?deberta|xlm-?r(?:oberta)?|minilm|swin|deit|beit|dinov2)"
    r"(?![\w/]*/)(?:[\w.-]*\w)?"
    r"|(?<![\w/-])bert-(?:base|large)-[\w.-]*\w|(?<![\w/-])vit-(?:base|large)-[\w.-]*\w"
    r"|(?<![\w/-])(?:resnet|efficientnet|mobilenet|convnext|densenet|vgg|inception|regnet)"
    r"[-_]?[a-z]{0,5}[-_]?\d[\w.-]*\b"
    r"|(?<![\w/-])(?:roberta|albert|camembert|electra)(?:-(?:base|small|large)(?:[\w.-]*\w)?"
    r"|(?= (?:model|classifier|encoder|base|large)\b))"
)
"""Pretrained models by name; without a folder or an id they are nowhere to start from."""
_WISHES = re.compile("|".join(f"(?:{pattern})" for pattern in _BEYOND_SETTINGS), re.IGNORECASE)
_DENIED = words(
    r"\b(?:no|not|without|never|don['\u2019]?t|do not|skip|avoid|than|instead of|beats?"
    r"|outperforms?)\b[^,.;\n]{0,25}$|\bloss\b[^,.;\n]{0,25}$"
)
_MOST = 5


def take_unread(page: Page, model: str | None = None) -> tuple[str, ...]:
    """Settings and methods in the person's own words, the first few, each once.

    A pretrained model that is only named counts too, where there is no `model` to start from.
    """
    pieces = list(_pieces(page.text))
    pieces += [] if model else list(_undenied(_NAMED_MODELS, page.text))
    for found in pieces:
        page.blank(*found.span())
    return tuple(dict.fromkeys(" ".join(found[0].split()) for found in pieces))[:_MOST]


def _pieces(text: str) -> Iterator[re.Match[str]]:
    yield from _undenied(_WISHES, text)
    for found in _EQUATION.finditer(text):
        parts = set(re.split(r"[_-]", found[1].lower()))
        if not parts & _UNDERSTOOD and not _WISHES.search(found[0]):
            yield found


def _undenied(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for found in pattern.finditer(text):
        if not _DENIED.search(text, max(0, found.start() - 40), found.start()):
            yield found
