"""One finding of the doctor."""

from dataclasses import dataclass
from typing import Literal

from ml_intern.daemon.cautions import (
    Caution,
)

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding."""

    name: str
    verdict: Verdict
    found: str
    next_step: str = ""
    """Empty where nothing is to be done."""


def of_caution(name: str, caution: Caution | None, *, otherwise: str) -> Check:
    if caution is None:
        return Check(name=name, verdict="ok", found=otherwise)
    return warned(name, caution)


def warned(name: str, caution: Caution) -> Check:
    return Check(name=name, verdict="warn", found=caution.found, next_step=caution.next_step)
