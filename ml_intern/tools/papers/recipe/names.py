"""What a recipe names in words: optimiser, schedule, precision, loss, architecture, task, hardware.

Each has a list of the names that the field uses; one that is not listed is not found.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from ml_intern.tools.papers.recipe.candidates import Candidate
from ml_intern.tools.papers.recipe.claims import clauses, is_own
from ml_intern.tools.papers.recipe.numbers import WORD_NUMBER, value_of
from ml_intern.tools.papers.recipe.sentences import Sentence

OPTIMISERS: Mapping[str, str] = {
    "AdamW": r"(?:paged )?adamw(?:[- ]?8 ?bit)?|adam-w|adam (?:optimi[sz]er )?with decoupled weight decay",
    "Adam": r"adam(?! ?-? ?(?:w\b|mini|8))(?! (?:optimi[sz]er )?with decoupled)",
    "SGD": r"(?<!dp-)sgd|stochastic gradient descent",
    "Adafactor": r"ada-?factor",
    "Adagrad": r"ada-?grad",
    "Adadelta": r"ada-?delta",
    "RMSprop": r"rms-?prop",
    "LAMB": r"lamb",
    "LARS": r"lars",
    "Lion": r"lion(?= optimi| with|,|\.| \()",
    "NAdam": r"nadamw?",
    "RAdam": r"radam",
    "Muon": r"muon(?= optimi| with|,|\.| \()",
    "Sophia": r"sophia(?:-[gh])?(?= optimi| with)",
    "Shampoo": r"shampoo(?= optimi| with)",
    "L-BFGS": r"l-?bfgs",
}
SCHEDULES: Mapping[str, str] = {
    "cosine": r"cosine(?:[- ](?:shaped|half-cycle|learning[- ]rate|lr|warm ?restarts?))*[- ](?:decay|anneal\w*|schedul\w*|learning[- ]rate)|(?:decay\w*|anneal\w*) (?:[\w.×^-]+ ){0,9}?(?:with|following|by|using|along|according to) (?:a |the )?(?:half-?(?:cycle )?)?cosine|follow(?:s|ed|ing)? (?:a |the )(?:half-?(?:cycle )?)?cosine(?! similarity| distance)|cosine (?:curve|down to|to zero)",
    "linear": r"linear (?:learning[- ]rate |lr )?warm-?up and (?:linear )?decay|linear(?:ly)?[- ](?:(?:learning[- ]rate|lr)[- ])?(?:decay\w*|anneal\w*|decreas\w*|schedul\w*)|(?:decay\w*|anneal\w*|decreas\w*|fall(?:s|ing)?|declin\w*|lowered|reduced|dropp?\w*)(?: (?:to (?:zero|0)|it|the learning rate))* linearly",
    "constant": r"constant (?:learning[- ]rate|lr)(?! of [^.;]{0,40}decay)|(?:learning[- ]rate|lr)(?:[^.;]{0,50}? (?:which )?(?:is|was) (?:kept|held)| (?:is |was )?(?:kept |held )?) ?(?:constant|fixed)(?! (?:to|at|until|till|for) [^.;]{0,60}(?:then|decay))|constant (?:learning[- ]rate )?schedule|warm\w*[- ]up [^.;]{0,60}?(?:and|then) (?:then )?(?:is (?:kept|held)|stays|remains) constant",
    "inverse square root": r"inverse[- ]square[- ]root|inverse[- ]sqrt|reciprocal square root",
    "step": r"(?:step|multi-?step)(?:wise)?[- ](?:learning[- ]rate )?(?:decay|schedul\w+)|(?:divid\w+|reduc\w+|decay\w*|decreas\w+|multipl\w+|dropp\w+|drops) (?:\w+ ){0,4}?by (?:a factor of )?(?:10|ten|0\.1|0\.5|0\.2|5|five|2|two|half) (?:at|after|every)|(?:is|was|are|and) halved (?:at|after|every)|, halved (?:at|after|every)|(?:dropp\w+|drops|reduc\w+|decreas\w+|lower\w+|decay\w*) to [\d.e^×-]+ (?:and (?:to )?[\d.e^×-]+ )?(?:at|after) (?:the |epochs? |iterations? |steps? )*\d[\d,]*[km]?(?:st|nd|rd|th)?",
    "exponential": r"exponential(?:ly)?[- ](?:(?:learning[- ]rate|lr)[- ])?(?:decay\w*|schedul\w*|anneal\w*)|(?:decay\w*) exponentially",
    "polynomial": r"polynomial(?:ly)?[- ](?:(?:learning[- ]rate|lr)[- ])?(?:decay\w*|schedul\w*)",
    "one-cycle": r"(?:one|1)-?cycle",
    "tri-stage": r"tri-?stage|three-stage|trapezoid\w*",
    "warmup-stable-decay": r"warm-?up-?stable-?decay|\bwsd\b",
    "reduce on plateau": r"reduce[- ]?(?:lr[- ])?on[- ]?plateau|(?:reduced|halved|lowered|decreased|divided|decayed) (?:[\w.]+ ){0,6}?on (?:a )?plateau|(?:halved|reduced|divided|decayed|decreased|lowered) (?:[\w.]+ ){0,7}?(?:when|once|if|whenever) (?:the )?(?:validation|dev|error|loss|test|\w+ plateaus)",
}
PRECISIONS: Mapping[str, str] = {
    "bfloat16 mixed": r"(?:bf-?16|bfloat-?16|brain float)[- ](?:automatic )?mixed[- ]precision|mixed[- ]precision (?:training )?(?:\(|with |in |using )(?:bf-?16|bfloat-?16)|mixed[- ](?:bf-?16|bfloat-?16)",
    "float16 mixed": r"(?:fp-?16|float-?16)[- ](?:automatic )?mixed[- ]precision|mixed[- ]precision (?:training )?(?:\(|with |in |using )(?:fp-?16|float-?16)",
    "bfloat16": r"\bbf-?16\b|bfloat-?16",
    "float16": r"\bfp-?16\b|\bfloat-?16\b|half[- ]precision",
    "float8": r"\bfp-?8\b|float-?8",
    "float32": r"\bfp-?32\b|\bfloat-?32\b|(?:single|full)[- ]precision",
    "mixed": r"mixed[- ]precision",
}
LOSSES: Mapping[str, str] = {
    "binary cross-entropy": r"binary cross[- ]entropy|\bbce\b",
    "cross-entropy": r"(?<!binary )cross[- ]entropy",
    "negative log-likelihood": r"negative log[- ]?likelihood|\bnll\b",
    "mean squared error": r"mean[- ]squared[- ]error|\bmse\b|squared error",
    "mean absolute error": r"mean absolute error|\bl1[- ]loss|\bmae loss",
    "Huber": r"huber|smooth l1",
    "InfoNCE": r"info-?nce",
    "contrastive": r"(?<!supervised )contrastive (?:loss|objective)",
    "supervised contrastive": r"supervised contrastive",
    "triplet": r"triplet (?:margin )?loss",
    "focal": r"focal loss",
    "Dice": r"dice loss",
    "CTC": r"\bctc\b|connectionist temporal classification",
    "hinge": r"hinge loss",
    "DPO": r"\bdpo (?:loss|objective)|direct preference optimi[sz]ation (?:loss|objective)",
    "PPO": r"\bppo (?:loss|objective)",
    "masked language modelling": r"masked[- ](?:language|token)[- ]model\w* (?:loss|objective)|\bmlm (?:loss|objective)",
    "next-token prediction": r"next[- ]token[- ]prediction (?:loss|objective)|causal language[- ]model\w* (?:loss|objective)|autoregressive (?:language[- ]model\w* )?(?:loss|objective)",
    "evidence lower bound": r"evidence lower bound|\belbo\b",
}
TASKS: Mapping[str, str] = {
    "image classification": r"image classification|classif\w+ (?:of )?images",
    "object detection": r"object detection",
    "semantic segmentation": r"semantic segmentation",
    "instance segmentation": r"instance segmentation",
    "medical image segmentation": r"(?:medical|tumou?r|lesion|organ|polyp|kidney|liver|brain|cardiac|prostate|vessel|nucle\w+|cell)s? (?:image )?segmentation",
    "depth estimation": r"depth estimation",
    "pose estimation": r"pose estimation",
    "image generation": r"(?:image|text-to-image|face) (?:generation|synthesis)|generat\w+ (?:of )?images|image generative",
    "image retrieval": r"image retrieval",
    "image restoration": r"image (?:restoration|denoising|deblurring|inpainting)",
    "image compression": r"image compression",
    "image registration": r"image registration",
    "face recognition": r"face (?:recognition|verification)",
    "person re-identification": r"re-identification",
    "optical flow": r"optical flow",
    "text recognition": r"(?:scene text|handwriting|handwritten text|optical character) recognition|\bocr\b",
    "video classification": r"video classification",
    "object tracking": r"(?:object|visual) tracking",
    "point cloud classification": r"point cloud classification",
    "trajectory prediction": r"trajectory (?:prediction|forecasting)",
    "image captioning": r"image captioning",
    "visual question answering": r"visual question answering|\bvqa\b",
    "super-resolution": r"super-?resolution",
    "action recognition": r"action recognition",
    "sentiment analysis": r"sentiment (?:analysis|classification)",
    "intent classification": r"intent (?:classification|detection|recognition)",
    "hate speech detection": r"hate speech (?:detection|classification)|toxicity (?:detection|classification)",
    "fact verification": r"fact (?:verification|checking)",
    "entity linking": r"entity linking",
    "event extraction": r"event extraction",
    "keyphrase extraction": r"key-?phrase extraction",
    "coreference resolution": r"coreference resolution",
    "slot filling": r"slot filling",
    "text simplification": r"text simplification",
    "semantic textual similarity": r"semantic textual similarity",
    "text classification": r"(?:text|document|sentence|topic) classification",
    "natural language inference": r"natural language inference|textual entailment",
    "named entity recognition": r"named[- ]entity recognition|\bner\b",
    "part-of-speech tagging": r"part-of-speech tagging|\bpos tagging",
    "relation extraction": r"relation extraction",
    "machine translation": r"(?:machine|neural|speech) translation",
    "summarization": r"summari[sz]ation",
    "question answering": r"(?<!visual )question[- ]answering",
    "reading comprehension": r"reading comprehension",
    "language modelling": r"(?<!masked )language[- ]modell?ing|language[- ]model pre-?training|pre-?train\w* (?:of )?(?:large )?language models?",
    "code generation": r"code (?:generation|completion|synthesis)",
    "grammatical error correction": r"grammatical error correction",
    "dependency parsing": r"dependency parsing",
    "semantic parsing": r"semantic parsing|text-to-sql",
    "speech recognition": r"speech recognition|\basr\b",
    "speech synthesis": r"speech synthesis|text-to-speech",
    "speaker verification": r"speaker (?:verification|identification)",
    "keyword spotting": r"keyword spotting",
    "audio classification": r"(?:audio|sound|acoustic scene) (?:event )?classification|sound event detection",
    "time series forecasting": r"time[- ]series (?:forecasting|prediction)|(?:long-term|multivariate|probabilistic) forecasting|\bforecasting|(?:load|demand|weather|traffic) forecasting",
    "anomaly detection": r"anomaly detection",
    "recommendation": r"(?:sequential |item |news |session-based |product |music )recommendation|recommender system",
    "node classification": r"node classification",
    "link prediction": r"link prediction",
    "graph classification": r"graph classification",
    "molecular property prediction": r"(?:molecular|molecule) property prediction|solubility prediction",
    "information retrieval": r"(?:passage|document|dense|information) retrieval",
    "tabular classification": r"tabular classification",
    "speech enhancement": r"speech (?:enhancement|denoising)",
    "source separation": r"(?:source|speech|music) separation",
    "emotion recognition": r"emotion recognition",
    "music generation": r"music generation",
    "language identification": r"language identification",
    "protein structure prediction": r"protein structure prediction|protein folding",
    "protein function prediction": r"protein function prediction",
    "molecule generation": r"molecul\w+ generation",
    "click-through rate prediction": r"click-through rate|\bctr prediction",
    "sleep staging": r"sleep (?:stag\w+|stage classification)",
    "seizure detection": r"seizure (?:detection|prediction)",
    "reinforcement learning": r"reinforcement learning|policy (?:optimi[sz]ation|gradients?)",
    "imitation learning": r"imitation learning|behaviou?r(?:al)? cloning",
    "preference optimization": r"preference (?:optimi[sz]ation|learning|tuning)|learning from preferences|\brlhf\b",
    "instruction tuning": r"instruction[- ](?:tuning|following)",
    "dialogue generation": r"dialogue (?:generation|response)",
    "mathematical reasoning": r"math(?:ematical)? (?:reasoning|problem solving)",
}
ACCELERATORS = (
    r"(?:nvidia |tesla |geforce |google |amd |cloud |quadro )*"
    r"(?P<kind>(?:a100|h100|h200|h800|a800|h20|b200|gh200|v100|p100|t4|l4|l40s?|a10g?|a40|a30|a6000|a5000|k80|titan (?:x|xp|v|rtx)|"
    r"(?:rtx|gtx) ?-?(?:a?\d{4})(?: ?ti)?(?: ada)?|tpu ?-?v\d(?:e|p|-\d+)?|mi\d{3}x?|gaudi ?\d?))"
    r"(?P<memory>(?:[- ](?:pcie|sxm\d?))?[- (]{1,2}(?:with )?\d{2,3} ?gi?b\b)?"
)
_COUNTED = re.compile(
    rf"(?:(?P<count>{WORD_NUMBER})[ -]?(?:×|x)?[ -]?)?(?P<article>\b(?:an?|one) )?(?<![\w]){ACCELERATORS}"
    r"\)?(?:[- ](?:tensor core |graphics )?(?:gpus?|cards?|accelerators?|chips?|devices|cores|pods?|slices?))?"
)
_TRAIN = r"train|tun|optimi[sz]|experiment|\brun\b|\bran\b|perform|conduct|implement|hardware|comput|takes|took|batch|\bruns\b|\bwe used?\b|deepspeed|fsdp"
_INFER = r"inference|sampling|generating|latency|throughput|deploy|measured? on|decod(?:e|ing) (?:speed|time)|evaluat\w+ (?:\w+ ){0,3}?on (?:a|an|one)"
_TIME = re.compile(
    rf"(?P<n>{WORD_NUMBER}) ?(?P<gpu>(?:gpu|tpu|a100|v100|h100)[- ])?(?P<unit>hours?|days?|minutes?|h\b|hrs?)"
)
_TAKES = re.compile(
    r"\b(?:takes?|took|taking|lasts?|lasted|requires?|required|complet\w+|finish\w+|training time|wall-?clock|in total|"
    r"trained|train|converges?|costs?|consum\w+|run|ran|runs|fine-?tun\w+|pre-?train\w+)\b"
)
_NO_TIME = re.compile(
    r"every|per (?:hour|day)|of (?:audio|speech|video|recordings?|data|footage)|-long|inference|sampling|generating|annotat|label(?! smooth)|collect|hours? of (?!train)|record|interval|horizon|window"
)
_ONE_NODE = re.compile(
    r"\b(?:a single|one|1|the same) (?:node|machine|server)\b|\bgi?b(?: of memory)? each\b"
)
_SEED_COUNT = re.compile(
    rf"\b(?P<n>{WORD_NUMBER}) (?:different |independent |distinct |random |fixed |separate )*(?:seeds?\b(?! (?:words?|phrases?|examples?|sets?|data|lexicons?|corpus|entit))|(?:runs|trials|repetitions|restarts) with (?:\w+ ){{0,2}}(?:seeds|initiali[sz]ations)|random initiali[sz]ations)"
)
_SEED_TIMES = re.compile(
    rf"\b(?:repeat\w*|run|ran|trained|performed) (?:\w+ ){{0,3}}?(?P<n>{WORD_NUMBER}) times\b(?=[^.;]{{0,40}}seed)"
)
_SEED_RUNS = re.compile(
    rf"\b(?:over|across|of|from) (?P<n>{WORD_NUMBER}) (?:independent |different )*(?:runs|trials)\b(?=[^.;]{{0,40}}seed)"
)
_SEED_VALUE = re.compile(
    r"\bseeds?(?: (?:value|values|number))?(?: (?:is|are|was|were))?(?: ?(?:=|:)| (?:set|fixed))?(?: (?:to|at|of|as))? ?[{(\[]?(?P<list>\d{1,10}(?:(?:, ?(?:and )?| and )\d{1,10})*)(?![\d.]*\.?\d|\w|-)"
)
_CODES = {"h": "hours", "hr": "hours", "hrs": "hours"}


def named_in(sentence: Sentence) -> Iterator[Candidate]:
    """What the sentence names of optimiser, schedule, precision, loss, hardware, time and seeds."""
    for clause in clauses(sentence):
        yield from _optimiser(clause, sentence)
        yield from _schedule(clause, sentence)
        yield from _precision(clause, sentence)
        yield from _loss(clause, sentence)
    if is_own(sentence, "results"):
        yield from _seeds(sentence)
        yield from _hardware(sentence)
        yield from _time(sentence)


def tasks_in(sentence: Sentence) -> list[str]:
    """The tasks that are named in it."""
    return _names(TASKS, sentence.lower)


def optimiser_of(words: str) -> str:
    """The one that is named in lower-case words; empty for none, and for several."""
    return _only(_names(OPTIMISERS, words))


def schedule_of(words: str) -> str:
    """As `optimiser_of`, in a cell of a table, where the word alone is enough."""
    found = _names(SCHEDULES, words)
    if not found:
        rest = re.sub(r"(?:with )?(?:linear )?warm-?up", "", words)
        found = [name for name in SCHEDULES if re.search(rf"\b{re.escape(name)}\b", rest)]
    return _only(found)


def precision_of(words: str) -> str:
    """As `optimiser_of`."""
    return next((name for name in PRECISIONS if re.search(PRECISIONS[name], words)), "")


def loss_of(words: str) -> str:
    """As `optimiser_of`."""
    return _only(_names(LOSSES, words))


def accelerator_of(words: str) -> tuple[str, int | None]:
    """Kind with memory, and how many; empty and None for none, and for several kinds."""
    found = list(_COUNTED.finditer(words))
    kinds = {_kind(each) for each in found}
    if len(kinds) != 1:
        return "", None
    counts = {_count(each) for each in found}
    return kinds.pop(), counts.pop() if len(counts) == 1 else None


def _names(known: Mapping[str, str], words: str) -> list[str]:
    return [
        name
        for name, pattern in known.items()
        if re.search(rf"(?<![\w-])(?:{pattern})(?![\w])", words)
    ]


def _only(found: Sequence[str]) -> str:
    return found[0] if len(found) == 1 else ""


def _made(
    sentence: Sentence, name: str, value: str | int | float, unit: str = ""
) -> Iterator[Candidate]:
    if value != "":
        yield Candidate(
            name=name, value=value, unit=unit, sentence=sentence.text, section=sentence.section
        )


def _optimiser(clause: str, sentence: Sentence) -> Iterator[Candidate]:
    if re.search(r"optimi[sz]|train|tun|\buse|with|momentum|β1|learning", clause):
        words = re.sub(r"\bthan (?:with )?[\w-]+", " ", clause)  # better than Adam
        yield from _made(sentence, "optimiser", optimiser_of(words))


def _schedule(clause: str, sentence: Sentence) -> Iterator[Candidate]:
    of_noise = re.search(r"forward process|noise|diffusion|variance|β ?_?t\b", clause)
    if of_noise and not re.search(r"learning[- ]rate|\blr\b", clause):
        return
    if re.search(
        r"learning[- ]rate|\blr\b|schedul|decay|anneal|warm|step size|\bthe rate (?:is|rises|falls|decreases|drops)",
        clause,
    ):
        # A weight decay, and a schedule of noise or of a mask, are none of the learning rate.
        words = re.sub(
            r"(?:noise|mask\w*|temperature|teacher|ema|momentum|β|beta|variance) \w*schedul\w*|weight[- ]decay\w*",
            " ",
            clause,
        )
        words = re.sub(r"(?:cosine|linear)(?=[^.;]{0,20}(?:noise|diffusion|variance))", " ", words)
        yield from _made(sentence, "schedule", _only(_names(SCHEDULES, words)))


def _precision(clause: str, sentence: Sentence) -> Iterator[Candidate]:
    if re.search(r"train|tun|\buse|experiment|run|optimi[sz]|precision", clause) and not re.search(
        r"inference|quanti[sz]|stor(?:e|ed|age)|export|except|keep|kept|evaluat|average", clause
    ):
        yield from _made(sentence, "precision", precision_of(clause))


def _loss(clause: str, sentence: Sentence) -> Iterator[Candidate]:
    if re.search(r"\bloss|objective|minimi[sz]|optimi[sz]e|train", clause) and not re.search(
        r"perplexity|auxiliary|regulari[sz]er|additional|plus|perceptual|adversarial|sum of|combin|weighted sum|report|evaluat|\bplus\b|together with|term|\badded\b|weighted by|\bhead\b|bonus",
        clause,
    ):
        yield from _made(sentence, "loss", loss_of(clause))


def _seeds(sentence: Sentence) -> Iterator[Candidate]:
    clause = sentence.lower
    if "seed" not in clause and "initiali" not in clause:
        return
    counts = {value_of(each["n"]) for each in _SEED_COUNT.finditer(clause)}
    for runs in (_SEED_RUNS, _SEED_TIMES):
        counts |= {value_of(each["n"]) for each in runs.finditer(clause)}
    lists = {each["list"] for each in _SEED_VALUE.finditer(clause)}
    if len(counts) == 1:
        yield from _made(sentence, "seeds", counts.pop(), "seeds")
    elif len(lists) == 1 and not counts:
        numbers = re.findall(r"\d+", lists.pop())
        value = int(numbers[0]) if len(numbers) == 1 else ", ".join(numbers)
        yield from _made(sentence, "seeds", value, "seed")


def _hardware(sentence: Sentence) -> Iterator[Candidate]:
    words = sentence.lower
    if not re.search(_TRAIN, words) or re.search(_INFER, words):
        return
    kind, count = accelerator_of(words)
    yield from _made(sentence, "accelerator", kind)
    if (
        kind
        and count is not None
        and not re.search(r"\bnodes?\b|\bmachines\b|\bservers\b|\beach\b", _ONE_NODE.sub("", words))
    ):
        yield from _made(sentence, "accelerators", count)


def _kind(found: re.Match[str]) -> str:
    kind = re.sub(r"(?<=tpu) ?-?|(?<=rtx) ?-?|(?<=gtx) ?-?", " ", found["kind"]).strip()
    kind = re.sub(r" v(?=\d)", " V", kind.upper()).replace("TI", " Ti").replace("  ", " ")
    kind = kind.replace("T Ti", "TI").replace("TPU V", "TPU v").replace(" TiTAN", "TITAN")
    memory = re.search(r"(\d+) ?gi?b", found["memory"] or "")
    return f"{kind} {memory[1]}GB" if memory else kind


def _count(found: re.Match[str]) -> int | None:
    if re.search(r"-\d+$", found["kind"]):  # the slice says how many: TPU v3-32
        return None
    if found.string[found.end() :].startswith(("-hour", " hour", "-day", " day")):
        return None
    if found["count"]:
        value = value_of(found["count"])
        return int(value) if value == int(value) and 1 <= value <= 100_000 else None
    return 1 if found["article"] else None


def _time(sentence: Sentence) -> Iterator[Candidate]:
    words = re.split(r", (?:while|whereas|plus)\b", sentence.lower)[0]
    is_training = re.search(
        r"\b(?:pre-?)?train|tun(?:e|ing)|\brun (?:on \S+ )?takes\b", words
    ) or re.search(ACCELERATORS, words)
    if not _TAKES.search(words) or not is_training or _NO_TIME.search(words):
        return
    found = list(_TIME.finditer(words))
    by_clock = [each for each in found if not each["gpu"]] or found
    if len(by_clock) != 1 or len(found) > 2:
        return
    (time,) = by_clock
    if re.search(
        r"\b(?:under|than|within|at most|up to|over|\d+ (?:to|-)|\d+-) ?$", words[: time.start()]
    ):
        return
    unit = _CODES.get(time["unit"], time["unit"].rstrip("s") + "s")
    if time["gpu"]:
        if unit != "hours":
            return
        unit = "accelerator hours"
    if re.match(r"[- ]+(?:per|each|on average for each|for each)\b", words[time.end() :]):
        return
    yield from _made(sentence, "training_time", value_of(time["n"]), unit)
