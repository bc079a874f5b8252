"""The Python API over the real service, with a model that is a script."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from ml_intern import MLIntern, TextPiece, ToolContext, tool
from ml_intern.clock import SystemClock
from ml_intern.errors import ConfigError, InputError, UnknownSession
from ml_intern.events import (
    ApprovalDecided,
    RuleGranted,
    SessionStarted,
    ToolFinished,
    TurnFinished,
)
from ml_intern.llm.scripted import Answer, ScriptedModel, calling
from ml_intern.queue.rows import Recorded
from ml_intern.queue.store import Store
from tests.cli.services import change
from tests.queue.given import said, started
from tests.support.desks import SESSION
from tests.support.lost import LOST, lose_call

Make = Callable[..., MLIntern]


@tool(effect="read")
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool(effect="write")
def press_ctrl_c(ctx: ToolContext) -> None:
    """Press Ctrl-C, and wait until somebody has heard it."""
    os.kill(os.getpid(), signal.SIGINT)
    assert ctx.cancelled.wait(30)


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own, by the environment."""
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ML_INTERN_SANDBOX", "process")
    monkeypatch.setenv("ML_INTERN_WORKERS", "2")
    return tmp_path / "state"


@pytest.fixture
def intern(state_dir: Path) -> Make:
    """Makes one whose model gives these answers, in order."""

    def make(*answers: Answer, **given: Any) -> MLIntern:
        return MLIntern(ScriptedModel("script", answers), **given)

    return make


def events_of(stream: Any, kind: type) -> list[Any]:
    """The events of this kind, in order."""
    found = [seen.event for seen in stream if isinstance(seen, Recorded)]
    return [event for event in found if isinstance(event, kind)]


def test_a_task_is_seen_through(intern: Make) -> None:
    result = intern("All done.").run("Do it")

    assert (result.ok, result.status, result.text) == (True, "finished", "All done.")
    assert (result.metrics, result.artefacts, result.cost_usd) == ({}, {}, 0.0)
    last = json.loads(result.trace.read_text().splitlines()[-1])
    assert last["mlIntern"]["outcome"] == "finished"


def test_what_became_of_the_task_is_no_exception(intern: Make) -> None:
    result = intern(calling(double={"number": 1})).run("Do it")

    assert (result.ok, result.status) == (False, "failed")
    assert "script" in result.text


def test_an_own_tool_is_called_and_its_answer_recorded(intern: Make) -> None:
    stream = intern(calling(double={"number": 21}), "42.", tools=[double]).stream("Double 21")

    (finished,) = events_of(stream, ToolFinished)
    assert (finished.ok, finished.output, finished.answered_by) == (True, "42", "tool")
    assert stream.result().text == "42."


def test_what_is_said_of_the_session_stands_in_its_first_event(intern: Make) -> None:
    made = intern(calling(plan={"items": []}), system_prompt="Be brief.", max_iterations=1)
    stream = made.stream("Do it")

    (started,) = events_of(stream, SessionStarted)
    assert (started.model, started.instructions) == ("script", "Be brief.")
    assert started.started_in == str(Path.cwd())
    assert stream.result().status == "waiting"


def test_text_comes_before_the_answer_that_it_is_part_of(intern: Make) -> None:
    stream = intern("All done.").stream("Do it")
    kinds = ["text" if isinstance(one, TextPiece) else one.event.kind for one in stream]

    assert kinds.index("text") < kinds.index("model_replied")
    assert kinds[0] == "session_started"
    assert kinds[-1] == "turn_finished"
    assert stream.result() is stream.result()


def test_a_stream_that_is_left_can_be_resumed(intern: Make) -> None:
    made = intern("All done.")
    stream = made.stream("Do it")
    session_id = next(stream).session_id
    stream.close()

    with pytest.raises(InputError, match="resume"):
        stream.result()
    assert made.resume(session_id).text == "All done."
    assert made.resume(session_id[:8]).text == "All done."


def test_an_unknown_session_is_refused(intern: Make) -> None:
    with pytest.raises(UnknownSession):
        intern().resume("11111111-1111-4111-8111-111111111111")


def test_an_approval_waits_and_is_given_with_a_change(intern: Make) -> None:
    made = intern(change("8"), "Changed.")
    result = made.run("Do it")
    (asked,) = result.open_approvals

    assert (result.status, asked.tool) == ("waiting", "propose_change")
    assert made.approve(asked.approval_id, arguments={"becomes": "16"})
    assert not made.deny(asked.approval_id, "too late")
    stream = made.follow(result.session_id)
    (finished,) = events_of(stream, ToolFinished)
    assert '"becomes": "16"' in finished.output
    assert stream.result().text == "Changed."


