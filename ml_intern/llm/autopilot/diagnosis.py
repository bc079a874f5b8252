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

_MEMORY = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|not enough memory|\bMemoryError\b"
    r"|std::bad_alloc|OutOfMemoryError|signal 9\b|SIGKILL|oom-kill",
    re.IGNORECASE,
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
