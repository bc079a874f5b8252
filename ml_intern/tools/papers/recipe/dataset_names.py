"""The names of data: those that the field knows, and those that a paper gives to data that it uses."""

import re
from collections.abc import Iterator, Sequence

from ml_intern.tools.papers.document import Document, Row, Table, markdown_table
from ml_intern.tools.papers.recipe.candidates import Candidate
from ml_intern.tools.papers.recipe.claims import is_own
from ml_intern.tools.papers.recipe.heads import with_one_head
from ml_intern.tools.papers.recipe.metric_names import metrics_in, metrics_in_head, without_metrics
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
    r"LibriSpeech(?:-960)?|TED-?LIUM(?: ?\d)?|VoxCeleb[12]?|Common ?Voice(?: \d{1,2}(?:\.\d)?)?|AudioSet|ESC-50|Speech Commands|LJSpeech|VCTK|"
    r"AlpacaEval(?: 2(?:\.0)?)?|MT-Bench|Arena-Hard|BANKING77|CLINC150|GSM8K|HumanEval|MBPP|MMLU|HellaSwag|WinoGrande|ARC(?:-[CE]\w*)?|PIQA|TruthfulQA|"
    r"Alpaca|Dolly|UltraFeedback|UltraChat|OpenAssistant|Anthropic HH(?:-RLHF)?|"
    r"MS[- ]?MARCO|BEIR|FEVER|SciFact|FiQA|TREC[- ]DL(?: ?'?(?:20)?\d\d)?|TREC-\w+|MATH(?:-?500)?|SVAMP|AQuA|BBH|GPQA|CommonsenseQA|OpenBookQA|StrategyQA|(?:Super)?GLUE|FLORES-?\d+|"
    r"Multi30[kK]|OPUS-100|Europarl|MuST-C|CoVoST(?: ?2)?|FLEURS|VoxPopuli|GigaSpeech|Switchboard|TIMIT|MUSDB18(?:-HQ)?|GTZAN|NSynth|FSD50K|UrbanSound8K|IEMOCAP|"
    r"DAVIS(?: 20\d\d)?|YouTube-VOS|MOT\d\d|Something-Something(?: v2)?|ActivityNet|MSR-VTT|Flickr30[kK]|VQAv2|GQA|OK-VQA|TextVQA|ScanNet|ModelNet40|ShapeNet|S3DIS|SemanticKITTI|"
    r"Market-1501|LFW|Food-101|Stanford Cars|CUB-200(?:-2011)?|Flowers-102|Caltech-101|DTD|EuroSAT|PatchCamelyon|ISIC 20\d\d|BraTS(?: ?20\d\d)?|LiTS|ACDC|Kvasir(?:-SEG)?|ChestX-ray14|"
    r"PTB-XL|Sleep-EDF|CAMELYON1[67]|QM9|ZINC(?:-\w+)?|MoleculeNet|Tox21|PCQM4Mv2|ogbg-\w+|Gowalla|Criteo|Avazu|Atari(?: 100k)?|MuJoCo|D4RL|Procgen|MiniGrid|Meta-World|"
    r"DeepMind Control(?: Suite)?|NetHack|Crafter|ERA5|WeatherBench(?: ?2)?|PEMS-?\w+|METR-LA|UniRef50|SWE-bench|CodeSearchNet|APPS|Spider|WikiSQL|"
    r"Cora|Citeseer|PubMed|ogbn-\w+|ETTh[12]|ETTm[12]|MovieLens(?:-\w+)?|KITTI|nuScenes|Kinetics-?\d*|UCF-?101|MIMIC-\w+|CheXpert"
)
_OF_METHODS = re.compile(
    r"(?:our )?(?:methods?|models?|approach|systems?|algorithm|encoder|network|architecture|agent|policy|)(?: name)?"
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
        *(
            "As",
            "At",
            "By",
            "With",
            "To",
            "If",
            "When",
            "Since",
            "While",
            "Here",
            "There",
            "It",
            "Besides",
            "Like",
        ),
    ]
)
_CAPITAL = r"[A-Z][\w&+]*(?:[-./][\w&+]+)*"
_COUNT = NUMBER.replace("[kmb]", "[kKmMbB]")
_NAMED = re.compile(
    rf"(?<![\w-])(?P<known>{_KNOWN})(?: [vV]\d(?:\.\d)?)?(?![\w-]|/\d)|"
    rf"(?<![\w-])(?!(?:{'|'.join(sorted(_FIRST))})\b)(?P<said>{_CAPITAL}(?: (?:{_CAPITAL}|\d[\w.]*)){{0,3}})"
    r"(?: \([^()]{1,40}\)| \[[\d, ]+\])? (?:dataset|corpus|benchmark|data set|collection|treebank|(?:test|training|train|validation|dev|development) (?:set|split|data))\b|"
    rf"\b(?:call|name|dub|term) (?:the|this|our) (?:[\w-]+ )?(?:dataset|corpus|data set|set|collection|benchmark) (?P<dubbed>{_CAPITAL}(?:[ -]\d[\w.]*)?)|"
    rf"\b(?:[Oo]ur|[Tt]he) (?:[\w-]+ )?(?:dataset|corpus|data set|benchmark|collection) is (?P<being>{_CAPITAL}(?:[ -]\d[\w.]*)?)(?=[,.;]| \()|"
    rf"\b(?:dataset|corpus|data set|benchmark)(?:, (?=[A-Z][\w&+-]*(?:[ -]\d[\w.]*)?,)|,? (?:(?:which )?(?:we )?(?:call|called|named|dubbed),? ))(?P<called>{_CAPITAL}(?:[ -]\d[\w.]*)?)|"
    rf"(?<![\w-])(?P<new>{_CAPITAL}(?:[ -]\d[\w.]*)?),? (?:is )?an? (?:[\w-]+ ){{0,5}}?(?:dataset|corpus|benchmark|collection)\b(?! of (?:methods|models))|"
    rf"(?<![\w-])(?P<sized>{_CAPITAL}(?:[ -]\d[\w.]*)?) (?:\([^()]{{1,40}}\) )?(?:has|contains|comprises|consists of|includes|provides) (?:about |over |around )?{_COUNT}(?: ?/ ?{_COUNT}){{0,2}} (?:[\w-]+ ){{0,2}}(?:training|train|examples|sentences|images|samples|documents|utterances|pairs|compounds|molecules|graphs|questions|articles|reviews|rows|records|recordings|hours|clips|instances|dialogues|items|classes|videos|tweets|patients|games|channels|levels|environments|nodes|tables|functions|proteins|structures|slides|windows|tiles|files|scenes|scans|volumes|cases|segments|trajectories|episodes|sequences|tasks)\b"
)
_USED = re.compile(
    r"train|tun(?:e|ed|ing)\b|evaluat|experiment|\buse|\busing|test|report|contain|consist|compris|split|"
    r"collect|benchmark|measure|\bcall\b|\bour (?:corpus|data|benchmark)|has \d|holds|annotat|reach|achiev|obtain|attain|includes|provides"
)
_NOT_USED = re.compile(
    r"which (?:was|were|is|has been) (?:\w+ )?(?:pre-?)?trained|initiali[sz]ed (?:from|with)|pre-?trained on|unlike|such as|e\.g\.|in contrast|similar to|inspired by|larger than|smaller than"
)
COUNTS_SOMETHING = re.compile(
    r"\b(?:#|params?\b|parameters|g?flops|(?:run)?time|speed|size|latency|memory|models?|methods?|system|year|venue|throughput|gain|δ|epochs|steps|std|avg|average|mean|overall)"
)
"""In the head of a column in lower case: no data, and no result."""
TELLS_RESULTS = re.compile(
    r"accuracy|error|score|perplexity|loss|result|performance|\bf1\b|bleu|wer\b|auc|time"
)
"""What the caption of a table of results says, and that of a table of data does not."""


