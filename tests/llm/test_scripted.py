"""The scripted model: the next answer to each request, and a clear end."""

import threading
from pathlib import Path
from typing import get_args

import pytest

from ml_intern.clock import SystemClock
from ml_intern.daemon.models import Models, known_price
from ml_intern.errors import (
    ConfigError,
    ContextOverflow,
    Interrupted,
    ModelError,
    Refused,
    Retryable,
    Trouble,
)
from ml_intern.llm.client import ModelClient, ModelReply, SoFar, in_session, window_of
from ml_intern.llm.script_file import read
from ml_intern.llm.scripted import MOST_PIECES, FileModel, ScriptedModel, calling
from ml_intern.messages import AssistantMessage, CallId, ToolSpec, Usage, UserMessage
from ml_intern.settings import Settings
from tests.llm.test_script_file import A, written
from tests.queue.given import HandClock

TOOLS = (ToolSpec(name="bash", description="", parameters={}),)


def test_answers_come_in_order_and_the_end_is_refused_with_what_to_do() -> None:
    model: ModelClient = ScriptedModel("rehearsal", ["one", AssistantMessage(text="two")])
    assert [model.complete([], []).message.text for _ in range(2)] == ["one", "two"]
    with pytest.raises(Refused, match="'rehearsal' is over after 2 answers"):
        model.complete([], [])
    with pytest.raises(Refused):
        model.complete([], [])


def test_words_end_a_turn_and_calls_go_on() -> None:
    model = ScriptedModel("m", ["done", calling("look", read={"path": "a"}, plan={"items": []})])
    words, calls = model.complete([], []), model.complete([], [])
    assert (words.stop_reason, words.cost_micro_usd, words.model) == ("end", 0, "m")
    assert calls.stop_reason == "tool_calls"
    assert [(c.name, c.arguments) for c in calls.message.tool_calls] == [
        ("read", '{"path": "a"}'),
        ("plan", '{"items": []}'),
    ]
    assert len({c.call_id for c in calls.message.tool_calls}) == 2


def test_a_whole_reply_is_given_as_it_is() -> None:
    reply = ModelReply(message=AssistantMessage(text="cut"), stop_reason="length", model="other")
    assert ScriptedModel("m", [reply]).complete([], []) is reply


def test_an_error_in_the_script_is_raised_and_the_script_goes_on() -> None:
    model = ScriptedModel("m", [Retryable("busy", retry_after_s=2.0), "fine"])
    with pytest.raises(Retryable) as raised:
        model.complete([], [])
    assert raised.value.retry_after_s == 2.0
    assert model.complete([], []).message.text == "fine"


def test_a_function_sees_the_request() -> None:
    model = ScriptedModel("echo", lambda messages, tools: f"{len(messages)} {len(tools)}")
    assert model.complete([UserMessage(text="a")], []).message.text == "1 0"


def test_text_is_streamed() -> None:
    heard: list[str] = []
    ScriptedModel("m", ["hello"]).complete([], [], on_text=heard.append)
    assert heard == ["hello"]


def test_each_answer_goes_to_one_thread() -> None:
    model = ScriptedModel("m", [str(number) for number in range(400)])
    got: list[str] = []

    def ask() -> None:
        got.extend(model.complete([], []).message.text for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got, key=int) == [str(number) for number in range(400)]


# From a file


class Session:
    """What the journal of a session holds that asks a script, as far as the model can see it."""

    def __init__(self, model: FileModel) -> None:
        self.model = model
        self.answers: list[tuple[CallId, ...]] = []
        self.failures: list[tuple[str, str]] = []
        self.summaries = 0

    def so_far(self) -> SoFar:
        return SoFar(
            workspace="/there",
            answers=self.answers,
            summaries=self.summaries,
            failures=self.failures,
        )

    def asks(self, *, tools=TOOLS, **how) -> ModelReply:
        """As a turn does, which records what came of it."""
        try:
            reply = in_session(self.model, self.so_far).complete([], tools, **how)
        except ModelError as exc:
            self.failures.append((self.model.name, str(exc)))
            raise
        if tools:
            self.answers.append(tuple(call.call_id for call in reply.message.tool_calls))
            self.failures.clear()
        return reply