def test_a_lost_call_starts_again_when_a_person_says_so(intern: Make, state_dir: Path) -> None:
    sent = []

    @tool(effect="external")
    def send(to: str) -> str:
        """Send it."""
        sent.append(to)
        return "sent"

    workspace = state_dir / "sessions" / SESSION / "workspace"
    begun = replace(started(), model="script", workspace=str(workspace))
    store = Store.open(state_dir / "ml-intern.db", SystemClock())
    store.create_session(SESSION, begun, said())
    lose_call(store, "send", to="ada")
    store.close()
    made = intern("Sent.", tools=[send])

    result = made.resume(SESSION)
    assert (result.status, [one.tool for one in result.open_unknowns]) == ("waiting", ["send"])
    assert made.resolve(SESSION, "retry", note="nothing came")
    assert not made.resolve(SESSION, "skip", call_id=LOST)
    assert made.resume(SESSION).text == "Sent."
    assert sent == ["ada"]


def test_yes_approves_and_says_so(intern: Make) -> None:
    stream = intern(change(), "Changed.", yes=True).stream("Do it")

    (decided,) = events_of(stream, ApprovalDecided)
    assert (decided.verdict, decided.decided_by[-10:]) == ("approve", "(yes=True)")


def test_a_function_is_asked_once_about_each_approval(intern: Make) -> None:
    said = {"8": True, "4": False, "2": None}
    asked = []

    def approve(call: Any) -> bool | None:
        asked.append(call.arguments["becomes"])
        return said[asked[-1]]

    result = intern(change("8"), change("4"), change("2"), approve=approve).run("Do it")

    assert asked == ["8", "4", "2"]
    assert [one.arguments["becomes"] for one in result.open_approvals] == ["2"]


@tool(effect="external")
def send(to: str) -> str:
    """Send it."""
    return f"sent to {to}"


def test_a_yes_to_all_calls_like_it_is_asked_for_once(intern: Make) -> None:
    asked = []

    def approve(call: Any) -> Literal["like_this"]:
        asked.append((call.tool, call.like_this))
        return "like_this"

    answers = (
        calling(send={"to": "a"}),
        calling(send={"to": "b"}),
        change("8"),
        change("4"),
        "Done.",
    )
    stream = intern(*answers, tools=[send], approve=approve).stream("Do it")
    (rule,) = events_of(stream, RuleGranted)

    assert stream.result().text == "Done."
    assert rule.tool == "send"
    # What is not offered for all calls is a yes to the one.
    assert asked == [("send", True), ("propose_change", False), ("propose_change", False)]


def test_an_open_approval_is_given_for_all_like_it(intern: Make) -> None:
    made = intern(calling(send={"to": "a"}), calling(send={"to": "b"}), "Done.", tools=[send])
    result = made.run("Do it")
    (asked,) = result.open_approvals

    with pytest.raises(InputError, match="alone"):
        made.approve(asked.approval_id, arguments={"to": "c"}, like_this=True)
    assert made.approve(asked.approval_id, like_this=True)
    assert made.resume(result.session_id).text == "Done."


def test_a_session_at_a_cap_is_given_more_room(intern: Make) -> None:
    made = intern(calling(double={"number": 1}), "Done.", tools=[double], max_iterations=1)
    result = made.run("Do it")

    assert result.status == "waiting"
    with pytest.raises(InputError, match="Say one of"):
        made.extend(result.session_id, usd=1, iterations=5)
    with pytest.raises(InputError, match="for money only"):
        made.extend(result.session_id, iterations=5, cap="day")
    assert made.extend(result.session_id[:8], iterations=5)
    assert made.resume(result.session_id).text == "Done."


def test_a_question_is_answered_in_words(intern: Make) -> None:
    made = intern(calling(ask_person={"question": "Which file?"}), "Thanks.")
    result = made.run("Do it")

    assert (result.status, result.question) == ("waiting", "Which file?")
    made.say(result.session_id, "a.csv")
    assert made.resume(result.session_id).text == "Thanks."


def test_words_that_are_said_while_it_is_read_are_part_of_the_stream(intern: Make) -> None:
    made = intern(calling(ask_person={"question": "Which file?"}), "Thanks.")
    stream = made.stream("Do it")
    for seen in stream:
        event = seen.event if isinstance(seen, Recorded) else None
        if isinstance(event, TurnFinished) and event.outcome == "waiting":
            made.say(seen.session_id, "a.csv")

    assert stream.result().text == "Thanks."


def test_ctrl_c_stops_the_session_and_is_raised_again(intern: Make) -> None:
    made = intern(calling(press_ctrl_c={}), "never said", tools=[press_ctrl_c])
    seen = []
    stream = made.stream("Do it")

    with pytest.raises(KeyboardInterrupt):
        seen.extend(stream)

    assert made.resume(seen[0].session_id).status == "interrupted"


