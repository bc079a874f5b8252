"""The words about models: failures, switches, compactions, tokens."""

from typing import Any

import pytest

from ml_intern.client import models
from ml_intern.client.view import fold
from ml_intern.effort import Effort
from ml_intern.events import Compacted, ModelChanged, ModelFailed, ModelSwitched
from ml_intern.messages import Usage
from tests.cli.journals import Journal


def failed(retry_in_s: float | None, remedy: str = "", **more: Any) -> ModelFailed:
    return ModelFailed(model="m", error="It is busy", retry_in_s=retry_in_s, remedy=remedy, **more)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (failed(None), "m: It is busy."),
        (failed(4.2), "m: It is busy. Asked again in 4 s."),
        (failed(0.3, "asked again"), "m: It is busy. Asked again in 1 s."),
        (failed(600.0, "asked again"), "m: It is busy. Asked again in 10 min."),
        (failed(0.0, "asked again, for less"), "m: It is busy. Asked again, for less."),
        (failed(None, "the rules do it"), "m: It is busy. The rules do it."),
        (failed(0.0, "gpt-5 is asked instead"), "m: It is busy. gpt-5 is asked instead."),
    ],
)
def test_a_failure_says_what_is_done_about_it(event: ModelFailed, words: str) -> None:
    assert models.failure(event) == words


def test_a_failure_names_its_model_once() -> None:
    event = ModelFailed(model="m", error="m at http://x is overloaded", retry_in_s=1.0)
    assert models.failure(event) == "m at http://x is overloaded. Asked again in 1 s."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Nobody answers at http://127.0.0.1:9/v1, so vllm/m cannot be asked. Start the server.",
            "Nobody answers at http://127.0.0.1:9/v1",
        ),
        (
            "gpt-5.5 at https://x.y/v1 is overloaded (503). It can",
            "gpt-5.5 at https://x.y/v1 is overloaded (503)",
        ),
        ("m wants a key. Set M_KEY.", "m wants a key"),
        ("it is gone.", "it is gone"),
        ("x" * 130, "x" * 119 + "…"),
    ],
)
def test_a_failure_is_told_shortly_by_what_it_begins_with(text: str, words: str) -> None:
    assert models.clause(text) == words


def test_what_is_wrong_with_each_model_is_told_apart() -> None:
    told = (
        "gpt: It is busy; come later.; vllm/m at http://x is away.; Nobody; o/x: It is gone.; "
        "gpt-5.5 at https://x/v1 is busy.; o/y is not there."
    )
    assert models.apart(told) == [
        "gpt: It is busy; come later.",
        "vllm/m at http://x is away.; Nobody",
        "o/x: It is gone.",
        "gpt-5.5 at https://x/v1 is busy.",
        "o/y is not there.",
    ]


def test_a_switch_says_who_answers_and_why() -> None:
    switched = ModelSwitched(model="b", instead_of="a", reason="a is overloaded")
    assert models.switch(switched) == "b answers instead of a: a is overloaded."
    assert models.switch(ModelSwitched(model="b", instead_of="a", reason="")) == (
        "b answers instead of a."
    )


@pytest.mark.parametrize(
    ("model", "effort", "lowered", "words"),
    [
        ("a", None, None, "a"),
        ("a", "high", None, "a, effort high"),
        ("a", "high", "medium", "a, effort high (it takes medium)"),
        ("b", None, "low", "b instead of a, effort low"),
        ("autopilot", "high", None, "autopilot instead of a"),
    ],
)
def test_a_model_is_named_with_what_it_stands_for_and_how_hard_it_thinks(
    model: str, effort: Effort | None, lowered: Effort | None, words: str
) -> None:
    assert models.answering(model, "a", effort, lowered) == words


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (Usage(), ""),
        (Usage(input_tokens=1200, output_tokens=3), "1,200 in, 3 out"),
        (
            Usage(input_tokens=1, output_tokens=2, cache_read_tokens=5000, cache_write_tokens=20),
            "5,021 in (5,000 from a cache, 20 into one), 2 out",
        ),
    ],
)
def test_tokens_are_told_with_those_of_a_cache(usage: Usage, words: str) -> None:
    assert models.tokens(usage) == words


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"tokens_before": 24310, "tokens_after": 6120},
            "Summed up by m: 24,310 tokens became 6,120; the last 4 messages stay as they were.",
        ),
        ({"kept": 1}, "Summed up by m: the last message stays as it was."),
        (
            {"written_by": "rules"},
            "Summed up by rules, without a model: the last 4 messages stay as they were.",
        ),
    ],
)
def test_a_compaction_says_by_whom_and_by_how_much(more: dict[str, Any], words: str) -> None:
    more = {"kept": 4, **more}
    compacted = Compacted(
        asked_by="ada", summary="s", model="m", usage=Usage(), cost_micro_usd=0, **more
    )
    assert models.compaction(compacted) == words


def test_the_view_knows_which_model_answers_and_with_which_effort() -> None:
    journal = Journal().add(ModelSwitched(model="b", instead_of="autopilot", reason="away"))
    journal.add(failed(0.0, trouble="effort", effort="low"))
    view = fold(journal)
    assert (view.model, view.own_model, view.lowered) == ("b", "autopilot", {"m": "low"})
    journal.add(ModelChanged(model="c", asked_by="ada", effort="high"))
    view = fold(journal.add(ModelChanged(model="m", asked_by="ada")))
    assert (view.model, view.own_model, view.effort, view.lowered) == ("m", "m", "high", {})


def test_thoughts_that_a_model_does_not_take_back_do_not_lower_its_effort_for_good() -> None:
    view = fold(Journal().add(failed(0.0, trouble="thinking", effort="none")))
    assert view.lowered == {}
