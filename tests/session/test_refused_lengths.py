"""A server of 8k refuses in its provider's words; the client believes that it takes more."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ml_intern.context.counting import count_text
from ml_intern.events import ModelAsked, ModelFailed, TurnFinished
from ml_intern.llm.hosted import RequestLoop, warm
from ml_intern.session.desk import Limits
from ml_intern.tools.protocol import succeed
from tests.llm.hosted.given import model_at
from tests.llm.hosted.wordings import TOO_LONG, Refusal
from tests.support.desks import Bench
from tests.support.model_server import Call, Fault, ModelServer, Reply
from tests.support.model_server.server import Seen

WINDOW = 8_192
CALLS = 9
RESULT = "4 kB of a log that says nothing. " * 120
BY_WHO = {refusal.who: refusal for refusal in TOO_LONG}
WITH_A_NUMBER = (
    *("OpenAI", "Anthropic", "Gemini", "Mistral", "Groq, more than a minute's rate", "vLLM"),
    *("llama.cpp", "Text Generation Inference", "Bedrock, newer", "OpenRouter, for another"),
)
WITHOUT = (
    *("OpenAI, responses", "Anthropic, by bytes", "Groq", "Bedrock", "Ollama", "Ollama's cloud"),
    *("Z.ai", "MiniMax"),
)


@pytest.fixture(scope="module")
def loop() -> Iterator[RequestLoop]:
    warm()
    with RequestLoop() as loop:
        yield loop


class SmallServer:
    """Looks `CALLS` times, and refuses in the words of `refusal` what is longer than `WINDOW`."""

    def __init__(self, refusal: Refusal, *, says: int | None = WINDOW) -> None:
        """`says`: the number in its words; None: whatever they said when they were written down."""
        words = json.dumps(refusal.body)
        if refusal.tokens is not None and says is not None:
            words = words.replace(str(refusal.tokens), str(says))
        self._refused = Fault(kind="status", status=refusal.status, body=words)
        self._calls = 0
        self.sizes: list[int] = []
        """Of each request."""

    def __call__(self, seen: Seen) -> Reply:
        size = tokens_in(seen.body)
        self.sizes.append(size)
        if (fault := self.refusal(size, seen.body)) is not None:
            return Reply(always=fault)
        if not seen.body.get("tools"):
            return Reply(text="## Goal\nTo look.", input_tokens=size)
        if self._calls == CALLS:
            return Reply(text="Done.", input_tokens=size)
        self._calls += 1
        look = Call(name="look", arguments={"number": self._calls})
        return Reply(calls=(look,), input_tokens=size)

    def refusal(self, size: int, body: Mapping[str, Any]) -> Fault | None:
        return self._refused if size > WINDOW else None


class WithTheAnswer(SmallServer):
    """Counts the longest answer as part of the window, as vLLM does."""

    def __init__(self) -> None:
        super().__init__(BY_WHO["vLLM"])
        self.refused = 0

    def refusal(self, size: int, body: Mapping[str, Any]) -> Fault | None:
        answer = body["max_tokens"]
        if size + answer <= WINDOW:
            return None
        self.refused += 1
        words = (
            f"'max_tokens' or 'max_completion_tokens' is too large: {answer}. This model's maximum "
            f"context length is {WINDOW} tokens and your request has {size} input tokens "
            f"({answer} > {WINDOW} - {size})."
        )
        return Fault(kind="status", status=400, message=words)


def tokens_in(body: Mapping[str, Any]) -> int:
    sent = [body["messages"], body.get("system", ""), body.get("tools", [])]
    return count_text(json.dumps(sent, ensure_ascii=False))


def run_at(server: SmallServer, folder: Path, loop: RequestLoop, dialect: str = "openai") -> Bench:
    """A session that ends, at a server that says of itself that it takes 200,000."""
    bench = Bench(folder, [], limits=Limits(max_iterations=100, max_turn_s=600))
    bench.look.answer = lambda args, _ctx: succeed(f"{args.number}: {RESULT}")
    with ModelServer(server) as listening:
        bench.model = model_at(listening, loop, dialect)
        bench.start("Look often.")
        assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")
    return bench


def check_refusals(server: SmallServer, bench: Bench, most: int) -> None:
    """Each is followed by one request that is shorter, and there are not many."""
    refused = [place for place, size in enumerate(server.sizes) if size > WINDOW]
    assert 1 <= len(refused) <= most
    for place in refused:
        assert server.sizes[place + 1] < server.sizes[place]
    failed = bench.all(ModelFailed)
    assert [each.trouble for each in failed] == ["context"] * len(refused)
    assert len(bench.all(ModelAsked)) == len(server.sizes)


@pytest.mark.parametrize("who", [*WITH_A_NUMBER, *WITHOUT])
def test_a_refusal_for_length_is_followed_by_one_shorter_request(
    tmp_path: Path, loop: RequestLoop, who: str
) -> None:
    server = SmallServer(BY_WHO[who])
    bench = run_at(server, tmp_path, loop, BY_WHO[who].dialect)
    check_refusals(server, bench, most=1 if who in WITH_A_NUMBER else 2)


@pytest.mark.parametrize("says", [None, 9_000, 300])
def test_a_number_that_is_wrong_does_not_loop(
    tmp_path: Path, loop: RequestLoop, says: int | None
) -> None:
    server = SmallServer(BY_WHO["OpenAI"], says=says)
    check_refusals(server, run_at(server, tmp_path, loop), most=3)


def test_a_server_that_counts_the_answer_too_is_not_asked_twice_for_each_answer(
    tmp_path: Path, loop: RequestLoop
) -> None:
    server = WithTheAnswer()
    run_at(server, tmp_path, loop)
    assert server.refused <= 2
