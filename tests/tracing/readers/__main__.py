"""`make trace-readers`: asks every installed reader about every session, and counts.

Each is also shown a file that lacks a result, which it must show otherwise: a check that cannot
fail says nothing. Status 1 when a reader refuses a file, complains of it, or shows less or more.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_intern.tracing.upload.card import merged
from tests.tracing.readers.counts import JsonObject, counts, differences
from tests.tracing.readers.sessions import sessions

PROBES = Path(__file__).with_name("probes.py")
READERS = (
    *("claude_code_log", "claude_code_transcripts", "claude_agent_sdk", "inspect_scout"),
    *("data_designer", "dataclaw", "trackio", "hub"),
)
NESTED = {
    "claude_code_log": ("calls", "results"),
    "inspect_scout": ("calls", "call_count", "results", "result_count", "answers", "tokens"),
}
"""What a reader shows of sub-agents in the session that asked them."""
TIMEOUT_S = 600


@dataclass(kw_only=True)
class _Asked:
    """What came of one reader."""

    reader: str
    seconds: float = 0.0
    files: int = 0
    calls: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = "wrong" if self.wrong else "ok"
        figures = f"{self.files} files, {self.calls} calls, {self.seconds:.0f} s"
        return "\n  ".join((f"{head:<6} {self.reader:<24} {figures}", *self.wrong))


def main() -> int:
    """Status 0: all of them show what the files hold."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="trace-readers-") as temporary:
        folder = Path(temporary)
        files = [*sessions(folder), *options.files]
        held = {path: counts(path) for path in files}
        spoilt = _without_a_result(files[0], folder / "spoilt")
        asked = []
        for reader in READERS:
            ask = _ask_hub if reader == "hub" else _ask
            asked.append(ask(reader, options.python, held, spoilt, folder))
            sys.stdout.write(f"{asked[-1]}\n")
        if options.hub_python:
            asked.append(_ask_hub("hub", options.hub_python, held, spoilt, folder))
            sys.stdout.write(f"{asked[-1]} (as the Hub's workers)\n")
    return 1 if any(one.wrong for one in asked) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make trace-readers", description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="of the readers' environment")
    parser.add_argument("--hub-python", type=Path, help="of that with the Hub's own versions")
    parser.add_argument("files", nargs="*", type=Path, help="more session files")
    return parser.parse_args()


def _ask(
    reader: str, python: Path, held: dict[Path, JsonObject], spoilt: Path, folder: Path
) -> _Asked:
    """A reader that takes one file at a time."""
    asked, began = _Asked(reader=reader), time.monotonic()
    answers = _answers(reader, python, [*held, spoilt], folder)
    for path, shown in zip(held, answers, strict=False):
        nested = counts(path, with_agents=True)
        those = {name: nested[name] for name in NESTED.get(reader, ())}
        _compare(asked, path, shown, {**held[path], **those})
    asked.seconds = time.monotonic() - began
    if len(answers) <= len(held):
        asked.wrong.append(f"it ended after {len(answers)} of {len(held) + 1} files")
    elif not differences(answers[-1], next(iter(held.values()))):
        asked.wrong.append("does not notice that a result is missing")
    return asked


def _ask_hub(
    reader: str, python: Path, held: dict[Path, JsonObject], spoilt: Path, folder: Path
) -> _Asked:
    """The Hub's conversion, which takes a whole dataset."""
    asked, began = _Asked(reader=reader), time.monotonic()
    good = _dataset(folder / "good", list(held))
    bad = _dataset(folder / "bad", [spoilt, *list(held)[1:]])
    answers = [*_answers(reader, python, [good, bad], folder), {}, {}]
    asked.seconds = time.monotonic() - began
    rows = answers[0]
    if "refused" in rows or len(rows) != len(held):
        asked.wrong.append(rows.get("refused") or f"{len(rows)} rows of {len(held)} files")
        return asked
    for path, expected in held.items():
        _compare(asked, path, rows[path.stem], expected)
    first = next(iter(held))
    if not differences(answers[1].get(first.stem, {}), held[first]):
        asked.wrong.append("does not notice that a result is missing")
    return asked


def _compare(asked: _Asked, path: Path, shown: JsonObject, held: JsonObject) -> None:
    asked.files += 1
    asked.calls += held["call_count"]
    asked.wrong += (f"{path.name}: {one}" for one in differences(shown, held))


def _answers(reader: str, python: Path, paths: Sequence[Path], folder: Path) -> list[JsonObject]:
    """Of one process that is asked about all of them; fewer when it broke."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [str(python.absolute()), str(PROBES), reader, *map(str, paths)]
    ran = subprocess.run(
        command,
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if ran.returncode:
        sys.stderr.write(ran.stderr[-4_000:])
    return list(map(json.loads, ran.stdout.splitlines()))


def _without_a_result(path: Path, folder: Path) -> Path:
    """A copy of a session whose last result is not there."""
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    last = max(place for place, line in enumerate(lines) if '"tool_result"' in line)
    folder.mkdir()
    copy = folder / path.name
    copy.write_text("".join(_linked_past(lines, last)), encoding="ascii")
    return copy


def _linked_past(lines: Sequence[str], place: int) -> Iterator[str]:
    """The lines without one; what hung on it hangs on the one before."""
    gone = json.loads(lines[place])
    hung, hangs = (f'"parentUuid":"{gone[key]}"' for key in ("uuid", "parentUuid"))
    for number, line in enumerate(lines):
        if number != place:
            yield line.replace(hung, hangs)


def _dataset(folder: Path, files: Sequence[Path]) -> Path:
    """A folder as it would be on the Hub, with our card."""
    shutil.rmtree(folder, ignore_errors=True)
    day = folder / "sessions" / "2026-11-20"
    day.mkdir(parents=True)
    (folder / "README.md").write_text(merged("", subagents=False), encoding="utf-8")
    for path in files:
        shutil.copy(path, day)
    return folder


if __name__ == "__main__":
    sys.exit(main())
