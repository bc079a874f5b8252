"""Rounds of the suite: a kill at a named point, kills at random moments.

A round begins and ends with everything at rest, so that what it finds is its own.
"""

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from ml_intern.messages import Choice
from tests.chaos.crowd import CHOICES, Person
from tests.chaos.daemon import Home
from tests.chaos.ledger import Count
from tests.chaos.plan import Plan
from tests.chaos.points import Reached
from tests.chaos.scenes import IN_SLACK, PATIENCE_S, Stage, mark, play, seed_model
from tests.chaos.script import HOLD, SENT, program
from tests.scenario.world import wait_until


@dataclass(frozen=True, kw_only=True)
class Died:
    """One kill at a point."""

    point: str
    reached: bool
    status: int | None
    """How the daemon ended; -9 when it was killed, None when it had to be killed from outside."""


def die_at(stage: Stage, point: Reached, hit: int, *, mutation: str = "") -> Died:
    """Bring a daemon to the point at which it ends. What it leaves is for the next one.

    The daemon that ends there first brings to an end what the one before it has left.
    """
    home = stage.home
    person = stage.person(f"{point.name} {hit}")
    begun = stage.peek.exists()
    stage.prepare(point.scene)
    if begun and (point.anywhere or point.scene in ("publish", *IN_SLACK)):
        come_to_rest(stage, mutation=mutation)
        stop(stage)
    if point.scene == "publish":
        seed_model(home, person, hit)
    before = len(_reached(home))
    plan = Plan(
        point=point.name,
        hit=hit,
        session_id=mark(point.scene, stage, person),
        reached=str(home.reached),
        mutation=mutation,
    )
    home.start(plan)
    if begun:
        stage.rest()
    play(point.scene, stage, person)
    status = _end_of(stage)
    if status is None:
        stop(stage)
    reached = _reached(home)[before:] == [point.name]
    return Died(point=point.name, reached=reached, status=status)


def come_to_rest(stage: Stage, *, mutation: str = "") -> None:
    """Start a daemon to which nothing happens, and wait until there is nothing left to do."""
    stage.home.start(Plan(mutation=mutation))
    stage.rest()


def die_when_acknowledged(stage: Stage, *, mutation: str = "") -> None:
    """Kill the daemon from outside in the moment in which it has said yes; twice."""
    person = stage.person("acknowledged")
    for number, ask in enumerate((person.start, person.say), 1):
        stage.home.start(Plan(mutation=mutation))
        ask(program(number, "bash")).result()
        stop(stage)


def lose_sends(stage: Stage) -> dict[Choice, int]:
    """Kill the daemon inside of effects that reach outside, and say what became of them.

    How often each was there in the end, by what was said of it.
    """
    first = len(stage.crowd.persons)
    persons = {choice: stage.person(f"{choice} {first}") for choice in CHOICES}
    stage.home.start()
    for choice, person in persons.items():
        stage.crowd.choices[person.session_id] = choice
        workspace = _workspace(stage, person)
        workspace.mkdir(parents=True)
        (workspace / HOLD).touch()
        person.start(program(1, "bash", "send", "bash"))
    wait_until(lambda: all(_sent(stage, one) for one in persons.values()), "all have sent")
    stop(stage)
    for person in persons.values():
        (_workspace(stage, person) / HOLD).unlink()
    come_to_rest(stage)
    return {choice: _sent(stage, person) for choice, person in persons.items()}


def _workspace(stage: Stage, person: Person) -> Path:
    return stage.home.state / "sessions" / person.session_id / "workspace"


def _sent(stage: Stage, person: Person) -> int:
    sent = _workspace(stage, person) / SENT
    return len(sent.read_text().split()) if sent.exists() else 0


def stop(stage: Stage) -> None:
    """End the daemon of the stage."""
    if stage.home.daemon is not None:
        stage.home.daemon.kill()


def _end_of(stage: Stage) -> int | None:
    """How the daemon ends; None when all comes to rest instead."""
    daemon = stage.home.daemon
    assert daemon is not None
    end = time.monotonic() + stage.patience_s
    while time.monotonic() < end:
        if (status := daemon.status(0.25)) is not None:
            return status
        if stage.is_at_rest():
            return daemon.status(2.0)
    return None


