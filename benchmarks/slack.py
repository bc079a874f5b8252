"""Slack: from a click to the running tool, a thousand who wait, ten thousand messages that wait.

Against the stand-in for Slack on this machine, over real HTTP and WebSocket. Run all with
`python -m benchmarks.slack`, or the named ones: `click`, `turns`, `drain`, `waiting`, `channels`.
Never part of the tests. `channels` looks on for three minutes: all ten thousand would take
fourteen, at one message a second in each of twelve channels.
"""

import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ml_intern import tool
from ml_intern.client.door import NewSession
from ml_intern.client.remote import connect
from ml_intern.clock import SystemClock
from ml_intern.daemon.service import Service
from ml_intern.daemon.supervisor import Supervisor
from ml_intern.errors import Busy
from ml_intern.llm.scripted import Answer, ScriptedModel, calling
from ml_intern.messages import Message, SessionId, ToolMessage
from ml_intern.settings import Settings
from ml_intern.slack import blocks, drafts
from ml_intern.slack.app import Setup, Slack
from ml_intern.tools.catalogue import with_own
from tests.scenario.test_slack import served, with_slack
from tests.scenario.world import World
from tests.support.model_server import Call as ModelCall
from tests.support.model_server import ModelServer, Reply, Script
from tests.support.model_server.script import Conversation
from tests.support.slack import APPROVER, BOT_USER, REQUESTER, TRAINING, SlackServer

CLICKS = 30
TURNS = 60
PENDING = 10_000
WAITING = 1_000
CHANNELS = 12
WATCH_S = 180.0
SLACK_TAKES_S = 0.15
"""For one message, in `channels`: about what the real one takes."""


class Bench:
    """A service with a scripted model, and Slack beside it."""

    def __init__(self, folder: Path, slack: SlackServer, pace_s: float) -> None:
        self.slack = slack
        self.began: list[float] = []
        clock = SystemClock()

        @tool(effect="external")
        def send(to: str) -> str:
            """Send it."""
            self.began.append(time.perf_counter())
            return to

        def answer(messages: Sequence[Message], _tools: object) -> Answer:
            if "ask" in str(messages[1]) and not isinstance(messages[-1], ToolMessage):
                return calling(send={"to": "hub"})
            return "Done."

        settings = Settings(state_dir=folder / "state", sandbox="process", model="scripted")
        models = [ScriptedModel("scripted", answer)]
        self.service = Service.open(settings, clock, models, with_own([send]))
        setup = Setup(
            bot_token=slack.bot_token,
            app_token=slack.app_token,
            channel=TRAINING,
            may_start=(REQUESTER,),
            may_decide=(APPROVER,),
            channels={},
            folder=folder,
            base_url=slack.base_url,
            pace_s=pace_s,
        )
        store = self.service.store
        self.app = Slack(
            setup,
            store,
            self.service.door,
            clock,
            redact=lambda value: value,
        )
        self.readers = Supervisor(clock)

    def start_senders(self) -> None:
        for sender in self.app.senders:
            self.readers.start(sender.name, sender.run)

    def start_session(self, task: str) -> SessionId:
        return self.service.door.start_session(NewSession(task=task, started_in="/", author="ada"))

    def run(self, task: str) -> float:
        """Seconds from a task to its end."""
        began = time.perf_counter()
        session_id = self.start_session(task)
        ended = threading.Event()
        watch = self.service.door.watch(session_id, 0, ended.set)
        while self.service.door.session(session_id).outcome is None:
            ended.wait(1)
            ended.clear()
        watch.close()
        return time.perf_counter() - began


@contextmanager
def bench(pace_s: float = 0.0, slack_pace_s: float | None = None) -> Iterator[Bench]:
    with (
        tempfile.TemporaryDirectory() as folder,
        SlackServer(pace_s=slack_pace_s, tiers=False) as slack,
    ):
        found = Bench(Path(folder), slack, pace_s)
        assert found.service.try_host()
        found.app.teller.begin()
        found.readers.start("slack-teller", found.app.teller.run)
        found.readers.start("slack-clerk", found.app.clerk.run)
        found.readers.start("slack-listener", found.app.listener.run)
        slack.wait_for_sockets(2)
        try:
            yield found
        finally:
            found.readers.stop(10)
            found.service.close(drain_s=1)


