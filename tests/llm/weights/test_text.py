"""Tokens as they come, and the text that is said of them."""

import pytest
import torch

from ml_intern.llm.weights.child.memory import weigh_model
from ml_intern.llm.weights.child.model import Model, _Text
from tests.llm.weights.test_prompt import CHATML, tokenizer_with


def said(text, *stops, ends_with=""):
    """The pieces that were said of a text, one token after another; and whether it has ended."""
    tokenizer = tokenizer_with(CHATML)
    pieces = []
    streamed = _Text(tokenizer, {tokenizer.bos_token_id}, list(stops), pieces.append)
    streamed.put(torch.tensor([[1, 2, 3]]))  # the prompt
    for token in tokenizer(text + ends_with, add_special_tokens=False)["input_ids"]:
        streamed.put(torch.tensor([token]))
    streamed.end()
    return pieces, streamed.has_ended


def test_no_half_characters_are_said():
    pieces, _ = said("Grüße 🎉, 世界!")
    assert "".join(pieces) == "Grüße 🎉, 世界!"
    assert not [piece for piece in pieces if "\ufffd" in piece]


def test_a_character_that_is_never_completed_is_said_in_the_end():
    tokenizer = tokenizer_with(CHATML)
    pieces = []
    streamed = _Text(tokenizer, set(), [], pieces.append)
    streamed.put(torch.tensor([[1]]))
    for token in tokenizer("ok 🎉", add_special_tokens=False)["input_ids"][:-1]:
        streamed.put(torch.tensor([token]))
    streamed.end()
    assert "".join(pieces).startswith("ok ")


@pytest.mark.parametrize(
    ("text", "stops", "expected", "has_ended"),
    [
        ("so STOP more", ["STOP"], "so ", True),
        ("so STO", ["STOP"], "so STO", False),
        ("so STOSTOP", ["STOP", "more"], "so STO", True),
    ],
)
def test_nothing_is_said_from_a_stop_string_on(text, stops, expected, has_ended):
    pieces, ended = said(text, *stops)
    assert ("".join(pieces), ended) == (expected, has_ended)


def test_control_tokens_are_text_but_for_those_that_end_the_answer():
    pieces, ended = said("<tool_call>x<|im_end|>", ends_with="<s>")
    assert ("".join(pieces), ended) == ("<tool_call>x<|im_end|>", True)


def test_a_real_model_stops_at_a_stop_string(singer_folder):
    order = {"device": "cpu", "dtype": "auto", "four_bit": False, "window": 4096}
    model = Model(singer_folder, weigh_model(order, {}, {}))
    pieces = []
    asked = {
        "messages": [{"role": "user", "content": "Sing."}],
        "tools": [],
        "stops": ["la la la"],
        "window": 4096,
        "max_new_tokens": 200,
    }
    done = model.answer(asked, say=pieces.append, is_cancelled=bool)
    assert ("".join(pieces), done["stop"]) == (" ", "end")
    assert done["output_tokens"] < 10
