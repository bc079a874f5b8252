"""What is a difference between two recordings, and what is put aside."""

import json
from typing import Any

import pytest

from ml_intern.events import Fact
from ml_intern.tracing.clip import clip
from ml_intern.tracing.comparing import compare, normalized, so_far
from ml_intern.transcript.recording import CUT, Recording, recorded_in
from tests.tracing.fakes import answered, call, ended, fold, recorded, records_of, replied


def played(*events: Any) -> Recording:
    return recorded_in(records_of(fold(recorded("s", *events))))


def one_call(output: Any, **changes: Any) -> Recording:
    text = output if isinstance(output, str) else json.dumps(output)
    events = [replied("", call("c1")), answered("c1", text, **changes), replied("Done."), ended()]
    return played(*events)


def told(was: Recording, now: Recording) -> list[tuple[str, str]]:
    return [(one.where, one.what) for one in compare(was, now).differences]


def test_two_that_are_alike_have_no_difference():
    found = compare(one_call({"accuracy": 0.9}), one_call({"accuracy": 0.9}))
    assert (found.compared, found.differences, found.in_part) == (1, (), ())


def test_another_result_is_told_with_its_lines_and_what_differs():
    was = one_call({"accuracy": 0.9, "rows": 10})
    (found,) = compare(was, one_call({"accuracy": 0.8, "rows": 10})).differences
    assert (found.kind, found.where, found.what) == (
        "result",
        "answer 1, call 1: bash",
        "another result",
    )
    assert (found.recorded_line, found.new_line) == (4, 4)
    assert '- "accuracy": 0.9,' in found.diff
    assert '+ "accuracy": 0.8,' in found.diff


def test_a_call_that_fails_now_is_told():
    assert told(one_call("x"), one_call("x", ok=False)) == [
        ("answer 1, call 1: bash", "the call succeeded, and now it fails")
    ]


def test_answers_that_one_side_has_alone_are_told():
    whole = one_call("x")
    short = played(replied("", call("c1")), answered("c1", "x"))
    assert told(whole, short) == [
        ("answer 2", "the model's answer was not given again"),
        ("the end", "the last turn finished, now it goes on"),
    ]
    assert told(short, whole)[0] == ("answer 2", "the model's answer is not in the recording")


def test_what_may_still_come_is_no_difference_of_a_session_that_goes_on():
    whole, begun = one_call("x"), played(replied("", call("c1")), answered("c1", "y"))
    found = compare(whole, begun)
    assert [one.kind for one in found.differences] == ["result", "answer", "end"]
    assert [one.kind for one in so_far(found).differences] == ["result"]


def test_a_result_that_one_side_lacks_is_told():
    was = one_call("x")
    now = played(replied("", call("c1")), replied("Done."), ended())
    now.outcomes.clear()
    assert told(was, now) == [("answer 1, call 1: bash", "the call has no result now")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"train_seconds": 3.1}', '{"train_seconds": 2.9}'),
        ('{"peak_memory_bytes": 1}', '{"peak_memory_bytes": 2}'),
        ('{"steps_per_second": 3.1}', '{"steps_per_second": 2.9}'),
        ('{"b": 1, "a": 2}', '{"a": 2, "b": 1}'),
        ("took 3.1 s", "took 12 s"),
        ("at 2026-01-02T03:04:05.678Z", "at 2026-02-03T04:05:06Z"),
        ("Fri 12:33:12", "Fri 01:02:03"),
        ("wrote /tmp/a/b/model.bin", "wrote /home/x/model.bin"),
        ("wrote /home/ada/a/model.bin", "wrote ~/a/model.bin"),
        ("wrote ~/model.bin", "wrote ~/b/model.bin"),
        ("pid 123 died", "pid 4567 died"),
        ("http://localhost:8123/x", "http://localhost:9123/x"),
        ("job call_0123456789 and call_0000000000", "job call_aaaaaaaaaa and call_bbbbbbbbbb"),
        ("c9f02920-881f-5462-872c-5b98acb62df8", "ee272992-1416-5d86-8c4a-bae706edcd42"),
    ],
)
def test_what_differs_by_its_nature_is_put_aside(one, other):
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"loss": 0.31}', '{"loss": 0.32}'),
        ('{"seed": 1}', '{"seed": 2}'),
        ('{"weights_sha256": "aa"}', '{"weights_sha256": "ab"}'),
        ("learning rate 0.001", "learning rate 0.002"),
        ("/workspace/runs/1", "/workspace/runs/2"),
        ("/tmp/a/one.txt", "/tmp/a/two.txt"),
        ("~/one.txt", "~/two.txt"),
        ("call_0123456789 then call_0123456789", "call_0123456789 then call_0000000000"),
        ("epoch 3", "epoch 4"),
        ("1,125 steps", "1,126 steps"),
    ],
)
def test_what_says_something_is_not_put_aside(one, other):
    assert normalized(one) != normalized(other)


def test_results_that_the_trace_shortens_are_compared_up_to_there():
    long = "x" * 30_000
    alike = compare(one_call(f"a {long}"), one_call(f"a {long} and more"))
    assert alike.differences == ()
    assert alike.in_part == ("answer 1, call 1: bash",)
    assert told(one_call(f"a {long}"), one_call(f"b {long}"))


def test_what_was_shortened_is_known_by_the_note_that_shortening_leaves():
    assert CUT.search(clip("x" * 1_000, 200))


def published(asked: str, got: str, **changes: Any) -> Recording:
    """A session that publishes, and looks at what it has published."""
    fact = Fact(kind="published", data={"repo_id": f"ada/{got}", "model_dir": "run-1"})
    use = call("c1", "publish", json.dumps({"repo_name": asked}))
    look = {"card": f"# {got}", "at": f"https://x.test/ada/{got}/tree", **changes}
    return played(
        replied("", use),
        answered("c1", json.dumps({"repo_id": f"ada/{got}"}), tool="publish", facts=(fact,)),
        replied("", call("c2")),
        answered("c2", json.dumps(look)),
        replied("Done."),
        ended(),
    )


def test_a_number_that_publish_chose_itself_is_put_aside():
    first, second = published("digits", "digits"), published("digits", "digits-2")
    assert told(first, second) == told(second, published("digits", "digits-3")) == []
    assert told(first, published("digits", "digits-2", card="# other"))[0][1] == "another result"


@pytest.mark.parametrize("got", ["digits-vit", "other-2", "digits-2-3", "digits2"])
def test_another_name_than_a_numbered_one_is_a_difference(got: str):
    assert len(told(published("digits", "digits"), published("digits", got))) == 2


def test_a_name_that_only_begins_like_the_numbered_one_is_kept():
    was = published("digits", "digits", other="digits-20 digits-2-b")
    now = published("digits", "digits-2", other="digits-20 digits-2-b")
    assert told(was, now) == []
    now = published("digits", "digits-2", other="digits-21 digits-2-b")
    assert len(told(was, now)) == 1
