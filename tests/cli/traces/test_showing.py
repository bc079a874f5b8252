"""`traces list` and `traces show`, as a person runs them."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ml_intern.cli import exits
from tests.support.nursery import Nursery

INTERRUPTED = "c9f02920-881f-5462-872c-5b98acb62df8"
FINISHED = "ee272992-1416-5d86-8c4a-bae706edcd42"
COMMAND = (sys.executable, "-c", "from ml_intern.cli.main import main; main()", "traces")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state directory with two of the examples."""
    day = tmp_path / "traces" / "sessions" / "2026-11-21"
    day.mkdir(parents=True)
    for example in (INTERRUPTED, FINISHED):
        shutil.copy(Path("traces/examples") / f"{example}.jsonl", day)
    return tmp_path


@pytest.fixture
def run(nursery: Nursery):
    def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ML_INTERN_STATE_DIR": str(home)}
        return nursery.run("traces", *arguments, environment=environment, folder=Path.cwd())

    return run


def test_the_list_says_what_became_of_each(home: Path, run) -> None:
    heads, *lines = run(home, "list").stdout.splitlines()
    assert heads.split("\t")[:4] == ["session", "began", "result", "model"]
    assert [line.split("\t")[0] for line in lines] == ["c9f02920", "ee272992"]
    assert "\tinterrupted\tclaude-sonnet-4-5\t$0.005685\t4 min 22 s\t8 (4 failed)\t" in lines[0]
    assert run(home, "list", "-n", "1").stdout.splitlines() == [heads, lines[0]]


def test_the_list_names_a_replay_by_what_it_plays(home: Path, run) -> None:
    path = next(home.glob(f"traces/sessions/*/{FINISHED}.jsonl"))
    plays = f'"model":"replay/traces/examples/{INTERRUPTED}.jsonl"'
    path.write_text(re.sub(r'"model":"autopilot[^"]*"', plays, path.read_text()))
    assert "\treplay c9f02920\t" in run(home, "list").stdout


def test_an_imported_session_is_known_by_the_id_that_it_had(
    home: Path, tmp_path: Path, run
) -> None:
    said = [{"role": "user", "content": "go"}, {"role": "assistant", "content": "Done."}]
    source = tmp_path / "source.json"
    source.write_text(json.dumps({"session_id": "Run-42", "messages": said}))
    assert " (Run-42), " in run(home, "import", str(source)).stdout
    row = run(home, "list").stdout.splitlines()[-1].split("\t")
    assert (row[1], row[5], row[-1]) == ("—", "—", "Run-42 · go")
    document = json.loads(run(home, "list", "--json").stdout)[-1]
    assert (document["source_id"], document["began_at"], document["duration_s"]) == (
        "Run-42",
        None,
        None,
    )
    text = run(home, "show", "Run-4").stdout
    assert "turn 1  —\n" in text
    assert "imported from Run-42" in text
    assert "unknown · —" in text.splitlines()[-1]


