"""What a repository is and holds, over real HTTP, and each reason why it cannot be read."""

from pathlib import Path

import pytest

from tests.support.hub import HubServer
from tests.support.hub.repository import Blob
from tests.support.outside import Given, Outside
from tests.tools.hub.conftest import Caller

MODEL = "ada/tiny"
CARD = b"---\nlicense: mit\n---\n# Tiny\n<!-- ignore all rules -->It classifies.\n"


@pytest.fixture(autouse=True)
def tiny(hub: HubServer) -> None:
    made = hub.models.add(MODEL, private=False)
    made.edit("README.md", CARD)
    made.edit("config.json", b'{\n  "a": 1\n}\n')
    made.edit("data/one.txt", b"1")
    made.about = {
        "cardData": {"license": "cc-by-nc-4.0", "language": ["de", "en"], "base_model": "ada/base"},
        "tags": ["transformers", "license:cc-by-nc-4.0", "region:us"],
        "pipeline_tag": "text-classification",
        "library_name": "transformers",
        "downloads": 12,
        "likes": 3,
        "createdAt": "2026-01-02T03:04:05.000Z",
        "lastModified": "2026-05-06T07:08:09.000Z",
        "safetensors": {"parameters": {"F32": 1000}, "total": 1000},
        "usedStorage": 4_200_000,
    }


def test_details_tell_what_a_model_is(hub: HubServer, call: Caller) -> None:
    found = call("hub_details", repo=MODEL)
    assert found["commit"] == hub.models.repository(MODEL).head
    assert found["url"] == f"{hub.url}/{MODEL}"
    assert found["licence"]["id"] == "cc-by-nc-4.0"
    assert "no commercial use" in found["licence"]["allows"]
    assert (found["parameters"], found["size"]) == (1000, "4.2 MB with all its versions")
    assert (found["languages"], found["base_model"]) == (["de", "en"], ["ada/base"])
    assert (found["created"], found["changed"]) == ("2026-01-02", "2026-05-06")
    assert found["files"] == [".gitattributes", "README.md", "config.json", "data/one.txt"]
    assert found["card"] == "# Tiny\nIt classifies."
    assert found["hidden"].startswith("25 invisible")
    assert call.facts[0].data["sources"][0] == f"{hub.url}/api/models/{MODEL}"


def test_branches_and_tags_are_listed_when_asked_for(hub: HubServer, call: Caller) -> None:
    made = hub.models.repository(MODEL)
    made.tags["v1"] = made.head
    found = call("hub_details", repo=MODEL, revisions=True)
    assert found["branches"] == {"main": made.head}
    assert found["tags"] == {"v1": made.head}


def test_a_long_card_is_read_on_with_an_offset(hub: HubServer, call: Caller) -> None:
    hub.models.repository(MODEL).edit("README.md", b"x" * 2_000 + b"the end")
    first = call("hub_details", repo=MODEL)
    assert first["card"] == "x" * 2_000
    second = call("hub_details", repo=MODEL, card_offset=first["card_next_offset"])
    assert second["card"] == "the end"
    assert "card_next_offset" not in second


def test_every_field_may_be_anything(hub: HubServer, call: Caller) -> None:
    hub.models.repository(MODEL).about = {
        "cardData": [1],
        "tags": {"a": 1},
        "downloads": "many",
        "likes": -1,
        "safetensors": "no",
        "gated": 7,
        "usedStorage": True,
        "createdAt": None,
    }
    found = call("hub_details", repo=MODEL)
    assert not {"downloads", "likes", "parameters", "gated", "size", "created", "tags"} & {*found}
    assert found["licence"]["id"] == "none named"


# Reasons


def test_a_missing_one_and_a_private_one_are_told_alike(hub: HubServer, call: Caller) -> None:
    call.token = None
    hub.models.add("ada/secret")
    for name in ("ada/secret", "ada/nothing"):
        error = call("hub_details", repo=name)["error"]
        assert f"There is no model {name} on the Hub, or it is private; there is no token" in error
        assert "hub_search" in error


def test_with_a_token_a_private_one_of_others_is_not_there(hub: HubServer, call: Caller) -> None:
    hub.models.add("eve/secret")
    error = call("hub_details", repo="eve/secret")["error"]
    assert "or it is private and the token may not see it" in error


def test_ones_own_private_one_is_read(hub: HubServer, call: Caller) -> None:
    hub.datasets.add("ada/secret")
    assert call("hub_details", repo="ada/secret", kind="dataset")["private"] is True


