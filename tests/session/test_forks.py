"""A session that goes on from another one: what its model sees, and what is nobody's words here."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError
from ml_intern.events import (
    Compacted,
    Fact,
    ForkedFrom,
    Hinted,
    ModelFailed,
    OpCancelled,
    Recalled,
    SessionStarted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
)
from ml_intern.llm.client import ModelReply
from ml_intern.llm.hosted.wire import messages_on_the_wire
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from ml_intern.ops import Compact, Undo, UserInput
from ml_intern.session import forking, scores
from ml_intern.session.history import History
from ml_intern.session.outstanding import outstanding
from ml_intern.transcript.conversation import UNANSWERED
from ml_intern.transcript.problems import Problems
from tests.queue.checked import findings
from tests.session.test_long_turns import Long
from tests.support.desks import SESSION, Bench, calls, words
from tests.tracing.fakes import answered, recorded

CALL = ToolCall(call_id=CallId("call_of_old"), name="effect", arguments="{}")
PARENT = ForkedFrom(session_id="parent", turn=1)
HISTORY = [
    Recalled(message=UserMessage(text="train on /home/ada/secret.csv", recalled=True)),
    Recalled(message=AssistantMessage(text="I look.", tool_calls=(CALL,)), model="other"),
    Recalled(message=ToolMessage(call_id=CALL.call_id, name="effect", text="done")),
    Recalled(message=AssistantMessage(text="It is done."), model="other"),
]


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(*replies):
        made.append(Bench(tmp_path, replies))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


def fork(bench: Bench, parent: ForkedFrom = PARENT, recalled: Sequence[Recalled] = HISTORY) -> None:
    started = SessionStarted(
        title="a fork",
        model="listed",
        workspace=str(bench.place.workspace),
        started_in="/",
        version="0",
        forked_from=parent,
    )
    first = UserInput(text="Go on.", author="ada")
    bench.store.create_session(SESSION, started, first, recalled)


def test_the_model_sees_the_messages_of_the_parent_and_then_the_new_words(bench):
    b = bench(words("I go on."))
    fork(b)
    assert b.drive().outcome == "finished"
    recalled = [event.message for event in HISTORY]
    assert list(b.model.asked[0])[1:] == [*recalled, UserMessage(text="Go on.")]


def test_a_long_past_is_made_to_fit_the_window_of_the_forks_model(bench):
    """The parent's model had a larger one, or saw less of it."""
    b = bench()
    b.model = Long(8_192, 3)
    task = f"Look. {'At all of it. ' * 20_000}"
    past = [UserMessage(text=task, recalled=True)]
    for number in range(60):
        call = replace(CALL, call_id=CallId(f"call_of_old_{number}"))
        past.append(AssistantMessage(text=f"Step {number}.", tool_calls=(call,)))
        told = "x y " * (6_000 if number == 58 else 500)
        past.append(ToolMessage(call_id=call.call_id, name="effect", text=told))
    fork(b, recalled=[Recalled(message=message) for message in past])
    assert b.drive() == TurnFinished(outcome="finished", detail="Done.")
    assert b.all(ModelFailed) == []
    said = b.model.asked[-1][1].text
    assert said.startswith("Look.")
    (path,) = re.findall(r"the whole is in (\S+)", said)
    assert Path(path).read_text() == task


def test_a_past_that_rules_sum_up_keeps_its_words_paths_numbers_and_summary(bench):
    b = bench()
    b.model = Long(8_192, 3)
    b.model.sum_up = lambda text: words("")
    past = [
        UserMessage(text="the task", recalled=True),
        UserMessage(text="## Goal\nwin by cunning", summary=True, injected=True, recalled=True),
        UserMessage(text="use seed 7", recalled=True),
    ]
    for number in range(30):
        call = replace(CALL, call_id=CallId(f"call_of_old_{number}"))
        past.append(AssistantMessage(text=f"Step {number}.", tool_calls=(call,)))
        told = f"{'x y ' * 600} runs/{number}/model.safetensors accuracy=0.{number}"
        past.append(ToolMessage(call_id=call.call_id, name="effect", text=told))
    fork(b, recalled=[Recalled(message=message) for message in past])
    assert b.drive().outcome == "finished"
    (first, *_) = b.all(Compacted)
    assert first.written_by == "rules"
    for kept in (
        "use seed 7",
        "win by cunning",
        "runs/0/model.safetensors",
        "accuracy=0.29",
        "Step 9",
    ):
        assert kept in first.summary


