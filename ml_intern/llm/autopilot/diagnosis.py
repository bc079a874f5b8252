"""From what a failed script says to what was wrong with it."""

import re
from typing import Literal

from ml_intern.llm.autopilot.answers import Answer, mapping, strings, text

Cause = Literal[
    "memory",
    "labels",
    "nan",
    "patch",
    "heads",
    "model",
    "column",
    "length",
    "time",
    "cancelled",
    "lost",
    "unknown",
]

Asker = Literal["step", "evaluation", "loading"]

_MEMORY = re.compile(
    r"out of (?:shared )?memory|can't allocate memory|cannot allocate memory|not enough memory"
    r"|MemoryError\b|std::bad_alloc|memory allocation of \d+ bytes failed|failed to map segment"
    r"|signal 9\b|signal: Killed|SIGKILL|oom-kill",
    re.IGNORECASE,
)
_FRAME = re.compile(r'^\s*File "([^"\n]*)", line \d+, in (\S+)', re.MULTILINE)
_IMPORT_FILES = "importlib"
_STEP_FILES = re.compile(r"\btorch/(?:autograd|optim|utils/data)/")
_STEP_FUNCTIONS = frozenset(
    (
        *("_wrapped_call_impl", "_call_impl", "forward", "backward"),
        *("training_step", "compute_loss"),
    )
)
_EVALUATION_FUNCTIONS = frozenset(("evaluate", "evaluation_loop", "prediction_step", "accuracy_on"))
_WHOLE_STEP = "dummy_forward"
"""The recipes' function that makes one step; it loads by calling others."""
_STEP_WORDS = re.compile(
    r"DefaultCPUAllocator|CUDA out of memory|DataLoader worker|signal 9\b|SIGKILL|oom-kill"
    r"|estimate for this script",
    re.IGNORECASE,
)
_LOADING_WORDS = re.compile(
    r"failed to map segment|memory allocation of \d+ bytes failed|not even one row", re.IGNORECASE
)
_LABELS = re.compile(
    r"\bTarget -?\d+ is out of bounds|n_classes\b.*failed|--num_labels\b", re.IGNORECASE
)
_NAN = re.compile(
    r"\b(?:loss|grad_norm) is (?:nan|inf|-inf|0\.0|null|None)\b|not a finite number|has diverged"
    r"|loss is not finite|\bFloatingPointError\b",
    re.IGNORECASE,
)
_TIME = re.compile(r"time limit|timed out|took longer than|timeout", re.IGNORECASE)
_ARGUMENT = re.compile(r"--(\w+)\b")
_DIVISIBLE = re.compile(r"divisible|multiple of", re.IGNORECASE)
_MODEL = re.compile(
    r"is not a local folder and is not a valid model identifier|can't load|couldn't connect to|"
    r"does not appear to have a file named|offline mode|OfflineModeIsEnabled"
    r"|Repo(?:sitory)?NotFound|"
    r"unrecognized model|unable to load weights|incorrect path_or_model_id",
    re.IGNORECASE,
)


def diagnose(error: str, *, status: str = "failed", verdicts: tuple[str, ...] = ()) -> Cause:
    """The cause of a failure. `error`: all that was said, exception, traceback and reason."""
    if "nan" in verdicts or _NAN.search(error):
        return "nan"
    if "out_of_memory" in verdicts or _MEMORY.search(error):
        return "memory"
    if _LABELS.search(error):
        return "labels"
    if status == "cancelled":
        return "cancelled"
    if status == "lost":
        return "lost"
    if (shape := _shape(error)) is not None:
        return shape
    if _MODEL.search(error) or "--model_name_or_path" in error:
        return "model"
    if "diverged" in verdicts:
        return "nan"
    return "time" if _TIME.search(error) else "unknown"


def who_asked(error: str) -> Asker | None:
    """What was going on when memory ran out, by the frames of the traceback.

    Loading is importing, reading data and building the model. Without frames the words may tell:
    tensors are torch's, and the system kills whoever fills memory, which loading does not; Rust's
    own words come from training a tokenizer. None: nothing tells.
    """
    if _LOADING_WORDS.search(error):
        return "loading"
    frames = _FRAME.findall(error)
    if not frames:
        return "step" if _STEP_WORDS.search(error) else None
    files, names = zip(*frames, strict=True)
    if any(_IMPORT_FILES in file for file in files):
        return "loading"
    if not _EVALUATION_FUNCTIONS.isdisjoint(names):
        return "evaluation"
    in_step = not _STEP_FUNCTIONS.isdisjoint(names) or any(map(_STEP_FILES.search, files))
    return "step" if in_step or names[-1] == _WHOLE_STEP else "loading"


def _shape(error: str) -> Cause | None:
    """A wrong column, too long texts, or sizes that do not divide each other."""
    named = _ARGUMENT.search(error)
    argument = named[1] if named is not None else ""
    if argument.endswith("_column_name"):
        return "column"
    if argument == "max_length":
        return "length"
    if _DIVISIBLE.search(error):
        return "heads" if "head" in error.lower() else "patch"
    return None


def everything_said(answer: Answer) -> str:
    """All words of a failure in one text."""
    data = answer.data
    words = [text(data, key) for key in ("error", "traceback", "reason")]
    return "\n".join(word for word in words if word) or answer.output[-4000:]


def diagnose_check(answer: Answer) -> Cause:
    """The cause why a check of the script did not pass."""
    said = everything_said(answer)
    if answer.data.get("exit_code") in (137, -9):
        said = f"{said}\nkilled by signal 9"
    return diagnose(said)


def diagnose_job(data: dict[str, object]) -> Cause | None:
    """The cause why a job failed or is worth nothing; None when it went well."""
    verdicts = tuple(strings(data, "verdicts"))
    status = text(data, "status")
    if status == "succeeded":
        broken = "nan" in verdicts or mapping(data, "last").get("loss") == 0.0
        return "nan" if broken else None
    said = "\n".join(text(data, key) for key in ("error", "traceback", "reason"))
    return diagnose(said, status=status, verdicts=verdicts)