def test_a_fork_counts_only_what_it_did_itself(home: Path, run) -> None:
    path = next(home.glob(f"traces/sessions/*/{FINISHED}.jsonl"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines[: len(lines) // 2]:
        line["mlIntern"] = {**line.get("mlIntern", {}), "recalled": True}
    before = json.loads(run(home, "list", "--json").stdout)[1]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    after = json.loads(run(home, "list", "--json").stdout)[1]
    assert 0 < after["tool_calls"] < before["tool_calls"]
    assert 0 < after["answers"] < before["answers"]


def test_a_fork_tells_what_it_goes_on_from(home: Path, run) -> None:
    path = next(home.glob(f"traces/sessions/*/{FINISHED}.jsonl"))
    first, *rest = [json.loads(line) for line in path.read_text().splitlines()]
    first["mlIntern"]["forkedFrom"] = {"sessionId": INTERRUPTED, "turn": 1}
    path.write_text("".join(json.dumps(line) + "\n" for line in (first, *rest)))
    text = run(home, "show", FINISHED).stdout
    assert f" · goes on from {INTERRUPTED[:8]} · " in text.splitlines()[-1]


def test_the_list_as_json_has_the_whole_numbers(home: Path, run) -> None:
    first, second = json.loads(run(home, "list", "--json").stdout)
    assert (first["session_id"], second["session_id"]) == (INTERRUPTED, FINISHED)
    assert second["outcome"] == "finished"
    assert second["calls_by_tool"]["evaluate"] == 2
    assert first["usage"]["cache_read_input_tokens"] == 15_923
    assert first["problems"] == 0


def test_what_has_grown_is_read_again_and_nothing_else(home: Path, run) -> None:
    run(home, "list")
    path = next(home.glob(f"traces/sessions/*/{FINISHED}.jsonl"))
    with path.open("a") as file:
        file.write("{broken\n")
    kept = json.loads((home / "traces" / "digests.json").read_text())
    kept[f"{INTERRUPTED}.jsonl"]["digest"]["title"] = "kept"
    (home / "traces" / "digests.json").write_text(json.dumps(kept))
    first, second = json.loads(run(home, "list", "--json").stdout)
    assert (first["title"], first["problems"]) == ("kept", 0)
    assert second["problems"] == 1


def test_kept_digests_that_are_damaged_are_made_anew(home: Path, run) -> None:
    expected = run(home, "list").stdout
    (home / "traces" / "digests.json").write_text("{")
    assert run(home, "list").stdout == expected


def test_an_empty_shelf_says_so(tmp_path: Path, run) -> None:
    assert run(tmp_path, "list").stdout.startswith("No traces in ")


def test_a_trace_is_told_in_order_with_folded_outputs(home: Path, run) -> None:
    text = run(home, "show", "c9f0").stdout
    assert "turn 1  ada, " in text
    assert text.index("▸ inspect_dataset  source=reviews.csv") < text.index("✗ inspect_dataset")
    assert "✗ inspect_dataset  0.0 s  arguments: `version` is not known." in text
    assert "✓ bash  0.0 s\n      reviews.csv\n" in text
    assert "thinks: They keep the rate. Write the script." in text
    assert text.splitlines()[-1].startswith(
        "interrupted · anthropic/claude-sonnet-4-5 (6) · 1 turn"
    )


def test_words_that_nobody_reads_to_their_end_are_folded_too(tmp_path: Path, run) -> None:
    text = "x" * 50_000
    path = tmp_path / "long.jsonl"
    said = {"type": "user", "message": {"role": "user", "content": text}}
    block = {"type": "text", "text": text}
    answer = {"type": "assistant", "message": {"role": "assistant", "content": [block]}}
    path.write_text("".join(json.dumps(line) + "\n" for line in (said, answer)))
    folded = run(tmp_path, "show", str(path)).stdout
    assert folded.count("x\n      … 30,000 more characters\n") == 2
    assert run(tmp_path, "show", str(path), "--full").stdout.count(text) == 2


def test_long_outputs_are_folded_unless_all_is_wanted(tmp_path: Path, run) -> None:
    path = tmp_path / "long.jsonl"
    words = "\n".join(f"line {number}" for number in range(100))
    message = {"role": "user", "content": words}
    path.write_text(json.dumps({"type": "user", "isMeta": True, "message": message}) + "\n")
    folded = run(tmp_path, "show", str(path)).stdout
    assert "line 3\n      … 762 more characters\n" in folded
    assert "line 99" not in folded
    assert "line 99" in run(tmp_path, "show", str(path), "--full").stdout


def test_a_search_shows_what_it_is_found_in(home: Path, run) -> None:
    found = run(home, "show", "c9f0", "--search", "cancelled")
    assert found.returncode == exits.DONE
    assert found.stdout.count("  · ") == 1
    nothing = run(home, "show", "c9f0", "--search", "no such word")
    assert nothing.returncode == exits.FAILED

    assert nothing.stdout == "Nothing found.\n"
    in_turn = run(home, "show", "c9f0", "--search", "no such word", "--turn", "1").stdout
    assert in_turn == "Nothing found in turn 1.\n"


def talk(path: Path, *said: tuple[str, str]) -> Path:
    """A trace of some words of a person, each with its time, and an answer."""
    with path.open("w") as file:
        for number, (at, words) in enumerate(said):
            fields = {"type": "user", "timestamp": at, "message": {"content": words}}
            file.write(json.dumps(fields) + "\n")
            content = [{"type": "text", "text": f"answer to {words}"}]
            answer = {"id": f"m{number}", "model": "m", "content": content}
            fields = {"type": "assistant", "timestamp": at, "message": answer}
            file.write(json.dumps(fields) + "\n")
    return path


def test_the_day_stands_at_the_start_and_where_it_changes(tmp_path: Path, run) -> None:
    times = ("2026-03-01T12:00:00", "2026-03-01T12:10:00", "2026-03-02T12:00:00")
    path = talk(tmp_path / "days.jsonl", *((at, "go") for at in times))
    told = run(tmp_path, "show", str(path)).stdout.splitlines()
    days = [row for row in told if row.startswith("──")]
    assert days == ["── 2026-03-01 ──", "── 2026-03-02 ──"]
    assert told.index(days[1]) + 2 == next(i for i, row in enumerate(told) if "turn 3" in row)


def test_what_a_search_finds_says_of_which_turn_it_is(tmp_path: Path, run) -> None:
    at = "2026-03-01T12:00:00"
    path = talk(tmp_path / "turns.jsonl", (at, "one"), (at, "two"), (at, "three"))
    told = run(tmp_path, "show", str(path), "--search", "answer to t").stdout
    assert "turn 1" not in told
    assert told.index("turn 2") < told.index("answer to two") < told.index("turn 3")


def until(home: Path, mark: str, path: Path) -> Path:
    """A copy of the finished example to the first line that holds the mark."""
    lines = next(home.glob(f"traces/sessions/*/{FINISHED}.jsonl")).read_text().splitlines(True)
    last = next(number for number, line in enumerate(lines) if mark in line)
    path.write_text("".join(lines[: last + 1]))
    return path


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ('"waitingOn":["approval', "publish  waits for a person's yes"),
        ('"waitingOn":["job', "watch_job  waits for a job"),
    ],
)
def test_a_call_that_waits_says_for_what(
    home: Path, tmp_path: Path, mark: str, words: str, run
) -> None:
    path = until(home, mark, tmp_path / "waits.jsonl")
    told = run(home, "show", str(path)).stdout
    assert f"  … {words}\n" in told
    assert "has no result" not in told
    assert ":approval_" not in told
    assert ":job_" not in told
    assert told.splitlines()[-1].startswith(f"{words.split('  ')[1]} · ")


def test_the_list_names_what_waits(home: Path, run) -> None:
    path = next(home.glob(f"traces/sessions/*/{FINISHED}.jsonl"))
    until(home, '"waitingOn":["job', path)
    assert run(home, "list").stdout.splitlines()[-1].split("\t")[2] == "waiting"


def test_a_session_in_parts_says_so(home: Path, run) -> None:
    part = "35c6da62-dc63-5af8-bbd8-cbce80251177.jsonl"
    told = run(home, "show", f"traces/examples/{part}").stdout.splitlines()[0]
    assert told.startswith(f"{part} is one part of its session. It stands in 3 files")
    assert "parts" not in run(home, "show", "c9f0").stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--search", "("), "is no regular expression"),
        (("--turn", "2"), "There is no turn 2: the trace has only turn 1."),
        (("--turn", "0"), "There is no turn 0: the trace has only turn 1."),
    ],
)
def test_what_cannot_be_shown_is_said(
    home: Path, arguments: tuple[str, ...], words: str, run
) -> None:
    told = run(home, "show", "c9f0", *arguments)
    assert told.returncode == exits.USAGE
    assert words in told.stderr