def tells_of_origin(words: str) -> bool:
    """Whether lower-case words tell what something was made of, or what it is like."""
    return bool(_NOT_USED.search(words))


def dataset_names(words: str) -> list[str]:
    """Those that are named in plain words, in their order, each once."""
    found: dict[str, None] = {}
    for match in _NAMED.finditer(words):
        name = next((each for each in match.groups() if each), "")
        if (match["sized"] or match["new"]) and re.search(r"[A-Z][\w-]* $", words[: match.start()]):
            continue  # the end of a longer name
        if match["sized"] and match.start() == 0 and not re.search(r"[A-Z\d].*[A-Z\d]", name):
            continue  # the first word of a sentence, more likely than a name
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
            not is_own(sentence, "results", "further")
            or not _USED.search(sentence.lower)
            or tells_of_origin(sentence.lower)
        ):
            continue
        found = dataset_names(words)
        if sentence.role == "further":
            found = [name for name in found if re.fullmatch(_KNOWN, name)]
        for name in found:
            yield Candidate(
                name="data", value=name, sentence=sentence.text, section=sentence.section
            )


def named_in_heads(document: Document, sentences: Sequence[Sentence]) -> Iterator[Candidate]:
    """Data above the columns of a table of results: well-known, or named where data are told of."""
    roles = roles_of(document)
    told = [
        each.plain for each in sentences if is_own(each, "results") and _USED.search(each.lower)
    ]
    for table in document.tables:
        if roles[table.section] in ("end", "further") or len(table.rows) < 2:
            continue
        whole = with_one_head(table)
        if not _is_of_results(whole):
            continue
        section = document.sections[table.section].name if document.sections else ""
        for cell in whole.rows[0][1:]:
            words = plain(cell)
            found = [each["known"] for each in _NAMED.finditer(words) if each["known"]]
            for name in found or _told_of(without_metrics(words), told):
                head = next(row for row in table.rows if name in plain(" | ".join(row)))
                yield Candidate(name="data", value=name, sentence=quoted(head), section=section)


