"""The same kills when the model answers over HTTP, through LiteLLM.

The daemons that are killed are forks of the nursery; the last one is made afresh, imports and all.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.client.door import NewSession
from ml_intern.client.remote import connect
from tests.chaos import script
from tests.chaos.ledger import Count, check, trace_is_behind
from tests.chaos.peek import Peek
from tests.chaos.plan import VARIABLE, Plan
from tests.chaos.script import program
from tests.scenario.world import Running, World, wait_until
from tests.support.model_server import Call, ModelServer, Reply
from tests.support.nursery import Nursery

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

KEY = "chaos-over-http"


def effect(label: str) -> Reply:
    command = f"echo {label} >> {script.EFFECTS}; sleep 0.1; echo {label} >> {script.ENDS}"
    return Reply(calls=(Call(name="bash", arguments={"command": command}),))


@pytest.fixture
def world(tmp_path: Path, nursery: Nursery) -> Iterator[World]:
    made = World(folder=tmp_path, state=tmp_path / "state", nursery=nursery)
    yield made
    made.end()


def plan(world: World, point: str) -> Path:
    """The next daemon of this world ends at this point, if it is one; what it leaves there."""
    reached = world.folder / "reached.txt"
    told = Plan(point=point, hit=2, scripted=False, reached=str(reached) if point else "")
    world.environment[VARIABLE] = told.written(world.folder / "plan.json")[VARIABLE]
    return reached


def test_a_kill_around_a_hosted_models_reply_asks_again_and_does_nothing_twice(
    world: World,
) -> None:
    replies = [effect("1.0"), effect("1.1"), effect("1.2"), effect("1.3"), Reply(text="Done.")]
    with ModelServer(replies) as server:
        world.environment |= {
            "ML_INTERN_MODEL": "openai/scripted",
            "ML_INTERN_FREE_MODELS": '["openai/*"]',
            "ML_INTERN_API_KEY": "none",
            "ML_INTERN_API_BASE": server.openai_url,
        }
        for number, point in enumerate(("reply not committed", "reply committed")):
            reached = plan(world, point)
            daemon = served(world)
            if number == 0:
                ask(world)
            assert daemon.ends() == -signal.SIGKILL
            assert reached.read_text().splitlines()[number] == point
        plan(world, "")
        world.nursery = None
        served(world)
        count = at_rest(world)

    assert count.problems == []
    assert (count.effects, count.unknown) == (len(replies) - 1, 0)
    asked = [seen.outcome for seen in server.requests]
    assert len(asked) == len(replies) + 1, "only the reply that was lost is asked for again"


def served(world: World) -> Running:
    daemon = world.start("serve", module="tests.chaos.serve")
    wait_until(lambda: "ready" in daemon.said() or daemon.process.poll() is not None, "ready")
    return daemon


def ask(world: World) -> None:
    door = connect(world.state / "daemon.sock")
    assert door is not None
    with door:
        new = NewSession(task=program(1, *["bash"] * 4), started_in="/", author="ada")
        door.start_session(new, key=KEY)


def at_rest(world: World) -> Count:
    peek = Peek(world.state)
    wait_until(lambda: not peek.unfinished(), "all is done", every_s=0.1)
    wait_until(lambda: not trace_is_behind(peek.tables(), world.state), "it is written")
    return check(peek.tables(), world.state, ())