def test_a_task_is_handed_over_to_the_one_that_works(state_dir: Path) -> None:
    with MLIntern(ScriptedModel("autopilot", ["Done by the first."])):
        assert MLIntern("autopilot").run("Do it").text == "Done by the first."


def test_what_only_one_has_is_not_handed_over(intern: Make, state_dir: Path) -> None:
    late = MLIntern("autopilot", tools=[double], author="ada")
    with intern():
        with pytest.raises(ConfigError, match=r"does not have the tool double, the setting author"):
            late.run("Do it")
        with pytest.raises(ConfigError, match="the model object script"), intern():
            pass
        elsewhere = intern("Done.", state_dir=f"{state_dir}-2")
        assert elsewhere.run("Do it").ok
    with late:
        pass


def test_threads_share_one(intern: Make) -> None:
    with intern("Done.", "Done.", "Done.") as made:
        results = []
        threads = [
            threading.Thread(target=lambda: results.append(made.run("Do it"))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert [result.text for result in results] == ["Done."] * 3
    assert len({result.session_id for result in results}) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"enable_slack_notifications": True}, "Slack is not set up"),
        ({"yes": True, "approve": bool}, "not both"),
        ({"modle": "x"}, "no setting `modle`.* model"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"sandbox": "glass"}, "sandbox"),
        ({"model": 5}, "5 is no model"),
        ({"tools": [len]}, "@tool"),
        ({"tools": [double, double]}, "double already"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    state_dir: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        MLIntern(**given)
    assert not state_dir.exists()


def test_a_session_is_gone_on_from(intern: Make) -> None:
    parent = intern("All done.").run("Do it")
    forked = intern("Gladly.").fork(parent.session_id, at=1, words="And now?")
    assert (forked.text, forked.session_id == parent.session_id) == ("Gladly.", False)
    again = intern("Once more.").fork(forked.trace, at=2)
    assert again.text == "Once more."
    with pytest.raises(InputError, match="there is no turn 5"):
        intern().fork(again.session_id, at=5)


def test_a_tool_of_the_product_keeps_its_name(state_dir: Path) -> None:
    @tool(effect="read")
    def bash() -> str:
        """Look like another."""
        return ""

    with pytest.raises(ConfigError, match="bash already"):
        MLIntern(tools=[bash])


def note_and_die(file: Path) -> str:
    """Note that it runs; the first time, the process dies of it."""
    with file.open("a") as notes:
        notes.write("ran\n")
    if file.read_text() == "ran\n":
        os.kill(os.getpid(), signal.SIGKILL)
    return "noted"


NOTING = {effect: tool(effect=effect)(note_and_die) for effect in ("read", "write")}


def die(effect: str, state_dir: Path, file: Path) -> None:
    """A process that ends in the middle of its own tool."""
    model = ScriptedModel("script", [calling(note_and_die={"file": str(file)})])
    MLIntern(model, tools=[NOTING[effect]], state_dir=state_dir, sandbox="process").run("Do it")


def crash(effect: str, state_dir: Path, file: Path) -> None:
    """Have a process start a session and `die` in it."""
    child = multiprocessing.get_context("spawn").Process(target=die, args=(effect, state_dir, file))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("effect", "times", "words", "answered_by"),
    [("read", 2, "noted", "tool"), ("write", 1, "outcome of this call is unknown", "recovery")],
)
def test_after_a_crash_a_read_runs_again_and_a_write_is_unknown(
    intern: Make,
    state_dir: Path,
    tmp_path: Path,
    effect: str,
    times: int,
    words: str,
    answered_by: str,
) -> None:
    file = tmp_path / "notes.txt"
    crash(effect, state_dir, file)
    made = intern("I looked.", tools=[NOTING[effect]])
    (folder,) = (state_dir / "sessions").iterdir()
    stream = made.follow(folder.name)
    (finished,) = events_of(stream, ToolFinished)
    assert (finished.ok, finished.answered_by) == (effect == "read", answered_by)
    assert words in finished.output
    assert stream.result().text == "I looked."
    assert file.read_text() == "ran\n" * times


def test_after_a_crash_the_outcome_of_a_tool_that_is_gone_is_unknown(
    intern: Make, state_dir: Path, tmp_path: Path
) -> None:
    crash("write", state_dir, tmp_path / "notes.txt")
    (folder,) = (state_dir / "sessions").iterdir()

    (finished,) = events_of(intern("I looked.").follow(folder.name), ToolFinished)
    assert "outcome of this call is unknown" in finished.output


def test_importing_the_package_brings_nothing_in() -> None:
    code = "import sys, ml_intern; print(*(m for m in sys.modules if m.startswith('ml_intern')))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["ml_intern"]