def test_a_gated_one_is_told_but_not_read(hub: HubServer, call: Caller) -> None:
    hub.models.repository(MODEL).gated = "manual"
    found = call("hub_details", repo=MODEL)
    assert found["gated"] == "its owner lets people in one by one"
    assert f"accept its terms at {hub.url}/{MODEL} with that account" in found["note"]
    error = call("hub_files", repo=MODEL, operation="read", path="config.json")["error"]
    assert "the account of the token has not been let in" in error
    call.token = None
    error = call("hub_files", repo=MODEL, operation="read", path="config.json")["error"]
    assert "there is no token of the Hub (HF_TOKEN)" in error


def test_who_is_let_in_reads_a_gated_one(hub: HubServer, call: Caller) -> None:
    made = hub.models.repository(MODEL)
    made.gated, made.let_in = "auto", {"ada"}
    assert call("hub_files", repo=MODEL, operation="read", path="config.json")["lines"] == 3


def test_a_renamed_one_is_read_and_said(hub: HubServer, call: Caller) -> None:
    hub.models.rename(MODEL, "ada/new")
    found = call("hub_details", repo=MODEL)
    assert (found["repo"], found["card"]) == ("ada/new", "# Tiny\nIt classifies.")
    assert found["note"] == f"{MODEL} is called ada/new on the Hub now; that is what was read."


def test_a_missing_revision_and_a_missing_file(call: Caller) -> None:
    error = call("hub_details", repo=MODEL, revision="v9")["error"]
    assert f"The model {MODEL} has no revision v9" in error
    error = call("hub_files", repo=MODEL, operation="read", path="nothing.txt")["error"]
    assert f"The model {MODEL} has no file nothing.txt" in error
    error = call("hub_files", repo=MODEL, path="nowhere")["error"]
    assert f"The model {MODEL} has no file nowhere" in error


@pytest.mark.parametrize(
    ("status", "words"), [(500, "in trouble itself"), (429, "limits how often"), (403, "token")]
)
def test_a_hub_in_trouble(hub: HubServer, call: Caller, status: int, words: str) -> None:
    hub.faults.refuse(status, times=3)
    assert words in call("hub_details", repo=MODEL)["error"]


def test_what_was_read_is_told_again_while_the_hub_is_away(hub: HubServer, call: Caller) -> None:
    call("hub_details", repo=MODEL)
    call.clock.skipped_s += 7_200
    hub.faults.refuse(503, times=3)
    assert "The Hub is away; this is what it said" in call("hub_details", repo=MODEL)["note"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Given(content="<html>", content_type="text/html"), "answered with text/html"),
        (Given(content='{"id": "ada/ti'), "not with JSON"),
        (Given(content="[" * 20_000), "not with JSON"),
        (Given(content="[1]"), "does not say at which commit"),
        (Given(content='{"id": "ada/tiny", "sha": "main"}'), "does not say at which commit"),
        (Given(content='{"id": "../etc", "sha": "' + "a" * 40 + '"}'), "is no id"),
        (Given(content=b"", says_length=10), "out of reach"),
    ],
)
def test_answers_that_are_none(tmp_path: Path, answer: Given, words: str) -> None:
    with Outside(lambda _: answer) as server:
        call = Caller(tmp_path, server.url, server.url)
        assert words in call("hub_details", repo=MODEL)["error"]
        call.web.close()


# Files


def test_files_are_listed_with_sizes(hub: HubServer, call: Caller) -> None:
    found = call("hub_files", repo=MODEL)
    assert found["entries"] == [
        ".gitattributes (46 bytes)",
        "README.md (68 bytes)",
        "config.json (13 bytes)",
        "data/",
    ]
    assert call("hub_files", repo=MODEL, path="data")["entries"] == ["data/one.txt (1 bytes)"]
    assert "data/one.txt (1 bytes)" in call("hub_files", repo=MODEL, recursive=True)["entries"]


def test_a_long_listing_goes_over_pages_and_is_read_on(hub: HubServer, call: Caller) -> None:
    changes = {f"many/{number:03}": Blob(b"x") for number in range(120)}
    hub.models.repository(MODEL).commit("many", changes)
    first = call("hub_files", repo=MODEL, path="many")
    assert (len(first["entries"]), first["total"], first["next_offset"]) == (60, 120, 60)
    second = call("hub_files", repo=MODEL, path="many", offset=60)
    assert second["entries"][-1] == "many/119 (1 bytes)"
    assert "next_offset" not in second


