"""Our side of the confined process: what it answers is not trusted."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.papers.apart import Apart
from ml_intern.tools.protocol import ToolContext
from tests.support.places import confined_place, context_in

GOOD = {"title": "T", "sections": [], "figures": [], "tables": [], "url": "evil", "how": "pdf"}


class Answering(Apart):
    """A process that was taken over: it writes whatever it likes."""

    program = ""

    def _command(self, program: str, request: str) -> list[str]:
        return ["/usr/bin/env", "python3", "-c", self.program, json.loads(request)["answer"]]


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> ToolContext:
    return context_in(confined_place(tmp_path_factory.mktemp("place")))


def answered(program: str, ctx: ToolContext) -> Any:
    with Answering(b"%PDF-", "paper.pdf", ctx) as reading:
        reading.program = program
        return reading.document({"act": "read"}, 20.0)


def writing(text: str) -> str:
    return f"import sys; open(sys.argv[1], 'w').write({text!r})"


def test_where_a_paper_is_from_is_ours_to_say(ctx: ToolContext) -> None:
    assert answered(writing(json.dumps({"document": GOOD})), ctx).url == "paper.pdf"


@pytest.mark.parametrize(
    "program",
    [
        writing("half a {"),
        writing("[" * 100_000),
        writing("[]"),
        writing(json.dumps({"document": {**GOOD, "sections": "many"}})),
        writing(json.dumps({"document": {**GOOD, "how": "magic"}})),
        "import os, sys; os.symlink('/etc/passwd', sys.argv[1])",
        "import os, sys; os.mkfifo(sys.argv[1])",
        "import os, sys; os.truncate(os.open(sys.argv[1], os.O_CREAT | os.O_RDWR), 1 << 30)",
        "raise SystemExit(3)",
        "import os; os.kill(os.getpid(), 11)",
        "pass",
    ],
)
def test_an_answer_that_cannot_be_is_refused_in_words(program: str, ctx: ToolContext) -> None:
    with pytest.raises(InputError, match=r"paper\.pdf"):
        answered(program, ctx)


def test_it_reaches_neither_the_network_nor_files(ctx: ToolContext, tmp_path: Path) -> None:
    mark = tmp_path / "was_here"
    for program in (
        "import socket; socket.create_connection(('1.1.1.1', 80), 2)",
        f"open({str(mark)!r}, 'w')",
    ):
        with pytest.raises(InputError, match="broke on"):
            answered(program, ctx)
    assert not mark.exists()
