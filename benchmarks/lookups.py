"""What a question about installed packages costs, in a process of its own as the tool asks it."""

import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import ml_intern.tools.library

RUN = Path(ml_intern.tools.library.__file__).parent / "reading" / "run.py"
QUESTIONS = (
    {"operation": "signature", "name": "trl.SFTConfig"},
    {"operation": "check", "name": "trl.SFTConfig", "arguments": ["max_seq_length"]},
    {"operation": "members", "name": "transformers", "match": "Trainer"},
    {"operation": "source", "name": "transformers.AutoModelForCausalLM.from_pretrained"},
)


def lookup_s(times: int = 3) -> tuple[float, float]:
    """CPU seconds of the median and of the slowest answer; each was asked once before.

    One thread, nothing waited for: on a quiet machine that is what passes.
    """
    figures = []
    for question in QUESTIONS:
        _answer_s(question)
        figures += [_answer_s(question) for _ in range(times)]
    return statistics.median(figures), max(figures)


def _answer_s(question: dict[str, object]) -> float:
    before = _spent_s()
    command = [sys.executable, "-I", str(RUN), json.dumps(question)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "error" not in json.loads(done.stdout), done.stdout
    return _spent_s() - before


def _spent_s() -> float:
    """Processor time of all children so far."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