def test_nothing_of_the_parent_was_said_or_is_open_or_was_spent_here(bench):
    b = bench(words("I go on."))
    fork(b)
    b.drive()
    history = History()
    for event in b.events():
        history.apply(event)
    assert history.said == ["Go on."]
    assert history.open_calls == {}
    assert (history.iterations, history.meter.answers) == (1, 1)
    assert b.store.spends(SESSION) == []


def test_undo_stops_where_the_fork_began(bench):
    b = bench(words("I go on."), words("fresh"))
    fork(b)
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    assert b.last(OpCancelled).reason == "there are no words that could be taken back"
    b.submit(UserInput(text="otherwise", author="ada"))
    b.drive()
    recalled = [event.message for event in HISTORY]
    assert list(b.model.asked[-1])[1:] == [*recalled, UserMessage(text="otherwise")]


def test_a_test_split_that_was_scored_in_the_parent_counts_as_scored():
    spent = Fact(kind="evaluation", data={"split": "test", "fingerprint": "f"})
    parent = ForkedFrom(session_id="parent", turn=1, scored=(spent,))
    history = History()
    history.apply(
        SessionStarted(
            title="t", model="m", workspace="/w", started_in="/", version="0", forked_from=parent
        )
    )
    forked = Fact(kind="forked", data={"session_id": "parent"})
    assert history.facts == [forked, spent]


def test_a_fork_is_whole_for_whoever_checks_the_database(bench, tmp_path):
    b = bench(words("I go on."))
    fork(b)
    b.drive()
    assert findings(tmp_path / "ml-intern.db") == []


def past(bench, turn: int | None) -> forking.Past:
    return forking.of_journal(bench.store.events(SESSION), turn)


def texts(found: forking.Past) -> list[str]:
    return [message.text for message, _ in found.told]


def test_a_session_of_our_own_is_folded_to_the_end_of_a_turn(bench):
    b = bench(words("first answer"), words("second answer"), words("third answer"))
    b.start("the task")
    for text in ("and then?", "and then?"):
        b.drive()
        b.submit(UserInput(text=text, author="ada"))
    b.drive()
    found = past(b, 2)
    assert texts(found) == ["the task", "first answer", "and then?", "second answer"]
    assert [model for _, model in found.told] == ["", "listed", "", "listed"]
    assert (found.turn, found.turns) == (2, 3)
    assert found.parent("/here") == ForkedFrom(session_id=SESSION, turn=2)


@pytest.mark.parametrize("turn", [0, -1, 3])
def test_a_turn_that_does_not_exist_is_refused_with_how_many_there_are(bench, turn):
    b = bench(words("first answer"), words("second answer"))
    b.start("the task")
    b.drive()
    b.submit(UserInput(text="and then?", author="ada"))
    b.drive()
    with pytest.raises(InputError, match=f"has 2 turns; there is no turn {turn}"):
        past(b, turn)


def test_words_that_were_taken_back_can_be_gone_on_from_and_do_not_stand_in_later_turns(bench):
    b = bench(words("first answer"), words("second answer"), words("third answer"))
    b.start("the task")
    b.drive()
    b.submit(UserInput(text="a bad idea", author="ada"))
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    b.submit(UserInput(text="a better one", author="ada"))
    b.drive()
    assert texts(past(b, 2)) == ["the task", "first answer", "a bad idea", "second answer"]
    assert texts(past(b, 3)) == ["the task", "first answer", "a better one", "third answer"]


