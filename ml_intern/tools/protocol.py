"""What a tool is, and what it is given when it runs.

A tool that fails returns a `ToolOutcome` with `ok=False` and words for the model; an exception is
our bug.
A tool never talks to the store: what it established leaves it as `Fact`s in the outcome.
"""

import json
import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from ml_intern.clock import Clock
from ml_intern.compute.hub import HubHardware
from ml_intern.compute.protocol import Compute
from ml_intern.errors import InputError, MLInternError
from ml_intern.events import Effect, Exhibit, Fact, Recovery
from ml_intern.home import spelled_out
from ml_intern.hub.away import HubAbroad
from ml_intern.messages import CallId, JobId, SessionId, ToolSpec
from ml_intern.sandbox.protocol import Sandbox
from ml_intern.tools.facts import Facts
from ml_intern.tools.told import told
from ml_intern.web import Web


class Arguments(BaseModel):
    """Base of every tool's arguments: unknown names are errors, so that a misspelt one is not
    ignored.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NoArguments(Arguments):
    """For tools that need none."""


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, kw_only=True)
class LaunchedJob:
    """A job that a tool has just started and that the journal must know."""

    job_id: JobId
    compute: str
    handle: dict[str, Any]
    label: str


@dataclass(frozen=True, kw_only=True)
class ToolOutcome:
    """The answer to a call. `output` is what the model reads."""

    ok: bool
    output: str
    facts: tuple[Fact, ...] = ()
    job: LaunchedJob | None = None
    cost_micro_usd: int | None = None
    """Of a tool that has a worst cost: what it really cost; None: nobody can tell, so all that was
    reserved counts as spent. A job that it launched says so at its end.
    """
    sources: tuple[str, ...] = ()
    """Addresses outside that `output` was read from, which makes it text from outside; see
    `Tool.reads_outside`.
    """
    withdraws: str = ""
    """The beginning of the id of an open call of the model's own that is to end unfinished."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The call has no answer yet. The turn lets its thread go and asks again when `on` has come."""

    on: str
    """`job:ID` or `answer:CALL_ID`."""
    question: str = ""
    """For a person, when it is one who must act."""


def succeed(document: Mapping[str, Any] | str, *facts: Fact) -> ToolOutcome:
    """An answer that worked: text as it is, a mapping as JSON for model and planner alike."""
    return ToolOutcome(ok=True, output=_text(document), facts=facts)


def fail(message: str, *facts: Fact, **details: Any) -> ToolOutcome:
    """An answer that did not work: what was wrong, and what to do next."""
    return ToolOutcome(ok=False, output=_text({"error": message, **details}), facts=facts)


def _text(document: Mapping[str, Any] | str) -> str:
    return document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Notices:
    """What the model may tell people beside the session, and how often."""

    channels: tuple[str, ...]
    """By their names in the settings; the session's own thread needs none."""
    per_hour: int


