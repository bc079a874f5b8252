"""A real daemon and the stand-in for Slack, at Slack's own pace: asked once, answered, run once."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.events import AccessRefused, ApprovalDecided, Notified, ToolFinished, ToolLost
from ml_intern.slack.manifest import SCOPES
from tests.scenario.test_serve import LOOK_EVERY_S, stands
from tests.scenario.world import Running, World, wait_until
from tests.support.model_server import Call, ModelServer, Reply, Script
from tests.support.model_server.script import Conversation
from tests.support.slack import (
    APPROVER,
    BOT_USER,
    GENERAL,
    REQUESTER,
    STRANGER,
    TRAINING,
    SlackServer,
)
from tests.support.slack import Message as Posted
from tests.tracing.rules import broken_rules

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

SCRIPT = "epochs = 8\nprint('trained for', epochs, 'epochs')\n"
EDITED = "epochs = 2  # <enough> & cheap\nprint('trained for', epochs, 'epochs')\n"
SECRET = "sk-fake-key-for-tests-0123456789"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(scopes=SCOPES) as server:
        server.channel(GENERAL).members.add(BOT_USER)
        yield server


@pytest.fixture
def model() -> Iterator[ModelServer]:
    runs = Reply(
        text="The script is ready; it takes 8 epochs.",
        calls=(Call(name="run_outside", arguments={"script": SCRIPT}),),
    )
    tells = Call(name="notify", arguments={"text": "93 %!", "destination": "team"})
    script = Script(
        [
            Conversation(
                when=re.compile("train it"),
                replies=(runs, Reply(calls=(tells,)), Reply(text=f"Trained; key {SECRET}.")),
            ),
            Conversation(
                when=re.compile("spend"),
                replies=(
                    *(Reply(calls=(tells,), output_tokens=500) for _ in range(4)),
                    Reply(text="Spent.", output_tokens=500),
                ),
            ),
        ]
    )
    with ModelServer(script) as server:
        yield server


def with_slack(slack: SlackServer, model: ModelServer, outside: Path) -> dict[str, str]:
    """The settings of a daemon that talks to the stand-ins."""
    return {
        "TESTS_OUTSIDE": str(outside),
        "ML_INTERN_MODEL": "openai/scripted",
        "ML_INTERN_API_KEY": SECRET,
        "ML_INTERN_API_BASE": model.openai_url,
        "ML_INTERN_FREE_MODELS": '["openai/*"]',
        "ML_INTERN_SLACK_API_URL": slack.base_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "ML_INTERN_SLACK_MAY_START": REQUESTER,
        "ML_INTERN_SLACK_MAY_DECIDE": f"{REQUESTER}, {APPROVER}",
        "ML_INTERN_NOTIFY_CHANNELS": json.dumps({"team": GENERAL}),
    }


@pytest.fixture
def dear(told: World) -> World:
    """Each answer of the model may cost ten cents, and costs five."""
    price = {"input_usd_per_million": 1, "output_usd_per_million": 100, "max_output_tokens": 1000}
    told.environment |= {
        "ML_INTERN_FREE_MODELS": "[]",
        "ML_INTERN_MODEL_PRICES": json.dumps({"openai/scripted": price}),
    }
    return told


@pytest.fixture
def told(world: World, slack: SlackServer, model: ModelServer, outside: Path) -> World:
    world.environment |= with_slack(slack, model, outside)
    return world


def served(world: World, slack: SlackServer, sockets: int = 2) -> Running:
    """`sockets`: of all daemons together."""
    running = world.start("serve", module="tests.scenario.runner")
    wait_until(lambda: "ready" in running.said() or running.process.poll() is not None, "ready")
    assert running.process.poll() is None, running.said()
    slack.wait_for_sockets(sockets, 30)
    return running


def killed(running: Running, slack: SlackServer) -> None:
    running.signal(signal.SIGKILL)
    running.ends()
    slack.wait_for_sockets(0, 30)


def begun(outside: Path) -> list[str]:
    return [path.read_text() for path in sorted(outside.glob("*.py"))]


def questions(slack: SlackServer) -> list[Posted]:
    """All that ever asked, decided or not."""
    return [one for one in slack.messages(TRAINING) if "run_outside" in one.words]


def asked(slack: SlackServer) -> Posted:
    return slack.wait_for_message(TRAINING, "May I run", 60)


def test_a_task_by_mention_is_edited_in_slack_and_the_edit_is_what_ran(
    told: World, slack: SlackServer, model: ModelServer, outside: Path
) -> None:
    served(told, slack)
    ts = slack.mention(REQUESTER, TRAINING, "train it & see <https://example.org>")
    question = asked(slack)
    assert question.thread_ts == ts
    assert "epochs = 8" in question.words
    slack.click(STRANGER, question.ts, "approve")
    slack.wait_for_ephemeral(STRANGER, "not on the list", 60)

    slack.click(APPROVER, question.ts, "edit")
    view = slack.wait_for_view(APPROVER, timeout_s=30)
    slack.submit_view(APPROVER, view.id, {"arg:script": {"value": EDITED}}).wait()
    end = slack.wait_for_message(TRAINING, "Finished", 60)

    session_id = told.only_session()
    assert begun(outside) == [EDITED]
    (done,) = [
        one
        for one in told.events(session_id)
        if isinstance(one, ToolFinished) and one.tool == "run_outside"
    ]
    assert "trained for 2 epochs" in done.output
    heard = json.dumps([seen.body for seen in model.requests][-1])
    assert "trained for 2 epochs" in heard
    assert "epochs = 2" in heard, "the model is told what ran"
    trace = told.trace(session_id).read_text()
    assert "epochs = 2" in trace
    assert broken_rules(told.trace(session_id)) == []
    assert SECRET not in end.words
    wait_until(lambda: "Edited and approved" in slack.message(question.ts).words, "its answer")
    assert "epochs = 2" in slack.message(question.ts).words
    assert f"<@{APPROVER}>" in slack.message(question.ts).words
    slack.wait_for_message(GENERAL, "93 %!", 30)
    events = told.events(session_id)
    assert [one.what for one in events if isinstance(one, AccessRefused)] == ["approve run_outside"]
    assert len([one for one in events if isinstance(one, Notified)]) == 1
    assert all(call.outcome in ("ok", "pending") for call in slack.requests), [
        call for call in slack.requests if call.outcome not in ("ok", "pending")
    ]


def test_a_daemon_that_dies_before_and_after_the_click_asks_once_and_runs_once(
    told: World, slack: SlackServer, outside: Path
) -> None:
    daemon = served(told, slack)
    slack.mention(REQUESTER, TRAINING, "train it")
    question = asked(slack)
    killed(daemon, slack)
    lost = slack.click(APPROVER, question.ts, "approve").wait()
    assert lost.trouble is not None

    daemon = served(told, slack)
    click = slack.click(APPROVER, question.ts, "approve")
    other = slack.click(REQUESTER, question.ts, "approve")
    click.wait()
    killed(daemon, slack)
    other.wait()

    served(told, slack)
    session_id = told.only_session()
    stands(told, session_id, "finished")
    slack.wait_for_message(TRAINING, "Finished", 60)
    assert begun(outside) == [SCRIPT]
    (decided,) = [one for one in told.events(session_id) if isinstance(one, ApprovalDecided)]
    winner = APPROVER if APPROVER in decided.decided_by else REQUESTER
    wait_until(lambda: f"Approved by <@{winner}>" in slack.message(question.ts).words, "its answer")
    assert len(questions(slack)) == 1
    assert len([one for one in slack.messages(TRAINING) if "Finished" in one.words]) == 1


def test_a_daemon_that_dies_in_the_effect_asks_what_became_of_it(
    told: World, slack: SlackServer, outside: Path
) -> None:
    hold = outside / "hold"
    hold.touch()
    daemon = served(told, slack)
    slack.mention(REQUESTER, TRAINING, "train it")
    slack.click(APPROVER, asked(slack).ts, "approve")
    wait_until(lambda: begun(outside), "begun", every_s=LOOK_EVERY_S)
    killed(daemon, slack)
    hold.unlink()

    served(told, slack)
    question = slack.wait_for_message(TRAINING, "take effect?", 60)
    slack.click(APPROVER, question.ts, "done")
    slack.wait_for_message(TRAINING, "Finished", 60)
    assert begun(outside) == [SCRIPT]
    events = told.events(told.only_session())
    assert len([one for one in events if isinstance(one, ToolLost)]) == 1
    wait_until(lambda: "it took effect" in slack.message(question.ts).words, "its answer")


def test_two_who_click_at_once_both_see_who_decided(
    told: World, slack: SlackServer, outside: Path
) -> None:
    served(told, slack)
    slack.mention(REQUESTER, TRAINING, "train it")
    question = asked(slack)
    slack.hold()
    slack.click(APPROVER, question.ts, "approve")
    slack.click(REQUESTER, question.ts, "deny")
    slack.release()
    slack.wait_for_message(TRAINING, "Finished", 60)
    session_id = told.only_session()
    (decided,) = [one for one in told.events(session_id) if isinstance(one, ApprovalDecided)]
    winner = APPROVER if APPROVER in decided.decided_by else REQUESTER
    loser = REQUESTER if winner == APPROVER else APPROVER
    slack.wait_for_ephemeral(loser, f"by <@{winner}>", 30)
    wait_until(lambda: f"by <@{winner}>" in slack.message(question.ts).words, "its answer")
    assert len(begun(outside)) == (decided.verdict == "approve")


@pytest.mark.parametrize(
    "cap", ["session", pytest.param("day", marks=pytest.mark.endurance), "daemon"]
)
def test_a_session_at_a_money_cap_goes_on_from_slack_and_from_a_terminal(
    dear: World, slack: SlackServer, cap: str
) -> None:
    dear.environment[f"ML_INTERN_{cap.upper()}_CAP_USD"] = "0.12"
    served(dear, slack)
    slack.mention(REQUESTER, TRAINING, "spend it")
    question = slack.wait_for_message(TRAINING, "is reached", 60)
    session_id = dear.only_session()
    _, why = dear.does("why", session_id)
    (lacks,) = re.findall(r"is reached: (.* left)\.", why)
    assert lacks in question.words, "everybody is shown the same"
    slack.click(APPROVER, question.ts, "extend")
    wait_until(lambda: f"<@{APPROVER}> allows" in slack.message(question.ts).words, "extended")

    again = slack.wait_for_message(TRAINING, "is reached", 60)
    status, said = dear.does("extend", session_id, "--usd", "1", "--cap", cap, "--no-wait")
    assert (status, "now $1." in said) == (0, True), said
    slack.wait_for_message(TRAINING, "Finished", 60)
    assert "allows $1.00 more" in slack.message(again.ts).words
    assert slack.message(question.ts).action_ids == slack.message(again.ts).action_ids == []
