"""What is not read twice."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from ml_intern.llm.weights.child.channel import Cancelled
from ml_intern.llm.weights.child.memory import weigh_model
from ml_intern.llm.weights.child.model import Model
from tests.llm.weights import tiny

BEGINNING = "It is a long way from here to where we shall be one day, and then some more. "


@pytest.fixture(scope="module")
def odd(folder, tmp_path_factory):
    """Untrained, so that what it says depends on each token that it has read."""
    to = tiny.variant(folder, tmp_path_factory.mktemp("odd") / "odd")
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(to)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(to)
    return to


def loaded(folder):
    order = {"device": "cpu", "dtype": "auto", "four_bit": False, "window": 4096}
    return Model(folder, weigh_model(order, {}, {}))


def asked(model, *words, is_cancelled=bool):
    """The answer, and how many tokens were known."""
    said = []
    order = {
        "messages": [{"role": "user", "content": text} for text in words],
        "tools": [],
        "stops": [],
        "window": 4096,
        "max_new_tokens": 30,
    }
    done = model.answer(order, say=said.append, is_cancelled=is_cancelled)
    return "".join(said), done["cache_read_tokens"]


def test_an_answer_is_the_same_whether_its_beginning_was_known_or_not(odd):
    model = loaded(odd)
    first, nothing = asked(model, BEGINNING + "Go left.")
    second, known = asked(model, BEGINNING + "Go right, and on.")
    again, all_but_one = asked(model, BEGINNING + "Go right, and on.")
    fresh, _ = asked(loaded(odd), BEGINNING + "Go right, and on.")

    assert nothing == 0
    assert all_but_one > known > 20
    assert second == again == fresh != first


def test_what_was_cut_off_in_the_middle_is_read_again(odd):
    model = loaded(odd)
    asked(model, BEGINNING)
    looks = iter([False] * 5)
    with pytest.raises(Cancelled):
        asked(model, BEGINNING + "More.", is_cancelled=lambda: next(looks, True))
    after, known = asked(model, BEGINNING + "Other.")
    assert known == 0
    assert after == asked(loaded(odd), BEGINNING + "Other.")[0]
