"""What a paper is about (its task), and what it trains (its architecture)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ml_intern.tools.papers.recipe.candidates import Candidate
from ml_intern.tools.papers.recipe.claims import clauses, is_own
from ml_intern.tools.papers.recipe.names import TASKS, tasks_in
from ml_intern.tools.papers.recipe.numbers import plain, value_of
from ml_intern.tools.papers.recipe.sentences import Sentence

_SIZE = r"(?:[- ](?:base|large|small|tiny|medium|xl|xxl|mini|huge|giant|[BLSTH](?:/\d\d)?|\d+(?:\.\d+)?[BM]\b))?"
_ARCHITECTURES = (
    rf"(?:Distil|Ro|De|Al|Sci|Bio|m|X)?BERTa?(?:-?v[23])?{_SIZE}(?:[- ](?:un)?cased)?",
    rf"(?:XLM-R(?:oBERTa)?|XLS-R|ALBERT|ELECTRA|DistilBERT|ModernBERT|BioBERT|SciBERT|CamemBERT|mBERT|Longformer|BigBird){_SIZE}(?:[- ](?:un)?cased)?",
    rf"(?:m|Flan-|FLAN-|By|Long)?T5(?:-?v1\.1)?{_SIZE}",
    rf"m?BART{_SIZE}",
    r"GPT-(?:2|Neo|NeoX|J)(?:[- ](?:small|medium|large|XL|\d+(?:\.\d+)?[BM]))?",
    r"(?:Code ?)?L[Ll]a[Mm][Aa](?:[- ]?[23](?:\.\d)?)?(?:[- ]\d+(?:\.\d+)?B)?",
    r"(?:Mistral|Mixtral|Gemma|Qwen|Phi|Pythia|OPT|BLOOM|Falcon|SmolLM2?|OLMo|TinyLlama|StableLM|DeepSeek)(?:[- ]?\d(?:\.\d+)?)?(?:-(?:Math|Coder|Code|VL))?(?:[- ]\d+(?:\.\d+)?[BM])?",
    r"(?:Wide|Pre-?act)?-?(?:ResNet|ResNeXt)(?:-\d+(?:-\d+|x\w+)?)?(?:-D)?",
    r"Wide ResNet(?:-\d+-\d+)?",
    r"(?:DenseNet|VGG|EfficientNet(?:V2)?|MobileNet(?:V[123])?|ConvNeXt(?:V2)?|RegNet\w?|HRNet(?:V2)?(?:-W\d\d)?|ShuffleNet|SqueezeNet|Inception(?:-?[vV]\d)?|Xception|AlexNet|LeNet)(?:-?[A-Z]?\d+|-(?:T|S|B|L|XL|Tiny|Small|Base|Large))?",
    r"(?:ViT|DeiT|Swin|BEiT|CaiT|PVT|MaxViT|MLP-Mixer)(?:-(?:Ti|T|S|B|L|H|g|Tiny|Small|Base|Large)(?:/\d\d)?)?",
    r"[Vv]ision [Tt]ransformer",
    r"(?:nn)?U-?Net(?:\+\+)?",
    r"(?:Faster|Mask|Cascade) R-CNN|YOLO(?:v\d+)?(?:-?[nsmlx])?|DETR|RetinaNet|DeepLab(?:[vV]3\+?)?|SegFormer(?:-B\d)?",
    rf"Whisper{_SIZE}|wav2vec ?2\.0{_SIZE}|HuBERT{_SIZE}|WavLM{_SIZE}|Conformer(?:-[SML])?|Citrinet|Jasper|QuartzNet|ECAPA-TDNN|TDNN",
    r"CLIP(?: ViT-\w/\d\d)?|Stable Diffusion(?: \w+)?|DiT(?:-\w+/\d)?",
    r"(?:[Bb]i-?(?:directional )?)?(?:LSTM|GRU)(?:-CRF)?",
    r"(?:Graph ?SAGE|GCN|GAT|GIN|MPNN|SchNet|graph (?:convolutional|attention|isomorphism) network)",
    r"Mamba(?:-\d\w*)?|RWKV|RetNet|Hyena|Perceiver(?: IO)?|TabNet|PatchTST|Informer|N-BEATS",
    r"(?:(?:decoder|encoder)-only |encoder-decoder |encoder–decoder )?[Tt]ransformers?(?: (?:encoder|decoder)s?)?(?:[- ](?:base|big|small|large)\b)?",
    r"(?:[Rr]esidual )?(?:[Tt]emporal )?[Cc]onvolutional (?:neural )?networks?|CNN|[Mm]ulti-?layer perceptron|MLP",
)
_NAME = "|".join(f"(?:{pattern})" for pattern in _ARCHITECTURES)
_GIVEN = (
    re.compile(rf"\b(?:[Ww]e|and|then) (?:\w+ )?(?:use|adopt|employ|choose|fine-?tune|train|pre-?train|start from|(?:start|begin) with|initiali[sz]e (?:\w+ ){{0,4}}?(?:from|with)|build (?:up)?on|take|instantiate|implement)(?: \w+ from)? (?:an? |the |all )?(?:[\w-]+,? ){{0,4}}?(?P<name>{_NAME})(?![\w])"),
    re.compile(rf"\b(?:(?:[Tt]he|[Oo]ur|[Ii]ts) (?:[\w-]+ ){{0,3}}?(?:model|architecture|backbone|network|encoder|classifier|system|detector|generator|recogni[sz]er|agent|policy|student|actor)|[Ii]t) (?:is|follows|uses|consists of|has|adopts|employs|builds on|is based on|comprises) (?:an? |the )?(?:[\w-]+,? ){{0,5}}?(?P<name>{_NAME})(?![\w])"),
    re.compile(rf"(?P<name>{_NAME})(?: \([^()]*\)| \[[\d, ]+\])? (?:\w+ )?as (?:the|our|a|an) (?:[\w-]+ )?(?:backbone|base model|encoder|architecture|model|feature extractor|classifier|network|initiali[sz]ation)"),
    re.compile(rf"\b(?:backbone|base model|architecture) (?:is|=|:) (?:an? |the )?(?:[\w-]+ ){{0,3}}?(?P<name>{_NAME})(?![\w])"),
    re.compile(rf"\b(?:[Aa]ll|[Oo]ur|[Tt]he main) (?:[\w-]+ )?(?:models|experiments) (?:are|use|start from|are based on|are initiali[sz]ed from) (?:an? |the )?(?:[\w-]+ ){{0,3}}?(?P<name>{_NAME})(?![\w])"),
    re.compile(rf"^(?:[Aa]n?|[Tt]he) (?:[\w-]+ ){{0,3}}?(?P<name>{_NAME})(?: [^.;,]{{0,60}})? (?:is|are) (?:used|trained|employed|adopted|fine-?tuned)\b"),
    re.compile(rf"\barchitecture is that of [^.;]{{1,30}}?: an? (?P<name>{_NAME})(?![\w])"),
    re.compile(rf"\b[Ss]tarting from (?:the )?(?P<name>{_NAME})(?![\w])"),
    re.compile(rf"\b(?:[Oo]ur|[Tt]he) (?:[\w-]+ ){{0,2}}?(?:model|network|architecture) follows the (?P<name>{_NAME})"),
)  # fmt: skip
_SEVERAL = re.compile(
    rf" (?:models|variants|checkpoints|encoders|family|architectures)\b|(?: \([^()]*\))?(?:,| and| or|/)+ ?(?:{_NAME}|[A-Z]\w*-?(?:base|large|small)\b)"
)
"""Behind a name: what makes it a kind, or one of several."""
_SMALL = re.compile(r"\b(?:small|tiny|light-?weight|auxiliary|separate|shallow|simple) $")
_FOR_A_STEP = re.compile(
    r"[^.;]{0,60} (?:to|that|which) (?:predicts?|estimates?|scores?|selects?|filters?)\b"
)
"""`a small network to predict ...`: one that serves the model that a paper is about."""
_SUBJECT = re.compile(
    r"\b(?:we|our|this (?:paper|work|study|article|report)|task of|problem of|stud(?:y|ies)|address(?:es)?|presents?|proposes?|introduces?|for)\b"
)
_IMAGE = r"(?P<w>\d{2,4})(?: ?(?:×|x) ?| by )(?P<h>\d{2,4})(?! ?(?:×|x) ?\d)"
_IMAGES = (
    re.compile(rf"(?:resolution|image size|input size|resi[sz]ed?|rescaled?|crops?|cropped|images?|inputs?|pictures)[^.;:\d]{{0,30}}?(?:of|to|at|is|are|=|size|with) {_IMAGE}"),
    re.compile(rf"\bat {_IMAGE}"),
    re.compile(rf"{_IMAGE}[- ](?:pixel |random |rgb |input )*(?:images?|resolution|crops?|inputs?|pixels|pictures)"),
)  # fmt: skip
_NO_IMAGE = re.compile(
    r"patch|kernel|convolution|filter|pool|feature map|latent|window|stride|grid|test[- ]time|evaluat|original|upsampl|super|thumbnail|collected|captured|recorded|photograph"
)


def names_model(words: str) -> bool:
    """Whether plain words begin with the name of a model that the field knows."""
    return re.match(rf"(?:{_NAME})(?![\w])", words) is not None


def architectures_in(sentence: Sentence, own_names: Sequence[str] = ()) -> Iterator[Candidate]:
    """The models that the authors say they train or build on."""
    if not is_own(sentence) and not any(True for _ in clauses(sentence)):
        return
    words = re.split(
        r" (?:rather than|instead of|unlike|compared (?:to|with)|in contrast to|over the|against) ",
        sentence.plain,
    )[0]
    if re.search(
        r"\b(?:teacher|baselines?|embeddings from|to compare|comparison)\b",
        words.lower(),
    ):
        return
    own = [
        re.compile(
            rf"(?<![\w-]){re.escape(name)} (?:is|uses|has|follows|builds on|consists of) (?:an? |the )?(?:[\w-]+,? ){{0,5}}?(?P<name>{_NAME})(?![\w])"
        )
        for name in own_names
    ]
    for pattern in (*_GIVEN, *own):
        for match in pattern.finditer(words):
            before, after = words[: match.start("name")], words[match.end("name") :]
            if _SEVERAL.match(after) or "tokeni" in before or re.match(" tokeni", after):
                continue
            if _SMALL.search(before) and _FOR_A_STEP.match(after):
                continue
            name = match["name"].strip()
            is_kind = _GENERIC.fullmatch(name.lower())
            yield _made(sentence, "architecture", name.rstrip("s") if is_kind else name)


_GENERIC = re.compile(
    r"(?:(?:decoder|encoder)-only |encoder-decoder )?transformers?(?: (?:encoder|decoder)s?)?|cnn|mlp|"
    r"(?:residual )?(?:temporal )?convolutional (?:neural )?networks?|multi-?layer perceptron|vision transformer"
)


def most_specific(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without those that name only a kind (`Transformer`), where another names the model."""
    exact = [each for each in candidates if not _GENERIC.fullmatch(str(each.value).lower())]
    return exact or list(candidates)


