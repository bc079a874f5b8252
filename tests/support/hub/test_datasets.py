"""The stand-in speaks the protocol of uploads as the Hub's own client expects it."""

import hashlib
from pathlib import Path

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from tests.support.hub import READ_TOKEN, SCOPED_TOKEN, TOKEN, USER, HubServer
from tests.support.hub.repository import Blob

REPO = f"{USER}/logs"


@pytest.fixture(autouse=True)
def without_xet(monkeypatch):
    """Its client is a program of its own, which speaks to the public Hub only."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub():
    with HubServer() as server:
        yield server


@pytest.fixture
def api(hub):
    return HfApi(endpoint=hub.url, token=TOKEN)


def commit(api, files, parent=None):
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(
        REPO, operations, commit_message="Add", repo_type="dataset", parent_commit=parent
    )


def make(api):
    api.create_repo(REPO, repo_type="dataset", private=True)


def test_a_repository_is_made_once_and_is_private(hub, api):
    make(api)
    with pytest.raises(HfHubHTTPError) as twice:
        make(api)
    assert twice.value.response.status_code == 409
    assert api.dataset_info(REPO).private is True
    api.update_repo_settings(REPO, private=False, repo_type="dataset")
    assert hub.datasets.repository(REPO).private is False


def test_files_arrive_as_blobs_or_in_lfs_and_the_tree_names_their_hashes(hub, api, tmp_path):
    make(api)
    hub.datasets.lfs_from = 100
    commit(
        api, {"a/small.txt": b"small\n", "a/b/large": b"x" * 200, "README.md": b"---\na: 1\n---\n"}
    )
    found = {one.path: one for one in api.list_repo_tree(REPO, recursive=True, repo_type="dataset")}
    # What `git hash-object` and `sha256sum` say of these bytes.
    assert found["a/small.txt"].blob_id == "ac790413e2d7a26c3767e78c57bb28716686eebc"
    assert (found["a/small.txt"].lfs, found["a/small.txt"].size) == (None, 6)
    assert found["a/b/large"].lfs.sha256 == hashlib.sha256(b"x" * 200).hexdigest()
    path = api.hf_hub_download(REPO, "a/b/large", repo_type="dataset", cache_dir=tmp_path)
    assert Path(path).read_bytes() == b"x" * 200


def test_a_tree_of_many_files_comes_in_pages(hub, api):
    make(api)
    hub.datasets.repository(REPO).commit("Many", {f"f/{n:03}": Blob(b"1") for n in range(120)})
    found = [one.path for one in api.list_repo_tree(REPO, recursive=True, repo_type="dataset")]
    assert len(set(found)) == 122  # with the folder, and the file of the first commit


def test_a_commit_on_an_older_parent_is_refused(hub, api):
    make(api)
    first = hub.datasets.repository(REPO).head
    commit(api, {"one": b"1"}, parent=first)
    with pytest.raises(HfHubHTTPError) as late:
        commit(api, {"two": b"2"}, parent=first)
    assert late.value.response.status_code == 412
    assert "two" not in hub.datasets.repository(REPO).files


def test_what_has_not_changed_makes_no_commit(hub, api):
    make(api)
    commit(api, {"one": b"1"})
    before = hub.datasets.repository(REPO).head
    assert commit(api, {"one": b"1"}).oid == before


def test_a_lost_answer_is_of_a_commit_that_was_made(hub, api):
    make(api)
    hub.faults.lose_answer(at="/commit/")
    with pytest.raises(httpx.TransportError):
        commit(api, {"one": b"1"})
    assert "one" in hub.datasets.repository(REPO).files


def test_who_may_not_write_or_not_see_is_told_as_the_hub_tells_it(hub, api):
    make(api)
    reader = HfApi(endpoint=hub.url, token=READ_TOKEN)
    assert reader.dataset_info(REPO).id == REPO
    with pytest.raises(HfHubHTTPError) as refused:
        commit(reader, {"one": b"1"})
    assert refused.value.response.status_code == 403
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=hub.url, token=SCOPED_TOKEN).dataset_info(REPO)
    with pytest.raises(HfHubHTTPError) as unknown:
        HfApi(endpoint=hub.url, token="hf_wrong_token").whoami()
    assert unknown.value.response.status_code == 401


def test_random_faults_are_many_and_end(hub, api):
    hub.faults.at_random(0.5, seed=7)
    failed = 0
    for _ in range(40):
        try:
            api.whoami()
        except (HfHubHTTPError, httpx.TransportError):
            failed += 1
    assert 10 < failed == hub.faults.met < 30
    hub.faults.end()
    assert api.whoami()["name"] == USER
