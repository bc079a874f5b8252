"""What is exported, as those read it who train on it: `datasets`, TRL and a chat template."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml_intern.tracing.exporting.examples import THOUGHTS
from tests.tracing import golden
from tests.tracing.exporting.test_examples import of

pytestmark = pytest.mark.timeout(120)  # it imports TRL

TEMPLATE = """\
{%- if tools %}<tools>{% for tool in tools %}{{ tool | tojson }}{% endfor %}</tools>{% endif %}
{%- for message in messages %}<{{ message.role }}>
{%- if message.role == 'tool' %}{{ message.name }}: {% endif %}{{ message.content }}
{%- for call in message.tool_calls or [] %}<call>{{ call.function.name }}
{%- for name, value in call.function.arguments.items() %} {{ name }}={{ value | tojson }}
{%- endfor %}</call>{% endfor %}
{%- endfor %}"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    paths = sorted(golden.EXAMPLES.glob("*.jsonl"))
    return [example.as_json() for path in paths for example in of(path)]


@pytest.fixture(scope="module")
def dataset(lines: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    import datasets

    folder = tmp_path_factory.mktemp("exported")
    (folder / "train.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return datasets.load_dataset(
        "json",
        data_files=str(folder / "train.jsonl"),
        split="train",
        cache_dir=str(folder / "cache"),
    )


@pytest.fixture(scope="module")
def tokenizer(lines: list[dict[str, Any]]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<end>"], initial_alphabet=letters, show_progress=False
    )
    made.train_from_iterator((json.dumps(line) for line in lines), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<end>", pad_token="<end>", chat_template=TEMPLATE
    )


def test_rows_are_the_lines_that_were_written(dataset: Any, lines: list[dict[str, Any]]) -> None:
    """`datasets` gives every row the same columns: nothing is filled in, nothing lost."""
    assert list(dataset) == lines


def test_a_template_shows_calls_results_and_tools(dataset: Any, tokenizer: Any) -> None:
    from trl import apply_chat_template

    (row,) = [row for row in dataset if len(row["tools"]) > 8]
    text = apply_chat_template({"messages": row["messages"]}, tokenizer, row["tools"])["text"]
    assert (
        '<call>edit path="train.py" old="patch_size: int = 3" new="patch_size: int = 2"</call>'
        in text
    )
    assert '<tool>plan: {"done": 0, "open": 5}' in text
    assert text.count("<call>") == text.count("<tool>")
    for tool in row["tools"]:
        assert f'"name": "{tool["function"]["name"]}"' in text


def test_trl_trains_on_them(dataset: Any, tokenizer: Any, tmp_path: Path) -> None:
    """Its own way from the file to tokens: every call, result and schema is in them."""
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = LlamaConfig(
        vocab_size=len(tokenizer), num_attention_heads=2, max_position_embeddings=16_384, **shape
    )
    settings = SFTConfig(
        output_dir=str(tmp_path),
        max_length=None,
        max_steps=1,
        per_device_train_batch_size=1,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )
    trainer = SFTTrainer(
        LlamaForCausalLM(config), settings, train_dataset=dataset, processing_class=tokenizer
    )
    shown = [tokenizer.decode(row["input_ids"]) for row in trainer.train_dataset]
    expected = [
        tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
        for row in dataset
    ]
    assert [text.removesuffix("<end>") for text in shown] == expected
    assert trainer.train().training_loss > 0


def test_thoughts_stand_where_templates_look_for_them(tokenizer: Any) -> None:
    """Those of TRL itself, one for each name of the field."""
    import trl

    (example,) = [
        one
        for path in sorted(golden.EXAMPLES.glob("*.jsonl"))
        for one in of(path)
        if "They keep the rate" in json.dumps(one.as_json())
    ]
    folder = Path(trl.__file__).parent / "chat_templates"
    for name, key in (("qwen3_training", "reasoning_content"), ("gptoss_training", "thinking")):
        messages = [renamed(message, key) for message in example.messages]
        template = (folder / f"{name}.jinja").read_text()
        text = tokenizer.apply_chat_template(
            messages, tools=example.tools, chat_template=template, tokenize=False
        )
        assert "They keep the rate. Write the script." in text


def renamed(message: dict[str, Any], key: str) -> dict[str, Any]:
    return {key if name == THOUGHTS else name: value for name, value in message.items()}
