"""Sessions that grow all at once, a Hub that often fails, and a daemon that is killed repeatedly.

`python -m tests.chaos.uploads` is the full size: 50 sessions, 20 % of requests, ten kills.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.daemon import Home
from tests.chaos.plan import Plan
from tests.chaos.scenes import Stage
from tests.chaos.script import program
from tests.scenario.world import wait_until
from tests.support.hub import TOKEN, USER, HubServer
from tests.support.nursery import Nursery

REPO = f"{USER}/ml-intern-sessions"
PATIENCE_S = 300.0
LOOK_S = 0.1
"""Between two looks at all files and all of the store, which take that long."""
STEPS = ("write", "edit", "bash", "write", "pair")


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How bad it is."""

    sessions: int
    kills: int
    rate: float
    """Of requests that fail."""
    seed: int
    upload_every_s: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there was in the end."""

    spool: Mapping[str, bytes]
    hub: Mapping[str, bytes]
    commits: int
    empty_commits: int
    failed: int
    """Requests."""
    requests: int

    @property
    def problems(self) -> list[str]:
        """All that must not be."""
        wrong = [path for path in {*self.spool, *self.hub} if not self._is_same(path)]
        words = [f"{path} is not the same on the Hub" for path in sorted(wrong)]
        if self.empty_commits:
            words.append(f"{self.empty_commits} commits changed nothing")
        return words

    def _is_same(self, path: str) -> bool:
        return self.spool.get(path) == self.hub.get(path)


def weather(stage: Stage, hub: HubServer, how: Weather) -> Found:
    """Let it happen; returns when everything has come to rest, and to the Hub."""
    chance = random.Random(how.seed)
    stage.home.settings = {"ML_INTERN_HF_ENDPOINT": hub.url, "ML_INTERN_HF_TOKEN": TOKEN}
    stage.patience_s = PATIENCE_S
    hub.faults.at_random(how.rate, how.seed)
    plan = Plan(upload_every_s=how.upload_every_s)
    persons = [stage.person(f"session-{number}") for number in range(how.sessions)]
    for life in range(1, how.kills + 2):
        daemon = stage.home.start(plan)
        assert daemon.status() is None, daemon.said()
        for person in persons:
            words = program(life, *STEPS)
            _ = person.start(words) if life == 1 else person.say(words)
        if life > how.kills:
            break
        _wait_for_a_moment(stage, hub, chance)
        daemon.signal(signal.SIGKILL)
        assert daemon.status(PATIENCE_S) == -signal.SIGKILL, daemon.said()
    stage.rest()
    wait_until(
        lambda: not _found(stage, hub).problems, "all is on the Hub", PATIENCE_S, every_s=LOOK_S
    )
    return _found(stage, hub)


def _wait_for_a_moment(stage: Stage, hub: HubServer, chance: random.Random) -> None:
    """In the middle of some request, unless nothing is left to be asked."""
    enough = len(hub.requests) + chance.randrange(1, 25)

    def is_enough() -> bool:
        if len(hub.requests) >= enough:
            return True
        return stage.is_at_rest() and not _found(stage, hub).problems

    wait_until(is_enough, "the Hub was asked", PATIENCE_S, every_s=LOOK_S)


def _found(stage: Stage, hub: HubServer) -> Found:
    traces = stage.home.state / "traces"
    spool = {
        path.relative_to(traces).as_posix(): path.read_bytes()
        for path in traces.glob("sessions/*/*.jsonl")
    }
    if not hub.datasets.has(REPO):
        return Found(spool=spool, hub={}, commits=0, empty_commits=0, failed=0, requests=0)
    repository = hub.datasets.repository(REPO)
    ours = repository.commits[1:]
    return Found(
        spool=spool,
        hub={p: b.content for p, b in repository.files.items() if p.startswith("sessions/")},
        commits=len(ours),
        empty_commits=sum(not one.changed for one in ours),
        failed=hub.faults.met,
        requests=len(hub.requests),
    )


def main(words: Sequence[str] | None = None) -> int:
    """0 when the Hub has what the spool has."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.uploads", description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    asked = parser.parse_args(words)
    began = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-uploads-"))
        hub = stack.enter_context(HubServer())
        stage = Stage(Home(stack.enter_context(Nursery()), Path(folder) / "home"))
        stack.callback(stage.close)
        found = weather(stage, hub, Weather(**vars(asked)))
    sys.stdout.write(
        f"seed {asked.seed}: {len(found.hub)} files on the Hub, {len(found.spool)} in the spool, "
        f"{asked.kills} kills, {found.failed} of {found.requests} requests failed, "
        f"{found.commits} commits, {found.empty_commits} of them without a change, "
        f"{time.monotonic() - began:.0f} s\n"
    )
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
