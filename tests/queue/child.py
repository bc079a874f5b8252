"""What tests run in a process of its own: `python -m tests.queue.child ACT DATABASE [...]`.

Each act prints one line when it is ready or has had an answer; a test may kill it between any two.
"""

import resource
import sys
from pathlib import Path

from ml_intern.clock import SystemClock
from ml_intern.errors import StoreUnavailable
from ml_intern.queue.lock import DaemonLock
from ml_intern.queue.store import Store
from tests.queue.given import (
    S,
    answered,
    began,
    claimed,
    decided,
    new_session,
    progressed,
    replied,
    said,
    turn,
)


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def await_go() -> None:
    tell("ready")
    sys.stdin.readline()


def write_for_ever(store: Store) -> None:
    """Claim, then append and submit; each answer is told after it was given."""
    claim = claimed(store)
    for number in range(1_000_000):
        call = f"c{number}-{claim.lease.token}"
        for event in (replied(call), began(call), answered(call)):
            (seq,) = store.append(claim.lease, event)
            tell("event", seq)
        if number < 20:
            tell("op", store.submit(S, said(str(number))))


def note(store: Store) -> None:
    await_go()
    for _ in range(100):
        store.note(S, progressed())
    tell("done")


def decide(store: Store, name: str) -> None:
    await_go()
    tell(bool(store.decide(decided(by=name))))


def fill_disk(store: Store, limit_bytes: int) -> None:
    """Append under a limit of the file size until it is refused; then without the limit."""
    new_session(store)
    lease = claimed(store).lease
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))
    accepted = fill(store, lease)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    (after,) = store.append(lease, turn())
    tell(accepted, after, len(store.events(S)))


def fill(store: Store, lease: object) -> int:
    """Append large events until one is refused; the number of the last that was accepted."""
    accepted = 1
    try:
        while True:
            many = [replied(*(f"{accepted}-{n}" for n in range(2000)))]
            accepted = store.append(lease, *many, turn())[-1]
    except StoreUnavailable as exc:
        tell(exc)
    return accepted


def hold_lock(path: Path) -> None:
    tell(DaemonLock(path).try_acquire())
    sys.stdin.readline()


def main(act: str, path: str, *words: str) -> None:
    if act == "hold_lock":
        hold_lock(Path(path))
        return
    store = Store.open(Path(path), SystemClock())
    match act:
        case "write":
            write_for_ever(store)
        case "note":
            note(store)
        case "decide":
            decide(store, *words)
        case "fill":
            fill_disk(store, int(words[0]))
        case "visit":
            store.close()
            tell("done")
        case "sessions":
            tell(*(row.session_id for row in store.sessions(10)))
        case _:
            raise SystemExit(f"no act {act}")


if __name__ == "__main__":
    main(*sys.argv[1:])
