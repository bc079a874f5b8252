"""A hosted model over real HTTP: what it sends, what it brings back, and how it is stopped."""

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import Interrupted, Refused, Retryable
from ml_intern.llm.client import ModelClient, ModelReply
from ml_intern.llm.hosted import RequestLoop, hosted_model
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from tests.llm.hosted.given import DIALECTS, NAMES, SAID, TOOLS, address, model_at
from tests.support.model_server import Call, Fault, ModelServer, Reply
from tests.support.waiting import wait_until

LONG = Reply(text=" ".join(map(str, range(200))), pieces=200, piece_delay_s=0.05)
"""Ten seconds of talking: longer than any test listens."""
SILENT = Reply(faults=(Fault(kind="silence"),))


def answered(reply: ModelReply, text: str = "fine") -> list[Message]:
    """The reply as part of the conversation, every call of it answered."""
    answers = [
        ToolMessage(call_id=call.call_id, name=call.name, text=text)
        for call in reply.message.tool_calls
    ]
    return [reply.message, *answers]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_words_thoughts_calls_and_usage_arrive(loop: RequestLoop, dialect: str) -> None:
    calls = (Call(name="bash", arguments={"command": "ls"}), Call(name="bash"), Call(name="bash"))
    with ModelServer([Reply(text="I look.", thinking="hm hm", calls=calls)]) as server:
        model: ModelClient = model_at(server, loop, dialect)
        reply = model.complete(SAID, TOOLS)
    assert (reply.message.text, reply.message.thinking) == ("I look.", "hm hm")
    assert [(call.name, json.loads(call.arguments)) for call in reply.message.tool_calls] == [
        ("bash", {"command": "ls"}),
        ("bash", {}),
        ("bash", {}),
    ]
    assert len({call.call_id for call in reply.message.tool_calls}) == 3
    assert reply.stop_reason == "tool_calls"
    assert reply.model == NAMES[dialect]
    assert reply.usage == Usage(input_tokens=100, output_tokens=10)
    assert reply.cost_micro_usd == (750 if dialect == "anthropic" else 0)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_cut_at_its_length_says_so(loop: RequestLoop, dialect: str) -> None:
    with ModelServer([Reply(text="and then", finish="length")]) as server:
        reply = model_at(server, loop, dialect).complete(SAID, TOOLS)
    assert (reply.stop_reason, reply.message.text) == ("length", "and then")


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_an_answer_that_a_filter_stopped_is_refused(loop: RequestLoop, dialect: str) -> None:
    reply = Reply(text="I would", finish="content_filter")
    with ModelServer([reply]) as server, pytest.raises(Refused, match="content filter") as raised:
        model_at(server, loop, dialect).complete(SAID, TOOLS)
    assert raised.value.text == "I would"


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_cached_tokens_are_counted_apart(loop: RequestLoop, dialect: str) -> None:
    with ModelServer([Reply(text="x", input_tokens=100, cache_read_tokens=60)]) as server:
        usage = model_at(server, loop, dialect).complete(SAID, TOOLS).usage
    assert usage == Usage(input_tokens=40, output_tokens=10, cache_read_tokens=60)


@pytest.mark.parametrize("dialect", ["openai", "ollama"])
def test_a_count_that_nobody_made_is_not_made_up(loop: RequestLoop, dialect: str) -> None:
    with ModelServer([Reply(text="x", input_tokens=None)]) as server:
        assert model_at(server, loop, dialect).complete(SAID, TOOLS).usage == Usage()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_text_is_heard_in_order_in_the_callers_thread(loop: RequestLoop, dialect: str) -> None:
    text = " ".join(map(str, range(100)))
    heard: list[tuple[str, threading.Thread]] = []
    with ModelServer([Reply(text=text, pieces=50)]) as server:
        model_at(server, loop, dialect).complete(
            SAID, TOOLS, on_text=lambda piece: heard.append((piece, threading.current_thread()))
        )
    assert "".join(piece for piece, _ in heard) == text
    assert len(heard) == 49
    assert {thread for _, thread in heard} == {threading.current_thread()}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_conversation_of_many_calls_is_taken_by_the_provider(
    loop: RequestLoop, dialect: str
) -> None:
    """The server refuses, as the real one does, what is not paired or not well-formed."""
    odd = AssistantMessage(
        tool_calls=(
            ToolCall(call_id=CallId("odd_1"), name="no such tool!", arguments="{broken"),
            ToolCall(call_id=CallId("odd_2"), name="bash", arguments="[1]"),
        )
    )
    replies = [Reply(text="unused"), Reply(calls=(Call(name="bash"),) * 300), Reply(text="done")]
    said = [*SAID, *answered(ModelReply(message=odd, stop_reason="tool_calls", model="m"))]
    said.append(UserMessage(text="Go on.", injected=True))
    with ModelServer(replies) as server:
        model = model_at(server, loop, dialect)
        many = model.complete(said, TOOLS)
        assert len(many.message.tool_calls) == 300
        last = model.complete([*said, *answered(many, text="")], TOOLS)
    assert last.message.text == "done"