def size_in_name(architecture: Candidate) -> Iterator[Candidate]:
    """Of `Llama-3.1-8B`: its parameters, where nothing else tells them."""
    if found := re.search(r"(?<![\w.])(\d+(?:\.\d+)?)([BM])\b", str(architecture.value)):
        count = value_of(f"{found[1]}{found[2].lower()}")
        yield replace(architecture, name="parameters", value=count, unit="parameters", standing=0)


def image_sizes_in(sentence: Sentence) -> Iterator[Candidate]:
    """The size of a model's input, in pixels."""
    for clause in clauses(sentence):
        found = [match for pattern in _IMAGES for match in pattern.finditer(clause)]
        cropped = [match for match in found if "crop" in _around(clause, match, 24)]
        for match in cropped or found:  # what is cropped is the input, whatever was resized before
            if _NO_IMAGE.search(_around(clause, match, 40)):
                continue
            width, height = int(match["w"]), int(match["h"])
            value = width if width == height else f"{width}x{height}"
            yield _made(sentence, "image_size", value, "pixels")


def _around(clause: str, match: re.Match[str], before: int) -> str:
    begin = max(0, match.start("w") - before)
    return clause[begin : match.end()] + clause[match.end() :][:12]


def tasks_of(title: str, sentences: Sequence[Sentence]) -> Iterator[Candidate]:
    """The one task of the title, else of the abstract, else of the introduction; nothing where the
    first of these that names any names several.
    """
    head = plain(title).lower()
    told = [each for each in sentences if not head or head not in each.lower]
    abstract = [each for each in told if each.role == "abstract"]
    opening = [
        each for each in told if re.match(r"\W*(?:\w+\W+)?introduction", each.section.lower())
    ]
    named = _named(abstract) or _begun_with(abstract) or _named(opening)
    in_title = {name for name, pattern in TASKS.items() if re.search(rf"\b(?:{pattern})\b", head)}
    wanted = in_title if len(in_title) == 1 else named or _begun_with(opening)
    if len(wanted) != 1:
        return
    (task,) = wanted
    for sentence in (*abstract, *opening, *(each for each in told if is_own(each))):
        if task in tasks_in(sentence):
            yield _made(sentence, "task", task)
            return
    if task in in_title:
        yield Candidate(name="task", value=task, sentence=title, section="")


def _named(sentences: Sequence[Sentence]) -> set[str]:
    """The tasks that sentences name as the authors' own."""
    own = [each for each in sentences if _SUBJECT.search(each.lower) and is_own(each)]
    return {name for each in own for name in tasks_in(each)}


def _begun_with(opening: Sequence[Sentence]) -> set[str]:
    """The tasks of an introduction, if a sentence of it begins with one, or one is named again."""
    named = [name for each in opening for name in tasks_in(each)]
    begun = {
        name
        for each in opening
        for name in tasks_in(each)
        if re.match(rf"(?:[\w-]+ ){{0,2}}(?:{TASKS[name]})\b", each.lower)
    }
    is_told = len(set(named)) == 1 and (len(named) > 1 or begun)
    return set(named) if is_told else set()


def _made(sentence: Sentence, name: str, value: str | int, unit: str = "") -> Candidate:
    return Candidate(
        name=name, value=value, unit=unit, sentence=sentence.text, section=sentence.section
    )
