"""Every provider's own words, over real HTTP: what they mean, before and within an answer."""

import json

import pytest

from ml_intern.errors import ContextOverflow, ModelError, Refused, Retryable
from ml_intern.llm.hosted import HostedModel, RequestLoop
from ml_intern.llm.hosted.meaning import Meaning, meaning_of
from ml_intern.llm.hosted.windows import KEEP_S
from tests.llm.hosted.given import SAID, TOOLS, an_endpoint, model_at
from tests.llm.hosted.wordings import (
    ANSWERS_TOO_LONG,
    REFUSALS,
    TOO_LONG,
    Refusal,
    TooMuchAsked,
)
from tests.support.clocks import LeapClock
from tests.support.model_server import Fault, ModelServer, Reply

KEY = "sk-the-key-of-this-test"
FRAMES = {"openai": "data: {}\n\n", "anthropic": "event: error\ndata: {}\n\n", "ollama": "{}\n"}
"""An error as a frame of a stream."""
LARGE = {"/v1/models": {"data": [{"id": "qwen3", "max_model_len": 1_000_000}]}}
"""A window in which a quarter is longer than any answer here."""


def _named(refusal: Refusal) -> str:
    return f"{refusal.trouble}: {refusal.who}"


def _error(reply: Reply, refusal: Refusal, loop: RequestLoop) -> ModelError:
    with ModelServer([reply]) as server:
        model = model_at(server, loop, refusal.dialect, api_key=KEY)
        with pytest.raises(ModelError) as raised:
            model.complete(SAID, TOOLS)
        assert len(server.requests) == 1
    return raised.value


def _kind(refusal: Refusal) -> type[ModelError]:
    return {"context": ContextOverflow, "rate": Retryable}.get(refusal.trouble, Refused)


def test_there_are_wordings_of_enough_providers() -> None:
    assert len({refusal.who.partition(",")[0] for refusal in TOO_LONG}) >= 20


@pytest.mark.parametrize("refusal", REFUSALS, ids=_named)
def test_a_refusal_before_the_answer(loop: RequestLoop, refusal: Refusal) -> None:
    fault = Fault(kind="status", status=refusal.status, body=json.dumps(refusal.body))
    error = _error(Reply(faults=(fault,)), refusal, loop)
    assert type(error) is _kind(refusal)
    assert error.trouble == refusal.trouble
    assert getattr(error, "window", None) == refusal.tokens
    assert error.is_free == (refusal.status < 500)
    assert KEY not in str(error)


@pytest.mark.parametrize("refusal", REFUSALS, ids=_named)
def test_a_refusal_in_the_stream(loop: RequestLoop, refusal: Refusal) -> None:
    """Under the status 200, which says nothing."""
    body = refusal.body[0] if isinstance(refusal.body, list) else refusal.body
    body = body if "error" in body else {"error": body}
    frame = FRAMES[refusal.dialect].replace("{}", json.dumps(body))
    error = _error(Reply(frames=(frame,)), refusal, loop)
    if refusal.trouble == "request":
        assert type(error) is Retryable
        assert error.trouble == "away"
    else:
        assert type(error) is _kind(refusal)
        assert error.trouble == refusal.trouble
    if isinstance(error, ContextOverflow):
        assert error.window == refusal.tokens


@pytest.mark.parametrize("asked", ANSWERS_TOO_LONG, ids=lambda asked: asked.who)
def test_an_answer_that_is_too_long_for_the_model_is_asked_for_shorter(
    loop: RequestLoop, asked: TooMuchAsked
) -> None:
    refusal = Fault(kind="status", status=400, message=asked.message)
    with ModelServer([Reply(text="short", faults=(refusal,))], pages=LARGE) as server:
        model = model_at(server, loop, max_output_tokens=100_000)
        assert model.complete(SAID, TOOLS).message.text == "short"
        model.complete(SAID, TOOLS)
        sent = [seen.body["max_tokens"] for seen in server.requests]
    most = asked.most or 50_000
    if asked.window is not None:
        most = min(most, asked.window // 4)
    assert sent == [100_000, most, most]


def test_an_answer_gets_what_a_long_conversation_leaves_and_the_next_one_is_known_to_be_too_long(
    loop: RequestLoop,
) -> None:
    words = next(each for each in ANSWERS_TOO_LONG if each.who == "vLLM").message
    words = words.replace("120", "7000")
    refusal = Fault(kind="status", status=400, message=words)
    with ModelServer([Reply(text="short", faults=(refusal,))], pages=LARGE) as server:
        model = model_at(server, loop)
        assert model.complete(SAID, TOOLS).message.text == "short"
        assert server.last.body["max_tokens"] == 8192 - 7000
        window = model.window()
    assert window is not None
    assert (window.tokens, window.answer, window.source) == (8192, 2048, "what it refused")


def test_what_a_refusal_has_told_is_forgotten_when_the_server_says_another_window(
    loop: RequestLoop,
) -> None:
    words = next(each for each in ANSWERS_TOO_LONG if each.who == "vLLM").message
    refusal = Fault(kind="status", status=400, message=words)
    clock = LeapClock()
    with ModelServer([Reply(text="short", faults=(refusal,))], pages=LARGE) as server:
        endpoint = an_endpoint("vllm/qwen3", api_base=server.openai_url)
        model = HostedModel(endpoint, loop, clock=clock)
        model.complete(SAID, TOOLS)
        clock.leap(KEEP_S)
        assert model.window().tokens == 8192
        server.pages["/v1/models"] = {"data": [{"id": "qwen3", "max_model_len": 32_768}]}
        clock.leap(KEEP_S)
        assert model.window().tokens == 32_768


def test_an_answer_gets_what_is_left_also_where_the_window_is_known(loop: RequestLoop) -> None:
    """The server counts more tokens than we do."""
    words = next(each for each in ANSWERS_TOO_LONG if each.who == "vLLM").message
    refusal = Fault(kind="status", status=400, message=words.replace("120", "7000"))
    pages = {"/v1/models": {"data": [{"id": "qwen3", "max_model_len": 8192}]}}
    with ModelServer([Reply(text="short", faults=(refusal,))], pages=pages) as server:
        assert model_at(server, loop).complete(SAID, TOOLS).message.text == "short"
        assert [seen.body["max_tokens"] for seen in server.requests] == [2048, 8192 - 7000]


def test_an_answer_is_shortened_once_for_a_refusal(loop: RequestLoop) -> None:
    refusal = Fault(kind="status", status=400, message="max_tokens too large")
    with ModelServer([Reply(faults=(refusal,) * 5)]) as server:
        with pytest.raises(Refused, match="`max_output_tokens` lower") as raised:
            model_at(server, loop, max_output_tokens=64).complete(SAID, TOOLS)
        assert [seen.body["max_tokens"] for seen in server.requests] == [64, 32]
    assert raised.value.trouble == "request"


@pytest.mark.parametrize(
    ("tokens", "window"), [(3, None), (255, None), (256, 256), (10**8, 10**8), (10**8 + 1, None)]
)
def test_a_window_that_cannot_be_one_is_not_believed(tokens: int, window: int | None) -> None:
    words = f"This model's maximum context length is {tokens} tokens."
    assert meaning_of(words) == Meaning(trouble="context", tokens=window)