def test_what_is_not_paired_comes_back_in_the_providers_words(loop: RequestLoop) -> None:
    call = ToolCall(call_id=CallId("call_7"), name="bash", arguments="{}")
    said = [*SAID, AssistantMessage(tool_calls=(call,))]
    words = "did not have response messages: call_7"
    with ModelServer([Reply(text="x")]) as server, pytest.raises(Refused, match=words):
        model_at(server, loop).complete(said, TOOLS)


def test_limits_are_sent_and_tools_when_there_are_any(loop: RequestLoop) -> None:
    with ModelServer([Reply(text="x")]) as server:
        model_at(server, loop, max_output_tokens=77).complete(SAID, TOOLS)
        assert server.last.body["max_tokens"] == 77
        assert [each["function"]["name"] for each in server.last.body["tools"]] == ["bash"]
        model_at(server, loop).complete(SAID, [])
        assert "tools" not in server.last.body


def test_anthropic_is_told_what_to_cache(loop: RequestLoop) -> None:
    with ModelServer([Reply(calls=(Call(name="bash"),)), Reply(text="done")]) as server:
        model = model_at(server, loop, "anthropic")
        said = [*SAID, *answered(model.complete(SAID, TOOLS))]
        model.complete(said, TOOLS)
    body = server.last.body
    marks = [
        (message["role"], block["type"])
        for message in ({"role": "system", "content": body["system"]}, *body["messages"])
        for block in message["content"]
        if "cache_control" in block
    ]
    assert marks == [("system", "text"), ("user", "text"), ("user", "tool_result")]


def frames(*deltas: tuple[dict[str, Any], str | None]) -> tuple[str, ...]:
    """The stream of a server with habits of its own."""
    choices = [{"index": 0, "delta": delta, "finish_reason": why} for delta, why in deltas]
    chunks = [{"id": "1", "model": "m", "created": 1, "choices": [each]} for each in choices]
    return (*(f"data: {json.dumps(each)}\n\n" for each in chunks), "data: [DONE]\n\n")


def call_piece(index: int | None, **fields: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {**place, **fields, "function": function}


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param(
            [({"tool_calls": [call_piece(0, id="a", name="bash", arguments="{}")]}, "tool_calls")],
            id="the reason comes with the last piece",
        ),
        pytest.param(
            [({"tool_calls": [call_piece(None, id="a", name="bash", arguments="{}")]}, "stop")],
            id="no index, and the reason of plain words",
        ),
        pytest.param(
            [
                ({"tool_calls": [call_piece(0, id="a", name="bash", arguments="{")]}, None),
                ({"tool_calls": [call_piece(0, id="a", name="bash", arguments="}")]}, ""),
                ({}, "tool_calls"),
            ],
            id="id and name with every piece",
        ),
        pytest.param(
            [
                ({"tool_calls": [call_piece(0, name="bash", arguments="{")]}, None),
                ({"tool_calls": [call_piece(0, name=None, arguments="}")]}, None),
                ({}, "function_call"),
            ],
            id="no id at all",
        ),
    ],
)
def test_calls_are_whole_whatever_the_habits_of_a_server(
    loop: RequestLoop, deltas: list[tuple[dict[str, Any], str | None]]
) -> None:
    with ModelServer([Reply(frames=frames(*deltas))]) as server:
        reply = model_at(server, loop).complete(SAID, TOOLS)
    assert [(each.name, each.arguments) for each in reply.message.tool_calls] == [("bash", "{}")]
    assert all(each.call_id for each in reply.message.tool_calls)
    assert reply.stop_reason == "tool_calls"


def test_thoughts_are_found_under_either_name(loop: RequestLoop) -> None:
    for field in ("reasoning_content", "reasoning"):
        stream = frames(
            ({field: "deep "}, None), ({field: "thought"}, None), ({"content": "hi"}, "stop")
        )
        with ModelServer([Reply(frames=stream)]) as server:
            message = model_at(server, loop).complete(SAID, TOOLS).message
        assert (message.thinking, message.text) == ("deep thought", "hi")


