"""The tool over real HTTP: what it finds and reads, and how GitHub fails to answer."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.router import Prepared, ToolRouter
from ml_intern.tools.untrusted import END
from ml_intern.web import Cache, Service, Web
from tests.support.clocks import SwiftClock
from tests.support.github_server import GitHubServer
from tests.support.outside import Asked, Given, Outside
from tests.support.places import context_in, real_place

NOTEBOOK = {
    "nbformat": 4,
    "metadata": {"language_info": {"name": "python"}},
    "cells": [
        {"cell_type": "markdown", "source": ["# Fine-tuning\n", "With SFT."]},
        {
            "cell_type": "code",
            "source": "print('```')",
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["```\n"]},
                {"output_type": "display_data", "data": {"image/png": "iVBO", "text/plain": "<F>"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []},
            ],
        },
        "no cell",
    ],
}
FILES = {
    "README.md": b"# trl\n",
    "trl/trainer/sft_trainer.py": b"x = 1\n" * 400,
    "examples/scripts/sft.py": b"from trl import SFTTrainer\n",
    "examples/scripts/dpo.py": b"y = 1\n",
    "examples/notebooks/sft_tour.ipynb": json.dumps(NOTEBOOK).encode(),
    "examples/weights.py": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
    "examples/large.py": b"# " + b"z" * (1 << 20) + b"\nend = 1\n",
    "logo.png": b"\x89PNG\0\0",
}
REPOSITORIES = {"huggingface/trl": FILES, "huggingface/peft": {"examples/lora.py": b"z = 1\n"}}
LIMITED = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800"}


class Caller:
    def __init__(self, folder: Path, url: str) -> None:
        self.token = ""
        service = Service(
            name="github",
            base_url=url,
            secrets=lambda: {"Authorization": f"Bearer {self.token}"} if self.token else {},
            without_secrets="Without a token (GITHUB_TOKEN) GitHub answers 60 requests an hour.",
        )
        clock = SwiftClock()
        web = Web([service], Cache(folder / "outside"), clock, user_agent="test")
        self.context = context_in(real_place(folder, web=web, clock=clock))
        self.router = ToolRouter(all_tools())
        self.sources: list[str] = []

    def __call__(self, operation: str, **arguments: Any) -> dict[str, Any]:
        call = self.router.prepare("github", {"operation": operation, **arguments})
        assert isinstance(call, Prepared), call
        outcome = self.router.run(call, self.context, threading.Event())
        assert isinstance(outcome, ToolOutcome)
        assert outcome.output.startswith("[OUTSIDE TEXT from ")
        self.sources = [each for fact in outcome.facts for each in fact.data["sources"]]
        found: dict[str, Any] = json.loads(outcome.output.partition("\n")[2].rpartition(END)[0])
        assert ("error" in found) is not outcome.ok
        return found


@pytest.fixture
def server() -> Iterator[Outside]:
    with Outside(GitHubServer(REPOSITORIES)) as outside:
        yield outside


@pytest.fixture
def github(tmp_path: Path, server: Outside) -> Iterator[Caller]:
    caller = Caller(tmp_path, server.url)
    yield caller
    caller.context.place.web.close()


def test_examples_of_a_repository_come_before_its_own_code(github: Caller) -> None:
    found = github("find_examples", repository="huggingface/trl", query="sft")
    assert [each["path"] for each in found["examples"]] == [
        "examples/scripts/sft.py",
        "examples/notebooks/sft_tour.ipynb",
        "trl/trainer/sft_trainer.py",
    ]
    assert found["examples"][0]["url"] == (
        "https://github.com/huggingface/trl/blob/HEAD/examples/scripts/sft.py"
    )
    assert "Without a token (GITHUB_TOKEN) GitHub answers 60 requests an hour" in found["note"]
    assert len(github.sources) == 1


def test_with_a_token_nothing_is_said_of_having_none(github: Caller, server: Outside) -> None:
    github.token = "ghp_not_a_real_token"
    assert "token" not in github("find_examples", repository="huggingface/trl")["note"]
    assert server.asked[-1].headers["authorization"] == "Bearer ghp_not_a_real_token"


def test_examples_are_found_in_the_repositories_of_an_owner(github: Caller) -> None:
    found = github("find_examples", owner="huggingface", query="lora")
    assert [each["repository"] for each in found["examples"]] == ["huggingface/peft"]
    assert "2 repositories of huggingface with the most stars" in found["note"]
    fitting = github("find_examples", owner="huggingface", query="trl")
    assert fitting["searched"] == ["https://github.com/huggingface/trl"]


def test_a_part_of_the_files_is_said_to_be_one(github: Caller, server: Outside) -> None:
    assert isinstance(server.answer, GitHubServer)
    server.answer.truncated = True
    found = github("find_examples", repository="huggingface/trl", limit=1)
    assert "lists only a part of the files of huggingface/trl" in found["note"]
    assert (found["next_offset"], found["total"]) == (1, 5)


def test_what_stands_in_files_is_searched_with_a_token(github: Caller, server: Outside) -> None:
    github.token = "ghp_not-a-real-one"
    found = github("search_code", query="SFTTrainer language:python", repository="huggingface/trl")
    assert found["files"] == [
        {
            "repository": "huggingface/trl",
            "path": "examples/scripts/sft.py",
            "url": "https://github.com/huggingface/trl/blob/main/examples/scripts/sft.py",
            "stands_there": ["from trl import SFTTrainer\n"],
        }
    ]
    assert (found["total"], "next_offset" in found) == (1, False)
    assert found["note"] == "GitHub searches default branches only, and files below 384 KB."
    (asked,) = server.asked
    assert "repo%3Ahuggingface%2Ftrl" in asked.path
    assert "text-match" in asked.headers["accept"]


def test_code_of_an_owner_goes_on_page_by_page(github: Caller) -> None:
    github.token = "ghp_not-a-real-one"
    first = github("search_code", query="= 1", owner="huggingface", limit=2)
    second = github("search_code", query="= 1", owner="huggingface", limit=2, offset=2)
    assert (first["total"], first["next_offset"], "next_offset" in second) == (4, 2, False)
    assert len({each["path"] for each in (*first["files"], *second["files"])}) == 4


def test_without_a_token_code_is_not_searched_and_the_way_out_is_said(
    github: Caller, server: Outside
) -> None:
    call = github.router.prepare("github", {"operation": "search_code", "query": "x"})
    assert isinstance(call, Prepared)
    outcome = github.router.run(call, github.context, threading.Event())
    assert isinstance(outcome, ToolOutcome)
    assert "GITHUB_TOKEN" in outcome.output
    assert "find_examples" in outcome.output
    assert server.asked == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"query": "language:python"}, "It takes one word at least"),
        ({"query": "x", "repository": "nobody/none"}, "repositories and owners that it knows"),
        ({"query": "x", "offset": 995}, "must be a multiple"),
        ({"query": "x", "offset": 1000}, "gives 1,000 files"),
        ({"query": " "}, "Say in query"),
    ],
)
def test_code_that_github_does_not_search_is_told(
    github: Caller, given: dict[str, Any], words: str
) -> None:
    github.token = "ghp_not-a-real-one"
    assert words in github("search_code", **given)["error"]


def test_a_file_is_read_by_lines(github: Caller) -> None:
    path = "trl/trainer/sft_trainer.py"
    found = github("read", repository="huggingface/trl", path=path, offset=10, limit=2, ref="v1.0")
    assert (found["text"], found["first_line"], found["lines"]) == ("x = 1\nx = 1", 11, 400)
    assert found["url"].endswith(f"/blob/v1.0/{path}#L11-L12")
    assert found["next_offset"] == 12


def test_an_address_names_repository_branch_and_file(github: Caller, server: Outside) -> None:
    address = "https://github.com/huggingface/trl/blob/main/examples/scripts/dpo.py#L3"
    assert github("read", repository=address)["text"] == "y = 1"
    assert server.asked[-1].path.endswith("/contents/examples/scripts/dpo.py?ref=main")


def test_a_notebook_is_read_as_markdown(github: Caller) -> None:
    path = "examples/notebooks/sft_tour.ipynb"
    found = github("read", repository="huggingface/trl", path=path)
    assert found["text"] == (
        "# Fine-tuning\nWith SFT.\n\n````python\nprint('```')\n````\n\n"
        "Output:\n````text\n```\n[image/png]\nValueError: no\n````"
    )
    assert "shown as Markdown" in found["note"]


def test_a_file_above_the_inline_size_is_fetched_raw(github: Caller) -> None:
    found = github("read", repository="huggingface/trl", path="examples/large.py", offset=1)
    assert found["text"] == "end = 1"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("examples/weights.py", "is a pointer of Git LFS"),
        ("logo.png", "is no text"),
        ("examples", "is a folder. It holds: "),
        ("no/such.py", "There is no no/such.py in huggingface/trl, or the repository is private"),
        ("../../user/keys", "is no path in a repository"),
        ("", "Name the file to read in path"),
    ],
)
def test_what_is_no_readable_file_is_told(github: Caller, path: str, sentence: str) -> None:
    assert sentence in github("read", repository="huggingface/trl", path=path)["error"]


def test_a_repository_that_is_not_there_is_told_with_how_to_find_one(github: Caller) -> None:
    said = github("find_examples", repository="huggingface/trll", ref="v1", query="sft")["error"]
    assert said.startswith("GitHub has no repository huggingface/trll at v1, or it is private;")


@pytest.mark.parametrize(
    "repository", ["", "trl", "a/..", "a/b/c", "-a/b", "https://evil.example/a/b"]
)
def test_only_repositories_are_asked_for(github: Caller, server: Outside, repository: str) -> None:
    assert "error" in github("read", repository=repository, path="x.py")
    assert server.asked == []


def test_repositories_of_an_owner_are_listed_page_by_page(github: Caller) -> None:
    found = github("list_repositories", owner="huggingface", limit=1)
    assert found["repositories"] == [
        {
            "repository": "huggingface/trl",
            "url": "https://github.com/huggingface/trl",
            "description": "A library.",
            "stars": 12,
            "language": "Python",
            "licence": "Apache-2.0",
            "pushed": "2026-11-01",
        }
    ]
    second = github("list_repositories", owner="huggingface", limit=1, offset=found["next_offset"])
    assert second["repositories"][0]["repository"] == "huggingface/peft"
    assert "multiple of limit" in github("list_repositories", owner="a", offset=7)["error"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (Given(status=403, headers=LIMITED), "limits how often it may be asked; it may be asked"),
        (Given(status=403, headers={"retry-after": "3000"}), "it may be asked again in 3000 s"),
        (Given(status=429, headers={"retry-after": "3000"}), "it may be asked again in 3000 s"),
        (Given(status=403), "does not let us see"),
        (Given(status=401), "does not let us see"),
        (Given(status=500), "is in trouble itself"),
        (Given(content="<html>", content_type="text/html"), "answered with text/html, not with"),
        (Given(content='{"tree": [{"pa'), "not with JSON"),
        (Given(content="[" * 100_000), "not with JSON"),
        (Given(content='{"tree": {}}'), "did not list the files"),
        (Given(content="{}", says_length=900), "is out of reach"),
    ],
)
def test_every_way_of_not_answering_has_its_sentence(
    github: Caller, server: Outside, given: Given, sentence: str
) -> None:
    server.answer = lambda _asked: given
    answer = github("find_examples", repository="huggingface/trl", query="sft")
    assert sentence in answer["error"]


def test_entries_of_another_shape_are_left_out(github: Caller, server: Outside) -> None:
    tree = [7, None, {"path": 3, "type": "blob"}, {"type": "blob", "path": "examples/a\u202e.py"}]
    server.answer = lambda _asked: Given(content=json.dumps({"tree": tree}))
    found = github("find_examples", repository="huggingface/trl")
    assert [each["path"] for each in found["examples"]] == ["examples/a.py"]
    assert found["hidden"]


def test_when_github_is_away_what_it_said_before_is_used_and_dated(
    github: Caller, server: Outside
) -> None:
    github("find_examples", repository="huggingface/trl")
    server.answer = lambda _asked: Given(status=502)
    github.context.place.clock.wait(threading.Event(), 7200.0)
    found = github("find_examples", repository="huggingface/trl")
    assert "GitHub is away; this is of " in found["note"]


def test_no_request_goes_out_twice_within_an_hour(github: Caller, server: Outside) -> None:
    for _ in range(2):
        github("find_examples", repository="huggingface/trl", query="sft")
    asked: list[Asked] = server.asked
    assert len(asked) == 1