def script_at(path: Path, clock=None) -> FileModel:
    return FileModel(f"scripted/{path}", read(path), clock)


def test_a_file_gives_words_calls_and_usage(tmp_path):
    call = {"name": "bash", "arguments": {"command": "echo é"}}
    broken = {"name": "read", "arguments": '{"path": '}
    usage = {"input_tokens": 900, "output_tokens": 7, "cache_read_tokens": 1}
    first = {"text": "I look.", "tool_calls": [call, broken], "usage": usage}
    session = Session(script_at(written(tmp_path, first, A)))
    reply, last = session.asks(), session.asks()
    assert (reply.message.text, reply.stop_reason, reply.cost_micro_usd) == (
        "I look.",
        "tool_calls",
        0,
    )
    assert reply.usage == Usage(input_tokens=900, output_tokens=7, cache_read_tokens=1)
    assert [(each.name, each.arguments) for each in reply.message.tool_calls] == [
        ("bash", '{"command": "echo é"}'),
        ("read", '{"path": '),
    ]
    assert len({each.call_id for each in reply.message.tool_calls}) == 2
    assert (last.message.text, last.stop_reason, last.usage) == ("a", "end", Usage())
    assert session.model.worst_cost_micro_usd([], TOOLS, None) == 0


def test_a_script_that_is_over_refuses_in_a_sentence(tmp_path):
    session = Session(script_at(written(tmp_path, A)))
    session.asks()
    with pytest.raises(Refused, match="over: it holds 1 answers, and a further one is wanted"):
        session.asks()


def test_each_session_is_at_its_own_line_and_another_process_goes_on_there(tmp_path):
    path = written(tmp_path, {"text": "1"}, {"error": "away"}, {"text": "2"}, {"text": "3"})
    model = script_at(path)
    one, other = Session(model), Session(model)
    assert one.asks().message.text == "1"
    with pytest.raises(Retryable):
        one.asks()
    one.model = script_at(path)
    assert [one.asks().message.text, other.asks().message.text] == ["2", "1"]
    assert one.asks().message.text == "3"


def test_only_failures_of_the_script_itself_count(tmp_path):
    """Neither those of other models, nor that the session was stopped while it answered."""
    session = Session(script_at(written(tmp_path, {"error": "away"}, A)))
    session.failures = [
        ("vllm/a", "It fails (line 1 of the script)."),
        (session.model.name, "the session was told to stop"),
    ]
    with pytest.raises(Retryable):
        session.asks()
    assert session.asks().message.text == "a"


@pytest.mark.parametrize("trouble", get_args(Trouble))
def test_every_trouble_can_be_had(tmp_path, trouble):
    heard: list[str] = []
    failure = {"error": trouble, "message": "Not now.", "text": "I was ab"}
    with pytest.raises(ModelError) as raised:
        Session(script_at(written(tmp_path, A, failure))).model.in_session(
            lambda: SoFar(workspace="/there", answers=[()], summaries=0)
        ).complete([], TOOLS, on_text=heard.append)
    exc = raised.value
    assert (exc.trouble, exc.text, "".join(heard)) == (trouble, "I was ab", "I was ab")
    assert str(exc) == "Not now (line 2 of the script)."
    assert isinstance(exc, Retryable) is (trouble in ("away", "rate"))


def test_a_failure_says_what_a_provider_would(tmp_path):
    rate = {"error": "rate", "retry_after_s": 30}
    context = {"error": "context", "window": 4096}
    session = Session(script_at(written(tmp_path, rate, context, A)))
    with pytest.raises(Retryable, match=r"^It fails: rate \(line 1 of the script\)\.$") as limited:
        session.asks()
    assert limited.value.retry_after_s == 30
    with pytest.raises(ContextOverflow) as refused:
        session.asks()
    assert refused.value.window == 4096


def test_a_request_to_sum_up_gets_a_summary_and_no_answer(tmp_path):
    session = Session(script_at(written(tmp_path, A, {"summary": "so far"})))
    assert session.asks(tools=()).message.text == "so far"
    session.summaries = 1
    assert session.asks(tools=()).message.text == ""
    assert session.asks().message.text == "a"