# -- stopping -------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_interrupted_in_an_answer_it_keeps_the_text_and_hangs_up(
    loop: RequestLoop, dialect: str
) -> None:
    heard: list[str] = []
    with ModelServer([LONG]) as server:
        with pytest.raises(Interrupted) as raised:
            model_at(server, loop, dialect).complete(
                SAID, TOOLS, on_text=heard.append, cancelled=lambda: len(heard) >= 3
            )
        assert raised.value.text == "".join(heard)
        assert len(heard) >= 3
        wait_until(lambda: server.last.outcome == "left")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", ["silence", "stall"])
def test_interrupted_in_silence_it_returns_at_once_and_hangs_up(
    loop: RequestLoop, dialect: str, kind: str
) -> None:
    stop = threading.Event()
    silent = Reply(text="half an answer", faults=(Fault(kind=kind, after=3),))  # type: ignore[arg-type]
    with ModelServer([silent]) as server:
        threading.Thread(target=_set_when_asked, args=(stop, server)).start()
        with pytest.raises(Interrupted):
            model_at(server, loop, dialect).complete(SAID, TOOLS, cancelled=stop.is_set)
        wait_until(lambda: server.last.outcome == "left")


def _set_when_asked(stop: threading.Event, server: ModelServer) -> None:
    wait_until(lambda: bool(server.requests))
    stop.set()