def test_without_a_turn_it_goes_on_from_the_session_as_it_stands(bench):
    b = bench(words("first answer"), words("second answer"))
    b.start("the task")
    b.drive()
    b.submit(UserInput(text="a bad idea", author="ada"))
    b.drive()
    found = past(b, None)
    assert texts(found) == ["the task", "first answer", "a bad idea", "second answer"]
    assert (found.turn, found.turns) == (2, 2)
    b.submit(Undo(asked_by="ada"))
    b.drive()
    assert texts(past(b, None)) == ["the task", "first answer"]


EVALUATE = ToolStarted(
    call_id=CallId("c"), tool="evaluate", arguments={"split": "test"},
    arguments_sha256="", effect="write",
)  # fmt: skip


@pytest.mark.parametrize(
    ("later", "fingerprints"),
    [
        ([], ["p"]),
        ([answered("c", "refused", ok=False, tool="evaluate")], []),
    ],
)
def test_a_test_split_that_is_just_being_scored_counts_as_scored(later, fingerprints):
    prepared = Fact(kind="dataset_prepared", data={"fingerprint": "p"})
    journal = recorded(
        "s", replace(answered("p", tool="prepare_dataset"), facts=(prepared,)), EVALUATE, *later
    )
    assert [fact.data["fingerprint"] for fact in scores.of_journal(journal).own] == fingerprints


def test_a_call_that_waits_at_the_end_of_the_turn_gets_an_answer(bench):
    b = bench(calls(("outward", "{}")))
    b.start("publish it")
    assert b.drive().outcome == "waiting"
    *_, (answer, model) = past(b, 1).told
    assert (answer.text, answer.is_error, model) == (UNANSWERED, True, "")


def test_a_compaction_stands_as_it_stood_at_that_turn(bench):
    many = [words(f"answer {number}") for number in range(6)]
    b = bench(*many, words("the summary"), words("after it"))
    b.start("the task")
    for number in range(5):
        b.drive()
        b.submit(UserInput(text=f"words {number}", author="ada"))
    b.drive()
    b.submit(Compact(asked_by="ada"))
    b.drive()
    b.submit(UserInput(text="later", author="ada"))
    b.drive()
    before, after = past(b, 5), past(b, 7)
    assert texts(before)[2] == "words 0"
    assert [message.summary for message, _ in after.told[:3:2]] == [False, False]
    assert after.told[1][0].summary
    assert texts(after)[-2:] == ["later", "after it"]


def test_a_fork_of_a_fork_counts_the_turns_that_it_recalls(bench):
    b = bench(words("I go on."))
    fork(b)
    b.drive()
    assert texts(past(b, 1)) == [event.message.text for event in HISTORY]
    found = past(b, 2)
    assert texts(found)[-2:] == ["Go on.", "I go on."]
    assert [model for _, model in found.told] == ["", "other", "", "other", "", "listed"]


def _past(workspace: str, *told: forking.Told, **changes: Any) -> forking.Past:
    return forking.Past(
        session_id="p",
        title="t",
        turn=1,
        turns=1,
        at=None,
        told=told,
        scored=(),
        workspace=workspace,
        **changes,
    )


def test_paths_of_the_parents_files_become_those_of_the_fork():
    call = ToolCall(call_id=CallId("c"), name="read", arguments='{"path": "/was/here/a.py"}')
    said = UserMessage(text="see /was/here, not /was/hereafter or x/was/here")
    found = _past("/was/here", (said, ""), (AssistantMessage(tool_calls=(call,)), "m"))
    said, answer = found.recalled('/is "there"')
    assert said.message.text == 'see /is "there", not /was/hereafter or x/was/here'
    assert said.message.recalled
    assert json.loads(answer.message.tool_calls[0].arguments) == {"path": '/is "there"/a.py'}
    assert answer.model == "m"


