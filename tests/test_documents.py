"""What the documents name exists, and their examples do what they say."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.settings import load
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy import Case, judge
from ml_intern.tools.policy.settings import rules_of
from tests.queue.given import asked

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "traces/README.md"),
    *("docs/operations.md", "deploy/systemd/README.md", "examples/README.md"),
)
NAMED = re.compile(
    r"`((?:ml_intern|docs|traces|tests|benchmarks|deploy|examples)/[\w./-]*)`|\]\(([\w./-]+)\)"
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_a_document_names_exists(name):
    document = ROOT / name
    found = [first or second for first, second in NAMED.findall(document.read_text())]
    missing = [
        path
        for path in found
        if not (ROOT / path).exists() and not (document.parent / path).exists()
    ]
    assert missing == []


def test_the_architecture_names_the_whole_path_of_an_op():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for part in ("queue/store", "session/handlers", "session/turn", "tools/router"):
        assert f"`ml_intern/{part}.py`" in text


def test_decisions_are_numbered_without_gaps():
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def examples(name, language):
    text = (ROOT / name).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_example_of_an_approver_says_yes_to_what_it_says_and_leaves_the_rest_open():
    (example,) = examples("docs/approvals.md", "python")
    scope = {}
    exec(example.partition("result = ")[0], scope)
    private = replace(asked(), operation="create_private", cost_micro_usd=0)
    assert scope["decide"](private) is True
    assert scope["decide"](replace(private, operation="create_public")) is None
    assert scope["decide"](replace(private, cost_micro_usd=1)) is None


def test_the_example_of_rules_allows_what_it_says_and_no_more(tmp_path, monkeypatch):
    (example,) = examples("docs/policy.md", "toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "ml-intern").mkdir()
    (tmp_path / "ml-intern/config.toml").write_text(example)
    settings = load()
    rules = rules_of(settings.policy, all_tools())
    case = Case(
        tool="publish",
        arguments={"private": True},
        effect="external",
        operation="create_private",
        repository=f"{settings.author}/digits",
    )
    assert judge(case, rules).verdict == "allow"
    assert judge(replace(case, repository="local/digits"), rules).verdict == "ask"
    assert judge(replace(case, arguments={"private": False}), rules).verdict == "deny"
