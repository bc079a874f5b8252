"""The Python API: give it a task, follow it, read what came of it.

The same service, store and door as behind the command line, in this process. Nothing runs at
import, and nothing beside the caller but while a call lasts, or a `with` block.
"""

import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from ml_intern.client.author import author
from ml_intern.client.door import GO_ON, Door, Fork, NewSession, TextPiece
from ml_intern.client.following import Following
from ml_intern.client.result import Result, result_of
from ml_intern.client.room import named_room
from ml_intern.client.view import fold
from ml_intern.daemon.service import Service
from ml_intern.daemon.slack import tokens
from ml_intern.errors import ConfigError, InputError, StoreUnavailable
from ml_intern.events import ApprovalRequested
from ml_intern.home import spelled_out
from ml_intern.llm.client import ModelClient
from ml_intern.messages import Choice, SessionId
from ml_intern.ops import Interrupt, UserInput
from ml_intern.queue.rows import Recorded
from ml_intern.settings import load
from ml_intern.tools.catalogue import with_own
from ml_intern.tools.protocol import Tool

Seen = Recorded | TextPiece
Approve = Callable[[ApprovalRequested], bool | Literal["like_this"] | None]


class Stream:
    """What happens in a session, as it happens; read on with `for`, or all at once with `result`.

    One that is left before its end leaves the session as it stands: `resume` goes on with it.
    For one thread.
    """

    def __init__(self, seen: Generator[Seen, None, Result]) -> None:
        self._seen = seen
        self._result: Result | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Seen:
        try:
            return next(self._seen)
        except StopIteration as end:
            self._result = self._result or end.value
            raise

    def result(self) -> Result:
        """What came of it, after the last event; what has not been read until then is skipped."""
        for _ in self:
            pass
        if self._result is None:
            raise InputError(
                "This stream was left before its end; MLIntern.resume(session_id) goes on."
            )
        return self._result

    def close(self) -> None:
        """Leave the session as it stands."""
        self._seen.close()