@dataclass(frozen=True, kw_only=True)
class TraceLink:
    """Where a session's trace can be read on the Hub by those who may; else why there is none."""

    url: str = ""
    why_none: str = "it is not sent anywhere"


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """What is the same for every call of one session.

    `held_out` lies outside everything that the sandbox may see.
    """

    session_id: SessionId
    workspace: Path
    """The only folder that the session's code may write; relative paths start here."""
    started_in: Path
    """Where the person typed the task: relative paths in their words start here. Only tools read
    it.
    """
    said: tuple[str, ...]
    """The person's words in this session: a path that they name is one that tools may read."""
    records: tuple[Path, ...]
    """The state directory and the folder of all sessions, closed to tools but for this session's
    workspace.
    """
    held_out: Path
    """Test splits, and what our own evaluation writes."""
    jobs: Path
    """One folder per job: logs and process records; the sandbox may not write here."""
    published: Path
    """Where `publish` puts repositories when there is no Hub to put them on."""
    sandbox: Sandbox
    compute: Compute
    hub: HubHardware
    """What the Hub's machines cost."""
    web: Web
    """For everything that is asked outside."""
    clock: Clock
    training_python: Path
    """Interpreter of the environment that training code runs in."""
    network: bool
    memory_bytes: int | None
    """Limit for every process of the session's code; None: no limit of ours."""
    job_timeout_s: float
    author: str
    """Name before the slash in repository ids."""
    cpus: int
    """Processors that training counts on."""
    threads: int | None = None
    """That every run computes with; None: as fits the model and `cpus`."""
    notices: Notices | None = None
    """None: there is nobody to tell."""
    connect_hub: Callable[[threading.Event], HubAbroad | None] = field(default=lambda _: None)
    """To the Hub in the person's name, for what changes it, until the event is set; None: there is
    no token.
    """
    trace_link: Callable[[], TraceLink] = TraceLink
    """Of this session, as it stands now."""

    def is_record(self, found: Path) -> bool:
        """Whether this resolved path lies among the records of the product."""
        return any(found.is_relative_to(folder.resolve()) for folder in self.records)

    def writable(self, path: str) -> Path:
        """`path` as an absolute path inside the workspace, symbolic links resolved.

        Raises InputError when it lies anywhere else.
        """
        found = (self.workspace / path).resolve()
        if not found.is_relative_to(self.workspace.resolve()):
            raise InputError(
                f"{path} lies outside the workspace; use a path below {self.workspace}."
            )
        return found

    def readable(self, path: str) -> Path:
        """`path` as an absolute path: in the workspace if it exists there, else from `started_in`.

        Raises InputError unless it lies in the workspace, or not hidden below `started_in`, or the
        person named it. The session's own records, such as the held-out data, are never readable.
        """
        inside = (self.workspace / path).resolve()
        found = inside if inside.exists() else (self.started_in / spelled_out(path)).resolve()
        if found.is_relative_to(self.workspace.resolve()):
            return found
        # The session's code gives links any name that it likes: only where they lead counts.
        called = str(found) if found == inside and self._lies_inside(path) else path
        if self.is_record(found):
            raise InputError(f"{path} is kept out of reach; use the data in the workspace.")
        if not self._shown(found) and not self._named(called, found):
            raise InputError(
                f"{path} lies outside the workspace and {self.started_in}, and nobody named it. "
                "Ask the person for it."
            )
        return found

    def _lies_inside(self, path: str) -> bool:
        """Whether the path, its links not followed, is one of the workspace."""
        return Path(os.path.normpath(self.workspace / path)).is_relative_to(self.workspace)

    def _named(self, path: str, found: Path) -> bool:
        """Whether the person wrote this path, or that of a folder above it."""
        names = [path, *(str(place) for place in (found, *found.parents[:-1]))]
        return any(
            re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", words)
            for name in names
            for words in self.said
        )

    def _shown(self, path: Path) -> bool:
        below = self.started_in.resolve()
        return path.is_relative_to(below) and not any(
            part.startswith(".") for part in path.relative_to(below).parts
        )


