"""What the journal knows of a session without any model: a summary must not lose it.

A fold of the journal; `apply` is its only writer, and no event is looked at twice.
"""

import re

from ml_intern.context.summary import Known
from ml_intern.events import (
    Event,
    Fact,
    JobEnded,
    ModelReplied,
    ToolFinished,
    ToolLost,
    ToolStarted,
    UserSaid,
)
from ml_intern.messages import CallId
from ml_intern.wording import shortened

MOST_WORDS = 240
"""Characters of one decision or problem."""
MOST_DECISIONS = 200
MOST_FOUND = 2_000
"""Artefacts and results that are remembered; older ones are forgotten."""
_PATHS = {
    "script_written": "path",
    "job": "output_dir",
    "evaluation": "model_dir",
    "card": "path",
    "published": "repo_id",
}
"""Facts about something that lies somewhere, with the field that says where."""
_JOB = "job"
_FILE = re.compile(
    r"(?<![\w/.-])(?:[\w.@+-]*/)[\w.@+/-]*\.(?:safetensors|bin|pt|pth|ckpt|onnx|gguf|parquet|csv|tsv"
    r"|jsonl?|png|svg|md|py|yaml|toml)(?![\w/-])"
)
_NUMBER = re.compile(
    r"(?<![\w.])[\"']?(?P<name>[A-Za-z][\w/@-]*)[\"']?\s*[=:]\s*(?P<value>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?%?)",
)
_METRIC = re.compile(
    r"loss|acc|f1|auc|bleu|rouge|perplexity|ppl|precision|recall|score|wer|mse|mae|rmse|exact_match"
    r"|reward|metric",
    re.IGNORECASE,
)


class Knowledge:
    """Grows by one event at a time. Not thread-safe: it belongs to one turn."""

    def __init__(self) -> None:
        self._decisions: list[str] = []
        self._artefacts: dict[str, None] = {}
        self._results: dict[str, str] = {}
        """The newest number of each metric, by its name and where it was measured."""
        self._problems: dict[str, str] = {}
        """The last failure of each tool, and of a job, that has not worked since."""
        self._writes: dict[CallId, str] = {}
        self._last_words = ""
        self._unread: list[str] = []
        """Outputs that are searched when somebody wants to know: most sessions never do."""

    def known(self) -> Known:
        """All of it, oldest first."""
        for output in self._unread:
            self._read(output)
        self._unread.clear()
        return Known(
            decisions=self._decisions,
            artefacts=list(self._artefacts),
            results=[f"{name}={value}" for name, value in self._results.items()],
            problems=list(self._problems.values()),
            next_step=self._last_words,
        )

    def apply(self, event: Event) -> None:
        """Take up one event, in journal order."""
        match event:
            case ModelReplied(text=text) if text.strip():
                self._last_words = shortened(text, MOST_WORDS)
                self._decisions = [*self._decisions[1 - MOST_DECISIONS :], self._last_words]
            case ToolStarted(effect="write", arguments={"path": str(path)}):
                self._writes[event.call_id] = path
            case ToolFinished():
                self._finished(event)
            case ToolLost():
                self._problems[event.tool] = f"{event.tool}: nobody knows what became of it"
            case JobEnded(status="succeeded"):
                self._problems.pop(_JOB, None)
            case JobEnded():
                why = shortened(event.reason, MOST_WORDS)
                self._problems[_JOB] = f"job {event.job_id} {event.status}: {why}"
            case UserSaid():
                self._last_words = ""
            case _:
                pass

    def _finished(self, event: ToolFinished) -> None:
        path = self._writes.pop(event.call_id, "")
        if not event.ok:
            self._problems.pop(event.tool, None)
            self._problems[event.tool] = f"{event.tool}: {shortened(event.output, MOST_WORDS)}"
            return
        self._problems.pop(event.tool, None)
        if path:
            self._found(path)
        for fact in event.facts:
            self._established(fact)
        self._unread.append(event.output)

    def _established(self, fact: Fact) -> None:
        if where := str(fact.data.get(_PATHS.get(fact.kind, ""), "")):
            self._found(where)
        if fact.kind == "evaluation":
            of = f"{fact.data.get('model_dir', '')} {fact.data.get('split', '')}".strip()
            for name, value in (fact.data.get("metrics") or {}).items():
                self._measured(f"{of} {name}", str(value))

    def _read(self, output: str) -> None:
        """What tools said: paths of artefacts, and numbers that are called as metrics are."""
        for found in _FILE.finditer(output):
            self._found(found[0])
        for number in _NUMBER.finditer(output):
            if _METRIC.search(number["name"]):
                self._measured(number["name"], number["value"])

    def _found(self, path: str) -> None:
        self._artefacts.pop(path, None)
        self._artefacts[path] = None
        if len(self._artefacts) > MOST_FOUND:
            del self._artefacts[next(iter(self._artefacts))]

    def _measured(self, name: str, value: str) -> None:
        self._results.pop(name, None)
        self._results[name] = value
        if len(self._results) > MOST_FOUND:
            del self._results[next(iter(self._results))]