class MLIntern:
    """An engineer with these settings. Safe from any thread; sessions run side by side.

    One process works on a state directory. Where another one does (`ml-intern serve`, say, or
    another `MLIntern`), it is handed the task and this object follows; a task that needs what only
    this object has (own tools, a model object, settings given here) raises ConfigError instead.
    Whoever works goes on with all that is unfinished in the directory, and offers own tools to it.
    """

    def __init__(
        self,
        model: str | ModelClient | None = None,
        *,
        system_prompt: str = "",
        max_iterations: int | None = None,
        enable_slack_notifications: bool = False,
        tools: Sequence[Tool[Any]] = (),
        state_dir: str | Path | None = None,
        sandbox: str | None = None,
        yes: bool = False,
        approve: Approve | None = None,
        **settings: Any,
    ) -> None:
        """What is not said here comes from the environment and `config.toml`, as for `ml-intern`.

        `model`: a name as in the settings, or an object. `system_prompt`: added to our own.
        `max_iterations`: model calls without a word from a person, 300 unless it is set; then the
        session goes on only while its work gets on, else it waits (`ml-intern extend`).
        `enable_slack_notifications`: also talk to Slack, where the settings have its tokens.
        `tools`: made with `tool`. `yes`: approve every call that needs it. `approve`: is asked
        about each instead: True, False, None to leave it open, or "like_this" for a yes to all
        calls like it in the session, where that is offered (`like_this` of what is asked; else it
        is a yes to this call alone). `settings`: any other setting by its name. Raises ConfigError.
        """
        if yes and approve is not None:
            raise ConfigError("Give yes=True or `approve`, not both: one would overrule the other.")
        client, name = _model(model)
        self._settings = load(
            model=name,
            max_iterations=max_iterations,
            state_dir=None if state_dir is None else Path(state_dir).expanduser().absolute(),
            sandbox=sandbox,
            **settings,
        )
        self._with_slack = enable_slack_notifications
        if enable_slack_notifications and tokens(self._settings) is None:
            raise ConfigError(
                "Slack is not set up: give SLACK_BOT_TOKEN and SLACK_APP_TOKEN (see "
                "docs/slack.md), or leave enable_slack_notifications out."
            )
        self._clients = [] if client is None else [client]
        self._tools = with_own(tools)
        self._instructions = system_prompt
        self._max_iterations = max_iterations
        self._yes = yes
        self._approve = approve
        self._only_here = [
            *(f"the tool {tool.name}" for tool in tools),
            *([f"the model object {name}"] if client else []),
            *(["the setting sandbox"] if sandbox is not None else []),
            *(f"the setting {one}" for one, value in settings.items() if value is not None),
        ]
        # Protects what is below. Held while the service is opened and closed, so that who comes
        # next finds the state directory free.
        self._lock = threading.RLock()
        self._service: Service | None = None
        self._users = 0
        self._is_kept_open = False

    def run(self, task: str) -> Result:
        """Start a session with a task in plain words and see it through, until it rests.

        Ctrl-C stops the session and its jobs, and is raised again then; a second one leaves at
        once. Raises InputError, ConfigError, SandboxError, Busy, StoreUnavailable; what becomes of
        the task itself stands in the result.
        """
        return self.stream(task).result()

    def stream(self, task: str) -> Stream:
        """Start a session and follow it: events as they are recorded, text as a model writes it.

        It starts with the first `next`; then it is as `run`.
        """
        return Stream(self._seen(partial(self._start, task), from_start=True))

    def fork(self, source: str | Path, at: int | None = None, words: str = GO_ON) -> Result:
        """Go on from another session, at the end of its turn `at` (from 1), and see it through.

        Without `at` it goes on from the last turn, as the session stands.

        `source`: a session's id, or a session file. `words`: what is said next. Raises as `run`
        does, UnknownSession, and InputError for a turn that does not exist.
        """
        begin = partial(self._fork, source, at, words)
        return Stream(self._seen(begin, from_start=True)).result()

    def resume(self, session_id: str) -> Result:
        """Go on with a session until it rests. One that has ended gives its result again."""
        return self.follow(session_id).result()

    def follow(self, session_id: str) -> Stream:
        """`resume`, event by event: what happens from now on."""
        return Stream(self._seen(partial(_named, session_id), from_start=False))

    def say(self, session_id: str, text: str) -> None:
        """Answer a session's question, or steer it. Stored when this returns; `resume` goes on."""
        with self._opened() as service:
            found = _named(session_id, service.door)
            service.door.submit(found, UserInput(text=text, author=author()))

    def approve(
        self,
        approval_id: str,
        *,
        arguments: dict[str, Any] | None = None,
        like_this: bool = False,
    ) -> bool:
        """Say yes, with these arguments changed; False when somebody was first. See `say`.

        `like_this`: also to later calls of the session with the same tool, operation and repository
        that cost no more. Raises InputError where that is not offered, or with `arguments`.
        """
        if arguments and like_this:
            raise InputError("An edited call is approved alone: leave out `like_this`.")
        with self._opened() as service:
            if not arguments:
                return service.door.decide(
                    approval_id, "approve", decided_by=author(), like_this=like_this
                )
            asked = service.door.approval(approval_id)
            edited = {**asked.arguments, **arguments}
            return service.door.decide(
                asked.approval_id, "edit", decided_by=author(), arguments=edited
            )

    def resolve(
        self, session_id: str, choice: Choice, *, call_id: str = "", note: str = ""
    ) -> bool:
        """Say of a call that may have taken effect: `retry`, `done` or `skip`; the model reads
        `note`.

        `call_id`: which, where several are open. False when somebody was first. See `say`.
        """
        with self._opened() as service:
            found = _named(session_id, service.door)
            return service.door.resolve(found, call_id, choice, resolved_by=author(), note=note)

    def deny(self, approval_id: str, reason: str = "") -> bool:
        """Say no; the model reads `reason`. False when somebody was first. See `say`."""
        with self._opened() as service:
            return service.door.decide(approval_id, "deny", decided_by=author(), reason=reason)

    def extend(
        self,
        session_id: str,
        *,
        usd: float | None = None,
        tokens: float | None = None,
        hours: float | None = None,
        iterations: float | None = None,
        calls: float | None = None,
        cap: str | None = None,
        reason: str = "",
    ) -> bool:
        """Give more room under one cap; False when somebody gave it first. See `say`.

        Exactly one amount. `usd`: under the money cap that the session waits for, else its own, or
        under `cap`: `session`, `day`, `daemon`. `calls`: of a model of unknown price.
        Raises UnknownSession, InputError.
        """
        given = {
            "usd": usd,
            "tokens": tokens,
            "hours": hours,
            "iterations": iterations,
            "calls": calls,
        }
        with self._opened() as service:
            found = _named(session_id, service.door)
            which, amount = named_room(given, cap, fold(service.door.events(found)))
            return service.door.extend(found, which, amount, extended_by=author(), reason=reason)

    def interrupt(self, session_id: str, reason: str = "") -> None:
        """Stop a session and its jobs; what it has done is kept. See `say`."""
        with self._opened() as service:
            found = _named(session_id, service.door)
            service.door.submit(found, Interrupt(asked_by=author(), reason=reason))

    def __enter__(self) -> Self:
        """Work also between the calls, until `close`."""
        with self._lock:
            if not self._is_kept_open:
                self._enter()
                self._is_kept_open = True
        try:
            self._host()
        except BaseException:  # a `with` block that is not entered is not left either
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the work of a `with` block; running sessions stay as they are at their next step.

        Jobs go on. Nothing to do for an object that was not entered; a later call opens it again.
        """
        with self._lock:
            if self._is_kept_open:
                self._is_kept_open = False
                self._leave()

    def _fork(self, source: str | Path, at: int | None, words: str, door: Door) -> SessionId:
        path = spelled_out(source)
        fork = Fork(
            source=str(path.absolute()) if path.is_file() else str(source),
            turn=at,
            words=words,
            started_in=str(Path.cwd()),
            author=author(),
            model=self._settings.model,
        )
        return door.fork(fork)

    @contextmanager
    def _opened(self) -> Iterator[Service]:
        """The service, shared with the other calls that last."""
        service = self._enter()
        try:
            yield service
        finally:
            self._leave()

    def _enter(self) -> Service:
        with self._lock:
            if self._service is None:
                self._service = Service.open(
                    self._settings, clients=self._clients, tools=self._tools
                )
            self._users += 1
            return self._service

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._service is not None:
                service, self._service = self._service, None
                service.close()

    def _host(self) -> bool:
        """Do the work here unless another does; false then. Raises when following is no use."""
        with self._lock:
            assert self._service is not None, "whoever calls has entered"
            service = self._service
            hosting = service.try_host(work="a Python program", with_slack=self._with_slack)
        if service.trouble:
            raise StoreUnavailable(
                f"{service.trouble} What is recorded is kept; `resume` goes on from there."
            )
        if not hosting and self._only_here:
            raise ConfigError(self._refusal(service.host_pid()))
        return hosting

    def _refusal(self, pid: int | None) -> str:
        who = "Another MLIntern of this process" if pid == os.getpid() else f"Process {pid}"
        folder = self._settings.state_dir
        return (
            f"{who} does the work of {folder} and does not have {', '.join(self._only_here)}. "
            f'Give this one a folder of its own, e.g. MLIntern(state_dir="{folder}-2"), or end '
            "that one first."
        )

    def _start(self, task: str, door: Door) -> SessionId:
        new = NewSession(
            task=task,
            started_in=str(Path.cwd()),
            author=author(),
            model=self._settings.model,
            instructions=self._instructions,
            max_iterations=self._max_iterations,
        )
        return door.start_session(new)

    def _seen(
        self, begin: Callable[[Door], SessionId], *, from_start: bool
    ) -> Generator[Seen, None, Result]:
        """The one way through which every session is followed."""
        with self._opened() as service:
            if from_start:
                self._host()  # first: a task that cannot be worked on here is not stored
            door = service.door
            session_id = begin(door)
            following = Following(
                door, session_id, look=self._host, answer=partial(self._answer, door)
            )
            try:
                if not from_start:
                    following.skip()  # before anybody works: what comes is not to be missed
                yield from following.events()
            except KeyboardInterrupt:
                _stop(service, session_id, following)
                raise
            if self._host():
                service.traces.catch_up()
            trace = Path(door.trace_path(session_id))
        return result_of(following.view, trace)

    def _answer(self, door: Door, asked: ApprovalRequested) -> None:
        by = f"{author()} (yes=True)" if self._yes else author()
        said = self._approve(asked) if self._approve is not None else self._yes or None
        if said is not None:
            door.decide(
                asked.approval_id,
                "approve" if said else "deny",
                decided_by=by,
                like_this=said == "like_this" and asked.like_this,
            )


def _named(session_id: str, door: Door) -> SessionId:
    """The session whose id begins so. Raises UnknownSession, InputError."""
    return door.session(session_id).session_id


def _stop(service: Service, session_id: SessionId, following: Following) -> None:
    """Ctrl-C stops a session; pressed again, it ends what runs without waiting for that."""
    try:
        following.stop("Ctrl-C")
    except KeyboardInterrupt:
        service.cancel_jobs(session_id)
        service.hurry()
        raise


def _model(model: str | ModelClient | None) -> tuple[ModelClient | None, str | None]:
    """The object, if it is one, and the name."""
    if model is None or isinstance(model, str):
        return None, model
    if not callable(getattr(model, "complete", None)):
        raise ConfigError(
            f"{model!r} is no model: give a name, or an object as ml_intern/llm/client.py says."
        )
    return model, model.name