def named_in_rows(document: Document) -> Iterator[Candidate]:
    """Data in the first column of a table whose head says that they are."""
    roles = roles_of(document)
    for table in document.tables:
        if roles[table.section] in ("aside", "end", "further") or len(table.rows) < 2:
            continue
        head, *names = [plain(row[0]).strip(" *†‡") for row in table.rows]
        is_of_tasks = head.lower() in ("task", "tasks")
        if not is_of_tasks and not re.fullmatch(_HEAD_OF_DATA, head.lower()):
            continue
        section = document.sections[table.section].name if document.sections else ""
        for name, row in zip(names, table.rows[1:], strict=True):
            bare = re.sub(r"\s*(?:\[[\d, ]+\]|\([^()]*\))$", "", name)
            if is_of_tasks and not is_name(bare):
                continue
            if re.match(r"[A-Z]", bare) and not re.match(
                r"(?i)total|all\b|average|mean|overall", bare
            ):
                yield Candidate(name="data", value=bare, sentence=quoted(row), section=section)


_HEAD_OF_DATA = r"(?:data ?set|corpus|benchmark)s?(?: name)?"


def is_name(words: str) -> bool:
    """Whether these words are the name of data by themselves: well-known, or written like one."""
    is_written_so = re.fullmatch(rf"{_CAPITAL}(?: (?:{_CAPITAL}|\d[\w.]*)){{0,3}}", words)
    has_marks = sum(char.isupper() or char.isdigit() for char in words) >= 2 and not re.search(
        r" [A-Z][a-z]", words
    )
    return bool(re.fullmatch(_KNOWN, words) or (is_written_so and has_marks))


def _is_of_results(table: Table) -> bool:
    """Whether its rows are methods, and its columns what they reach."""
    heads = [plain(cell).lower() for cell in table.rows[0]]
    caption = plain(table.caption).lower()
    has_results = bool(TELLS_RESULTS.search(caption) or metrics_in(caption)) or any(
        metrics_in_head(head) for head in heads[1:]
    )
    return has_results and bool(_OF_METHODS.fullmatch(heads[0].strip(" *")))


def _told_of(name: str, told: Sequence[str]) -> list[str]:
    """The name alone, if it is one and stands in one of these sentences."""
    if COUNTS_SOMETHING.search(name.lower()):
        return []
    if (
        not re.fullmatch(rf"{_CAPITAL}(?:[ -](?:{_CAPITAL}|\d[\w.]*)){{0,2}}", name)
        or name in _FIRST
    ):
        return []
    pattern = re.compile(rf"(?P<longer>[A-Z][\w-]* )?(?<![\w-]){re.escape(name)}(?![\w-])")
    found = [match for words in told for match in pattern.finditer(words)]
    return [name] if found and not any(match["longer"] for match in found) else []


def quoted(row: Row) -> str:
    """A row of a table, as it is quoted."""
    return markdown_table((row,)).split("\n")[0]


def _is_plain_word(parts: Sequence[str]) -> bool:
    """Whether it is only the first word of a sentence, or a language, and no name."""
    return len(parts) == 1 and parts[0] in _FIRST | frozenset(
        ("English", "German", "Chinese", "French")
    )
