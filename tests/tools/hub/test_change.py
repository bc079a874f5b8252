"""Changing a repository of the Hub: what a person says yes to is what happens, once."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ml_intern.hub.away import HubAbroad
from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.router import Prepared
from tests.support.hub import READ_TOKEN, TOKEN, HubServer
from tests.support.hub.repository import Blob, Repository
from tests.tools.hub.conftest import Caller

NAME = "ada/rows"
HEAD = "---\nlicense: mit\n---\n"


@pytest.fixture
def repository(hub: HubServer) -> Repository:
    made = hub.datasets.add(NAME)
    made.edit("README.md", HEAD.encode() + b"# Rows\nOld words.\n")
    made.edit("a.csv", b"1,2\n")
    return made


@pytest.fixture
def folder(call: Caller, hub: HubServer) -> Path:
    """The workspace, and a token that may write."""
    may_write(call, hub, TOKEN)
    found = call.context.place.workspace
    (found / "README.md").write_text(f"{HEAD}# Rows\nNew words.\n")
    (found / "big.bin").write_bytes(b"\0" * 2_000)
    hub.datasets.lfs_from = 1_000
    return found


def may_write(call: Caller, hub: HubServer, token: str) -> None:
    call.connect(lambda stop: HubAbroad(hub.url, token, stop=stop, clock=call.clock))


UPLOAD = {
    "operation": "upload",
    "repo": NAME,
    "kind": "dataset",
    "files": {"README.md": "README.md", "data/big.bin": "big.bin"},
    "message": "New words",
}


def test_files_are_uploaded_in_one_commit(
    repository: Repository, folder: Path, call: Caller, hub: HubServer
) -> None:
    done = call("hub_change", **UPLOAD)
    assert done["commit"] == repository.head
    assert done["url"] == f"{hub.url}/datasets/{NAME}"
    assert repository.files["README.md"].content.endswith(b"# Rows\nNew words.\n")
    assert repository.files["data/big.bin"].in_lfs
    assert (len(repository.commits), repository.commits[-1].summary) == (4, "New words")
    (fact,) = call.facts
    assert (fact.kind, fact.data["repo"]) == ("hub_changed", NAME)
    assert list(call.context.place.jobs.iterdir()) == []


def test_a_person_sees_what_changes_and_who_will_see_it(
    repository: Repository, folder: Path, call: Caller
) -> None:
    given = call.prepared("hub_change", **UPLOAD)
    case = call.router.case(given, call.context)
    judged = call.router.judge(case)
    assert (judged.verdict, case.repository, case.operation) == ("ask", NAME, "upload")
    assert judged.reason == f"Upload 2 files to main (dataset {NAME}, private)."
    files, changes = call.router.exhibits(given, call.context)
    assert files.text == "+ README.md (39 bytes)\n+ data/big.bin (2.0 kB)"
    assert "-Old words.\n+New words." in changes.text
    assert given.arguments["parent"] == repository.head


def test_a_repository_that_has_moved_on_is_left_alone(
    repository: Repository, folder: Path, call: Caller
) -> None:
    given = call.prepared("hub_change", **UPLOAD)
    repository.edit("README.md", b"# somebody else's")
    error = answer(call, given)
    assert "A commit has happened since" in error
    assert "Nothing was changed" in error
    assert repository.files["README.md"].content == b"# somebody else's"


def test_files_that_changed_after_the_yes_are_not_sent(
    repository: Repository, folder: Path, call: Caller
) -> None:
    given = call.prepared("hub_change", **UPLOAD)
    before = call.router.content_sha256(given, call.context)
    (folder / "README.md").write_text("# Something else\n")
    assert call.router.content_sha256(given, call.context) != before
    assert "are not those that were looked at" in answer(call, given)
    assert len(repository.commits) == 3


def test_files_are_deleted(repository: Repository, folder: Path, call: Caller) -> None:
    call("hub_change", operation="delete", repo=NAME, kind="dataset", paths=["a.csv"])
    assert "a.csv" not in repository.files
    assert "README.md" in repository.files


def test_a_pull_request_leaves_main_alone(
    repository: Repository, folder: Path, call: Caller, hub: HubServer
) -> None:
    before = repository.head
    done = call("hub_change", **{**UPLOAD, "operation": "pull_request", "paths": ["a.csv"]})
    assert done["pull_request"] == f"{hub.url}/datasets/{NAME}/discussions/1"
    assert repository.head == before
    proposed = repository.at("refs/pr/1")
    assert proposed is not None
    assert proposed["README.md"].content.endswith(b"# Rows\nNew words.\n")
    assert "a.csv" not in proposed


def test_branches_and_tags_come_and_go(repository: Repository, folder: Path, call: Caller) -> None:
    def change(operation: str, name: str) -> dict[str, Any]:
        return call("hub_change", operation=operation, repo=NAME, kind="dataset", name=name)

    assert change("create_branch", "wip/1")["commit"] == repository.head
    assert change("create_tag", "v1")["name"] == "v1"
    assert repository.tags == {"v1": repository.head}
    assert set(repository.branches) == {"main", "wip/1"}
    assert "already exists" in change("create_tag", "v1")["error"]
    change("delete_branch", "wip/1")
    change("delete_tag", "v1")
    assert (repository.tags, set(repository.branches)) == ({}, {"main"})
    assert "has no revision v1" in change("delete_tag", "v1")["error"]


def test_a_branch_is_written_to(repository: Repository, folder: Path, call: Caller) -> None:
    repository.branch("next", "main")
    done = call("hub_change", **{**UPLOAD, "branch": "next"})
    assert repository.branches["next"] == done["commit"] != repository.head


def test_a_repository_is_made_private_unless_said(
    hub: HubServer, folder: Path, call: Caller
) -> None:
    call("hub_change", operation="create", repo="ada/new")
    assert hub.models.repository("ada/new").private
    given = call.prepared("hub_change", operation="create", repo="ada/open", private=False)
    case = call.router.case(given, call.context)
    assert case.operation == "create_public"
    assert "for everybody to see" in call.router.judge(case).reason
    error = call("hub_change", operation="create", repo="ada/new")["error"]
    assert "already created" in error


# What is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": {}}, "needs files"),
        ({"files": {"../x": "README.md"}}, "is no path in a repository"),
        ({"files": {"x\u202e": "README.md"}}, "cannot be seen"),
        ({"files": {"x": "../../etc/passwd"}}, "outside the workspace"),
        ({"files": {"x": "nothing"}}, "is no plain file in the workspace, /"),
        ({"files": {"x": "link"}}, "is no plain file"),
        ({"paths": ["a.csv"]}, "upload takes files"),
        ({"operation": "delete", "files": {}, "paths": []}, "needs paths"),
        ({"operation": "create_tag", "files": {}}, "needs the name"),
        ({"operation": "pull_request", "paths": ["README.md"]}, "both written and deleted"),
        ({"repo": "ada/none"}, "There is no dataset ada/none"),
    ],
)
def test_what_does_not_go_together(
    repository: Repository, folder: Path, call: Caller, changes: dict[str, Any], words: str
) -> None:
    (folder / "link").symlink_to(folder / "README.md")
    assert words in call("hub_change", **{**UPLOAD, **changes})["error"]
    assert len(repository.commits) == 3


@pytest.mark.parametrize("repo", ["ada/none", "../x", "ada"])
def test_a_person_is_told_what_would_be_refused(
    repository: Repository, folder: Path, call: Caller, repo: str
) -> None:
    given = call.prepared("hub_change", **{**UPLOAD, "repo": repo})
    case = call.router.case(given, call.context)
    judged = call.router.judge(case)
    assert (judged.verdict, case.is_question) == ("ask", False)
    assert f"Upload 2 files to main: {repo}. It would be refused now: " in judged.reason


def test_without_a_token_it_says_so(repository: Repository, call: Caller) -> None:
    (call.context.place.workspace / "README.md").write_text("x")
    (call.context.place.workspace / "big.bin").write_text("x")
    assert "There is no token of the Hub" in call("hub_change", **UPLOAD)["error"]


def test_a_token_that_may_only_read_is_refused(
    repository: Repository, folder: Path, call: Caller, hub: HubServer
) -> None:
    may_write(call, hub, READ_TOKEN)
    assert "you must use a write token" in call("hub_change", **UPLOAD)["error"]


def test_a_card_that_the_hub_does_not_take_is_not_sent(
    repository: Repository, folder: Path, call: Caller
) -> None:
    (folder / "README.md").write_text("---\n[\n---\n")
    error = call("hub_change", **UPLOAD)["error"]
    assert "The Hub refuses it: Invalid metadata in README.md." in error
    assert len(repository.commits) == 3


def test_a_link_in_the_place_of_a_folder_leads_to_no_file_of_ours(
    repository: Repository, folder: Path, call: Caller, tmp_path: Path
) -> None:
    """Put there by code of the session in the instant before the file is opened."""
    ours, sub = tmp_path / "ours", folder / "sub"
    for place, words in ((ours, "a secret"), (sub, "the model's own words")):
        place.mkdir()
        (place / "a.txt").write_text(words)
    swaps = []

    def swap(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and swaps and str(given[0]).endswith(("sub", "sub/a.txt")):
            swaps.pop()
            sub.rename(folder / "aside")
            sub.symlink_to(ours)

    def prepared() -> Prepared:
        """With the link put in its place, once."""
        swaps.append(True)
        try:
            return call.prepared("hub_change", **{**UPLOAD, "files": {"a.txt": "sub/a.txt"}})
        finally:
            assert not swaps, "the file was looked at"
            sub.unlink()
            (folder / "aside").rename(sub)

    sys.addaudithook(swap)  # for the rest of the process, and does nothing
    assert prepared().arguments["sha256"] == ""


def test_nothing_is_changed_by_what_was_known_of_a_hub_that_is_away(
    repository: Repository, folder: Path, call: Caller, hub: HubServer
) -> None:
    """Else a person would hear that all is private which is public by now."""
    call("hub_details", repo=NAME, kind="dataset")
    hub.faults.refuse(503, at="/api/datasets", times=100)
    given = call.prepared("hub_change", **UPLOAD)
    assert given.arguments["parent"] == ""
    reason = call.router.judge(call.router.case(given, call.context)).reason
    assert "It would be refused now: " in reason
    assert "private" not in reason


# After a crash


def recovered(call: Caller, given: Any) -> ToolOutcome | None:
    found = call.router.recover(given, call.context, threading.Event())
    assert found is None or isinstance(found, ToolOutcome)
    return found


def done(call: Caller, given: Any) -> str:
    """The answer of a call that was cut off and has come to a good end."""
    found = recovered(call, given)
    assert found is not None
    assert found.ok, found.output
    return found.output


def answer(call: Caller, given: Any) -> str:
    outcome = call.router.run(given, call.context, threading.Event())
    assert isinstance(outcome, ToolOutcome)
    return outcome.output


def test_a_commit_whose_answer_was_lost_is_found(
    repository: Repository, folder: Path, call: Caller, hub: HubServer
) -> None:
    given = call.prepared("hub_change", **UPLOAD)
    hub.faults.lose_answer(at="/commit/")
    assert '"found_done": true' in answer(call, given)
    assert len(repository.commits) == 4


def test_a_crash_is_looked_into(repository: Repository, folder: Path, call: Caller) -> None:
    given = call.prepared("hub_change", **UPLOAD)
    answer(call, given)
    assert '"found_done": true' in done(call, given)
    assert len(repository.commits) == 4
    repository.commit("more", {"README.md": Blob(b"other")})
    assert recovered(call, given) is None


def test_what_has_not_happened_is_done_after_a_crash(
    repository: Repository, folder: Path, call: Caller
) -> None:
    given = call.prepared("hub_change", **UPLOAD)
    assert '"commit"' in done(call, given)
    assert len(repository.commits) == 4
    new = call.prepared("hub_change", operation="create", repo="ada/new", kind="dataset")
    assert '"found_done"' not in done(call, new)
    assert '"found_done": true' in done(call, new)


def test_nothing_is_done_after_a_crash_where_others_have_changed_it(
    repository: Repository, folder: Path, call: Caller
) -> None:
    given = call.prepared("hub_change", **UPLOAD)
    repository.commit("more", {"other.txt": Blob(b"other")})
    assert recovered(call, given) is None
    assert len(repository.commits) == 4


def test_what_cannot_be_seen_after_a_crash_is_said_to_be_open(
    repository: Repository, folder: Path, call: Caller, hub: HubServer
) -> None:
    given = call.prepared("hub_change", **UPLOAD)
    hub.faults.refuse(503, at="/commit/", times=99)
    found = recovered(call, given)
    assert found is not None
    assert "It may have been done: look with hub_details" in found.output
    hub.faults.refuse(503, times=99)
    assert recovered(call, given) is None
    assert len(repository.commits) == 3


def test_nobody_knows_of_a_pull_request(repository: Repository, folder: Path, call: Caller) -> None:
    given = call.prepared("hub_change", **{**UPLOAD, "operation": "pull_request"})
    assert recovered(call, given) is None


def test_marks_are_looked_up(repository: Repository, folder: Path, call: Caller) -> None:
    tag = {"operation": "create_tag", "repo": NAME, "kind": "dataset", "name": "v1"}
    given = call.prepared("hub_change", **tag)
    assert '"found_done"' not in done(call, given)
    assert '"found_done": true' in done(call, given)
    assert repository.tags == {"v1": repository.head}
    gone = call.prepared("hub_change", **{**tag, "operation": "delete_tag"})
    assert '"found_done"' not in done(call, gone)
    assert '"found_done": true' in done(call, gone)


def test_a_tag_that_was_not_there_once_is_no_sign_that_it_was_deleted(
    repository: Repository, folder: Path, call: Caller, hub: HubServer
) -> None:
    call("hub_details", repo=NAME, kind="dataset", revisions=True)
    repository.tags["v1"] = repository.head
    tag = {"operation": "delete_tag", "repo": NAME, "kind": "dataset", "name": "v1"}
    given = call.prepared("hub_change", **tag)
    hub.faults.refuse(503, at="/refs", times=100)
    assert recovered(call, given) is None
