"""The names of data: those that the field knows, and those that a paper gives to data that it uses."""

import re
from collections.abc import Iterator, Sequence

from ml_intern.tools.papers.document import Document, Row, markdown_table
from ml_intern.tools.papers.recipe.candidates import Candidate
from ml_intern.tools.papers.recipe.claims import is_own
from ml_intern.tools.papers.recipe.numbers import NUMBER, plain
from ml_intern.tools.papers.recipe.sentences import Sentence, roles_of

_KNOWN = (
    r"CIFAR-?100|CIFAR-?10|Tiny-?ImageNet|ImageNet(?:-(?:1[Kk]|21[Kk]|22[Kk]|100))?|Fashion-?MNIST|E?MNIST|SVHN|STL-10|"
    r"(?:MS-?)?COCO|ADE20K|Cityscapes|PASCAL VOC(?: 20\d\d)?|Places365|iNaturalist(?: 20\d\d)?|CelebA|FFHQ|LAION-?\w*|"
    r"SST-?[25]|MNLI|QNLI|QQP|MRPC|CoLA|RTE|STS-B|SNLI|XNLI|ANLI|AG ?News|DBpedia|IMDB|Yelp(?:-\d| Polarity)?|20 ?Newsgroups|"
    r"SQuAD(?: ?v?[12]\.[01])?|Natural ?Questions|TriviaQA|HotpotQA|BoolQ|RACE|CoQA|DROP|"
    r"WikiText-?(?:103|2)|Penn Treebank|OpenWebText2?|BookCorpus|C4|the Pile|The Pile|RedPajama|FineWeb(?:-Edu)?|SlimPajama|enwik8|text8|LAMBADA|"
    r"WMT ?'?\d\d(?: (?:English|En)[- ](?:to-)?(?:German|French|De|Fr|Romanian|Ro|Chinese|Zh))?|IWSLT ?'?(?:20)?\d\d(?: [A-Z]\w+[- ](?:to-)?[A-Z]\w+)?|"
    r"CNN/?(?: ?)Daily ?Mail|XSum|SAMSum|Gigaword|arXiv summarization|CoNLL-?(?:20)?03|OntoNotes(?: 5\.0)?|"
    r"LibriSpeech(?:-960)?|TED-?LIUM(?: ?\d)?|VoxCeleb[12]?|Common ?Voice|AudioSet|ESC-50|Speech Commands|LJSpeech|VCTK|"
    r"AlpacaEval(?: 2(?:\.0)?)?|MT-Bench|Arena-Hard|BANKING77|CLINC150|GSM8K|HumanEval|MBPP|MMLU|HellaSwag|WinoGrande|ARC(?:-[CE]\w*)?|PIQA|TruthfulQA|"
    r"Alpaca|Dolly|UltraFeedback|UltraChat|OpenAssistant|Anthropic HH(?:-RLHF)?|"
    r"Cora|Citeseer|PubMed|ogbn-\w+|ETTh[12]|ETTm[12]|MovieLens(?:-\w+)?|KITTI|nuScenes|Kinetics-?\d*|UCF-?101|MIMIC-\w+|CheXpert"
)
_FIRST = frozenset(
    [
        "The",
        "This",
        "Our",
        "A",
        "An",
        "Each",
        "Every",
        "In",
        "On",
        "For",
        "We",
        "All",
        "These",
        "Their",
        "Its",
        "Both",
        "Using",
        "From",
        "Any",
        "No",
        "Such",
        "Additional",
        "Another",
        "Training",
        "Test",
        "Validation",
        "Public",
        "Full",
        "New",
        "Large",
        "Section",
        "Table",
    ]
)
_CAPITAL = r"[A-Z][\w&+]*(?:[-./][\w&+]+)*"
_NAMED = re.compile(
    rf"(?<![\w-])(?P<known>{_KNOWN})(?![\w-]|/\d)|"
    rf"(?<![\w-])(?!(?:{'|'.join(sorted(_FIRST))})\b)(?P<said>{_CAPITAL}(?: (?:{_CAPITAL}|\d[\w.]*)){{0,3}})"
    r"(?: \([^()]{1,40}\)| \[[\d, ]+\])? (?:dataset|corpus|benchmark|data set|collection|treebank|(?:test|training|train|validation|dev|development) (?:set|split|data))\b|"
    rf"\b(?:dataset|corpus|data set|benchmark)(?:, (?=[A-Z][\w&+-]*(?:[ -]\d[\w.]*)?,)|,? (?:(?:which )?(?:we )?(?:call|called|named|dubbed),? ))(?P<called>{_CAPITAL}(?:[ -]\d[\w.]*)?)|"
    rf"(?<![\w-])(?P<new>{_CAPITAL}(?:[ -]\d[\w.]*)?),? (?:is )?an? (?:[\w-]+ ){{0,5}}?(?:dataset|corpus|benchmark|collection)\b(?! of (?:methods|models))|"
    rf"(?<![\w-])(?P<sized>{_CAPITAL}(?:[ -]\d[\w.]*)?) (?:\([^()]{{1,40}}\) )?(?:has|contains|comprises|consists of|includes|provides) (?:about |over )?{NUMBER} (?:[\w-]+ )?(?:examples|sentences|images|samples|documents|utterances|pairs|compounds|molecules|graphs|questions|articles|reviews|rows|records|recordings|hours|clips|instances|dialogues|items|classes|videos|tweets|patients)\b"
)
_USED = re.compile(
    r"train|tun(?:e|ed|ing)\b|evaluat|experiment|\buse|\busing|test|report|contain|consist|compris|split|"
    r"collect|benchmark|measure|has \d|holds|annotat|reach|achiev|obtain|attain|includes|provides"
)
_NOT_USED = re.compile(
    r"which (?:was|were|is|has been) (?:\w+ )?(?:pre-?)?trained|initiali[sz]ed (?:from|with)|pre-?trained on|unlike|such as|e\.g\.|in contrast|similar to|inspired by|larger than|smaller than"
)
TELLS_RESULTS = re.compile(
    r"accuracy|error|score|perplexity|loss|result|performance|\bf1\b|bleu|wer\b|auc|time"
)
"""What the caption of a table of results says, and that of a table of data does not."""