def test_it_has_the_window_that_the_script_says(tmp_path):
    window = window_of(script_at(written(tmp_path, {"window": 8000}, A)))
    assert window is not None
    assert (window.tokens, window.answer, window.source) == (8000, 2000, "the script")
    assert window_of(script_at(written(tmp_path, A))) is None


def test_text_arrives_word_by_word_over_its_delay(tmp_path):
    clock = HandClock()
    heard: list[tuple[str, float]] = []
    answer = {"text": "  one two\n\nthree ", "delay_s": 8}
    Session(script_at(written(tmp_path, answer), clock)).asks(
        on_text=lambda piece: heard.append((piece, round(clock.passed_s, 6)))
    )
    assert heard == [("  ", 2.0), ("one ", 4.0), ("two\n\n", 6.0), ("three ", 8.0)]


def test_a_long_text_arrives_in_some_pieces_and_whole(tmp_path):
    heard: list[str] = []
    text = "word \t" * 100_000
    Session(script_at(written(tmp_path, {"text": text}))).asks(on_text=heard.append)
    assert "".join(heard) == text
    assert len(heard) <= MOST_PIECES


def test_calls_without_words_are_delayed_too(tmp_path):
    clock, answer = HandClock(), {"tool_calls": [{"name": "bash"}], "delay_s": 3}
    Session(script_at(written(tmp_path, answer), clock)).asks(on_text=pytest.fail)
    assert clock.passed_s == pytest.approx(3)


@pytest.mark.parametrize("answer", [{"text": "one two three"}, {"error": "away", "text": "one b"}])
def test_it_hangs_up_within_a_moment_when_the_session_is_stopped(tmp_path, answer):
    clock = HandClock()
    model = script_at(written(tmp_path, answer | {"delay_s": 3600}), clock)
    heard: list[str] = []
    with pytest.raises(Interrupted) as cut:
        Session(model).asks(on_text=heard.append, cancelled=lambda: clock.passed_s >= 2000)
    assert clock.passed_s == pytest.approx(2000, abs=0.2)
    assert (cut.value.text, heard) == ("one ", ["one "])


def test_it_hangs_up_before_the_next_word_where_there_is_no_delay(tmp_path):
    heard: list[str] = []
    with pytest.raises(Interrupted):
        Session(script_at(written(tmp_path, {"text": "one two"}))).asks(
            on_text=heard.append, cancelled=lambda: bool(heard)
        )
    assert heard == ["one "]


def test_a_short_delay_takes_its_time_by_the_clock_of_the_machine(tmp_path):
    clock = SystemClock()
    began = clock.monotonic()
    Session(script_at(written(tmp_path, {"text": "a b", "delay_s": 0.15}))).asks()
    assert clock.monotonic() - began >= 0.15


def test_outside_of_a_session_there_is_no_next_line(tmp_path):
    with pytest.raises(Refused, match="only within a session"):
        script_at(written(tmp_path, A)).complete([], TOOLS)


def test_the_name_means_the_file_which_is_read_again_when_it_changed(tmp_path):
    models = Models(Settings())
    name = f"scripted/{written(tmp_path, A)}"
    first = models.named(name)
    assert models.named(name) is first
    assert known_price(name, Settings()).origin == "free"
    written(tmp_path, {"text": "another one"})
    assert isinstance(again := models.named(name), FileModel)
    assert Session(again).asks().message.text == "another one"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scripted/a.jsonl", "give the whole path of the file"),
        ("scripted//nowhere.jsonl", "there is no file /nowhere.jsonl"),
        ("scripted//", "/ is a folder; give the path of the file"),
        (f"scripted//{'long' * 100}", "File name too long"),
    ],
)
def test_a_name_that_is_no_file_is_a_wrong_setting(name, words):
    with pytest.raises(ConfigError, match=words):
        Models(Settings()).named(name)


def test_a_script_that_is_wrong_is_a_wrong_setting(tmp_path):
    with pytest.raises(ConfigError, match="line 1: it is no JSON"):
        Models(Settings()).named(f"scripted/{written(tmp_path, '{')}")
