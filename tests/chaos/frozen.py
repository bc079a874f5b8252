"""Owners that are stopped for longer than their leases last, while others take their sessions over.

Where several daemons share a database another one takes over. Over a file there is none, and when
it wakes nobody has: its workers find the leases ended, and leave each other what they have in hand.
"""

import signal
import time
from dataclasses import replace

from tests.chaos.crowd import Person
from tests.chaos.plan import Plan
from tests.chaos.scenes import PATIENCE_S, Stage
from tests.chaos.script import EFFECTS, program
from tests.scenario.world import wait_until

LEASE_S = 3.0
"""Of frozen owners: the shipped length only takes longer."""
NEVER_S = 100_000.0
RECORDED, LOOKED = "start of a write committed", "write started, not run"
"""Where an owner freezes beside another: before its last look at the lease, and after it. Only what
is frozen after it may come late, and undo what the other has done meanwhile.
"""
FROZEN_IN = (("think", "bash"), ("slow", "bash"), ("think", "pair"))


def freeze(stage: Stage, sessions: int, *, at: str = RECORDED, mutation: str = "") -> int:
    """Stop the owner of so many sessions past their leases, then let it go on; how many those were.

    `at`: where the owner of one of them is, `RECORDED` or `LOOKED`, if there is another daemon.
    """
    plan = Plan(
        mutation=mutation, lease_s=LEASE_S, workers=3 * sessions, witness=str(stage.witness)
    )
    if not stage.home.database:
        return _alone(stage, sessions, plan)
    return _beside(stage, sessions, replace(plan, point=at, freezes=True))


def _alone(stage: Stage, sessions: int, plan: Plan) -> int:
    """Nobody renews the leases, so that they are over when the workers of the process wake."""
    daemon = stage.home.start(replace(plan, renew_s=NEVER_S, lease_s=2 * LEASE_S))
    _busy(stage, sessions)
    daemon.signal(signal.SIGSTOP)
    tokens = stage.peek.tokens(of_leased=True)
    time.sleep(2 * LEASE_S + 0.5)
    daemon.signal(signal.SIGCONT)
    stage.rest()
    moved = _moved(stage, tokens)
    assert not moved, f"taken from a worker of the same process: {moved}"
    return len(tokens)


def _beside(stage: Stage, sessions: int, plan: Plan) -> int:
    """The other one is stopped too while this one takes the work up."""
    other = stage.beside().start(replace(plan, point=""))
    other.signal(signal.SIGSTOP)
    last = stage.person(f"frozen inside {len(stage.crowd.persons)}")
    daemon = stage.home.start(replace(plan, session_id=last.session_id))
    _busy(stage, sessions - 1)
    last.start(program(1, "write", "edit", "bash"))
    wait_until(daemon.is_stopped, "the owner is frozen", PATIENCE_S)
    tokens = stage.peek.tokens(of_leased=True)
    other.signal(signal.SIGCONT)
    wait_until(lambda: len(_moved(stage, tokens)) == len(tokens), "the other has them", PATIENCE_S)
    wait_until(lambda: "1.2" in _effects(stage, last), "the other has gone on", PATIENCE_S)
    daemon.signal(signal.SIGCONT)
    stage.rest()
    if not plan.mutation:
        assert (daemon.leave(), other.leave()) == (0, 0), daemon.said() + other.said()
    return len(tokens)


def _busy(stage: Stage, sessions: int) -> None:
    base = len(stage.crowd.persons)
    for number in range(sessions):
        person = stage.person(f"frozen {base + number}")
        person.start(program(1, *(FROZEN_IN[number % len(FROZEN_IN)])))
    inside = sum(FROZEN_IN[number % len(FROZEN_IN)][0] == "slow" for number in range(sessions))
    wait_until(lambda: stage.peek.leased() == sessions, "all are at work", PATIENCE_S)
    wait_until(lambda: stage.peek.started_calls() >= min(1, inside), "inside", PATIENCE_S)


def _effects(stage: Stage, person: Person) -> str:
    path = stage.home.sessions / person.session_id / "workspace" / EFFECTS
    return path.read_text() if path.exists() else ""


def _moved(stage: Stage, tokens: dict[str, int]) -> list[str]:
    """Those that were taken over since."""
    now = stage.peek.tokens()
    return [session for session, token in tokens.items() if now[session] > token]
