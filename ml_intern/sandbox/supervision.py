"""A command, everything that descends from it, and the one process that keeps them together.

The keeper is a process of its own (see `supervisor.py` and `compute/runner.py`): whatever a command
starts and lets go becomes the keeper's child, also what has left the session or the process group,
so that at the end nothing is left. It pumps the output, keeps the time, and asks with TERM before
it ends with KILL. Standard library only. One thread; `prepare_keeper` changes the whole process.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, NoReturn, Protocol

from ml_intern.sandbox.process_limit import open_limit
from ml_intern.sandbox.processes import descendants, kill_all, name_of, send

NOT_STARTED = 125
"""Exit status of a command that could not be started at all."""
RUN_VARIABLE = "ML_INTERN_RUN"
"""Names the run in the environment of all its processes."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_READ_BYTES = 1 << 16
_PATIENCE_WITH_LEFTOVERS_S = 1.0
_PATIENCE_WITH_BUBBLEWRAP_S = 0.5
_LOOK_AGAIN_S = 0.1
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_COUNT_EVERY_S = 0.25
_COUNT_SHARE = 100  # counting takes at most one hundredth of the time
_PREFERRED_BY_THE_OOM_KILLER = b"500"


class Sink(Protocol):
    """Where output goes."""

    def write(self, data: bytes) -> None: ...


class Command(NamedTuple):
    """What is to run, and its bounds."""

    argv: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    run_id: str
    timeout_s: float
    grace_s: float
    max_processes: int | None


class Ending(NamedTuple):
    """How it ended."""

    exit_code: int
    """128 + N when signal N ended it, as in a shell."""
    signal: int | None
    cause: str
    """Empty when it ended by itself; else why the keeper ended it: `time`, `stopped`, `processes`.
    """
    left_behind: int
    """Processes that had outlived the command and were ended after it."""
    not_ended: int
    """Processes that even KILL did not end in time (they hang in the kernel)."""


class Wishes:
    """What the outside wants of the keeper. `wake` becomes readable when something has happened."""

    def __init__(self) -> None:
        self.asked_to_stop = 0
        """The first time politely; from the second on without patience."""
        self.wake, write_end = os.pipe()
        for end in (self.wake, write_end):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken
        for number in _STOPS:
            signal.signal(number, lambda *_: self.stop())

    def stop(self) -> None:
        """End the command; said again: at once."""
        self.asked_to_stop += 1