def dataset_names(words: str) -> list[str]:
    """Those that are named in plain words, in their order, each once."""
    found: dict[str, None] = {}
    for match in _NAMED.finditer(words):
        name = (
            match["known"]
            or match["said"]
            or match["called"]
            or match["new"]
            or match["sized"]
            or ""
        )
        parts = name.split()
        while parts and parts[0] in _FIRST:
            parts = parts[1:]
        if parts and (match["known"] or not _is_plain_word(parts)):
            found[" ".join(parts)] = None
    return list(found)


def named_in_sentences(sentences: Sequence[Sentence]) -> Iterator[Candidate]:
    """Datasets in sentences that say they are used."""
    for sentence in sentences:
        words = sentence.plain
        if (
            not is_own(sentence, or_results=True)
            or not _USED.search(sentence.lower)
            or _NOT_USED.search(sentence.lower)
        ):
            continue
        for name in dataset_names(words):
            yield Candidate(
                name="data", value=name, sentence=sentence.text, section=sentence.section
            )


def named_in_heads(document: Document) -> Iterator[Candidate]:
    """Well-known data above the columns of a table of results."""
    roles = roles_of(document)
    for table in document.tables:
        if roles[table.section] in ("aside", "end", "further") or len(table.rows) < 2:
            continue
        if not TELLS_RESULTS.search(plain(table.caption).lower()):
            continue
        section = document.sections[table.section].name if document.sections else ""
        for cell in table.rows[0][1:]:
            for found in _NAMED.finditer(plain(cell)):
                if found["known"]:
                    yield Candidate(
                        name="data",
                        value=found["known"],
                        sentence=quoted(table.rows[0]),
                        section=section,
                    )


def quoted(row: Row) -> str:
    """A row of a table, as it is quoted."""
    return markdown_table((row,)).split("\n")[0]


def _is_plain_word(parts: Sequence[str]) -> bool:
    """Whether it is only the first word of a sentence, or a language, and no name."""
    return len(parts) == 1 and parts[0] in _FIRST | frozenset(
        ("English", "German", "Chinese", "French")
    )
