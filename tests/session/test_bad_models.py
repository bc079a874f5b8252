"""Models that get nowhere, and sizes that nobody expects, over HTTP: each ends well or honestly."""

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml_intern.context.counting import count_text
from ml_intern.events import TurnFinished
from ml_intern.llm.hosted import RequestLoop, warm
from ml_intern.session.desk import Limits
from ml_intern.tools.protocol import succeed
from tests.llm.hosted.given import model_at
from tests.session.test_refused_lengths import tokens_in
from tests.support.desks import Bench
from tests.support.model_server import Call, ModelServer, Reply
from tests.support.model_server.server import Seen

WINDOW = 8_192
ANSWERS = 24
"""That a model may give before a person is asked whether it shall go on."""
Run = Callable[..., TurnFinished]


@pytest.fixture(scope="module")
def loop() -> Iterator[RequestLoop]:
    warm()
    with RequestLoop() as loop:
        yield loop


@pytest.fixture
def run(tmp_path: Path, loop: RequestLoop) -> Run:
    """A session at a server that gives these replies in turn, and sums up; how its turn ends."""

    def run(
        replies: Iterator[Reply], *, window: int = WINDOW, task: str = "Look.", result: str = "{}"
    ) -> TurnFinished:
        def answer(seen: Seen) -> Reply:
            sizes.append(tokens_in(seen.body))
            return next(replies) if seen.body.get("tools") else Reply(text="## Goal\nTo look.")

        sizes: list[int] = []
        bench = Bench(tmp_path, [], limits=Limits(max_iterations=ANSWERS, max_turn_s=600))
        bench.look.answer = lambda _args, _ctx: succeed(result)
        pages = {"/v1/models": {"data": [{"id": "qwen3", "max_model_len": window}]}}
        with ModelServer(answer, pages=pages) as server:
            bench.model = model_at(server, loop)
            bench.start(task)
            ended = bench.drive()
        assert ended is not None
        assert max(sizes, default=0) <= window
        return ended

    return run


def looks(number: int) -> Iterator[Reply]:
    """So many different looks, then the end."""
    for place in range(number):
        yield Reply(calls=(Call(name="look", arguments={"number": place}),))
    yield Reply(text="Done.")


def for_ever(reply: Callable[[int], Reply]) -> Iterator[Reply]:
    return (reply(number) for number in itertools.count())


DONE = TurnFinished(outcome="finished", detail="Done.")


def test_a_result_of_two_million_tokens_is_cut(run: Run) -> None:
    assert run(looks(3), result="word " * 2_000_000) == DONE


@pytest.mark.parametrize("task", ["many words " * 150_000, "x" * 2_400_000], ids=["words", "one"])
def test_a_task_of_300k_tokens_is_cut(run: Run, task: str) -> None:
    assert count_text(task) >= 300_000
    assert run(looks(3), task=f"Begin. {task} End.") == DONE


@pytest.mark.parametrize("window", [2_048, 4_096])
def test_a_small_window_is_enough_for_a_session_of_few_tools(run: Run, window: int) -> None:
    assert run(looks(6), window=window, result="2 kB of a log. " * 140) == DONE


def test_a_window_that_is_too_small_is_said_to_be(run: Run) -> None:
    ended = run(looks(6), window=512)
    assert ended.outcome == "failed"
    assert "too small" in ended.detail
    assert "512" in ended.detail


@pytest.mark.parametrize(
    "part",
    [
        {"text": "word " * 20_000},
        {"thinking": "word " * 20_000},
        {"calls": (Call(name="look", arguments={"number": 1, "why": "word " * 20_000}),)},
    ],
    ids=lambda part: next(iter(part)),
)
def test_an_answer_longer_than_the_window_is_cut(run: Run, part: dict) -> None:
    look = {"calls": (Call(name="look", arguments={"number": 1}),)}
    replies = [Reply(**{**look, **part}), Reply(**{**look, **part}), Reply(text="Done.")]
    assert run(iter(replies)) == DONE


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (Call(name="look", arguments='{"number": '), 'repeated itself 6 times.*look {"number":'),
        (Call(name="fly", arguments={"to": "Rome"}), "repeated itself 6 times.*fly"),
        (Call(name="look", arguments={"number": 1}), "repeated itself 6 times.*look"),
    ],
    ids=["broken arguments", "no such tool", "the same call"],
)
def test_a_model_that_makes_the_same_mistake_for_ever_is_stopped(
    run: Run, call: Call, words: str
) -> None:
    ended = run(for_ever(lambda _: Reply(calls=(call,))))
    assert ended.outcome == "stopped"
    assert re.search(words, ended.detail)


@pytest.mark.parametrize(
    "call",
    [
        lambda number: Call(name="look", arguments=f'{{"number": {number}'),
        lambda number: Call(name=f"fly_{number}", arguments={}),
    ],
    ids=["broken arguments", "no such tool"],
)
def test_a_model_that_makes_new_mistakes_for_ever_waits_for_a_person(
    run: Run, call: Callable[[int], Call]
) -> None:
    ended = run(for_ever(lambda number: Reply(calls=(call(number),))))
    assert (ended.outcome, ended.waiting_on) == ("waiting", ("budget:iterations",))
    assert f"{ANSWERS} calls" in ended.detail


def test_a_model_that_answers_with_nothing_ends_the_turn(run: Run) -> None:
    ended = run(for_ever(lambda _: Reply()))
    assert ended.outcome == "failed"
    assert "an empty answer 3 times" in ended.detail
