"""That a provider finds again what it has read before: as requests grow, and after a compaction."""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ml_intern.errors import Refused
from ml_intern.llm.hosted import HostedModel, RequestLoop, hosted_model
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from tests.llm.hosted.given import SAID, TOOLS, address, model_at
from tests.support.model_server import ModelServer, Reply

MOST_MARKS = 4
"""That Anthropic takes, wherever it is asked."""
LOOKS_BACK = 20
"""Blocks before a mark in which an earlier entry is found."""
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAFAKE",
    "AWS_SECRET_ACCESS_KEY": "fake",
    "AWS_REGION_NAME": "us-east-1",
}
ROUTES = {
    "anthropic": "claude-opus-4-8",
    "openai": "openrouter/anthropic/claude-opus-4.8",
    "bedrock": "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
}
"""By how they are spoken to."""


def model_of(dialect: str, server: ModelServer, loop: RequestLoop) -> HostedModel:
    if dialect == "bedrock":
        base = address(server, "anthropic")
        return hosted_model(ROUTES[dialect], loop, api_base=base, secrets=AWS.get)
    return model_at(server, loop, dialect, name=ROUTES[dialect])


def blocks(body: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Everything that is read, in order, as text, and whether a cache may end after it."""
    found: list[tuple[str, bool]] = [(json.dumps(body.get("tools") or body["toolConfig"]), False)]
    system = {"role": "system", "content": body.get("system", [])}
    for message in (system, *body["messages"]):
        content = message.get("content") or []
        for block in content if isinstance(content, list) else [_text(content)]:
            if "cachePoint" in block:
                found[-1] = (found[-1][0], True)
                continue
            is_marked = "cache_control" in block
            plain = {name: value for name, value in block.items() if name != "cache_control"}
            found.append((json.dumps([message["role"], plain]), is_marked))
    return found


def _text(content: str) -> dict[str, str]:
    return {"type": "text", "text": content}


def prefixes(body: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What the provider keeps: the texts before each mark, the longest last."""
    read = blocks(body)
    texts = tuple(text for text, _ in read)
    return [texts[: at + 1] for at, (_, is_marked) in enumerate(read) if is_marked]


def is_found(kept: tuple[str, ...], body: Mapping[str, Any]) -> bool:
    """Whether a later request finds an entry: from one of its marks, not too far back."""
    return any(
        later[: len(kept)] == kept and len(later) - len(kept) < LOOKS_BACK
        for later in prefixes(body)
    )


def conversation(rounds: int, calls: int) -> Iterator[list[Message]]:
    """The messages of each request of a run; the calls have their answers."""
    said: list[Message] = list(SAID)
    for at in range(rounds):
        yield list(said)
        said += _exchange(at, calls)
        if at % 3 == 2:
            said.append(UserMessage(text="The plan is open.", injected=True))


def _exchange(at: int, calls: int) -> list[Message]:
    made = tuple(
        ToolCall(call_id=CallId(f"c{at}_{n}"), name="bash", arguments="{}") for n in range(calls)
    )
    answers = [
        ToolMessage(call_id=each.call_id, name="bash", text=f"answer of {each.call_id}")
        for each in made
    ]
    return [AssistantMessage(text=f"I look {at}.", tool_calls=made), *answers]


def ask(model: HostedModel, said: list[Message]) -> None:
    """The stand-in does not speak Bedrock's own format; what it was asked is enough."""
    if model.name == ROUTES["bedrock"]:
        with pytest.raises(Refused, match="converse-stream"):
            model.complete(said, TOOLS)
    else:
        model.complete(said, TOOLS)


@pytest.mark.parametrize("calls", [1, 30])
@pytest.mark.parametrize("dialect", ROUTES)
def test_each_request_finds_what_the_one_before_it_left(
    loop: RequestLoop, dialect: str, calls: int
) -> None:
    with ModelServer(lambda _seen: Reply(text="x")) as server:
        model = model_of(dialect, server, loop)
        for said in conversation(8, calls):
            ask(model, said)
        bodies = [seen.body for seen in server.requests]
    assert len(bodies) == 8
    for before, after in itertools.pairwise(bodies):
        assert is_found(prefixes(before)[-1], after)
    assert all(1 <= len(prefixes(body)) <= MOST_MARKS for body in bodies)


@pytest.mark.parametrize("dialect", ROUTES)
def test_after_a_compaction_tools_and_system_prompt_are_still_found(
    loop: RequestLoop, dialect: str
) -> None:
    *_, long = conversation(8, 2)
    summed_up = [SAID[0], UserMessage(text="Summed up.", injected=True, summary=True), *long[-3:]]
    with ModelServer(lambda _seen: Reply(text="x")) as server:
        model = model_of(dialect, server, loop)
        for said in (long, summed_up, [*summed_up, *_exchange(9, 2)]):
            ask(model, said)
        before, after, grown = (seen.body for seen in server.requests)
    system = prefixes(before)[0]
    assert "You train models." in system[-1]
    assert is_found(system, after)
    assert is_found(prefixes(after)[-1], grown)


def test_openai_is_told_which_requests_belong_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def key_of(server: ModelServer) -> str:
        return str(server.last.body["prompt_cache_key"])

    with RequestLoop() as loop, ModelServer(lambda _seen: Reply(text="x")) as server:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        keys = []
        for name in ("gpt-4o", "gpt-5.5"):  # by either interface
            model = model_at(server, loop, name=name, address="http://api.openai.com/v1")
            for said in conversation(2, 1):
                model.complete(said, TOOLS)
                keys.append(key_of(server))
        assert len(set(keys)) == 1
        model.complete([SystemMessage(text="Another."), *SAID[1:]], TOOLS)
        assert key_of(server) not in keys


def test_nobody_else_is_sent_the_key_of_a_cache(loop: RequestLoop) -> None:
    with ModelServer([Reply(text="x")]) as server:
        model_at(server, loop).complete(SAID, TOOLS)
        assert "prompt_cache_key" not in server.last.body