def _reached(home: Home) -> list[str]:
    return home.reached.read_text().splitlines() if home.reached.exists() else []


def first_hit(point: Reached) -> int:
    """Of those that a scene is sure to come by, one in the middle."""
    return point.hits // 2 + 1


# Random kills

PROGRAMS = (
    ("bash", "write", "edit", "bash"),
    ("pair", "bash", "pair"),
    ("bash", "approve", "bash"),
    ("spill", "bash"),
    ("prepare", "script", "launch", "watch", "bash"),
    ("bash", "question", "bash"),
    ("bash", "reads", "slow"),
    ("send", "bash"),
    ("order", "bash"),
    ("order_edit", "order"),
    ("orders", "bash"),
    ("order_like", "order", "order"),
)
CROWD = 5
"""Sessions with work at any time."""
MOST_OPS = 4
"""Of one session, before another begins."""
MOST_LOST = 3
"""Workers that one op may lose; the kill that would be one more is put off."""


@dataclass(kw_only=True)
class Killed:
    """What came of random kills."""

    kills: int = 0
    inside: int = 0
    """Of them, inside a call that had begun."""
    count: Count


def kill_at_random(
    stage: Stage, kills: int, chance: random.Random, plan: Plan | None = None
) -> Killed:
    """Keep several sessions busy and kill the daemon so many times; then let all come to rest."""
    found = Killed(count=Count())
    stage.prepare("random")
    workload = Workload(stage, chance)
    for _ in range(kills):
        daemon = stage.home.start(plan)
        assert daemon.status() is None, daemon.said()
        workload.fill()
        wait_for_a_moment(stage, chance)
        daemon.signal(signal.SIGKILL)
        assert daemon.status(PATIENCE_S) == -signal.SIGKILL, daemon.said()
        found.kills += 1
        found.inside += bool(stage.peek.started_calls())
    stage.home.start()
    stage.rest()
    found.count = stage.count()
    return found


class Workload:
    """Asks for more whenever too little is asked for."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self._stage = stage
        self._chance = chance
        self._persons: dict[str, int] = {}

    def fill(self) -> None:
        """Let there be enough to do."""
        tables = self._stage.peek.tables() if self._stage.peek.exists() else None
        busy = set()
        if tables is not None:
            busy = {op.session_id for op in tables.ops if op.state in ("queued", "running")}
            busy |= {row.id for row in tables.sessions.values() if row.outcome == "waiting"}
        for person in self._stage.crowd.persons:
            if not all(one.done() for one in person.asked):
                busy.add(person.session_id)
        for person in self._stage.crowd.persons:
            if len(busy) < CROWD and person.session_id not in busy and len(person.asked) < MOST_OPS:
                person.say(self._program(len(person.asked) + 1))
                busy.add(person.session_id)
        while len(busy) < CROWD:
            person = self._stage.person(f"person {len(self._stage.crowd.persons)}")
            person.start(self._program(1))
            if self._chance.random() < 0.3:
                person.say(self._program(2))
            busy.add(person.session_id)

    def _program(self, number: int) -> str:
        return program(number, *self._chance.choice(PROGRAMS))


def wait_for_a_moment(stage: Stage, chance: random.Random) -> None:
    """A third of the moments are any; the others lie soon after a call has begun."""
    wait_until(stage.peek.exists, "there is a journal")
    if chance.random() < 0.33:
        time.sleep(chance.uniform(0.0, 1.0))
    else:
        position = stage.peek.last_position()
        wait_until(
            lambda: stage.peek.starts_after(position) or not stage.peek.unfinished(),
            "a call begins",
            PATIENCE_S,
            every_s=0.01,
        )
        time.sleep(chance.uniform(0.0, 0.12))
    wait_until(
        lambda: stage.peek.most_attempts() < MOST_LOST or not stage.peek.unfinished(),
        "an op that has lost its worker twice gets further",
        PATIENCE_S,
        every_s=0.01,
    )
