"""Counting without a network; texts that tokenizers stumble over."""

import random
import subprocess
import sys

import pytest
import tiktoken

from ml_intern.context import counting
from ml_intern.context.counting import count_message, count_text, count_thinking, count_tools
from ml_intern.messages import AssistantMessage, CallId, ToolCall, ToolSpec, UserMessage


def test_it_counts_as_openais_tokenizer_does() -> None:
    text = "def train(model, data):\n    return model.fit(data)  # Modell — обучение — 训练\n"
    assert count_text(text) == len(tiktoken.get_encoding("o200k_base").encode_ordinary(text))


def test_the_name_of_a_special_token_is_text() -> None:
    assert count_text("<|endoftext|>") > 1


@pytest.mark.parametrize("text", ["", "\udc00 half a pair", "\x00", "a" * 300_000, " " * 300_000])
def test_every_text_can_be_counted(text: str) -> None:
    assert (count_text(text) == 0) is (text == "")


def test_a_long_text_is_counted_in_pieces_that_add_up() -> None:
    words = random.Random(7).choices(["loss", "=", "0.25", "epoch", "\n", "train.py"], k=60_000)
    text = " ".join(words)
    whole = len(tiktoken.get_encoding("o200k_base").encode_ordinary(text))
    assert abs(count_text(text) - whole) <= len(text) // counting.PIECE_CHARS + 1


def test_a_message_is_its_words_and_its_calls() -> None:
    call = ToolCall(call_id=CallId("c"), name="write", arguments='{"path": "a.py"}')
    plain = AssistantMessage(text="So.")
    calling = AssistantMessage(text="So.", tool_calls=(call, call))
    assert count_message(plain, len) == counting.AROUND_MESSAGE + 3
    around = counting.AROUND_CALL + len("write") + len('{"path": "a.py"}')
    assert count_message(calling, len) == counting.AROUND_MESSAGE + 3 + 2 * around


def test_thoughts_are_counted_apart() -> None:
    message = AssistantMessage(text="So.", thinking="hm, hm")
    assert (count_thinking(message, len), count_thinking(UserMessage(text="x"), len)) == (6, 0)


def test_tools_are_their_names_words_and_schemas() -> None:
    tools = [ToolSpec(name="read", description="Reads.", parameters={"type": "object"})] * 2
    each = counting.AROUND_TOOL + len("read") + len("Reads.") + len('{"type": "object"}')
    assert count_tools(tools, len) == 2 * each


def test_neither_litellm_nor_a_network_is_needed() -> None:
    """A host that no name leads to would be asked for the vocabulary, were it not at hand."""
    code = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('the network was asked')\n"
        "socket.getaddrinfo = refuse\n"
        "from ml_intern.context.counting import count_text\n"
        "assert count_text('hello world') == 2\n"
        "assert 'litellm' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_tokenizer_it_says_so_and_guesses_too_many(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 20
    exact = count_text(text)
    counting._count.cache_clear()
    monkeypatch.setattr(counting, "_vocabularies", lambda: None)
    try:
        assert count_text(text) > exact
        assert "no_tokenizer" in caplog.text
    finally:
        counting._count.cache_clear()