def click_to_tool_ms(office: Bench, clicks: int) -> list[float]:
    """From the moment at which a person presses Approve to the tool's first line."""
    office.start_senders()
    took = []
    seen: set[str] = set()
    for number in range(clicks):
        office.start_session(f"ask {number}")
        found = office.slack.wait_for(lambda: _new_question(office.slack, seen), 30)
        seen.add(found)
        began, before = time.perf_counter(), len(office.began)
        office.slack.click(APPROVER, found, "approve")
        _until(lambda before=before: len(office.began) > before)
        took.append((office.began[-1] - began) * 1000)
    return took


def put_pending(office: Bench, number: int) -> None:
    """So many messages for one thread."""
    mail = office.service.store.mail
    session_id = office.start_session("plain")
    mail.put(drafts.CHANNEL, [drafts.root(session_id, blocks.said("root"), channel=TRAINING)])
    for start in range(0, number, 500):
        rows = [
            drafts.post(session_id, f"n:{n}", blocks.said(f"number {n}"), channel=TRAINING)
            for n in range(start, min(start + 500, number))
        ]
        mail.put(drafts.CHANNEL, rows)


def turns_ms(office: Bench, number: int) -> tuple[float, float]:
    """Median session of one turn: alone, and while `number` messages go out at Slack's pace."""
    alone = [office.run(f"plain {n}") for n in range(TURNS)]
    put_pending(office, number)
    office.start_senders()
    beside = [office.run(f"beside {n}") for n in range(TURNS)]
    return statistics.median(alone) * 1000, statistics.median(beside) * 1000


def drained_a_second(office: Bench, number: int) -> float:
    """As fast as the stand-in takes them, which runs in this process too."""
    put_pending(office, number)
    began = time.perf_counter()
    office.start_senders()
    _until(lambda: _count(office.slack) >= number, 1800, 0.2)
    rate = number / (time.perf_counter() - began)
    order = [
        int(one.text.split()[1])
        for one in office.slack.messages(TRAINING)
        if one.text.startswith("number ")
    ]
    assert order == list(range(number)), "out of order"
    return rate