def test_it_looks_whether_it_is_cancelled_five_times_a_second(loop: RequestLoop) -> None:
    looks: list[float] = []

    def cancelled() -> bool:
        looks.append(time.monotonic())
        return len(looks) > 12

    with ModelServer([SILENT]) as server, pytest.raises(Interrupted):
        model_at(server, loop).complete(SAID, TOOLS, cancelled=cancelled)
    gaps = sorted(after - before for before, after in itertools.pairwise(looks))
    assert gaps[len(gaps) // 2] < 0.2


def test_a_listener_that_fails_does_not_leave_the_provider_talking(loop: RequestLoop) -> None:
    def fail(_piece: str) -> None:
        raise ZeroDivisionError

    with ModelServer([LONG]) as server:
        with pytest.raises(ZeroDivisionError):
            model_at(server, loop).complete(SAID, TOOLS, on_text=fail)
        wait_until(lambda: server.last.outcome == "left")


def test_an_answer_that_is_complete_is_not_thrown_away(loop: RequestLoop) -> None:
    with ModelServer([Reply(text="x", pieces=1)]) as server:
        done = threading.Event()
        reply = model_at(server, loop).complete(
            SAID, TOOLS, cancelled=lambda: done.is_set() and not server.last.ended_at
        )
    assert reply.message.text == "x"


def test_closing_the_loop_interrupts_what_is_under_way() -> None:
    mine = RequestLoop()
    heard: list[str] = []
    with ModelServer([LONG]) as server:
        closing = threading.Thread(target=lambda: (wait_until(lambda: bool(heard)), mine.close()))
        closing.start()
        with pytest.raises(Interrupted) as raised:
            model_at(server, mine).complete(SAID, TOOLS, on_text=heard.append)
        closing.join()
        assert raised.value.text == "".join(heard)
        wait_until(lambda: server.last.outcome == "left")


# -- many at once, and for long --------------------------------------------------------------


def test_twenty_sessions_side_by_side_get_each_its_own(loop: RequestLoop) -> None:
    def reply_to(seen: object) -> Reply:
        said = seen.body["messages"][-1]["content"]  # type: ignore[attr-defined]
        return Reply(text=f"you said {said}", pieces=5)

    got: dict[int, Sequence[str]] = {}

    def talk(number: int) -> None:
        model = model_at(server, loop)
        got[number] = [
            model.complete([UserMessage(text=f"{number}.{turn}")], TOOLS).message.text
            for turn in range(3)
        ]

    with ModelServer(reply_to) as server:
        threads = [threading.Thread(target=talk, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == {n: [f"you said {n}.{turn}" for turn in range(3)] for n in range(20)}


def test_a_slow_session_does_not_hold_up_another(loop: RequestLoop) -> None:
    stop = threading.Event()
    with ModelServer([SILENT]) as silent, ModelServer([Reply(text="quick")]) as server:
        slow = threading.Thread(target=_until_interrupted, args=(silent, loop, stop))
        slow.start()
        wait_until(lambda: bool(silent.requests))
        assert model_at(server, loop).complete(SAID, TOOLS).message.text == "quick"
        assert slow.is_alive()
        stop.set()
        slow.join()


def _until_interrupted(server: ModelServer, loop: RequestLoop, stop: threading.Event) -> None:
    with pytest.raises(Interrupted):
        model_at(server, loop).complete(SAID, TOOLS, cancelled=stop.is_set)


@pytest.fixture
def own_loop() -> Iterator[RequestLoop]:
    with RequestLoop() as loop:
        yield loop


@pytest.mark.parametrize("dialect", DIALECTS)
def test_calls_leave_nothing_behind(own_loop: RequestLoop, dialect: str) -> None:
    """Neither complete ones, nor broken, nor interrupted ones."""
    kinds = ("cut", "stall", "status")
    faults = tuple(Fault(kind=kinds[number % 3], after=3, status=500) for number in range(30))  # type: ignore[arg-type]
    with ModelServer([Reply(text="fine", faults=faults)]) as server:
        model = model_at(server, own_loop, dialect, stall_timeout_s=0.02)

        def ask(times: int) -> None:
            for _ in range(times):
                with contextlib.suppress(Retryable):
                    model.complete(SAID, TOOLS)

        ask(15)
        wait_until(lambda: all(seen.outcome != "pending" for seen in server.requests))
        before = _held()
        ask(30)
        wait_until(lambda: all(seen.outcome != "pending" for seen in server.requests))
        wait_until(lambda: _held() <= before)


def _held() -> tuple[int, int]:
    """Threads that are ours, and open files."""
    ours = [each for each in threading.enumerate() if each.name.startswith("llm-requests")]
    return len(ours), len(list(Path("/proc/self/fd").iterdir()))


# -- where keys go ---------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_key_is_sent_and_no_other(
    loop: RequestLoop, dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OLLAMA_API_KEY", "HF_TOKEN"):
        monkeypatch.setenv(variable, f"stray-{variable}")
    with ModelServer([Reply(text="x")]) as server:
        base = address(server, dialect)
        hosted_model(NAMES[dialect], loop, api_base=base, api_key="mine").complete(SAID, TOOLS)
        assert any(value.endswith("mine") for value in server.last.headers.values())
        hosted_model(NAMES[dialect], loop, api_base=base).complete(SAID, TOOLS)
        sent = [value for seen in server.requests for value in seen.headers.values()]
    assert not [value for value in sent if "stray" in value]


@pytest.mark.parametrize(
    ("dialect", "path"), [("openai", "/chat/completions"), ("ollama", "/api/chat")]
)
def test_a_redirect_is_followed_without_the_key(loop: RequestLoop, dialect: str, path: str) -> None:
    with ModelServer([Reply(text="elsewhere")]) as elsewhere:
        there = Fault(kind="redirect", message=address(elsewhere, dialect) + path)
        with ModelServer([Reply(faults=(there,))]) as server:
            model = model_at(server, loop, dialect, api_key="mine")
            assert model.complete(SAID, TOOLS).message.text == "elsewhere"
        assert not [value for value in elsewhere.last.headers.values() if "mine" in value]


def test_a_redirect_is_not_followed_where_the_key_would_follow_too(loop: RequestLoop) -> None:
    with ModelServer([Reply(text="elsewhere")]) as elsewhere:
        there = Fault(kind="redirect", message=f"{elsewhere.url}/v1/messages")
        with ModelServer([Reply(faults=(there,))]) as server:
            model = model_at(server, loop, "anthropic", api_key="mine")
            with pytest.raises(Refused, match=r"sends us to another address \(307\)"):
                model.complete(SAID, TOOLS)
        assert elsewhere.requests == []


HOSTILE = (
    '{"command": ' + "[" * 3000 + "]" * 3000 + "}",
    '{"command": "half \ud83d a pair"}',
    '{"command": "ls',
)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_model_once_wrote_does_not_break_the_conversation(
    loop: RequestLoop, dialect: str
) -> None:
    """It stands in the conversation for ever, and goes out again with every request."""
    calls = tuple(ToolCall(call_id=CallId(f"c{n}"), name="bash", arguments=text)
                  for n, text in enumerate(HOSTILE))  # fmt: skip
    wrote = AssistantMessage(text="half \ud83d a pair", thinking="\udc00", tool_calls=calls)
    answers = [ToolMessage(call_id=call.call_id, name="bash", text="\ud83d") for call in calls]
    with ModelServer(lambda _seen: Reply(text="fine")) as server:
        reply = model_at(server, loop, dialect).complete([*SAID, wrote, *answers], TOOLS)
    assert reply.message.text == "fine"


def test_a_long_row_of_equal_pieces_is_an_answer(loop: RequestLoop) -> None:
    with ModelServer([Reply(text="0 " * 400, pieces=400)]) as server:
        reply = model_at(server, loop, "openai").complete(SAID, TOOLS)
    assert reply.message.text.count("0") == 400
