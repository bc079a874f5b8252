"""Secrets of every kind, put wherever one may get in, are seen nowhere that leaves the database."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.slack.manifest import SCOPES
from ml_intern.tracing.redaction.scan import findings
from tests.scenario.test_serve import stands
from tests.scenario.world import World, wait_until
from tests.support.model_server import Call, Fault, ModelServer, Reply, Script
from tests.support.model_server.script import Conversation
from tests.support.slack import APPROVER, BOT_USER, REQUESTER, TRAINING, Message, SlackServer
from tests.tracing.redaction.seeds import seeds

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

PLACES = ("task", "words", "thinking", "arguments", "output", "error", "trouble")
SETTINGS = {
    "ML_INTERN_API_KEY": "plain-words-of-the-model",
    "WANDB_API_KEY": "unremarkable words",
    "DB_PASSWORD": 'qu"ote\\d & more',
}


def texts(place: str) -> str:
    return "\n".join(seed.text for seed in seeds(place))


def printing(place: str, outside: Path) -> str:
    """A script that says what stands in a file: its own text holds nothing of it."""
    path = outside / f"{place}.txt"
    path.write_text(texts(place))
    return f"print(open({str(path)!r}).read())\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(scopes=SCOPES) as server:
        server.channel("general").members.add(BOT_USER)
        yield server


@pytest.fixture
def model(outside: Path) -> Iterator[ModelServer]:
    told = "\n".join(SETTINGS.values())
    noted = f'"""\n{texts("arguments")}\n"""\n'
    failing = f'raise SystemExit("""{texts("error")}""")\n'
    runs = Reply(
        text=texts("words"),
        thinking=texts("thinking"),
        calls=(
            Call(name="run_outside", arguments={"script": noted + printing("output", outside)}),
            Call(name="run_outside", arguments={"script": failing}),
        ),
    )
    refused = Fault(kind="status", status=503, message=texts("trouble"))
    script = Script(
        [
            Conversation(
                when=re.compile("train"),
                replies=(runs, Reply(text=f"Trained.\n{told}", faults=(refused,))),
            )
        ]
    )
    with ModelServer(script) as server:
        yield server


@pytest.fixture
def told(world: World, slack: SlackServer, model: ModelServer, outside: Path) -> World:
    world.environment |= {
        **SETTINGS,
        "TESTS_OUTSIDE": str(outside),
        "ML_INTERN_MODEL": "openai/scripted",
        "ML_INTERN_API_BASE": model.openai_url,
        "ML_INTERN_FREE_MODELS": '["openai/*"]',
        "ML_INTERN_SLACK_API_URL": slack.base_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "ML_INTERN_SLACK_MAY_START": REQUESTER,
        "ML_INTERN_SLACK_MAY_DECIDE": APPROVER,
    }
    return world


def leaks(text: str) -> list[str]:
    """Which secrets stand in it, by place and kind."""
    known = [(f"{place} {seed.kind}", seed.value) for place in PLACES for seed in seeds(place)]
    return [
        name
        for name, value in [*known, *SETTINGS.items()]
        if value in text or json.dumps(value)[1:-1] in text
    ]


def both_questions(slack: SlackServer) -> list[Message]:
    asked = [one for one in slack.messages(TRAINING) if "May I run" in one.words]
    return asked if len(asked) == 2 else []


def test_no_secret_is_left_in_traces_logs_slack_or_pages(
    told: World, slack: SlackServer, outside: Path
) -> None:
    running = told.start("serve", module="tests.scenario.runner")
    wait_until(lambda: "ready" in running.said(), "ready")
    slack.wait_for_sockets(2, 30)
    slack.mention(REQUESTER, TRAINING, f"train it with\n{texts('task')}")
    asked = slack.wait_for(lambda: both_questions(slack), 60)
    for question in asked:
        slack.click(APPROVER, question.ts, "approve").wait()
    slack.wait_for_message(TRAINING, "Finished", 90)
    session_id = told.only_session()
    stands(told, session_id, "finished")
    told.end()

    trace = told.trace(session_id)
    assert leaks(json.dumps([call.params for call in slack.requests], ensure_ascii=False)) == []
    assert leaks(running.said()) == []
    assert "[REDACTED:" in running.said(), "the log tells of an error with secrets in it"
    assert leaks(trace.read_text()) == []
    assert leaks("\n".join(_strings(trace))) == []
    assert findings(trace, secrets=SETTINGS) == []
    status, page = told.does("traces", "open", session_id, "-o", "-")
    assert status == 0, page
    assert leaks(page) == []
    status, report = told.does("traces", "redaction", session_id)
    assert status == 0, report
    journal = "".join(str(event) for event in told.events(session_id))
    assert {name.split()[0] for name in leaks(journal)} >= {"task", "words", "arguments", "output"}


def _strings(trace: Path) -> Iterator[str]:
    """Every text of a trace, unescaped."""
    waiting = [json.loads(line) for line in trace.read_text().splitlines()]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as fields:
                waiting += [*fields, *fields.values()]
            case list() as items:
                waiting += items
            case _:
                pass