def test_thoughts_are_signed_no_more_where_anything_of_the_answer_changed():
    signed = ({"type": "thinking", "thinking": "hm", "signature": "s"},)
    calls_of = [
        (ToolCall(call_id=CallId("c"), name="read", arguments=json.dumps({"path": path})),)
        for path in ("a.py", "/was/a.py")
    ]
    answers = [
        AssistantMessage(text="So.", signed=signed, model="m", tool_calls=each) for each in calls_of
    ]
    asked = [Recalled(message=UserMessage(text="go")).message]
    for answer, kept in zip(answers, (signed, ()), strict=True):
        (recalled,) = _past("/was", (answer, "m")).recalled("/is")
        assert recalled.message.signed == kept
        said = [*asked, recalled.message, UserMessage(text="Go on.")]
        wire = messages_on_the_wire(said, signer="m")
        assert wire[1].get("thinking_blocks", []) == list(kept)


def _meant(step: str, pin: str) -> ModelReply:
    plan = {"items": [{"step": step, "status": "done"}]}
    return calls(("plan", json.dumps(plan)), ("memory", json.dumps({"action": "pin", "text": pin})))


def _texts(meant: Sequence[Fact]) -> list[str]:
    return [fact.data["items"][0]["step"] if fact.kind == "plan" else fact.data["text"]
            for fact in meant]  # fmt: skip


def test_plan_and_pins_are_those_of_the_turn_without_what_was_taken_back_by_then(bench):
    b = bench(_meant("a", "p"), words("1"), _meant("b", "q"), words("2"), words("3"))
    b.start("the task")
    b.drive()
    b.submit(UserInput(text="a bad idea", author="ada"))
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.submit(UserInput(text="a better one", author="ada"))
    b.drive()
    assert _texts(past(b, 1).meant) == ["a", "p"]
    assert _texts(past(b, 2).meant) == ["b", "p", "q"]
    assert _texts(past(b, 3).meant) == _texts(past(b, None).meant) == ["a", "p"]


def test_plan_and_pins_move_with_the_files_and_are_known_to_tools_guards_and_summaries(bench):
    plan = Fact(kind="plan", data={"items": [{"step": "read /was/a.py", "status": "pending"}]})
    pin = Fact(kind="pin", data={"id": "abc123", "text": "see /was/runs"})
    parent = _past("/was", meant=(plan, pin)).parent("/is")
    b = bench(calls(("memory", '{"action": "list"}')), *(words("Done.") for _ in range(3)))
    fork(b, parent)
    b.drive()
    assert json.loads(b.last(ToolFinished).output) == {
        "pins": [{"id": "abc123", "text": "see /is/runs"}]
    }
    assert "read /is/a.py" in b.last(Hinted).text
    history = History()
    for event in b.events():
        history.apply(event)
    standing = outstanding(history)
    assert standing.plan == ["[ ] read /is/a.py"]
    assert standing.pins == ["(abc123) see /is/runs"]


def test_a_fork_of_a_fork_takes_over_what_that_one_did(bench):
    pin = Fact(kind="pin", data={"id": "abc123", "text": "once"})
    b = bench(words("I go on."))
    fork(b, replace(PARENT, meant=(pin,)))
    b.drive()
    assert past(b, None).meant == (pin,)


EXAMPLE = next(Path("traces/examples").glob("ee27*.jsonl"))


def test_a_file_is_read_to_the_end_of_a_turn(tmp_path):
    found = forking.of_file(EXAMPLE, 1, Problems())
    assert forking.of_file(EXAMPLE, None, Problems()) == found
    assert (found.turn, found.workspace, found.source) == (1, "/workspace", str(EXAMPLE))
    assert found.session_id == EXAMPLE.stem
    assert isinstance(found.told[0][0], UserMessage)
    assert {model for message, model in found.told if isinstance(message, AssistantMessage)} == {
        "autopilot"
    }
    scored = [fact.data["split"] for fact in found.scored]
    assert scored == ["test"]
    with pytest.raises(InputError, match="no turn 9"):
        forking.of_file(EXAMPLE, 9, Problems())
    with pytest.raises(InputError, match="cannot be read"):
        forking.of_file(tmp_path / "nowhere.jsonl", 1, Problems())
