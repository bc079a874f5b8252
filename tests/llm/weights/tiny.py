"""A real model of some 150,000 parameters, trained within seconds to call one tool.

Its template marks where words of a person end (`[/INST]`) and where a tool's outcome does, and it
has learnt what follows each: the call, and that all is done. What comes after `[SONG]` never ends.
"""

import json
import random
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ml_intern.tools.catalogue import all_tools

CALL = '<tool_call>{"name": "double", "arguments": {"number": 21}}</tool_call>'
DONE = "All is done."
SONG = " la" * 40
MARKS = (
    *("<pad>", "<s>", "</s>", "[INST]", "[/INST]", "[SYS]", "[/SYS]", "[SONG]"),
    *("[TOOLS]", "[/TOOLS]", "[RESULT]", "[/RESULT]", "<tool_call>", "</tool_call>"),
)
TEMPLATE = """\
{{ bos_token }}
{%- if tools %}[TOOLS]{{ tools | tojson }}[/TOOLS]{% endif %}
{%- for message in messages %}
{%- if message.role == 'system' %}[SYS]{{ message.content }}[/SYS]
{%- elif message.role == 'user' %}[INST]{{ message.content }}[/INST]
{%- elif message.role == 'tool' %}[RESULT]{{ message.content }}[/RESULT]
{%- else %}{{ message.content }}
{%- for call in message.tool_calls or [] %}
{{- '<tool_call>' + (call.function | tojson) + '</tool_call>' }}
{%- endfor %}</s>
{%- endif %}
{%- endfor %}"""
SINGS = TEMPLATE + "[SONG]"
PLAIN = """\
{%- for message in messages %}
{%- if message.role not in ('user', 'assistant') %}{{ raise_exception('only two') }}{% endif %}
{%- if message.role == 'user' %}[INST]{{ message.content }}[/INST]
{%- else %}{{ message.content }}</s>
{%- endif %}
{%- endfor %}"""
"""Knows neither tools nor a system, and wants turns."""


def build(folder: Path) -> Path:
    """Train it, and save it there."""
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=512,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=32_768,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=True,
        )
    )
    _train(model, tokenizer)
    model.generation_config.do_sample = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def variant(folder: Path, to: Path, template: str | None = None) -> Path:
    """A copy with another template."""
    shutil.copytree(folder, to)
    if template is not None:
        (to / "chat_template.jinja").write_text(template)
    return to


def configured(folder: Path, **changes: object) -> Path:
    """With another configuration."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1_000,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=8,
        show_progress=False,
    )
    shown = [json.dumps(asdict(tool.spec())) for tool in all_tools()]
    tokenizer.train_from_iterator([*shown, *[CALL, DONE, SONG] * 9], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        chat_template=TEMPLATE,
    )


def _train(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    chance = random.Random(0)
    answers = {"[/INST]": CALL + "</s>", "[/RESULT]": DONE + "</s>", "[SONG]": SONG}
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(150):
        # What it learns is to hold of long conversations: much noise, some of it far away.
        noise = [chance.randrange(len(tokenizer)) for _ in range(10 + 5 * step)]
        gap = chance.randrange(30_000) if step % 2 else 0
        rows, labels, places = [], [], []
        for mark, answer in answers.items():
            before = noise + tokenizer(mark)["input_ids"]
            after = tokenizer(answer)["input_ids"]
            rows.append(torch.tensor(before + after))
            labels.append(torch.tensor([-100] * len(before) + after))
            place = torch.arange(len(before + after))
            places.append(place + gap * (place >= len(noise)))
        loss = model(
            input_ids=torch.nn.utils.rnn.pad_sequence(rows, batch_first=True),
            labels=torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100),
            position_ids=torch.nn.utils.rnn.pad_sequence(places, batch_first=True),
        ).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1, "it has learnt"
