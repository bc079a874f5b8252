"""One daemon and two on one PostgreSQL, at work that is bound by waiting for a model.

    python -m benchmarks.daemons

Real `ml-intern serve` processes; the model is a server that takes its time.
"""

import tempfile
import time
from collections import Counter
from pathlib import Path

from ml_intern.client.door import NewSession
from ml_intern.client.remote import connect
from tests.scenario.test_serve import served
from tests.scenario.world import World, wait_until
from tests.support.model_server import Call, ModelServer, Reply
from tests.support.postgres import postgres

SESSIONS = 24
WORKERS = 4
CALLS = 3
THINKS_S = 2.0
LEAST = 1.7


def main() -> None:
    """Measure and print."""
    one, two = took_s(1), took_s(2)
    print(f"{SESSIONS} sessions of {CALLS + 1} answers, {THINKS_S:.0f} s each, {WORKERS} workers")
    print(f"one daemon {one:.1f} s, two daemons {two:.1f} s: {one / two:.2f} x (at least {LEAST})")


def took_s(daemons: int) -> float:
    """From the first submit to the last end."""
    write = Call(name="write", arguments={"path": "a.txt", "content": "a"})
    replies = [Reply(calls=(write,), delay_s=THINKS_S)] * CALLS
    with (
        tempfile.TemporaryDirectory(dir=Path.home()) as folder,
        postgres(safe=True) as server,
        ModelServer([*replies, Reply(text="Done.", delay_s=THINKS_S)]) as model,
    ):
        url = server.new_database()
        worlds = [
            World(
                folder=Path(folder),
                state=Path(folder) / f"state-{number}",
                environment={
                    "ML_INTERN_MODEL": "openai/scripted",
                    "ML_INTERN_API_KEY": "sk-fake-benchmark-key",
                    "ML_INTERN_API_BASE": model.openai_url,
                    "ML_INTERN_SESSIONS_DIR": f"{folder}/sessions",
                    "ML_INTERN_WORKERS": str(WORKERS),
                },
                database=url,
            )
            for number in range(daemons)
        ]
        try:
            for world in worlds:
                served(world)
            return _work_s(worlds[0])
        finally:
            for world in worlds:
                world.end()


def _work_s(world: World) -> float:
    door = connect(world.state / "daemon.sock")
    assert door is not None
    began = time.monotonic()
    with door:
        for number in range(SESSIONS):
            door.start_session(NewSession(task=f"task {number}", started_in="/", author="bench"))
        wait_until(
            lambda: Counter(row.outcome for row in door.sessions(100)) == {"finished": SESSIONS},
            "all are finished",
            every_s=0.2,
        )
    return time.monotonic() - began


if __name__ == "__main__":
    main()
