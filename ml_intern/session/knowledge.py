"""What the journal knows of a session without any model: a summary must not lose it.

A fold of the journal; `apply` is its only writer, and no event is looked at twice.
"""

import re
from collections import deque
from collections.abc import Iterator

from ml_intern.context.summary import Known
from ml_intern.events import (
    Event,
    Fact,
    JobEnded,
    ModelReplied,
    Recalled,
    ToolFinished,
    ToolLost,
    ToolStarted,
    UserSaid,
)
from ml_intern.messages import AssistantMessage, CallId, ToolMessage, UserMessage
from ml_intern.wording import shortened

MOST_WORDS = 240
"""Characters of one decision or problem."""
MOST_DECISIONS = 200
MOST_FOUND = 2_000
"""Artefacts and results that are remembered; older ones are forgotten."""
MOST_NUMBERS = 20
"""Of one metric; one with more is a curve, of which the newest number says enough."""
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
    r"(?<![\w/.@+-])(?:[\w.@+-]*/)[\w.@+/-]*"
    r"(?:\.(?:safetensors|bin|pt|pth|ckpt|onnx|gguf|h5|pkl|joblib|npy|npz|parquet|arrow|csv|tsv"
    r"|jsonl?|log|txt|png|svg|pdf|html|md|ipynb|py|ya?ml|toml|tar|tgz|zip)(?:\.(?:gz|zst))?"
    r"|/checkpoint-\d+)(?![\w/-])"
)
_NUMBER = re.compile(
    r"(?<![\w./@-])(?P<name>[A-Za-z][\w/@-]*)[\"'`*]{0,3}"
    r"(?:\s{0,3}[=:|]\s{0,9}[\"'`*]{0,3}(?P<value>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?%?)"
    r"|\s(?:(?:is|was|of|at)\s)?(?P<decimal>-?\d+\.\d+(?:e[+-]?\d+)?%?))"
)
"""`name=1`, also as in JSON or in a row of a table; a number with a point also right behind it."""
_METRIC = re.compile(
    r"loss|acc|f1|auc|bleu|rouge|perplexity|ppl|precision|recall|score|wer|mse|mae|rmse|exact_match"
    r"|reward|metric",
    re.IGNORECASE,
)


class Knowledge:
    """Grows by one event at a time. Not thread-safe: it belongs to one turn."""

    def __init__(self) -> None:
        self.recalled: list[str] = []
        """A person's words in the session that this one goes on from, oldest first."""
        self._decisions: deque[str] = deque(maxlen=MOST_DECISIONS)
        self._made: dict[str, None] = {}
        """Artefacts of this session."""
        self._seen: dict[str, None] = {}
        """Files that some output names."""
        self._results: dict[str, dict[str, None]] = {}
        """The numbers of each metric, by its name and where it was measured, newest last."""
        self._curves: set[str] = set()
        """Metrics that had too many numbers to remember more than the newest."""
        self._problems: dict[str, str] = {}
        """The last failure of each tool, and of a job, that has not worked since."""
        self._writes: dict[CallId, str] = {}
        self._last_words = ""
        self._earlier = ""
        self._unread: list[str] = []
        """Outputs that are searched when somebody wants to know: most sessions never do."""

    def known(self) -> Known:
        """All of it, oldest first; what counts less stands before what counts more."""
        for output in self._unread:
            self._read(output)
        self._unread.clear()
        return Known(
            earlier=self._earlier,
            decisions=list(self._decisions),
            artefacts=[*(path for path in self._seen if path not in self._made), *self._made],
            results=[*self._numbers(slice(-1)), *self._numbers(slice(-1, None))],
            problems=list(self._problems.values()),
            next_step=self._last_words,
        )

    def apply(self, event: Event) -> None:
        """Take up one event, in journal order."""
        match event:
            case ModelReplied(text=text):
                self._said(text)
            case Recalled(message=message):
                self._recall(message)
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

    def _said(self, text: str) -> None:
        if text.strip():
            self._last_words = shortened(text, MOST_WORDS)
            self._decisions.append(self._last_words)

    def _recall(self, message: UserMessage | AssistantMessage | ToolMessage) -> None:
        """What it makes known here is that alone which its text says."""
        match message:
            case UserMessage(summary=True, text=text):
                self._earlier = text
                self._unread.append(text)
            case UserMessage(injected=False, text=text):
                self.recalled.append(text)
            case AssistantMessage(text=text):
                self._said(text)
            case ToolMessage(is_error=False, text=text):
                self._unread.append(text)
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
            _remember(self._made, path)
        for fact in event.facts:
            self._established(fact)
        self._unread.append(event.output)

    def _established(self, fact: Fact) -> None:
        if where := str(fact.data.get(_PATHS.get(fact.kind, ""), "")):
            _remember(self._made, where)
        if fact.kind == "evaluation":
            of = f"{fact.data.get('model_dir', '')} {fact.data.get('split', '')}".strip()
            for name, value in (fact.data.get("metrics") or {}).items():
                self._measured(f"{of} {name}", str(value))

    def _read(self, output: str) -> None:
        """What tools said: paths of artefacts, and numbers that are called as metrics are."""
        for found in _FILE.finditer(output):
            _remember(self._seen, found[0])
        for number in _NUMBER.finditer(output):
            if _METRIC.search(number["name"]):
                self._measured(number["name"], number["value"] or number["decimal"])

    def _measured(self, name: str, value: str) -> None:
        values = self._results.pop(name, {})
        if name in self._curves:
            values = {}
        _remember(values, value)
        if len(values) > MOST_NUMBERS:
            self._curves.add(name)
            values = {value: None}
        self._results[name] = values
        if len(self._results) > MOST_FOUND:
            del self._results[next(iter(self._results))]

    def _numbers(self, which: slice) -> Iterator[str]:
        for name, values in self._results.items():
            yield from (f"{name}={value}" for value in list(values)[which])


def _remember(found: dict[str, None], name: str) -> None:
    """As the newest."""
    found.pop(name, None)
    found[name] = None
    if len(found) > MOST_FOUND:
        del found[next(iter(found))]
