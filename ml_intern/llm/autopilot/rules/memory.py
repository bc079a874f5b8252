"""Memory ran out: fewer rows at a time where rows asked for it, else a word on the limit itself."""

import re

from ml_intern.llm.autopilot.answers import number, text, whole
from ml_intern.llm.autopilot.case import Case, Trouble
from ml_intern.llm.autopilot.diagnosis import Asker, who_asked
from ml_intern.llm.autopilot.rules.consent import is_theirs
from ml_intern.llm.autopilot.rules.mending import Repair
from ml_intern.llm.autopilot.rules.script import shrink

RAISE_THE_LIMIT = (
    "Make more memory available and say `again`, name a setting (for example `batch size 8`), or "
    "say `stop`."
)
_EVALUATION_ROWS = "per_device_eval_batch_size"
_PER_DEVICE = re.compile(r"\bper[\s_-]*device", re.IGNORECASE)
_ADDRESS_SPACE_BYTES = 2_200_000_000
"""What torch and transformers reserve when loaded, on a CPU with one thread (measured); a good
third of it they can do without.
"""
_LIMITS = {
    "memory_limit_bytes": "memory_limit_bytes in config.toml (ML_INTERN_MEMORY_LIMIT_BYTES)",
    "RLIMIT_AS": "the limit on address space that ml-intern was started under (RLIMIT_AS, "
    "`ulimit -v`)",
    "cgroup": "the memory limit of the control group (container or systemd unit)",
}
_OF_ADDRESS_SPACE = ("memory_limit_bytes", "RLIMIT_AS")


def mend_memory(case: Case, trouble: Trouble) -> Repair | None:
    """Half the rows of whatever asked for the memory; None where that would change nothing."""
    asker = _who_asked(trouble)
    if asker == "loading":
        return None
    return _mend_evaluation(trouble) if asker == "evaluation" else _mend_step(case, trouble)


def _who_asked(trouble: Trouble) -> Asker:
    """Where the traceback does not tell: after the dummy forward pass, loading is known to fit."""
    otherwise: Asker = "loading" if trouble.stage == "dummy_forward" else "step"
    return who_asked(trouble.said) or otherwise


def _mend_evaluation(trouble: Trouble) -> Repair | None:
    rows = int(number(trouble.values, _EVALUATION_ROWS) or 0)
    if rows <= 1:
        return None
    return Repair(
        {_EVALUATION_ROWS: rows // 2},
        f"Memory ran out while {rows} rows at a time were measured. I take {rows // 2}; training "
        "stays as it is.",
    )


def _mend_step(case: Case, trouble: Trouble) -> Repair | None:
    """Half the batch with twice the passes."""
    batch = int(number(trouble.values, "per_device_train_batch_size") or 0)
    accumulation = int(number(trouble.values, "gradient_accumulation_steps") or 1)
    if batch <= 1:
        return None
    smaller, more = shrink(batch, accumulation)
    return Repair(
        {"per_device_train_batch_size": smaller, "gradient_accumulation_steps": more},
        f"Memory ran out with {batch} rows at a time. I take {smaller} and accumulate gradients "
        f"over {more} passes. {_kept(case, batch * accumulation)}",
        touches=_named_part(case),
    )


def _kept(case: Case, effective: int) -> str:
    if is_theirs(case, "per_device_train_batch_size") and _named_part(case) is None:
        return f"You asked for a batch of {effective}, and that many rows still make one step."
    return f"The effective batch stays {effective}."


def _named_part(case: Case) -> str | None:
    """Rows or passes, where the person fixed them by name.

    Who only says "batch size" means the rows of one step, and these stay.
    """
    if _PER_DEVICE.search(case.objective.words):
        return "per_device_train_batch_size"
    accumulation = "gradient_accumulation_steps"
    return accumulation if is_theirs(case, accumulation) else None


def about_the_limit(case: Case, trouble: Trouble) -> str:
    """Why no fewer rows are taken, which limit it is, and how much it would take."""
    if "not even one row" in trouble.said:
        why = "No batch is small enough: what is too small is the limit."
    elif _who_asked(trouble) == "loading":
        why = (
            "That was while libraries or data were loaded, before the first batch: a smaller batch "
            "would not help, so I have changed nothing. What is too small is the limit."
        )
    elif mend_memory(case, trouble) is None:
        why = "It is down to one row at a time: what is too small is the limit."
    else:
        why = "Fewer rows at a time were not enough so far: what is too small may be the limit."
    return f"{why} {_limit_words(case)}"


def _limit_words(case: Case) -> str:
    machine = case.hardware or {}
    limit, source = whole(machine, "memory_limit_bytes"), text(machine, "memory_limit_from")
    if limit is None:
        free = whole(machine, "available_memory_bytes")
        had = f"this machine, of which {_gigabytes(free)} were free" if free else "this machine"
        return f"It is {had}.{_needed(case.step_bytes)}"
    named = f"It is {_LIMITS.get(source, 'a memory limit')}: {_gigabytes(limit)}."
    if source not in _OF_ADDRESS_SPACE:
        return f"{named}{_needed(case.step_bytes)}"
    enough = _ADDRESS_SPACE_BYTES + (case.step_bytes or 0)
    return (
        f"{named} It counts address space, of which the libraries alone reserve up to "
        f"{_gigabytes(_ADDRESS_SPACE_BYTES)}. {_raise_to(enough, limit)}"
    )


def _raise_to(enough: int, limit: int) -> str:
    if enough > limit:
        return f"By the estimate {_gigabytes(enough)} are enough."
    return f"By the estimate {_gigabytes(enough)} are enough; here it takes more."


def _needed(needed_bytes: int | None) -> str:
    return f" By the estimate it takes at least {_gigabytes(needed_bytes)}." if needed_bytes else ""


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