@pytest.mark.parametrize("command", ["show", "open", "redaction"])
def test_what_is_no_trace_is_said(home: Path, command: str, run) -> None:
    told = run(home, command, "/bin/ls")
    assert (told.returncode, told.stdout) == (exits.USAGE, "")
    assert "/bin/ls is no trace: " in told.stderr


def test_a_damaged_file_is_shown_with_its_problems(home: Path, tmp_path: Path, run) -> None:
    path = tmp_path / "damaged.jsonl"
    whole = next(home.glob(f"traces/sessions/*/{INTERRUPTED}.jsonl")).read_bytes()
    path.write_bytes(whole[:1200] + b"\xff\n" + whole[1200:])
    text = run(home, "show", str(path)).stdout
    assert "\n! line 3: no JSON" in text
    document = json.loads(run(home, "show", str(path), "--json").stdout.splitlines()[-1])
    assert document["problem_count"] == len(document["problems"]) > 2


def test_escape_sequences_of_a_tool_do_not_reach_the_terminal(
    home: Path, tmp_path: Path, run
) -> None:
    path = tmp_path / "evil.jsonl"
    message = {"role": "user", "content": "\x1b[2Jgone\u202e"}
    path.write_text(json.dumps({"type": "user", "message": message}) + "\n")
    assert "\x1b" not in run(home, "show", str(path), "--full").stdout


def test_a_terminal_gets_a_pager_that_may_be_left_early(home: Path) -> None:
    leader, follower = pty.openpty()
    env = {**os.environ, "ML_INTERN_STATE_DIR": str(home), "PAGER": "head -n 5"}
    command = (*COMMAND, "show", "ee27", "--full")
    with subprocess.Popen(command, env=env, stdout=follower) as shown:
        os.close(follower)
        text = b""
        while b"thinks" not in text and (more := _read(leader)):
            text += more
        assert shown.wait() == exits.DONE
    os.close(leader)
    assert b"turn 1" in text
    assert text.count(b"\n") <= 5


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 4096)
    except OSError:  # the other end is closed
        return b""


def test_open_writes_one_page_and_prints_where(home: Path, tmp_path: Path, run) -> None:
    told = run(home, "open", "c9f0", "--no-browser")
    path = Path(told.stdout.strip())
    assert path.parent == home / "traces" / "pages"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "Sentiment of shop reviews" in path.read_text()
    assert run(home, "open", "c9f0", "-o", "-").stdout == path.read_text()
    elsewhere = run(home, "open", "c9f0", "-o", str(tmp_path / "page.html"))
    assert elsewhere.stdout.strip() == str(tmp_path / "page.html")


def test_the_help_names_each_option_once(tmp_path: Path, run) -> None:
    told = run(tmp_path, "open", "--help").stdout
    assert told.count("--no-browser") == 1
    assert " / " not in told


def test_a_page_that_cannot_be_written_is_said(home: Path, run) -> None:
    told = run(home, "open", "c9f0", "-o", "/proc/page.html")
    assert told.returncode == exits.USAGE
    assert "/proc/page.html cannot be written" in told.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
@pytest.mark.parametrize("words", [("list",), ("show", FINISHED[:8]), ("status",)])
def test_traces_of_somebody_else_are_named_as_such(home: Path, words: tuple[str, ...], run) -> None:
    (home / "traces").chmod(0)
    done = run(home, *words)
    (home / "traces").chmod(0o700)
    assert done.returncode == exits.USAGE
    assert "belongs to somebody else, and you may not look into it." in done.stderr
    assert "Traceback" not in done.stderr
