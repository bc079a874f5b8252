import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.cli.logs import (
    coloured_line,
    journal_line,
    plain_line,
    start_log,
    start_service_log,
)
from ml_intern.errors import StoreUnavailable
from ml_intern.tracing.redaction import Redactor

log = logging.getLogger("ml_intern.test")


@pytest.fixture(autouse=True)
def _same_logging_afterwards() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)


def _lines(state: Path) -> list[dict]:
    text = (state / "logs" / "ml-intern.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_record_is_one_json_line_with_its_fields(tmp_path: Path) -> None:
    start_log(tmp_path, debug=False, redactor=Redactor())

    log.warning("lease_lost", extra={"session_id": "s1"})
    (line,) = _lines(tmp_path)

    assert (line["event"], line["level"], line["session_id"]) == ("lease_lost", "warning", "s1")
    assert line["at"].endswith("Z")


def test_secrets_do_not_reach_the_log(tmp_path: Path) -> None:
    start_log(tmp_path, debug=False, redactor=Redactor({"HF_TOKEN": "hf_verysecretverysecret"}))

    error = ValueError("hf_verysecretverysecret")
    log.error(
        "told hf_verysecretverysecret", extra={"why": "hf_verysecretverysecret"}, exc_info=error
    )

    text = (tmp_path / "logs" / "ml-intern.log").read_text()
    assert "verysecret" not in text
    assert "ValueError" in text
    (line,) = _lines(tmp_path)
    assert "Traceback" in line["exception"] or "ValueError" in line["exception"]


def test_the_log_is_private_and_begins_anew_when_it_is_large(tmp_path: Path) -> None:
    start_log(tmp_path, debug=False, redactor=Redactor(), most_bytes=1000)

    for number in range(50):
        log.info("a line %s", number)
    files = sorted((tmp_path / "logs").iterdir())

    assert [file.name for file in files] == [
        "ml-intern.log",
        "ml-intern.log.1",
        "ml-intern.log.2",
        "ml-intern.log.3",
    ]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)


def test_a_log_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path, capsys) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")

    start_log(tmp_path, debug=False, redactor=Redactor())
    log.error("lost")

    assert capsys.readouterr() == ("", "")


def test_trouble_with_the_store_is_remembered_for_the_person(tmp_path: Path) -> None:
    trouble = start_log(tmp_path, debug=False, redactor=Redactor())

    log.error("store_unavailable", exc_info=StoreUnavailable("The disk is full."))

    assert trouble.words == "The disk is full."


def test_under_journald_a_line_says_how_grave_it_is_and_is_json() -> None:
    stream = io.StringIO()
    start_service_log(stream, journal_line, debug=False, redactor=Redactor())

    log.error("loops_hang", extra={"loops": "claims"})

    prefix, line = stream.getvalue().split(">", 1)
    assert prefix == "<3"
    assert json.loads(line)["loops"] == "claims"


@pytest.mark.parametrize(("render", "coloured"), [(coloured_line, True), (plain_line, False)])
def test_a_person_reads_words_not_json(render, coloured: bool) -> None:
    stream = io.StringIO()
    start_service_log(stream, render, debug=False, redactor=Redactor())

    log.info("ready", extra={"socket": "/run/x.sock"})

    said = stream.getvalue()
    assert "ready" in said
    assert "/run/x.sock" in said
    assert ("\x1b[" in said) == coloured


def test_what_libraries_chatter_about_is_left_out() -> None:
    stream = io.StringIO()
    start_service_log(stream, journal_line, debug=False, redactor=Redactor())

    logging.getLogger("httpx").info("HTTP Request: GET ...")
    logging.getLogger("alembic.runtime.plugins").info("setup plugin ...")
    logging.getLogger("apscheduler.executors.default").info("Running job ...")

    assert stream.getvalue() == ""