def channels(office: Bench, number: int) -> tuple[int, int, float, float]:
    """Drain for `WATCH_S` at Slack's pace, which the stand-in demands, while turns go on.

    Messages that came, calls that were limited, and the median session in ms, alone and beside.
    """
    alone = [office.run(f"plain {n}") for n in range(TURNS)]
    names = [f"C0CHANNEL{n:02d}" for n in range(CHANNELS)]
    for name in names:
        office.slack.add_channel(name, name.casefold(), {BOT_USER})
    session_id = office.start_session("plain")
    for start in range(0, number, 500):
        office.service.store.mail.put(
            drafts.CHANNEL,
            [
                drafts.announcement(
                    session_id,
                    f"n:{n}",
                    blocks.said(f"number {n}"),
                    channel=names[n * CHANNELS // number],
                )
                for n in range(start, min(start + 500, number))
            ],
        )
    office.slack.delay("chat.postMessage", SLACK_TAKES_S, number)
    office.start_senders()
    end, beside = time.monotonic() + WATCH_S, []
    while time.monotonic() < end:
        beside.append(office.run(f"beside {len(beside)}"))
        threading.Event().wait(0.5)
    came = 0
    for name in names:
        order = [int(one.text.split()[1]) for one in office.slack.messages(name)]
        assert order == sorted(order), "out of order"
        came += len(order)
    limited = sum(one.outcome == "ratelimited" for one in office.slack.requests)
    return came, limited, statistics.median(alone) * 1000, statistics.median(beside) * 1000


def waiting(number: int) -> tuple[tuple[int, float], tuple[int, float], float]:
    """Threads and MB of a real daemon: idle, and with `number` sessions that wait for a yes.

    And the seconds until all of them wait.
    """
    call = ModelCall(name="run_outside", arguments={"script": "print()"})
    with (
        tempfile.TemporaryDirectory(dir=Path.home()) as folder,
        SlackServer(pace_s=None, tiers=False) as slack,
        ModelServer(Script([Conversation(when=re.compile("."), replies=(Reply(calls=(call,)),))]))
        as model,
    ):  # fmt: skip
        outside = Path(folder) / "outside"
        outside.mkdir()
        world = World(
            folder=Path(folder),
            state=Path(folder) / "state",
            environment=with_slack(slack, model, outside),
        )
        world.environment |= {"ML_INTERN_WORKERS": "4", "ML_INTERN_SLACK_CHANNEL": TRAINING}
        try:
            pid = served(world, slack).process.pid
            idle = _weight(pid)
            took = _let_wait(world, number)
            return idle, _weight(pid), took
        finally:
            world.end()


def _let_wait(world: World, number: int) -> float:
    door = connect(world.state / "daemon.sock")
    assert door is not None
    began = time.monotonic()
    with door:
        started = 0
        while started < number:
            try:
                new = NewSession(task=f"task {started}", started_in="/", author="bench")
                door.start_session(new, key=str(started))
                started += 1
            except Busy as exc:
                threading.Event().wait(exc.retry_after_s)
        _until(lambda: door.health().open_approvals == number, 1800, 0.5)
    return time.monotonic() - began


def _weight(pid: int) -> tuple[int, float]:
    """Threads, and MB that are its own in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    threads, kilobytes = (
        int(re.search(rf"{name}:\s*(\d+)", status)[1]) for name in ("Threads", "VmRSS")
    )
    return threads, kilobytes / 1000


def _new_question(slack: SlackServer, seen: set[str]) -> str | None:
    return next(
        (
            one.ts
            for one in slack.messages(TRAINING)
            if "approve" in one.action_ids and one.ts not in seen
        ),
        None,
    )


def _count(slack: SlackServer) -> int:
    return sum(one.text.startswith("number ") for one in slack.messages(TRAINING))


def _until(fact: Callable[[], bool], within_s: float = 30.0, every_s: float = 0.002) -> None:
    end = time.monotonic() + within_s
    never = threading.Event()
    while not fact():
        assert time.monotonic() < end, "never happened"
        never.wait(every_s)


def show_click() -> None:
    with bench() as office:
        took = sorted(click_to_tool_ms(office, CLICKS))
    print(
        f"click to running tool, {len(took)} times   median {statistics.median(took):6.0f} ms   "
        f"slowest {took[-1]:6.0f} ms   (goal: under 250 ms)"
    )


def show_turns() -> None:
    with bench(pace_s=1.0) as office:
        alone, beside = turns_ms(office, PENDING)
    print(
        f"a session of one turn            alone {alone:6.1f} ms   "
        f"while {PENDING:,} messages wait and go out {beside:6.1f} ms"
    )


def show_drain() -> None:
    with bench() as office:
        rate = drained_a_second(office, PENDING)
    print(f"messages in one thread, in order  {rate:6.0f} a second (Slack takes 1)")


def show_waiting() -> None:
    (threads, idle_mb), (more_threads, mb), took = waiting(WAITING)
    print(
        f"{WAITING:,} sessions that wait for a yes, after {took:.0f} s   "
        f"{more_threads - threads:+d} threads (idle: {threads})   "
        f"{mb - idle_mb:+.0f} MB (idle: {idle_mb:.0f})   (goal: no thread each, under 250 MB)"
    )


def show_channels() -> None:
    with bench(pace_s=1.0, slack_pace_s=1.0) as office:
        came, limited, alone, beside = channels(office, PENDING)
    print(
        f"{PENDING:,} messages in {CHANNELS} channels   {came:,} sent in {WATCH_S:.0f} s, in order "
        f"(Slack takes {CHANNELS * WATCH_S:,.0f}), {limited} limited   "
        f"a session of one turn: alone {alone:.1f} ms, beside {beside:.1f} ms"
    )


SHOWN = {
    "click": show_click,
    "turns": show_turns,
    "drain": show_drain,
    "waiting": show_waiting,
    "channels": show_channels,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or SHOWN:
        SHOWN[name]()
