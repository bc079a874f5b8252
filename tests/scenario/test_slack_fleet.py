"""Several daemons with one database and one Slack, and what befalls the one that sends."""

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.events import ApprovalDecided
from ml_intern.queue.mail import Post
from ml_intern.queue.store import Store
from ml_intern.slack import drafts
from ml_intern.slack.sender import SENDERS, share_of
from tests.scenario.test_full_disk import fill
from tests.scenario.test_full_disk import small_disk as small_disk
from tests.scenario.test_serve import stands
from tests.scenario.test_slack import SCRIPT, asked, begun, questions, served, with_slack
from tests.scenario.test_slack import outside as outside
from tests.scenario.test_slack import slack as slack
from tests.scenario.world import Running, World, wait_until
from tests.support.model_server import Call, ModelServer, Reply, Script
from tests.support.model_server.script import Conversation
from tests.support.nursery import Nursery
from tests.support.postgres import PostgresServer, binaries, postgres
from tests.support.slack import APPROVER, REQUESTER, TRAINING, SlackServer
from tests.support.slack import Call as Called
from tests.support.slack import Message as Posted

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

LONG = "# padding\n" * 900 + "print('trained for 8 epochs')\n"
SENDS = re.compile(rf"slack_shift_begins.*slack-sender-{share_of(TRAINING, SENDERS)}\b")


@pytest.fixture
def model() -> Iterator[ModelServer]:
    def conversation(words: str, script: str) -> Conversation:
        call = Call(name="run_outside", arguments={"script": script})
        replies = (Reply(text="It is ready.", calls=(call,)), Reply(text="Trained."))
        return Conversation(when=re.compile(words), replies=replies)

    script = Script([conversation("train it", SCRIPT), conversation("at length", LONG)])
    with ModelServer(script) as server:
        yield server


@pytest.fixture
def fleet(
    tmp_path: Path,
    postgres_url: str,
    slack: SlackServer,
    model: ModelServer,
    outside: Path,
    nursery: Nursery,
) -> Iterator[tuple[World, World]]:
    """Two state directories, one folder of sessions, one database."""
    worlds = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        environment = with_slack(slack, model, outside)
        environment["ML_INTERN_SESSIONS_DIR"] = str(tmp_path / "sessions")
        worlds.append(
            World(
                folder=folder,
                state=folder / "state",
                environment=environment,
                database=postgres_url,
                nursery=nursery,
            )
        )
    yield worlds[0], worlds[1]
    for world in worlds:
        world.end()


def both(fleet: tuple[World, World], slack: SlackServer) -> list[Running]:
    return [served(world, slack, 2 * number) for number, world in enumerate(fleet, 1)]


def who_sends(daemons: list[Running]) -> tuple[Running, Running]:
    """The one that holds the outbox, and the other one."""
    wait_until(lambda: any(SENDS.search(one.said()) for one in daemons), "somebody sends")
    first, second = sorted(daemons, key=lambda one: SENDS.search(one.said()) is None)
    return first, second


def under_way(slack: SlackServer, method: str, *, words: str = "") -> Called:
    """A call that has come in and has no answer yet."""
    return slack.wait_for(
        lambda: next(
            (
                one
                for one in slack.calls(method)
                if one.outcome == "pending" and words in str(one.params)
            ),
            None,
        ),
        60,
    )


def all_were_tried(slack: SlackServer) -> bool:
    """Each delivery has come to an end at least once."""
    return all(one.attempts and one.attempts[0].outcome != "pending" for one in slack.deliveries)


def ends(slack: SlackServer) -> list[Posted]:
    return [one for one in slack.messages(TRAINING) if one.bot_id and "Finished" in one.words]


def all_is_told(world: World) -> None:
    def nothing_waits(store: Store) -> bool:
        return store.mail.undelivered(drafts.CHANNEL).waiting == 0

    wait_until(lambda: world.look(nothing_waits), "all is told", every_s=0.2)


def demand_once_and_in_order(world: World, slack: SlackServer) -> None:
    """Each row stands in Slack once, and in each thread in the order in which it was put."""
    said = [one for one in slack.messages(TRAINING) if one.metadata]
    keys = [one.metadata["event_payload"]["row"] for one in said]
    assert len(set(keys)) == len(keys)

    def rows(store: Store) -> list[Post | None]:
        return [store.mail.find(key) for key in keys]

    found = world.look(rows) or []
    assert all(one is not None and one.state == "sent" for one in found)
    for thread in {one.thread_ts for one in said}:
        ids = [row.id for row, one in zip(found, said, strict=True) if one.thread_ts == thread]
        assert ids == sorted(ids)


def test_two_daemons_start_one_session_in_one_thread_and_one_click_runs_it_once(
    fleet: tuple[World, World], slack: SlackServer, outside: Path
) -> None:
    both(fleet, slack)
    slack.duplicate_next_event(2)
    ts = slack.mention(REQUESTER, TRAINING, "train it")
    question = asked(slack)
    assert question.thread_ts == ts
    click = slack.click(APPROVER, question.ts, "approve").wait()
    for _ in range(3):
        slack.replay(click)  # to whichever daemon's turn it is
    slack.wait_for_message(TRAINING, "Finished", 60)
    all_is_told(fleet[0])
    session_id = fleet[0].only_session()
    assert begun(outside) == [SCRIPT]
    assert len(questions(slack)) == 1
    decided = [one for one in fleet[0].events(session_id) if isinstance(one, ApprovalDecided)]
    assert len(decided) == 1
    assert {one.thread_ts for one in slack.messages(TRAINING) if one.bot_id} == {ts}
    demand_once_and_in_order(fleet[0], slack)


