"""A daemon is killed around a change of the Hub that a person has said yes to; and where, besides,
its tokens have gone.
"""

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml_intern.client.door import NewSession
from ml_intern.client.remote import connect
from ml_intern.events import ToolFinished
from ml_intern.messages import SessionId
from tests.scenario.test_serve import LOOK_EVERY_S, served, stands
from tests.scenario.world import World, wait_until
from tests.support.github_server import GitHubServer
from tests.support.hub import TOKEN, HubServer
from tests.support.model_server import Call, ModelServer, Reply, Script
from tests.support.model_server.script import Conversation
from tests.support.outside import Outside
from tests.support.papers_server import PapersServer, papers_server

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]

WAYS = ("before", "after", "clicks")
GITHUB, SCHOLAR = "ghp_fake0123456789abcdefghijklmnopqrstuv", "s2-fake-0123456789abcdefghijklmn"
CALLS = (
    Call(name="hub_details", arguments={"repo": "ada/clicks", "kind": "dataset"}),
    Call(name="github", arguments={"operation": "read", "repository": "a/b", "path": "x.py"}),
    Call(name="papers", arguments={"operation": "search", "query": "qlora"}),
)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        for way in WAYS:
            server.datasets.add(f"ada/{way}")
        yield server


@pytest.fixture
def github() -> Iterator[Outside]:
    with Outside(GitHubServer({"a/b": {"x.py": b"x = 1\n"}})) as server:
        yield server


@pytest.fixture
def papers() -> Iterator[PapersServer]:
    with papers_server() as server:
        yield server


def conversation(way: str) -> Conversation:
    change = {
        "operation": "upload",
        "repo": f"ada/{way}",
        "kind": "dataset",
        "files": {"a.txt": "a.txt"},
    }
    note = Call(name="write", arguments={"path": "a.txt", "content": way})
    upload = Call(name="hub_change", arguments=change)
    return Conversation(
        when=re.compile(f"send {way}"),
        replies=(
            Reply(calls=(note, *(CALLS if way == "clicks" else ()))),
            Reply(calls=(upload,)),
            Reply(text="Sent."),
        ),
    )


def begun(world: World) -> dict[str, SessionId]:
    """A session for each way; one yes for each, of two people who click at once."""
    door = connect(world.state / "daemon.sock")
    assert door is not None
    with door, ThreadPoolExecutor(2) as people:
        ids = {
            way: door.start_session(
                NewSession(task=f"send {way}", started_in=str(world.folder), author="ada")
            )
            for way in WAYS
        }
        for session_id in ids.values():
            stands(world, session_id, "waiting")
            (asked,) = door.open_approvals(session_id)
            won = people.map(
                lambda who, one=asked: _click(world, one.approval_id, who), ("ada", "bob")
            )
            assert sorted(won) == [False, True]
    return ids


def _click(world: World, approval_id: str, who: str) -> bool:
    door = connect(world.state / "daemon.sock")
    assert door is not None
    with door:
        return door.decide(approval_id, "approve", decided_by=who)


def test_a_yes_is_carried_out_once_whatever_dies_in_between(
    world: World, hub: HubServer, github: Outside, papers: PapersServer
) -> None:
    world.environment |= {
        "ML_INTERN_MODEL": "openai/scripted",
        "ML_INTERN_FREE_MODELS": '["openai/*"]',
        "ML_INTERN_API_KEY": "sk-fake-key-for-tests-0123456789",
        "ML_INTERN_WORKERS": "4",
        "ML_INTERN_HF_ENDPOINT": hub.url,
        "ML_INTERN_DATASETS_SERVER_URL": hub.url,
        "ML_INTERN_GITHUB_URL": github.url,
        "ML_INTERN_ARXIV_URL": papers.url,
        "ML_INTERN_SEMANTIC_SCHOLAR_URL": papers.url,
        "HF_TOKEN": TOKEN,
        "GITHUB_TOKEN": GITHUB,
        "S2_API_KEY": SCHOLAR,
    }
    hub.faults.hang(at="/api/datasets/ada/before/preupload")
    hub.faults.stall(at="/api/datasets/ada/after/commit")
    with ModelServer(Script([conversation(way) for way in WAYS])) as model:
        world.environment["ML_INTERN_API_BASE"] = model.openai_url
        daemon = served(world)
        ids = begun(world)
        stands(world, ids["clicks"], "finished")
        wait_until(lambda: hub.faults.met == 2, "both are held up", every_s=LOOK_EVERY_S)
        wait_until(lambda: commits(hub, "after") == 2, "its commit is there", every_s=LOOK_EVERY_S)

        daemon.signal(signal.SIGKILL)
        daemon.ends()
        served(world)
        stands(world, ids["after"], "finished")
        stands(world, ids["before"], "finished")

    assert {way: commits(hub, way) for way in WAYS} == dict.fromkeys(WAYS, 2)
    for way in WAYS:
        (done,) = (each for each in world.events(ids[way]) if _is_of_hub_change(each))
        assert done.ok, done.output
    assert '"found_done": true' in _output(world, ids["after"])
    went(hub, github, papers)
    assert holders(world.state, TOKEN, GITHUB, SCHOLAR) == []


def commits(hub: HubServer, way: str) -> int:
    """The first makes the repository."""
    return len(hub.datasets.repository(f"ada/{way}").commits)


def _is_of_hub_change(event: object) -> bool:
    return (
        isinstance(event, ToolFinished) and "ada/" in event.output and "operation" in event.output
    )


def _output(world: World, session_id: SessionId) -> str:
    (done,) = (each for each in world.events(session_id) if _is_of_hub_change(each))
    return done.output


def went(hub: HubServer, github: Outside, papers: PapersServer) -> None:
    """Each token to its own service, and there only."""
    assert {each.token for each in hub.requests} == {TOKEN}
    assert {each.headers["authorization"] for each in github.asked} == {f"Bearer {GITHUB}"}
    for each in (*github.asked, *papers.asked):
        mine = GITHUB if each in github.asked else SCHOLAR
        said = repr(each)
        assert [one for one in (TOKEN, GITHUB, SCHOLAR) if one in said] in ([], [mine])


def holders(folder: Path, *tokens: str) -> list[Path]:
    """Files that hold one of them: database, traces, logs, the cache of answers, outputs."""
    files = [each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()]
    assert any("outside" in each.parts for each in files)
    return [each for each in files if any(token.encode() in each.read_bytes() for token in tokens)]