def prepare_keeper() -> Wishes:
    """Make this process the one to which all orphans below it fall."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    return Wishes()


class Keeper:
    """Starts one command and keeps it until nothing of it is left."""

    def __init__(
        self, command: Command, sink: Sink, wishes: Wishes, lifeline: int | None = None
    ) -> None:
        """`lifeline`: a pipe whose end means that nobody wants the command any more."""
        self._command = command
        self._sink = sink
        self._wishes = wishes
        self._lifeline = lifeline
        self._output: int | None = None
        self._pid = 0
        self._status: int | None = None
        self._count_at = 0.0
        self._limit = open_limit(command.run_id, command.max_processes)

    def run(self, before_start: Callable[[int], None]) -> Ending:
        """From start to end. `before_start` gets the process id before any code of the command
        runs.
        """
        deadline = time.monotonic() + self._command.timeout_s
        self._start(before_start)
        cause = self._wait(deadline)
        patience_s = self._command.grace_s if cause else _PATIENCE_WITH_LEFTOVERS_S
        left = self._ask_to_end(0.0 if self._is_crowd() else patience_s)
        not_ended = self._kill() if left else 0
        self._pump_the_rest()
        if self._limit is not None:
            self._limit.close()
        return _ending(self._status, cause, 0 if cause else left, not_ended)

    def _start(self, before_start: Callable[[int], None]) -> None:
        self._output, output_end = os.pipe()
        gate, gate_end = os.pipe()
        keeper = os.getpid()
        # What is sent to the child before it has forgotten our handlers must not be lost in them.
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        self._pid = os.fork()
        if self._pid == 0:
            os.close(gate_end)
            _forget_signal_handlers(unblocked)
            _become(self._command, output_end, gate, keeper)
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        os.close(output_end)
        os.close(gate)
        os.set_blocking(self._output, False)
        try:
            if self._limit is not None:
                self._limit.take(self._pid)
            before_start(self._pid)
            os.write(gate_end, b".")
        finally:
            os.close(gate_end)

    def _wait(self, deadline: float) -> str:
        """Until the command has ended, or must be ended; returns why it must."""
        while True:
            self._reap()
            if self._status is not None:
                return ""
            if self._wishes.asked_to_stop:
                return "stopped"
            if time.monotonic() >= deadline:
                return "time"
            if self._too_many():
                return "processes"
            self._look(deadline)

    def _running(self) -> list[int]:
        """All that belongs to the command now, parents before their children."""
        found = descendants(os.getpid())
        return found if self._limit is None else list(dict.fromkeys(found + self._limit.members()))

    def _ask_to_end(self, patience_s: float) -> int:
        """TERM to all that run; wait until none does. Returns how many there were."""
        found = self._running()
        count = len(found)
        asked: set[int] = set()
        end = time.monotonic() + patience_s
        while found and time.monotonic() < end and self._wishes.asked_to_stop < 2:
            # bubblewrap would die of TERM and take the command along, which then could not save
            # its work. It ends with the command; if it does not, it never came to starting it.
            work = [pid for pid in found if name_of(pid) != "bwrap"]
            if not work:
                end = min(end, time.monotonic() + _PATIENCE_WITH_BUBBLEWRAP_S)
            # Parents first: one whose child ended before it was asked would think all is done.
            fresh = [pid for pid in work if pid not in asked]
            send(fresh, signal.SIGTERM)
            send(fresh, signal.SIGCONT)
            asked.update(fresh)
            self._look(min(end, time.monotonic() + _LOOK_AGAIN_S))
            self._reap()
            found = self._running()
        return count

    def _kill(self) -> int:
        def look() -> list[int]:
            self._reap()
            return self._running()

        self._kill_the_group()
        left = kill_all(look)
        self._reap()
        return left

    def _kill_the_group(self) -> None:
        """At one stroke, however many they are; only while one of ours shows that the group is
        ours.
        """
        for pid in self._running():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                if os.getpgid(pid) == self._pid:
                    os.killpg(self._pid, signal.SIGKILL)
                    return

    def _too_many(self) -> bool:
        now = time.monotonic()
        if now < self._count_at:
            return False
        crowd = self._is_crowd()
        spent = time.monotonic() - now
        self._count_at = now + max(_COUNT_EVERY_S, _COUNT_SHARE * spent)
        return crowd

    def _is_crowd(self) -> bool:
        most = self._command.max_processes
        if most is None:
            return False
        # One file to read, instead of one for each process of the machine.
        found = descendants(os.getpid()) if self._limit is None else self._limit.members()
        return len(found) > most

    def _reap(self) -> None:
        """Take note of the ends of all children: the command, and orphans that fell to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid:
                self._status = status

    def _look(self, until: float) -> None:
        """Wait for output, a child's end, a signal or the lifeline; take what there is."""
        watched = [fd for fd in (self._output, self._wishes.wake, self._lifeline) if fd is not None]
        poll = select.poll()
        for fd in watched:
            poll.register(fd, select.POLLIN)
        if self._command.max_processes is not None:
            until = min(until, time.monotonic() + _COUNT_EVERY_S)
        ready = [fd for fd, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000)]
        if self._wishes.wake in ready:
            _read(self._wishes.wake)
        if self._lifeline in ready:
            self._lifeline = None
            self._wishes.stop()
        if self._output in ready:
            self._pump()

    def _pump(self) -> bool:
        """Take one piece of output; false when there is none now."""
        data = b"" if self._output is None else _read(self._output)
        if data:
            self._sink.write(data)
        elif data is not None and self._output is not None:
            os.close(self._output)  # the end: it is readable for ever
            self._output = None
        return bool(data)

    def _pump_the_rest(self) -> None:
        """What the dead have left in the pipe. Somebody outside may hold it open: do not wait for
        its end.
        """
        while self._pump():
            pass
        if self._output is not None:
            os.close(self._output)
            self._output = None


def _become(command: Command, output: int, gate: int, keeper: int) -> NoReturn:
    """In the child: turn into the command, once the gate opens."""
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, null), (1, output), (2, output)):
            os.dup2(source, target)
        if os.getppid() != keeper or not os.read(gate, 1):
            os._exit(NOT_STARTED)
        _be_preferred_by_the_oom_killer()
        os.chdir(command.cwd)
        environment = {**command.environment, RUN_VARIABLE: command.run_id}
        os.execvpe(command.argv[0], list(command.argv), environment)
    except BaseException as exc:  # noqa: BLE001  # nothing may return into the keeper's code
        sys.stderr.write(f"ml-intern: cannot start {command.argv[0]}: {exc}\n")
        sys.stderr.flush()
    os._exit(NOT_STARTED)


def _be_preferred_by_the_oom_killer() -> None:
    """When memory ends, the kernel takes the command, not its keeper or the daemon."""
    with (
        contextlib.suppress(OSError),
        open("/proc/self/oom_score_adj", "wb", buffering=0) as file,  # noqa: PTH123  # in a fork
    ):
        file.write(_PREFERRED_BY_THE_OOM_KILLER)


def _forget_signal_handlers(unblocked: Iterable[int]) -> None:
    """Python ignores two signals, and an ignored signal stays ignored in what we become."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, *_STOPS):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)


def _ending(status: int | None, cause: str, left_behind: int, not_ended: int) -> Ending:
    code = -signal.SIGKILL if status is None else os.waitstatus_to_exitcode(status)
    if code < 0:
        return Ending(128 - code, -code, cause, left_behind, not_ended)
    return Ending(code, None, cause, left_behind, not_ended)


def _read(fd: int) -> bytes | None:
    """What can be read now: None when there is nothing, empty at the end."""
    try:
        return os.read(fd, _READ_BYTES)
    except BlockingIOError:
        return None


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")
