"""Sessions in several files."""

import json
from pathlib import Path

from ml_intern.transcript import parts
from ml_intern.transcript.line import Said
from ml_intern.transcript.problems import Problems

SESSION = "c9f02920-881f-5462-872c-5b98acb62df8"


def write(folder: Path, number: int, *texts: str) -> Path:
    """One part; all but the first with its head."""
    path = folder / f"{parts.part_id(SESSION, number)}.jsonl"
    lines = [{"type": "user", "message": {"role": "user", "content": text}} for text in texts]
    if number > 1:
        about = {"continues": {"sessionId": SESSION, "number": number}}
        lines.insert(0, {**lines[0], "mlIntern": about})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def read(path: Path) -> tuple[list[str], list[str]]:
    """The words, and the problems."""
    problems = Problems()
    records = list(parts.read(path, problems))
    words = [record.content.text for record in records if isinstance(record.content, Said)]
    return words, [str(problem) for problem in problems.found]


def test_any_part_leads_to_the_whole_session(tmp_path: Path) -> None:
    files = [write(tmp_path, 1, "a", "b"), write(tmp_path, 2, "c"), write(tmp_path, 3, "d")]
    for path in files:
        assert parts.files(path) == files
        assert read(path) == (["a", "b", "c", "d"], [])


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    write(tmp_path, 1, "a")
    last = write(tmp_path, 3, "d")
    assert read(last) == (["a", "d"], ["part 2 of the session is missing"])


def test_a_file_of_another_name_stands_alone(tmp_path: Path) -> None:
    write(tmp_path, 1, "a")
    other = tmp_path / "notes.jsonl"
    other.write_text('{"type":"user","message":{"role":"user","content":"z"}}\n')
    assert read(other) == (["z"], [])


def test_problems_name_the_part(tmp_path: Path) -> None:
    first = write(tmp_path, 1, "a")
    second = write(tmp_path, 2, "c")
    second.write_text(second.read_text() + "broken\n")
    assert read(first)[1] == [f"{second.name}, line 3: no JSON (Expecting value, column 1)"]


def test_a_part_that_is_removed_meanwhile_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    first = write(tmp_path, 1, "a")
    second = write(tmp_path, 2, "c")
    write(tmp_path, 3, "d")
    problems = Problems()
    records = parts.read(first, problems)
    words = [next(records).content.text]
    second.unlink()
    words += [record.content.text for record in records]
    assert words == ["a", "d"]
    assert [str(problem) for problem in problems.found] == [
        f"{second.name}, this part of the session was removed while it was read"
    ]
