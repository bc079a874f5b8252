"""What is gathered for the system prompt, and which files of instructions are read."""

import os

import pytest

from ml_intern.context.prompts import Project
from ml_intern.events import SessionStarted
from ml_intern.messages import SystemMessage
from ml_intern.ops import UserInput
from ml_intern.sandbox.unconfined import NoSandbox
from ml_intern.session.briefing import MOST_BYTES, find_project, machine, session_facts
from ml_intern.session.desk import Limits
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy import Rule
from tests.support.contexts import a_place
from tests.support.desks import SESSION, Bench, Looked, calls, words


@pytest.fixture
def bench(tmp_path):
    benches = []

    def make(*replies):
        bench = Bench(tmp_path, replies)
        benches.append(bench)
        return bench

    yield make
    for each in benches:
        each.store.close()


@pytest.fixture
def folders(tmp_path):
    found = tmp_path / "started_in", tmp_path / "workspace"
    for folder in found:
        folder.mkdir()
    return found


def prompts(bench) -> list[str]:
    """The system prompt of each request."""
    return [asked[0].text for asked in bench.model.asked if isinstance(asked[0], SystemMessage)]


def test_every_tool_has_its_family_and_says_whether_it_asks(bench, tmp_path):
    b = bench()
    b.start()
    facts = session_facts(
        b.store.session(SESSION),
        a_place(tmp_path, sandbox=NoSandbox()),
        tools=[*all_tools(), Looked()],
        limits=Limits(max_iterations=7, max_turn_s=60),
        instructions="",
    )
    found = {tool.name: (tool.family, tool.asks) for tool in facts.tools}
    assert found["plan"] == ("plan", "never")
    assert found["propose_change"] == ("person", "always")
    assert found["edit"] == ("files", "never")
    assert found["inspect_dataset"] == ("data", "never")
    assert found["publish"] == ("training", "always")
    assert found["look"] == ("own", "never")
    assert (facts.sandbox, facts.max_iterations) == ("none", 7)
    assert facts.began == b.store.session(SESSION).created.date()


def test_rules_and_a_missing_sandbox_change_who_asks(bench, tmp_path):
    b = bench()
    b.start()
    facts = session_facts(
        b.store.session(SESSION),
        a_place(tmp_path, sandbox=NoSandbox()),
        tools=all_tools(),
        limits=Limits(max_iterations=7, max_turn_s=60),
        instructions="",
        rules=[
            Rule(tool="pub*", verdict="allow", place="here", repository="acme/*"),
            Rule(tool="edit", verdict="allow", place="here"),
        ],
    )
    found = {tool.name: tool.asks for tool in facts.tools}
    assert (found["publish"], found["edit"]) == ("sometimes", "never")
    assert (found["bash"], found["write"]) == ("always", "never")


def test_the_machine_is_looked_at_once():
    assert machine() is machine()
    assert machine().cpus >= 1


def test_the_prompt_stays_the_same_from_turn_to_turn(bench):
    b = bench(calls(("look", "{}")), words("one"), words("two"))
    b.start()
    b.drive()
    b.submit(UserInput(text="and now?", author="ada"))
    b.drive()
    assert len(prompts(b)) == 3
    assert len(set(prompts(b))) == 1


def test_what_was_asked_for_at_the_start_stands_in_the_prompt(bench):
    b = bench(words("ok"))
    started = SessionStarted(
        title="t",
        model="listed",
        workspace=str(b.place.workspace),
        started_in=str(b.place.started_in),
        version="0",
        instructions="Report in French.",
        max_iterations=11,
    )
    b.store.create_session(SESSION, started, UserInput(text="do it", author="ada"))
    b.drive()
    (found,) = prompts(b)
    assert "Report in French." in found
    assert "11 answers of yours" in found


def test_the_projects_instructions_reach_the_model(bench):
    b = bench(words("ok"))
    b.place.started_in.mkdir()
    (b.place.started_in / "AGENTS.md").write_text("Use seed 7.\n")
    b.start()
    b.drive()
    (found,) = prompts(b)
    assert "<project>\nUse seed 7.\n</project>" in found


def test_our_file_counts_before_the_common_one_and_the_project_before_the_workspace(folders):
    started_in, workspace = folders
    (workspace / "ML_INTERN.md").write_text("four")
    found = find_project(started_in, workspace)
    assert found == Project(path=workspace / "ML_INTERN.md", text="four", in_workspace=True)
    (started_in / "AGENTS.md").write_text("two")
    assert find_project(started_in, workspace).text == "two"
    (started_in / "ML_INTERN.md").write_text("one")
    found = find_project(started_in, workspace)
    assert found == Project(path=started_in / "ML_INTERN.md", text="one")


@pytest.mark.parametrize("content", [None, b"", b" \n\t"], ids=["none", "empty", "blank"])
def test_without_a_file_or_words_in_it_there_are_no_instructions(folders, content):
    if content is not None:
        (folders[0] / "AGENTS.md").write_bytes(content)
    assert find_project(*folders) is None


def test_a_folder_that_is_gone_has_no_instructions(tmp_path):
    assert find_project(tmp_path / "gone", tmp_path / "too") is None


def test_a_long_file_is_cut_and_says_so(folders):
    (folders[0] / "AGENTS.md").write_bytes(b"x" * MOST_BYTES)
    assert find_project(*folders).text == "x" * MOST_BYTES
    (folders[0] / "AGENTS.md").write_bytes("é".encode() * MOST_BYTES)
    text = find_project(*folders).text
    assert text.endswith("[cut here: only the first 32 KiB of the file are read]")
    assert len(text) < MOST_BYTES


def test_what_is_not_utf_8_is_replaced(folders):
    (folders[0] / "AGENTS.md").write_bytes(b"\xef\xbb\xbfa\xffb\0c")
    assert find_project(*folders).text == "a\ufffdb\ufffdc"


def test_a_link_is_followed_inside_the_folder_and_never_out_of_it(folders, tmp_path):
    started_in, _ = folders
    (tmp_path / "secret").write_text("secret")
    (started_in / "AGENTS.md").symlink_to(tmp_path / "secret")
    assert find_project(*folders) is None
    (started_in / "AGENTS.md").unlink()
    (started_in / "docs").mkdir()
    (started_in / "docs" / "agents.md").write_text("inside")
    (started_in / "AGENTS.md").symlink_to("docs/agents.md")
    assert find_project(*folders).text == "inside"


@pytest.mark.parametrize("kind", ["folder", "pipe", "ring"])
def test_what_is_no_file_is_passed_over(folders, kind):
    path = folders[0] / "ML_INTERN.md"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "ring":
            path.symlink_to(path)
    (folders[0] / "AGENTS.md").write_text("next")
    assert find_project(*folders).text == "next"
