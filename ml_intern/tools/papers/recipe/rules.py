"""Numbers of a recipe in sentences: a rule for each way in which papers state one.

A rule counts only in a clause that tells what the authors did, and never for a number that stands
in a list or a range, or that only holds for a part of the model.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ml_intern.tools.papers.recipe.candidates import Candidate
from ml_intern.tools.papers.recipe.claims import (
    clauses,
    is_done_by_us,
    is_of_rivals,
    is_tried,
    names_best,
)
from ml_intern.tools.papers.recipe.numbers import NUMBER, NUMBER_WORDS, WORD_NUMBER, value_of
from ml_intern.tools.papers.recipe.sentences import Sentence

Number = int | float
_N = rf"(?P<n>{NUMBER})(?P<percent>\s?%)?"
_W = rf"(?P<n>{WORD_NUMBER})"
_ABOUT = r"(?:about |approximately |roughly |around |~ ?)?"
_IS = (
    r"(?:\s?\((?:lr|η|α|γ|λ|ε|p|wd|bs|b)\))?(?: (?:lr|η|α|γ|λ|p|b)(?:_?0|_?max)?)?"
    r"(?:\s?(?:=|:|\()\s?|,? (?:(?:is|was|are|were|has been|being) )?(?:(?:always |then |kept |held |left )?"
    r"(?:set|fixed|equal|constant)? ?(?:to|at|as|of) |= ?)?)"
    rf"(?:a |an |the )?(?:constant |fixed |maximum |total |value (?:of )?|peak (?:of )?|equal to )*{_ABOUT}"
)
"""Between a name and its value."""
_STEPS = r"(?:(?:training|optimi[sz]ation|optimi[sz]er|gradient|parameter|update|weight|global|sgd) )*(?:steps|iterations|updates|iters)"


@dataclass(frozen=True)
class Rule:
    """One way of saying it. The pattern has the group `n`, and may have `unit` and `percent`."""

    name: str
    pattern: str
    unit: str = ""
    least: float = 0.0
    most: float = float("inf")
    whole: bool = False
    needs: str = ""
    """Another pattern that the clause must hold."""
    bars: str = ""
    """Another pattern that it must not."""


_LR = r"(?:learning[- ]rate|\blr|step[- ]size)(?! (?:multiplier|decay factor|range))"
_BATCH = r"(?:mini-?)?batch[- ]size"
_PER_DEVICE = r"\binference|decoding|evaluation|at test|\bper[- _](?:gpu|device|worker|core|tpu|chip|replica|accelerator|node)\b|/gpu|on each (?:gpu|device|of)|micro-?batch|local batch"
_NOT_WHOLE = rf"{_PER_DEVICE}|accumulat"
"""Beside these a batch may be that of one device, or of one of several passes."""
_ITEMS = r"(?P<unit>tokens|sequences|sentences|examples|images|samples|documents|utterances|pairs|graphs|clips|instances|prompts|frames|questions|patches|volumes|scans|crops|molecules|windows|transitions|segments|videos|sequence|queries|points|users|pages)"
_ITEMS2 = _ITEMS.replace("<unit>", "<unit2>")
_WARM = r"warm(?:ing|ed|s)?[- ]?up"
_NO_DECAY = r"(?:(?!decay|anneal|cosine)[^.;:\d])"
_WARM_UNIT = rf"(?P<unit>{_STEPS}|epochs?|tokens|% of|percent of)"
_NOT_TRAINING = (
    r"diffusion|denois|sampling steps|inner|inference|decod|rollout|environment|simulat|"
    r"evaluat\w+ every|checkpoint\w* every|reverse process|langevin|per episode"
)

RULES = (
    Rule("learning_rate", rf"(?<!minimum )(?<!min )(?<!final )(?<!end )(?<!ending ){_LR}{_IS}{_N}", most=100),
    Rule("learning_rate", rf"{_LR}(?: \w+)? (?:is |was )?(?:starts?|started|begins?|initiali[sz]ed|initially|starting)(?: set)? (?:from |at |with |to |as )?{_N}", most=100),
    Rule("learning_rate", rf"{_LR}, (?:which is )?initially (?:set to |at )?{_N}", most=100),
    Rule("learning_rate", rf"(?:{_WARM}|schedule)[^.;:]{{0,60}}? to (?:a |its )?(?:peak|maximum)(?: value| rate| learning rate)? of {_N}", most=1),
    Rule("learning_rate", rf"{_LR} schedule[^.;\d]{{0,40}}?(?:maximum|peak|max\.?|initial)(?: value| rate| learning rate)? (?:of|=) ?{_N}", most=100),
    Rule("learning_rate", rf"{_LR}(?: schedule)? (?:is |was )?(?:linearly )?(?:warm(?:ed|s)[- ]up|increas\w+|ramp\w+|rises|grows|climbs)(?: linearly)? (?:for|over|during|in) [^.;:]{{1,50}}? to (?:a |its )?(?:peak |maximum )?(?:value )?(?:of )?{_N}", most=100),
    Rule("learning_rate", rf"{_LR}(?: of (?:the )?\w+)? (?:is |was )?(?:then )?(?:linearly |gradually |exponentially )?(?:decay(?:s|ed)|anneal(?:s|ed)|reduced|decreased|drops|dropped) (?:linearly |gradually |exponentially )?from {_N}(?= to)", most=100),
    Rule("learning_rate", rf"(?:{_WARM}|increas\w+|ramp\w+) [^.;:]{{0,50}}?{_LR}[^.;:]{{0,30}}? from (?:{NUMBER}) to {_N}", most=100),
    Rule("learning_rate", rf"{_LR} [^.;:]{{0,40}}?(?:warm\w*[- ]?up|increas\w+|ramp\w+|grow\w*|rises?|climbs?) [^.;:\d]{{0,20}}?(?:from (?:{NUMBER} )?)?to (?:a |its )?(?:peak |maximum )?(?:value )?(?:of )?{_N}", most=100),
    Rule("learning_rate", rf"\b(?:an? |the )?{_N} (?:peak |initial |constant |base |maximum )?{_LR}", most=100),
    Rule("learning_rate", rf"\b(?:adamw?|sgd|adafactor|lion|rmsprop|lamb|muon) ?\((?:lr|learning rate|η|α) ?=? ?{_N}", most=100),
    Rule("batch_size", rf"{_BATCH}{_IS}{_N}(?: {_ITEMS}| \w+ {_ITEMS2})?", whole=True, least=1, bars=_NOT_WHOLE),
    Rule("batch_size", rf"\b(?:mini-?)?batch(?:es)? (?:of|with|containing|contain(?:s|ed)?|consist(?:s|ed|ing) of|comprises?d?|has|had|have|holds?|includes?d?|each of) (?:size )?{_ABOUT}{_N}(?: {_ITEMS}| \w+ {_ITEMS2})?", whole=True, least=1, bars=_NOT_WHOLE),
    Rule("batch_size", rf"\b(?:mini-?)?batch(?:es)? (?:of|contain(?:s|ed)?|has|holds?) {_W} {_ITEMS}", whole=True, least=1, bars=_NOT_WHOLE),
    Rule("batch_size", rf"^\W*(?:mini-?)?batch: ?{_N}", whole=True, least=1, bars=_NOT_WHOLE),
    Rule("learning_rate", rf"{_LR} peaks at {_N}", most=100),
    Rule("batch_size", rf"\bbs ?= ?{_N}", whole=True, least=1),
    Rule("weight_decay", rf"\bwd ?(?:=|:|of)? ?{_N}", most=10),
    Rule("batch_size", rf"{_N} {_ITEMS} (?:per|in (?:a|each|every)) (?:mini-?)?batch", whole=True, least=1, bars=_NOT_WHOLE),
    Rule("batch_size", rf"(?:\ban? |\bthe )?(?:global |total |effective |overall ){_BATCH}(?:(?: \w+){{0,3}}? (?:of|to|is)| ?=| ?:)? {_ABOUT}{_N}(?: {_ITEMS})?", whole=True, least=1),
    Rule("batch_size_per_device", rf"(?:{_BATCH}|batch) (?:of|is|=|set to)? ?{_N}(?: {_ITEMS})? (?:per[- ](?:gpu|device|worker|core|accelerator)|on each (?:gpu|device))", unit="examples", whole=True, least=1),
    Rule("batch_size_per_device", rf"each (?:of the (?:{WORD_NUMBER}) )?(?:gpu|device|worker|core|accelerator)s? (?:holds|processes|handles|sees|gets|receives) {_W} {_ITEMS}", unit="examples", whole=True, least=1),
    Rule("batch_size_per_device", rf"on each (?:of (?:the |our )?(?:{WORD_NUMBER} )?)?(?:gpu|device|worker|accelerator)s?,? an? (?:mini-?|micro-?)?batch of {_N}(?: {_ITEMS})?", unit="examples", whole=True, least=1),
    Rule("batch_size_per_device", rf"{_N} {_ITEMS} (?:per|/) ?(?:gpu|device|worker|accelerator)\b", unit="examples", whole=True, least=1, needs=r"batch|accumul|\bgpus\b", bars=r"second|throughput"),
    Rule("batch_size", rf"(?:×|\btimes\b)[^=;.]{{1,60}}= ?{_N}(?: {_ITEMS})?", whole=True, least=1, needs=r"batch"),
    Rule("batch_size_per_device", rf"{_BATCH} per (?:gpu|device|worker|core|accelerator){_IS}{_N}", unit="examples", whole=True, least=1),
    Rule("batch_size_per_device", rf"per[- ](?:gpu|device|worker|core|accelerator) (?:mini-?)?batch size{_IS}{_N}", unit="examples", whole=True, least=1),
    Rule("gradient_accumulation_steps", rf"(?:gradient accumulation|accumulat\w+ gradients) (?:steps )?(?:over|of|for|with|across|=|set to|is)? ?{_W}(?: (?:steps|batches|micro-?batches|iterations))?", unit="steps", whole=True, least=1, most=4096),
    Rule("gradient_accumulation_steps", rf"gradients? (?:of|from|over) {_W} (?:mini-?|micro-?)?(?:batches|steps|passes) (?:are|is|were) (?:accumulated|summed)", unit="steps", whole=True, least=1, most=4096),
    Rule("gradient_accumulation_steps", rf"gradients? (?:are|is|were|was) accumulated (?:over|for|across|from) {_W}", unit="steps", whole=True, least=1, most=4096),
    Rule("gradient_accumulation_steps", rf"{_W} accumulation steps", unit="steps", whole=True, least=1, most=4096),
    Rule("gradient_accumulation_steps", rf"{_W} (?:steps of gradient accumulation|gradient accumulation steps)", unit="steps", whole=True, least=1, most=4096),
    Rule("gradient_clipping", rf"(?:gradient[- ](?:norm )?clipping|gradients? (?:norms? )?(?:is|are|was|were) clipped|clip(?:ped|ping)? (?:all |the )?(?:global )?(?:(?:l2[- ])?norms? of (?:the |all )?)?(?:gradients?|grad)(?:'s)?(?: l2)?(?:[- ]norms?)?)[^.;\d]{{0,40}}?(?:of|to|at|=|:|threshold|norm|value) ?{_N}", least=1e-6, most=1000),
    Rule("gradient_clipping", rf"clip(?:ped|ping|s)? (?:all |the )?gradients? (?:whose|with|when|if|to have|having) (?:an? |the |their |its )?(?:\w+ )?(?:l2[- ]|global )?norms? (?:of )?(?:that )?(?:exceeds?|exceeding|above|greater than|larger than|over|at most|of|is) {_N}", least=1e-6, most=1000),
    Rule("label_smoothing", rf"label[- ]smoothing[^.;\d]{{0,40}}?(?:of|to|at|=|with|ε|factor|value|:)? ?{_N}", most=0.9),
    Rule("epochs", rf"\b(?:for|over|in|within|of|to|runs?) (?:a (?:total|maximum|max) of |up to |at most |exactly |only |a further )?{_W}(?: (?:full|training|total|complete|fine-?tuning|pre-?training))? epochs?", unit="epochs", least=1e-9, needs=r"train|tun|optimi[sz]|\brun|adapt|learn(?!ing[- ]rate)|lasts?|\bfit", bars=rf"{_WARM}|every|{_NOT_TRAINING}|per epoch"),
    Rule("epochs", rf"\b(?:for|over) {_W}(?: (?:full|training))? epochs?(?=(?:[^.;]|\d\.\d){{0,200}}{_WARM})", unit="epochs", least=1e-9, needs=r"train|tun", bars=rf"{_WARM}[^.;]{{0,60}}epochs?[^.;]{{0,60}}train|every|{_NOT_TRAINING}|{_WARM} (?:for|over)"),
    Rule("epochs", rf"(?:training|tuning) (?:lasts?|lasted|takes?|took|needs|needed|requires?d?|runs|ran) (?:for )?(?:about |at most |up to )?{_W} epochs", unit="epochs", least=1, bars=_WARM),
    Rule("steps", rf"training (?:lasts?|lasted|takes?|took|needs|needed|requires?d?) (?:for )?(?:about |at most |up to )?{_N} {_STEPS}", unit="steps", least=1, whole=True, bars=_WARM),
    Rule("epochs", rf"(?:stopped|stops|ended|ends|finished|terminated|complete[sd]?) (?:at most |at the latest )?after {_W} epochs", unit="epochs", least=1, needs=r"train|optimi", bars=rf"{_WARM}|validation|on average|early"),
    Rule("epochs", rf"(?:number of|maximum number of|total|training|max) epochs{_IS}{_W}", unit="epochs", least=1e-9, bars=_WARM),
    Rule("epochs", rf"(?:, |\band |\bwith |\busing |\buse )(?:at most |up to |a maximum of )?{_W} (?:training )?epochs\b(?! of (?:warm|pre))", unit="epochs", least=1e-9, needs=r"train|tun|batch size|learning rate", bars=rf"{_WARM}|every|{_NOT_TRAINING}|milestone|decay|divid|drop|multipl|reduc"),
    Rule("epochs", rf"(?<!-)(?<!limit of )\bepochs ?[:=] ?{_N}", unit="epochs", least=1, bars=_WARM),
    Rule("steps", rf"\b(?:for|over|in|to|takes) (?:a total of |up to |at most |the full |exactly |only )?{_N} (?:{_STEPS})", unit="steps", least=1, whole=True, needs=r"train|tun|optimi[sz]|\brun|learn", bars=rf"{_WARM}|every|first|last|{_NOT_TRAINING}|accumulat"),
    Rule("steps", rf"\bfor (?:a total of )?{_N} (?:{_STEPS})(?=(?:[^.;]|\d\.\d){{0,200}}{_WARM})", unit="steps", least=1, whole=True, needs=r"train|tun", bars=rf"{_NOT_TRAINING}|{_WARM} (?:for|over)"),
    Rule("steps", rf"\b(?:stop|stops|stopped|end|ends|ended) (?:it |training )?after {_N} (?:{_STEPS})", unit="steps", least=1, whole=True, bars=rf"{_WARM}|early|{_NOT_TRAINING}"),
    Rule("steps", rf"(?:number of|total|max(?:imum)?) (?:training )?(?:steps|iterations|updates){_IS}{_N}", unit="steps", least=1, whole=True, bars=rf"{_WARM}|{_NOT_TRAINING}"),
    Rule("epochs", rf"(?:{_STEPS}),? ?\(?(?:(?:ie|or|which (?:is|are|amounts? to|corresponds? to)|equivalent to|≈|~|about|approximately|roughly),? ?)+{_N} epochs", unit="epochs", least=1, needs=r"train|tun|optimi[sz]|\brun|learn|fit", bars=rf"{_WARM}|every|{_NOT_TRAINING}"),
    Rule("steps", rf"epochs?,? ?\(?(?:(?:ie|or|which (?:is|are|amounts? to|corresponds? to)|equivalent to|≈|~|about|approximately|roughly),? ?)+{_N} {_STEPS}", unit="steps", least=1, whole=True, needs=r"train|tun|optimi[sz]|\brun|learn|fit", bars=rf"every|{_NOT_TRAINING}"),
    Rule("warmup", rf"{_WARM}(?: period| phase| schedule| stage)?(?! (?:steps|epochs|ratio)){_NO_DECAY}{{0,45}}?(?:(?:from (?:{NUMBER}) )?to (?:{NUMBER}){_NO_DECAY}{{0,30}}?)?{_N} ?(?:{_WARM_UNIT})(?! (?:the |its )?(?:peak|max|initial|base))", least=0),
    Rule("warmup", rf"(?:learning[- ]rate|\blr) (?:is )?(?:first )?(?:grows|rises|climbs|increase[sd]|ramp(?:s|ed) up|ramp(?:s|ed))(?:[^.;:]|\d\.\d){{0,40}}? (?:over|during|in|for|within) (?:the first )?{_N} ?(?:{_WARM_UNIT})(?! (?:the |its )?(?:peak|max|initial|base))", least=0, bars=r"decay|divid"),
    Rule("warmup", rf"(?:peak|maximum)[^.;:]{{0,40}} (?:reached|attained) (?:after|in|over|within) {_N} ?(?:{_WARM_UNIT})", least=0),
    Rule("warmup", rf"\b(?:first|initial) {_W}(?P<percent>\s?%)? ?(?:{_WARM_UNIT})", least=0, needs=rf"{_WARM}|(?:increas|ris|grow|climb)\w+ (?:\w+ ){{0,3}}?linearly|linearly (?:increas|ris)|ramp"),
    Rule("warmup", rf"{_WARM} (?:ratio|fraction|proportion){_IS}{_N}", unit="fraction", most=1),
    Rule("warmup", rf"{_N}[- ](?P<unit>steps?|epochs?)? ?(?:of )?(?:linear |learning[- ]rate |lr )*{_WARM}(?: (?P<unit2>steps|epochs|iterations|updates|ratio))?", least=0),
    Rule("warmup", rf"{_N} (?P<unit>{_STEPS}|epochs?|tokens) (?:of|for) (?:linear |learning[- ]rate )*{_WARM}", least=0),
    Rule("warmup", rf"{_WARM} (?P<unit>steps|epochs|iterations|updates){_IS}{_N}(?! (?:epochs|steps|tokens))", least=0),
    Rule("weight_decay", rf"weight[- ]decay(?: (?:coefficient|rate|factor|parameter|strength|regulari[sz]ation|term|weight|penalty))*{_IS}{_N}", most=10),
    Rule("weight_decay", rf"{_N} (?:decoupled )?weight[- ]decay", most=10),
    Rule("dropout", rf"(?<!attention )(?<!embedding )(?<!input )(?<!word )(?<!path )(?<!label )(?<!caption )(?<!condition )(?<!conditioning )(?<!variational )(?<!token )(?<!modality )(?<!classifier )(?<!layer )(?<!layer-)(?<!residual )dropout(?: (?:rate|probability|ratio|prob|regulari[sz]ation|layers?|with|p))*{_IS}(?:with )?(?:p ?= ?|probability |rate |(?:a )?(?:probability|rate) of )?{_N}", most=0.99, bars=r"\bonly\b"),
    Rule("dropout", rf"{_N} (?<!attention )dropout", most=0.99),
    Rule("sequence_length", rf"(?:(?:sequence|context|token)(?: sequence)? (?:length|window|size)|input (?:sequence )?length)(?: (?:limit|size))?{_IS}(?:\w+ )?{_N}(?! (?:epochs|steps|s\b|seconds|ms|words|characters|pixels|frames|×|hours))(?: tokens| subwords| word ?pieces)?", unit="tokens", least=8, whole=True, bars=r"image|audio|seconds|resolution|average|mean|median|generat"),
    Rule("sequence_length", rf"(?:sequences|inputs|documents|texts|examples|sentences|chunks|blocks|segments|windows|articles|reviews|passages) (?:\w+ )?(?:(?:are|were) )?(?:truncated|clipped|cut|padded|packed|limited|capped|of|up to|chunked|split|have|has|contain|hold)(?: or padded)? ?(?:to|at|into|of|up to|in|length)* (?:a |the )?(?:(?:maximum|length|first|up|to|at|most|sequences|chunks|blocks|of|fixed|total) )*{_N} (?:sub-?word |bpe |word ?piece )?(?:tokens|subwords|word ?pieces)", unit="tokens", least=8, whole=True, bars=r"average|mean|median|generat|output"),
    Rule("sequence_length", rf"(?:truncate|clip|cut|pad|limit|cap)\w* [^.;\d]{{0,60}}?(?:to|at) (?:a |the )?(?:(?:maximum|length|first|up|to|at|most|of|total) )*{_N} (?:sub-?word |bpe |word ?piece )?(?:tokens|subwords|word ?pieces)", unit="tokens", least=8, whole=True, bars=r"generat|output|response|summar(?:y|ies)\b|prompts?\b|quer(?:y|ies)\b|questions?\b|answers?\b|targets?\b"),
    Rule("sequence_length", rf"\bcontext (?:is|of) (?:up to |at most )?{_N} tokens", unit="tokens", least=8, whole=True, bars=r"generat"),
    Rule("sequence_length", rf"(?:together|combined|concatenated|in total|in all) [^.;\d]{{0,30}}{_N} tokens", unit="tokens", least=8, whole=True, bars=r"batch|corpus|generat"),
    Rule("sequence_length", rf"{_N}[- ]tokens? (?:sequences|context|windows?|inputs|chunks|blocks)", unit="tokens", least=8, whole=True),
    Rule("parameters", rf"{_N}[- ](?:trainable )?(?:parameters?|params)\b(?! (?:larger|smaller|sharing|count of))", unit="parameters", least=1000, whole=True, needs=r"\bour\b|\bits\b|altogether|\bthe (?:resulting |full |final |whole |proposed )?(?:model|network)\b|\bwe (?:train|use|fine-?tune|initiali[sz]e)|total|based on|\bhidden (?:size|units|dimension)|\blayers\b", bars=r"trainable|embedding|lora|adapter|teacher"),
    Rule("num_hidden_layers", rf"\b{_W}[- ](?:identical |stacked |hidden )?(?:transformer |encoder |decoder |lstm |conformer )?(?:layers?|blocks)\b(?! (?:perceptron|mlp|feed))", whole=True, least=1, most=500, needs=r"model|network|encoder|decoder|transformer|architecture|backbone|\bis an?\b|hidden", bars=r"last|first|top|bottom|every|mlp(?! of size)|perceptron|head with|lora|frozen|freez|convolution(?! kernel)|linear layer|fully|dense|project|baseline|\blayers and \w+ (?:decoder|encoder)|encoder layers[^.;]*decoder|encoder and \w+ decoder|classifier"),
    Rule("num_hidden_layers", rf"(?:number of (?:hidden )?layers){_IS}{_W}", whole=True, least=1, most=500),
    Rule("hidden_size", rf"(?:hidden|model|embedding)[- ](?:size|dimension(?:ality)?|width|dim|state size|units){_IS}{_N}", whole=True, least=4, most=200_000, bars=r"encoder[^.;]*decoder|feed-?forward (?:hidden|dim|size)|lora|mlp(?! of size)|projection head|head with"),
    Rule("hidden_size", rf"\b(?<!ffn )(?<!forward )(?<!mlp )width of {_N}", whole=True, least=16, most=200_000, needs=r"\blayers\b|\bheads\b", bars=r"feather|patch|window|beam"),
    Rule("hidden_size", rf"{_N}[- ](?:dimensional )?(?:hidden (?:units|states|dimensions?|size))", whole=True, least=4, most=200_000, bars=r"mlp|head with|perceptron"),
    Rule("hidden_size", rf"hidden states of (?:size |dimension |width )?{_N}(?: dimensions)?(?! (?:layers|tokens|heads))", whole=True, least=16, most=200_000),
    Rule("intermediate_size", rf"(?:mlps?|feed-?forward (?:layers?|networks?|blocks?)) of (?:size |width |dimension )?{_N}(?: (?:hidden )?units)?(?! (?:layers|blocks))", whole=True, least=16, most=1_000_000, bars=r"project|classif|predict"),
    Rule("num_attention_heads", rf"{_W} (?:self-?)?(?:attention )heads?\b", whole=True, least=1, most=512, bars=r"key-?value|kv"),
    Rule("num_attention_heads", rf"{_W} heads\b", whole=True, least=1, most=512, needs=r"layers|hidden|dimension|width", bars=r"key-?value|kv|output|classif|predict|detect"),
    Rule("num_attention_heads", rf"(?:number of (?:attention )?heads|attention heads){_IS}{_N}", whole=True, least=1, most=512),
    Rule("intermediate_size", rf"(?:feed-?forward|ffn|intermediate|inner)[- ](?:layer )?(?:network )?(?:hidden )?(?:size|dimension(?:ality)?|width|dim){_IS}{_N}", whole=True, least=4, most=1_000_000),
    Rule("image_size", rf"(?:input|image) (?:size|resolution){_IS}{_N}(?! ?(?:×|x\b|by\b|tokens|mm|cm|m\b|k\b|seconds|words|-d))", unit="pixels", whole=True, least=16, most=4096, bars=r"token|sequence|text|patch"),
    Rule("image_size", rf"resolution (?:is|was|of|to) {_N} pixels", unit="pixels", whole=True, least=16, most=4096, bars=r"patch|captured|recorded|camera"),
    Rule("vocab_size", rf"vocabulary(?: size)?{_IS}(?:with )?(?:\w+ )?{_N}(?: (?:tokens|subwords|types|units|pieces|entries|words))?", whole=True, least=20, most=10_000_000),
    Rule("vocab_size", rf"vocabulary (?:with|containing|contains|comprising|has|consists of|(?:is |was )?(?:padded|limited|restricted|reduced|cut) to) (?:the )?(?:most frequent )?{_N} (?:tokens|sub-?words?|types|units|pieces|entries|bpe|word ?pieces)", whole=True, least=20, most=10_000_000),
    Rule("vocab_size", rf"targets are {_N} (?:sentence|word|byte)[- ]?(?:pieces|pairs)", whole=True, least=20, most=10_000_000),
    Rule("adam_beta1", rf"β ?_?1 ?=? ?{_N}", most=0.9999, needs="adam|lion|lamb|optimi"),
    Rule("adam_beta2", rf"(?<!β1, )(?<!β1,)(?<!β1 , )(?<!β1 and )β ?_?2 ?=? ?{_N}", most=0.99999, needs="adam|lion|lamb|optimi"),
    Rule("adam_beta1", rf"β ?_?1(?: ?,| and) ?β ?_?2\)? ?(?:=|of|to|:) ?{_N}(?: ?,| and) ?(?:{NUMBER})", most=0.9999),
    Rule("adam_beta2", rf"β ?_?1(?: ?,| and) ?β ?_?2\)? ?(?:=|of|to|:) ?(?:{NUMBER})(?: ?,| and) ?{_N}", most=0.99999),
    Rule("adam_beta1", rf"β(?:s| ?_?1 ?, ?β ?_?2)? ?\)?(?: of)? ?=? ?\( ?{_N} ?, ?(?:{NUMBER}) ?\)", most=0.9999),
    Rule("adam_beta2", rf"β(?:s| ?_?1 ?, ?β ?_?2)? ?\)?(?: of)? ?=? ?\( ?(?:{NUMBER}) ?, ?{_N} ?\)", most=0.99999),
    Rule("adam_beta1", rf"\bbetas? ?(?:of|=|:|set to)? ?[(\[]?{_N}(?: ?, ?| and )(?:{NUMBER})", most=0.9999, needs="adam|lion|optimi"),
    Rule("adam_beta2", rf"\bbetas? ?(?:of|=|:|set to)? ?[(\[]?(?:{NUMBER})(?: ?, ?| and ){_N}", most=0.99999, needs="adam|lion|optimi"),
    Rule("adam_epsilon", rf"(?:ε|\beps(?:ilon)?\b) ?(?:=|of|is|set to)? ?{_N}", most=1e-3, needs="adam|optimi|β"),
    Rule("momentum", rf"(?<!batch norm )(?<!encoder )(?<!ema )(?<!teacher )\bmomentum(?: (?:coefficient|parameter|term|factor|value))?{_IS}{_N}", most=0.9999, bars=r"batch ?norm|momentum encoder|ema|moving average|teacher"),
    Rule("momentum", rf"{_N} (?:nesterov )?momentum", most=0.9999, bars=r"batch ?norm|ema|moving average|teacher"),
)  # fmt: skip

_LISTED = re.compile(
    rf"\s?%?\s?(?:,|/|,? ?\band\b|,? ?\bor\b)\s?(?:{NUMBER})"
    r"(?!\s?(?!for\b|on\b|in\b|at\b|and\b|or\b|resp|to\b|when\b|with\b|depend|across\b)[a-z×])"
    r"|\s?%?\s?(?:-|\bto\b|±|\.\.\.)\s?\.?\d"
    r"|\s?(?:un)?labell?ed\b"
    r"|\s?×\s?(?:batch|b\b|\d|n\b|sqrt|√)|\s?\^|,? respectively"
)
_PARTIAL = re.compile(
    r"\s?\((?:the |for (?:the )?)?(?:encoder|decoder|head|heads|backbone|generator|discriminator|pre-?training|fine-?tuning|actor|critic|teacher|student|small|base|large)\)|"
    r"[^.,;]{0,25}?\b(?:for|on|in|to) (?:the |all |our )?(?:\w+[- ]){0,2}?(?:encoder|decoder|head|heads|generator|"
    r"discriminator|critic|actor|teacher|adapters?|embeddings?|vision|policy|reward|value network|"
    r"classifier|projector|backbone|baselines?|probe|probing|second stage|first stage|stage|"
    r"small(?:er)? models?|large(?:r)? models?|others?|rest|remaining)\b"
)
_PART_BEFORE = re.compile(
    r"\b(?:encoder|decoder|transformer|backbone|head|generator|discriminator|critic|actor|policy|value|teacher|embedding|adapter|lora)(?:'s)? (?:initial |peak |base |maximum )?$"
)
_BESIDE = re.compile(
    r"\b(?:(?P<main>our decoder|encoder|backbone|model|network|transformer|we|it)|decoder|segmenter|predictor|router|probe|projector|projection head)"
    r"(?: (?:is|has|have|with|of|uses?|consists of|comprises)\b|'s\b)"
)
"""Parts of a model: what is told last before a number is what it belongs to."""
_GOES_ON = re.compile(r",? and (?:is|are|was|were|then)\b|, (?:then|which)\b")
"""Where a sentence goes on to what happens to the value later."""
_LASTING = frozenset({"epochs", "steps", "warmup", "gradient_accumulation_steps"})
_OF_TIME = re.compile(r" ?-?(?:epochs?|steps?|iterations|updates|hours?|days?|gpus?|runs)\b")
_BY_PART = frozenset({"learning_rate", "weight_decay", "batch_size"})
_SOME = re.compile(
    r"\b(?:first|second|third|each) (?:stage|phase)\b|\bstage (?:\d|one|two|three|i{1,3})\b|\bphase (?:\d|one|two|i{1,2})\b|\brespectively\b|"
    r"\b(?:discriminator|critic|teacher|reward model|value network|linear (?:prob(?:e|ing)|classifiers?|evaluation)|logistic regression|k-?nn)\b|"
    r"\bafter (?:training|pruning|pre-?training|convergence|quanti[sz]ation|distillation)\b|\bpost-training\b|quanti[sz]ed|\b(?:more|additional|further) (?:epochs|steps|updates)|\btrained first\b|\bfirst (?:pre-?)?trained\b|"
    r"\bfor (?:the |our )?(?:smaller|small|base|larger|large|tiny|big|medium)\b"
)
_NOT_AFTER = re.compile(r"\b(?:not|no|without|than|except|never)\s(?:\w+\s){0,3}$")
_NOT_LASTING = re.compile(
    r"\b(?:patience|every|stopping|improv\w+|unchanged|constant|plateau\w*|frozen)\s$"
)
"""What so many epochs are not the length of the training of."""
_SHARED_OUT = re.compile(
    rf" (?:for|on|in) [^.;]{{1,40}}?(?:,|\band\b) (?:for [^.;]{{1,30}})?(?:{NUMBER}) (?:for|on|in)\b|"
    rf",? and (?:for|on|in) [^.;]{{1,30}}? (?:{NUMBER})"
)
"""`0.2 for one and 0.3 for the other`."""
_BEHIND_ANOTHER = re.compile(
    rf"(?<![\w.^-])(?<!size )(?<!size of )(?<!batch of )(?<!rate of )(?:\d{{1,7}}|{'|'.join(NUMBER_WORDS)}) ?(?:,|/|-|\band\b|\bor\b|\bto\b) (?:and |or )?$"
)
_POWERS_OF_TWO_K = frozenset(1000 * 2**power for power in range(9))


def numbers_in(sentence: Sentence) -> Iterator[Candidate]:
    """What the sentence states, each as one candidate; the same value may come twice."""
    for clause in clauses(sentence):
        for rule, pattern, needs, bars in _COMPILED:
            if (needs and not needs.search(clause)) or (bars and bars.search(clause)):
                continue
            for match in pattern.finditer(clause):
                yield from _candidate(rule, match, clause, sentence)
    yield from _best_of(sentence)
    yield from _left_out(sentence)


def _candidate(
    rule: Rule, match: re.Match[str], clause: str, sentence: Sentence
) -> Iterator[Candidate]:
    end = max(match.end("n"), match.end("percent") if "percent" in match.groupdict() else 0)
    after, before = clause[end:], clause[: match.start()]
    if rule.name not in _IN_LISTS and (
        _LISTED.match(after) or _SOME.search(f"{clause[:end]}{_GOES_ON.split(after)[0]}")
    ):
        return
    if rule.name in _OF_MODEL and _is_of_side_part(before):
        return
    if _PARTIAL.match(after) and rule.name not in _OF_MODEL:
        return
    if rule.name not in _IN_LISTS and _SHARED_OUT.match(after):
        return
    if rule.name in _COUNTS and _BEHIND_ANOTHER.search(clause[: match.start("n")]):
        return
    if rule.name not in _LASTING and _OF_TIME.match(after):
        return
    if rule.name in _BY_PART and _PART_BEFORE.search(before):
        return
    if _NOT_AFTER.search(before) or (rule.name in _COUNTS and _NOT_LASTING.search(before)):
        return
    yield from _valued(rule, match, sentence)


def _is_of_side_part(before: str) -> bool:
    """Whether these words tell last of a part, such as a decoder that is thrown away later."""
    parts = list(_BESIDE.finditer(before))
    return bool(parts) and parts[-1]["main"] is None


def _valued(rule: Rule, match: re.Match[str], sentence: Sentence) -> Iterator[Candidate]:
    groups = match.groupdict()
    value, unit = value_of(match["n"]), rule.unit
    said = (groups.get("unit") or groups.get("unit2") or "").strip()
    if groups.get("percent") and rule.name != "warmup":
        value = value / 100
    if rule.name == "warmup":
        value, unit = _warmup(value, said, unit, is_share=bool(groups.get("percent")))
        if not unit:
            return
    elif rule.name == "batch_size":
        unit = "tokens" if said == "tokens" else "examples"
    if _is_rounded(match["n"], value) and (rule.name, unit) in _POWERS:
        return
    if not rule.least <= value <= rule.most or (rule.whole and value != int(value)):
        return
    yield Candidate(
        name=rule.name, value=value, unit=unit, sentence=sentence.text, section=sentence.section
    )


def _warmup(value: Number, said: str, unit: str, *, is_share: bool) -> tuple[Number, str]:
    """In fractions, steps, epochs or tokens; no unit where it cannot be told."""
    if is_share or said.startswith(("%", "percent")):
        return value / 100, "fraction"
    if unit == "fraction" or said == "ratio":
        return value, "fraction" if value < 1 else ""
    if said.startswith("epoch"):
        return value, "epochs"
    if said == "tokens":
        return value, "tokens"
    return value, "steps" if said and value >= 1 and value == int(value) else ""


_POWERS = frozenset({("sequence_length", "tokens"), ("batch_size", "examples")})
"""What people choose as powers of two."""


def _is_rounded(number: str, value: Number) -> bool:
    """Whether it is a `4k` that may mean 4,096."""
    return number.strip().endswith("k") and value in _POWERS_OF_TWO_K


_BEST_VALUE = (
    rf"(?:found|find|observed) (?:that )?(?:a (?:value of )?)?(?P<n>{NUMBER}) (?:to )?(?:work|perform|be|did|does|yield|give)\w* (?:the )?best",
    rf"(?P<n>{NUMBER}) (?:(?:work|perform)(?:s|ed|ing)? best|was (?:the )?best|gave the best|yielded the best|performing best)",
    rf"(?:best|final|selected|chosen) (?:value|one|setting|learning rate|batch size|choice|dropout|weight decay)(?: \w+)? (?:is|was|being|of|=) (?P<n>{NUMBER})",
    rf"(?:and|,|;|then) (?:we )?(?:finally )?(?:chose|choose|select(?:ed)?|pick(?:ed)?|settled on|use[d]?|keep|kept) (?P<n>{NUMBER})(?! ?[\w-]* ?(?:gpus?|epochs|seeds|steps))",
)
_SEARCHED = {
    "learning_rate": r"learning[- ]rates?|\blrs?\b|step sizes?",
    "batch_size": r"batch[- ]sizes?",
    "weight_decay": r"weight[- ]decays?",
    "dropout": r"dropout(?: rates?)?",
    "epochs": r"number of epochs|epochs",
}


def _best_of(sentence: Sentence) -> Iterator[Candidate]:
    """The value that was taken of several that were tried, if the sentence is about one thing."""
    words = sentence.lower
    if sentence.role not in ("own", "abstract", "aside") or is_of_rivals(words):
        return
    if not (is_tried(words) and names_best(words)):
        return
    named = [name for name, pattern in _SEARCHED.items() if re.search(pattern, words)]
    values = {value_of(found["n"]) for each in _BEST_VALUE for found in re.finditer(each, words)}
    if len(named) == 1 and len(values) == 1:
        name = named[0]
        unit = {"batch_size": "examples", "epochs": "epochs"}.get(name, "")
        yield Candidate(
            name=name,
            value=values.pop(),
            unit=unit,
            sentence=sentence.text,
            section=sentence.section,
        )


_ABSENT = re.compile(
    r"(?:(?P<unused>weight[- ]decay|dropout|label[- ]smoothing|momentum) (?:is|was) not (?:used|applied|employed)(?! (?:on|for|to|in)\b)|"
    r"\bno (?P<none>weight[- ]decay|dropout|label[- ]smoothing) (?:is|was) (?:used|applied|employed)(?! (?:on|for|to|in)\b)|"
    r"\bneither (?P<neither>weight[- ]decay|dropout|label[- ]smoothing) nor\b|"
    r"(?:\bno|\bwithout(?: any)?|\b(?:do|did|does) not (?:use|apply|employ)(?: any)?) "
    r"(?P<what>weight[- ]decay|dropout|label[- ]smoothing|momentum)"
    r"(?:,? (?:or|and|nor) (?:(?:no|use|any) )?(?P<other>weight[- ]decay|dropout|label[- ]smoothing|momentum))?"
    r"\b(?! (?:on|for|to|is|was|of|rate)\b| in (?!this|all|any|our)))"
)


def _left_out(sentence: Sentence) -> Iterator[Candidate]:
    """What the authors say they do without."""
    for found in _ABSENT.finditer(sentence.lower):
        rest = f"{sentence.lower[: found.start()]} {sentence.lower[found.end() :]}"
        if sentence.role != "own" or not is_done_by_us(rest, sentence.is_setup):
            continue
        for what in filter(None, found.groups()):
            yield Candidate(
                name=re.sub("[- ]", "_", what),
                value=0,
                sentence=sentence.text,
                section=sentence.section,
            )


_IN_LISTS = frozenset({"adam_beta1", "adam_beta2"})
"""Rules whose numbers stand side by side by nature."""
_OF_MODEL = frozenset(
    {"num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "parameters"}
)
_COUNTS = frozenset({"num_hidden_layers", "epochs", "steps"})
_Compiled = tuple[Rule, re.Pattern[str], re.Pattern[str] | None, re.Pattern[str] | None]


def _compiled(pattern: str) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


_COMPILED: tuple[_Compiled, ...] = tuple(
    (rule, re.compile(rule.pattern), _compiled(rule.needs), _compiled(rule.bars)) for rule in RULES
)