@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """What one call is given."""

    place: Workplace
    call_id: CallId
    facts: Facts
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the session is interrupted or the call's time is over: stop what was started and
    return.
    """


class Tool(ABC, Generic[A]):
    """One tool. Instances hold no state between calls."""

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: type[A]
    effect: ClassVar[Effect]
    """`read`: may run again at any time. `write`: changes the workspace. `external`: costs or
    leaves the machine.
    """
    recovery: ClassVar[Recovery]
    """What a crash inside `run` means; see `Recovery`. Ours declare it. Where it is not declared, a
    read is `pure`, a tool with a `recover` of its own is `probe`, and any other is `opaque`.
    """
    timeout_s: ClassVar[float] = 120.0
    operations: ClassVar[tuple[str, ...]] = ("",)
    """Every answer that `operation` can give; empty where they cannot be listed."""
    runs_code: ClassVar[bool] = False
    """Whether it runs code or commands that the model wrote."""
    code: ClassVar[tuple[str, ...]] = ()
    """The arguments that are code, a command or the text of a file: no rule can allow a pattern of
    them, because what matches a pattern may still do anything.
    """
    reads_outside: ClassVar[bool] = False
    """Whether its output is text from outside: it is cleaned and marked as data for the model, and
    whoever is asked for a yes later sees where it came from (`ToolOutcome.sources`).
    """
    goes_alone: ClassVar[bool] = False
    """Of a read: whether it runs beside no other, as one does that goes by the facts so far."""
    is_question: ClassVar[bool] = False
    """Whether it does nothing but ask for a yes, which then no rule can give."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        says = vars(cls).keys()
        if "recovery" not in says and says & {"effect", "recover"} and hasattr(cls, "effect"):
            cls.recovery = _usual_recovery(cls)

    @abstractmethod
    def run(self, args: A, ctx: ToolContext) -> ToolOutcome | Waiting:
        """Do it. Called again, with the same arguments, after a `Waiting` whose cause has come."""

    def recover(self, args: A, ctx: ToolContext) -> ToolOutcome | Waiting | None:
        """After a crash inside `run`: look whether the effect took place.

        None: it cannot be known. What is `pure` is simply run again; what is `opaque` is not asked.
        """
        return self.run(args, ctx) if self.recovery == "pure" else None

    def time_limit_s(self, args: A) -> float:
        """Seconds after which this call is stopped."""
        return self.timeout_s

    def settle(self, args: A, ctx: ToolContext) -> A:
        """The arguments with what must be chosen now, before anybody is asked for a yes to them.

        They are what is approved, stored and run.
        """
        return args

    def ask_reason(self, args: A, ctx: ToolContext) -> str | None:
        """Why this call needs a person's yes, beyond what the policy decides by effect; None: it
        does not.
        """
        return None

    def asks_person(self, args: A, ctx: ToolContext) -> bool:
        """Whether this call is nothing but a question, as `is_question` says of all its calls."""
        return self.is_question

    def operation(self, args: A) -> str:
        """What it would do, where it can do several things that are to be judged apart."""
        return ""

    def repository(self, args: A, ctx: ToolContext) -> str:
        """The repository that it is about, as `OWNER/NAME`; empty for none."""
        return ""

    def worst_cost_micro_usd(self, args: A, ctx: ToolContext) -> int | None:
        """What it may cost at worst, in millionths of a US dollar. 0: free. None: unknown.

        For a job on the Hub's hardware: `ctx.place.hub.worst(flavor, timeout_s).micro_usd`.
        """
        return 0

    def cost_basis(self, args: A, ctx: ToolContext) -> str:
        """What that rests on, for whoever is asked: a price, whose list it is from, and its date.

        For a job on the Hub's hardware: `ctx.place.hub.worst(flavor, timeout_s).basis`.
        """
        return ""

    def exhibits(self, args: A, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """What a person looks at before saying yes, beside the arguments: a script, a diff."""
        return ()

    def refusals(self, args: A, ctx: ToolContext) -> Mapping[str, str]:
        """Why `run` would refuse these arguments as things stand, by the name of the argument that
        it is about; empty: of all together.

        Arguments that a person edits are looked at so before they are taken; nothing is started.
        Without words of its own a tool would refuse what it cannot even show.
        """
        try:
            self.exhibits(args, ctx)
        except MLInternError as exc:
            return {"": str(exc)}
        except OSError as exc:
            return {"": f"{exc.strerror or exc} ({exc.filename or 'no file'})"}
        return {}

    def content_sha256(self, args: A, ctx: ToolContext) -> str:
        """The hash of what the arguments only name, such as the weights in a folder, as it is now.

        A yes holds for this content. Empty: there is none.
        """
        return ""

    def spec(self) -> ToolSpec:
        """The tool as a model sees it."""
        return ToolSpec(
            name=self.name, description=self.description, parameters=told(self.arguments)
        )


def _usual_recovery(kind: type[Tool[Any]]) -> Recovery:
    if kind.effect == "read":
        return "pure"
    return "opaque" if kind.recover is Tool.recover else "probe"
