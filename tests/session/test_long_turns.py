"""One prompt, hundreds of calls: the conversation stays within the window and keeps what counts."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ml_intern.context.counting import count_message, count_tools
from ml_intern.context.summary import SUMMARIZER
from ml_intern.errors import ContextOverflow, ModelError, Refused, Retryable
from ml_intern.events import Compacted, ModelAsked, ModelFailed, Shortened, TurnFinished
from ml_intern.llm.client import ModelReply, Window, ignore_text, never
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    ToolCall,
    ToolMessage,
    ToolSpec,
    Usage,
    UserMessage,
)
from ml_intern.ops import UserInput
from ml_intern.session.desk import Limits
from ml_intern.session.summarizing import AGAIN_AFTER, MOST_IN_VAIN, MOST_TRIES
from ml_intern.tools.protocol import succeed
from tests.session.test_guarded_turns import CLOSED_PLAN, OPEN_PLAN
from tests.support.desks import Bench, calls, words

FACT = re.compile(r"planted-\d+-[a-z]+")
TASK = "Reach 0.97 accuracy on the digits; the budget is forty-two dollars."
PIN = "Never train on rows 7 to 9: they are mislabelled."
TOLD = "2 kB of a log that says nothing. " * 60


class Long:
    """Looks `number` times, sums up by copying every planted fact, and refuses what is too long."""

    name = "listed"

    def __init__(self, tokens: int, number: int, *, claims: int | None = None) -> None:
        """`claims`: the window that it says it has; the true one is `tokens`."""
        self._tokens, self._claims, self._left = tokens, claims or tokens, number
        self.sum_up: Callable[[str], ModelReply | ModelError] = lambda text: words(
            "## Goal\n" + "\n".join(dict.fromkeys(FACT.findall(text)))
        )
        self.asked: list[list[Message]] = []
        self.summaries: list[str] = []
        self.told_window = True

    def window(self) -> Window:
        return Window(tokens=self._claims, answer=self._claims // 8, source="the test")

    def worst_cost_micro_usd(self, *_: object) -> int:
        return 0

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        check_pairs(messages)
        size = sum(map(count_message, messages)) + count_tools(tools)
        if size > self._tokens:
            window = self._tokens if self.told_window else None
            raise ContextOverflow(f"{size} > {self._tokens}", window=window)
        if messages[0].text == SUMMARIZER:
            self.summaries.append(messages[1].text)
            answer = self.sum_up(messages[1].text)
            if isinstance(answer, ModelError):
                raise answer
            return answer
        self.asked.append(list(messages))
        return self._next(size)

    def _next(self, size: int) -> ModelReply:
        if len(self.asked) == 1:
            return calls(OPEN_PLAN, ("memory", json.dumps({"action": "pin", "text": PIN})))
        if self._left == 0:
            return calls(CLOSED_PLAN) if "plan" not in self.last_called() else words("Done.")
        self._left -= 1
        call = ToolCall(
            call_id=CallId("same"), name="look", arguments=json.dumps({"number": self._left})
        )
        message = AssistantMessage(text=f"Step {self._left}.", tool_calls=(call,))
        return ModelReply(
            message=message,
            stop_reason="tool_calls",
            model="listed",
            usage=Usage(input_tokens=size, output_tokens=30),
            cost_micro_usd=0,
        )

    def last_called(self) -> list[str]:
        answers = [m for m in self.asked[-1] if isinstance(m, AssistantMessage)]
        return [call.name for call in answers[-1].tool_calls] if answers else []


def check_pairs(messages: Sequence[Message]) -> None:
    """Every call has its one answer right behind it, and no answer lacks its call."""
    open_calls: set[str] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            assert message.call_id in open_calls
            open_calls.remove(message.call_id)
            continue
        assert not open_calls
        if isinstance(message, AssistantMessage):
            open_calls = {call.call_id for call in message.tool_calls}
    assert not open_calls


@pytest.fixture
def long(tmp_path):
    def make(model: Long) -> Bench:
        limits = Limits(max_iterations=10_000, max_turn_s=600)
        bench = Bench(tmp_path, [], limits=limits)
        bench.model = model
        bench.look.answer = lambda args, _ctx: succeed(
            f"{TOLD}planted-{args.number}-{'path' if args.number % 2 else 'reason'}"
        )
        bench.start(TASK)
        return bench

    return make


@pytest.mark.parametrize("tokens", [8_192, 32_000])
def test_a_run_ends_done_within_its_window_and_remembers(long, tokens: int) -> None:
    model = Long(tokens, 120)
    bench = long(model)
    assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")
    compacted = bench.all(Compacted)
    assert len(compacted) >= 3
    assert all(each.written_by == "model" and each.trigger == "size" for each in compacted)
    assert bench.all(ModelFailed) == []
    assert all(TASK in each[1].text for each in model.asked)
    last = "\n".join(message.text for message in model.asked[-1])
    planted = {f"planted-{number}-{'path' if number % 2 else 'reason'}" for number in range(120)}
    assert planted <= set(FACT.findall(last))
    step = json.loads(OPEN_PLAN[1])["items"][0]["step"]
    assert all(step in _all_of(each) and PIN in _all_of(each) for each in model.asked[1:])


def _all_of(messages: Sequence[Message]) -> str:
    calls = [m.tool_calls for m in messages if isinstance(m, AssistantMessage)]
    return "\n".join([*(m.text for m in messages), *(c.arguments for some in calls for c in some)])


@pytest.mark.parametrize(
    "broken",
    [
        lambda text: words("\n\u200b "),
        lambda text: words("word " * 50_000),
        lambda text: calls(("look", '{"number": 1}')),
        lambda text: Refused("The content filter stopped it.", trouble="content"),
        lambda text: Retryable("It is overloaded."),
        lambda text: ContextOverflow("too long"),
    ],
)
def test_a_summariser_that_does_not_do_its_job_cannot_end_a_session(long, broken) -> None:
    model = Long(8_192, 40)
    model.sum_up = broken
    bench = long(model)
    bench.look.answer = lambda args, _ctx: succeed(
        f"{TOLD}wrote runs/{args.number}/model.safetensors, accuracy: 0.9{args.number}"
    )
    assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")
    compacted = bench.all(Compacted)
    assert compacted
    assert {each.written_by for each in compacted} == {"rules"}
    assert len(compacted) > 2 * MOST_IN_VAIN
    asked = MOST_IN_VAIN + len(compacted) // AGAIN_AFTER
    assert len(model.summaries) <= MOST_TRIES * asked, "what is in vain is not asked for each time"
    last = "\n".join(message.text for message in model.asked[-1])
    assert "runs/39/model.safetensors" in last
    assert "runs/1/model.safetensors" in last
    assert "## Results (with their numbers)\n- accuracy=0.9" in last


@pytest.mark.parametrize("told", [True, False])
def test_a_window_that_is_smaller_than_it_says_is_found_out(long, told: bool) -> None:
    model = Long(8_192, 60, claims=200_000)
    model.told_window = told
    bench = long(model)
    assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")
    refused = bench.all(ModelFailed)
    assert refused
    assert len(refused) <= 4
    assert all(each.trouble == "context" for each in refused)


def test_a_model_that_refuses_every_length_ends_the_turn_with_a_reason(long) -> None:
    model = Long(10, 60, claims=8_192)
    bench = long(model)
    ended = bench.drive()
    assert ended is not None
    assert ended.outcome == "failed"
    assert "too small" in ended.detail or "10" in ended.detail
    assert len(bench.all(ModelAsked)) <= 8


def test_a_model_that_refused_a_length_for_no_reason_is_asked_again(long) -> None:
    model = Long(10, 0, claims=32_000)
    model.told_window = False
    bench = long(model)
    assert bench.drive().outcome == "failed"
    model._tokens = 32_000
    bench.submit(UserInput(text="go on", author="ada"))
    assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")


def test_an_output_and_words_larger_than_the_window_are_cut_and_said_to_be(long) -> None:
    model = Long(8_192, 3)
    bench = long(model)
    bench.look.answer = lambda _args, _ctx: succeed("x y " * 5_900)
    assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")
    cuts = bench.all(Shortened)
    assert cuts
    assert all(0 < cut.tokens_after < cut.tokens_before for cut in cuts)
    shown = [m for m in model.asked[-1] if isinstance(m, ToolMessage) and m.name == "look"]
    for message in shown:
        path = re.search(r"the whole is in (\S+\.txt)", message.text)
        assert path
        assert Path(path[1]).read_text() == "x y " * 5_900


def test_a_task_of_300k_tokens_is_put_into_a_file(tmp_path) -> None:
    task = f"Sum up what follows. {'many words ' * 150_000}And end with the word done."
    bench = Bench(tmp_path, [], limits=Limits(max_iterations=100, max_turn_s=600))
    model = bench.model = Long(32_000, 2)
    bench.start(task)
    assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")
    said = model.asked[-1][1]
    assert isinstance(said, UserMessage)
    assert said.text.startswith("Sum up what follows.")
    assert said.text.endswith("And end with the word done.")
    path = re.search(r"the whole is in (\S+\.txt)", said.text)
    assert path
    assert Path(path[1]).read_text() == task


def test_a_window_that_is_too_small_ends_the_turn_with_the_one_that_is_needed(tmp_path) -> None:
    """A session of three steps, with plan and pin: what stands grows as it goes."""
    tokens, needed = 0, 500
    while needed > tokens:
        tokens = needed
        bench = Bench(tmp_path / str(tokens), [], limits=Limits(max_iterations=100, max_turn_s=600))
        bench.model = Long(tokens, 3)
        bench.start(TASK)
        ended = bench.drive()
        if ended.outcome != "finished":
            assert ended.outcome == "failed"
            assert f"it has {tokens:,} (the test)" in ended.detail
            needed = int(
                re.findall(r"need about ([\d,]+) tokens", ended.detail)[0].replace(",", "")
            )
            assert needed > tokens
    assert len(list(tmp_path.iterdir())) <= 4
    assert tokens < 1_700


def test_an_answer_with_more_calls_than_find_room_is_summed_up_as_a_whole(long) -> None:
    model = Long(8_192, 1)
    bench = long(model)
    many = [("look", json.dumps({"number": number})) for number in range(200)]
    replies = iter([calls(*many), words("Done.")])
    model._next = lambda _size: next(replies)
    assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")
    assert len(bench.look.ran) == 200
    assert [each.kept for each in bench.all(Compacted)] == [0]
    assert "planted-199-path" in model.asked[-1][2].text