@pytest.mark.parametrize("arrives", [True, pytest.param(False, marks=pytest.mark.endurance)])
def test_whoever_sends_dies_in_the_middle_and_the_other_one_goes_on(
    fleet: tuple[World, World], slack: SlackServer, outside: Path, arrives: bool
) -> None:
    """`arrives`: Slack has done what it was asked for, and nobody was there to hear it."""
    daemons = both(fleet, slack)
    holder, other = who_sends(daemons)
    slack.mention(REQUESTER, TRAINING, "train it")
    asked(slack)
    all_is_told(fleet[0])
    (slack.delay if arrives else slack.hang)("chat.postMessage", 1.5)
    slack.mention(REQUESTER, TRAINING, "train it")
    under_way(slack, "chat.postMessage")
    holder.signal(signal.SIGKILL)
    holder.ends()
    wait_until(lambda: SENDS.search(other.said()), "the other one sends", 60)
    wait_until(lambda: len(questions(slack)) == 2, "both are asked")
    for question in questions(slack):
        slack.click(APPROVER, question.ts, "approve").wait()
    world = fleet[daemons.index(other)]
    wait_until(lambda: len(ends(slack)) == 2, "both ends are told")
    all_is_told(world)
    assert begun(outside) == [SCRIPT, SCRIPT]
    assert len(questions(slack)) == 2
    assert len(ends(slack)) == 2
    demand_once_and_in_order(world, slack)


@pytest.mark.endurance
@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "files.completeUploadExternal"])
def test_whoever_brings_a_file_dies_and_the_file_comes_once(
    fleet: tuple[World, World], slack: SlackServer, step: str
) -> None:
    daemons = both(fleet, slack)
    holder, other = who_sends(daemons)
    slack.delay(step, 1.5)
    slack.mention(REQUESTER, TRAINING, "at length")
    under_way(slack, step)
    holder.signal(signal.SIGKILL)
    holder.ends()
    wait_until(lambda: SENDS.search(other.said()), "the other one sends", 60)
    slack.click(APPROVER, asked(slack).ts, "approve").wait()
    slack.wait_for_message(TRAINING, "Finished", 90)
    world = fleet[daemons.index(other)]
    all_is_told(world)
    files = [one for one in slack.messages(TRAINING) if one.files]
    names = [slack.workspace.files[one.files[0]].name for one in files]
    assert names
    assert len(names) == len(set(names)), "each stands there once"
    demand_once_and_in_order(world, slack)


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """One that may be stopped."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres() as server:
        yield server


@pytest.mark.endurance
def test_a_database_that_stops_and_comes_back_loses_no_click_in_silence(
    tmp_path: Path,
    own_server: PostgresServer,
    slack: SlackServer,
    model: ModelServer,
    outside: Path,
) -> None:
    world = World(
        folder=tmp_path,
        state=tmp_path / "state",
        environment=with_slack(slack, model, outside),
        database=own_server.new_database(),
    )
    try:
        served(world, slack)
        slack.mention(REQUESTER, TRAINING, "train it")
        question = asked(slack)
        own_server.stop("immediate")
        lost = slack.click(APPROVER, question.ts, "approve").wait()
        assert lost.trouble is not None, "whoever pressed knows"
        slack.mention(REQUESTER, TRAINING, "train it")
        clicks = [slack.click(APPROVER, question.ts, "approve")]
        own_server.start()
        began = time.monotonic()
        clicks += [slack.click(APPROVER, question.ts, "approve") for _ in range(3)]
        assert any(click.wait().acked for click in clicks)
        slack.wait_for(lambda: begun(outside), 60)
        assert time.monotonic() - began < 30, "nobody waits for a lease that nobody holds"
        wait_until(lambda: len(questions(slack)) == 2, "what was said meanwhile is heard", 60)
        slack.click(APPROVER, questions(slack)[1].ts, "approve").wait()
        for row in world.sessions():
            stands(world, row.session_id, "finished")
        all_is_told(world)
        assert begun(outside) == [SCRIPT, SCRIPT]
        demand_once_and_in_order(world, slack)
    finally:
        world.end()


@pytest.mark.endurance
def test_a_disk_that_is_full_while_slack_sends_and_people_click_doubles_nothing(
    tmp_path: Path, small_disk: Path, slack: SlackServer, model: ModelServer, outside: Path
) -> None:
    world = World(
        folder=tmp_path, state=small_disk / "state", environment=with_slack(slack, model, outside)
    )
    try:
        served(world, slack)
        slack.delay("chat.postMessage", 2.0)
        slack.mention(REQUESTER, TRAINING, "train it")
        under_way(slack, "chat.postMessage")
        ballast = fill(small_disk)
        slack.wait_for_message(TRAINING, timeout_s=30)
        before = len(slack.deliveries)
        slack.mention(REQUESTER, TRAINING, "train it")
        slack.wait_for(lambda: len(slack.deliveries) > before and all_were_tried(slack), 30)
        ballast.unlink()
        slack.retry_now()
        wait_until(lambda: len(questions(slack)) == 2, "both are asked")
        ballast = fill(small_disk)
        click = slack.click(APPROVER, questions(slack)[0].ts, "approve").wait()
        ballast.unlink()
        if click.trouble is not None:
            slack.click(APPROVER, questions(slack)[0].ts, "approve").wait()
        slack.click(APPROVER, questions(slack)[1].ts, "approve").wait()
        wait_until(lambda: len(begun(outside)) == 2, "both run")
        for row in world.sessions():
            stands(world, row.session_id, "finished")
        all_is_told(world)
        assert len(questions(slack)) == 2
        assert world.broken_rows() == []
        demand_once_and_in_order(world, slack)
    finally:
        world.end()
