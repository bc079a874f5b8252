"""Train the model of this bundle again, score it again, and compare with what was measured then.

Stands alone, standard library only. Run it with an interpreter that has `requirements.txt`:

    python reproduce.py [--output_dir DIR]

Exit codes: 0 every metric agrees, 1 one does not or something failed, 2 the bundle cannot be run.
"""

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCE = 1e-6


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def read(name: str) -> dict[str, Any]:
    """A JSON file of the bundle."""
    found: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return found


def obstacles(run: dict[str, Any], output: pathlib.Path) -> Iterator[str]:
    """Why the bundle cannot be run here."""
    for split, path in run["data"].items():
        if not (HERE / path).exists():
            yield f"The {split} data {path} is not in this bundle; README.md says how to make it."
    if output.exists() and any(output.iterdir()):
        yield f"{output} is not empty; remove it or name another folder with --output_dir."
    if hashlib.sha256((HERE / "train.py").read_bytes()).hexdigest() != run["script_sha256"]:
        yield "train.py is not the script that trained the model."


def environment(run: dict[str, Any]) -> dict[str, str]:
    """Ours, with the variables that the training had."""
    return {**os.environ, **run["environment"]}


def train(run: dict[str, Any], output: pathlib.Path) -> int:
    """Run the script; its exit code."""
    command = [sys.executable, "train.py", *run["arguments"], "--output_dir", str(output)]
    say("$ " + " ".join(command))
    return subprocess.run(command, cwd=HERE, env=environment(run), check=False).returncode


def score(run: dict[str, Any], output: pathlib.Path, split: str) -> dict[str, Any] | None:
    """What the scorer says of the new weights on one split."""
    data = str(HERE / run["data"][split])
    command = [sys.executable, "score_classifier.py", "--model_dir", str(output), "--data", data]
    done = subprocess.run(
        command, cwd=HERE, env=environment(run), stdout=subprocess.PIPE, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"event":"score"')]
    return json.loads(lines[-1]) if done.returncode == 0 and lines else None


def agrees(then: float | None, now: float | None) -> bool:
    """Whether two numbers are the same, as far as we ask."""
    if then is None or now is None:
        return then is now
    return abs(then - now) <= TOLERANCE


def compare(split: str, then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Print one line per metric; whether all agree."""
    same = True
    for name, value in then["metrics"].items():
        equal = agrees(value, now[name])
        same = same and equal
        say(
            f"{split:<12}{name:<12}{value!s:<24}{now[name]!s:<24}{'same' if equal else 'DIFFERENT'}"
        )
    return same


def main() -> int:
    """Train, score, compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output_dir", type=pathlib.Path, default=HERE / "output")
    output = parser.parse_args().output_dir.resolve()
    run, measured = read("run.json"), read("metrics.json")
    found = list(obstacles(run, output))
    for sentence in found:
        sys.stderr.write(sentence + "\n")
    if found:
        return 2
    if train(run, output) != 0:
        sys.stderr.write("The training failed.\n")
        return 1
    scores = {split: score(run, output, split) for split in measured["splits"]}
    say(f"\n{'split':<12}{'metric':<12}{'then':<24}{'now':<24}")
    same = True
    for split, then in measured["splits"].items():
        now = scores[split]
        same = now is not None and compare(split, then, now) and same
        if now is not None:
            equal = now["weights_sha256"] == measured["weights_sha256"]
            say(f"{split:<12}{'weights':<12}{'identical' if equal else 'other bytes'}")
    say(
        "\nReproduced." if same else "\nNot reproduced: compare requirements.txt and hardware.json."
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