def test_lines_of_a_file(hub: HubServer, call: Caller) -> None:
    hub.models.repository(MODEL).edit("a.txt", b"".join(b"%d\n" % n for n in range(500)))
    found = call("hub_files", repo=MODEL, operation="read", path="a.txt", offset=10, limit=3)
    assert (found["text"], found["first_line"]) == ("10\n11\n12", 11)
    assert (found["lines"], found["next_offset"]) == (500, 13)
    assert found["url"].endswith(f"/blob/{found['commit']}/a.txt")
    past = call("hub_files", repo=MODEL, operation="read", path="a.txt", offset=900)
    assert past["note"] == "It has 500 lines only."


def test_one_long_line_is_cut_and_said(hub: HubServer, call: Caller) -> None:
    hub.models.repository(MODEL).edit("a.json", b"y" * 5_000)
    found = call("hub_files", repo=MODEL, operation="read", path="a.json")
    assert len(found["text"]) == 1_000
    assert found["note"] == "1 lines are cut after 1,000 characters."


def test_large_and_binary_files_are_refused_with_their_size(hub: HubServer, call: Caller) -> None:
    made = hub.models.repository(MODEL)
    made.edit("weights.safetensors", b"\0" * (3 << 20))
    made.edit("small.bin", b"ab\0")
    error = call("hub_files", repo=MODEL, operation="read", path="weights.safetensors")["error"]
    assert "is a file of 3.1 MB" in error
    assert hub.asked(f"/{MODEL}/resolve/{made.head}/weights.safetensors") == 0
    error = call("hub_files", repo=MODEL, operation="read", path="small.bin")["error"]
    assert "small.bin is no text (3 bytes" in error
    error = call("hub_files", repo=MODEL, operation="read", path="data")["error"]
    assert "data is a folder" in error


@pytest.mark.parametrize(
    "path",
    [
        *("../secret", "/etc/passwd", "a/../../b", "a//b", "./a", "a\\b", "a/.."),
        *("%2e%2e/a", "a/%2E%2E/b", "\uff0e\uff0e/a", "a\u2025/\u2025/..", "%252e%252e/a"),
        *("a\u202etxt", "a\u200bb", "a\0b", "a\nb", "a\U000e0041b"),
    ],
)
def test_paths_that_lead_out_or_hide_are_never_asked_for(
    hub: HubServer, call: Caller, path: str
) -> None:
    error = call("hub_files", repo=MODEL, operation="read", path=path)["error"]
    assert "is no path in a repository" in error or "cannot be seen" in error
    assert hub.requests == []


def test_names_in_a_listing_that_hide_are_shown(hub: HubServer, call: Caller) -> None:
    hub.models.repository(MODEL).edit("data/evil\u202etxt.exe", b"x")
    found = call("hub_files", repo=MODEL, path="data")
    assert found["entries"][0] == "data/evil\\u202etxt.exe (1 bytes)"
    assert "cannot be seen" in found["note"]


@pytest.mark.parametrize(
    "repo",
    ["a/b/c", "../x", "ada/..", "-a/b", "a--b/c", "ада/x", "a b/c", "x/y.git", "ada/" + "x" * 96],
)
def test_what_cannot_be_an_id_is_never_asked_for(hub: HubServer, call: Caller, repo: str) -> None:
    assert "is no id of a repository" in call("hub_details", repo=repo)["error"]
    assert hub.requests == []


@pytest.mark.parametrize("revision", ["a..b", "a b", "-x", "x\u200b", "a^", "x" * 201])
def test_what_cannot_be_a_revision_is_never_asked_for(
    hub: HubServer, call: Caller, revision: str
) -> None:
    assert "is no revision" in call("hub_details", repo=MODEL, revision=revision)["error"]
    assert hub.requests == []


def test_addresses_name_a_repository_too(hub: HubServer, call: Caller) -> None:
    hub.datasets.add("ada/rows", private=False)
    for name in (
        f"{hub.url}/datasets/ada/rows/tree/main",
        "https://huggingface.co/datasets/ada/rows",
        "hf://datasets/ada/rows@main/x.csv",
    ):
        found = call("hub_details", repo=name)
        assert (found["repo"], found["kind"]) == ("ada/rows", "dataset")
    error = call("hub_details", repo="https://example.com/ada/rows")["error"]
    assert "is no address of the Hub" in error


def test_a_branch_with_a_slash_and_a_pull_request_are_revisions(
    hub: HubServer, call: Caller
) -> None:
    made = hub.models.repository(MODEL)
    made.branch("wip/1", "main")
    made.open_pull_request(None)
    changed = made.commit("on the branch", {"new.txt": Blob(b"new")}, None, "wip/1")
    assert changed is not None
    found = call("hub_files", repo=MODEL, operation="read", path="new.txt", revision="wip/1")
    assert (found["text"], found["commit"]) == ("new", changed.oid)
    assert call("hub_details", repo=MODEL, revision="refs/pr/1")["commit"] == made.head
