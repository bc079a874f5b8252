"""The report about a dataset of the Hub: by its viewer, and by its files where there is none."""

import json
from typing import Any

import pytest

from tests.support.hub import HubServer
from tests.support.hub.repository import Blob, Repository
from tests.support.outside import Given, Outside
from tests.tools.hub.conftest import Caller
from tests.tools.hub.viewer import Viewer, frequencies, told

NAME = "ada/reviews"
STRING = {"dtype": "string", "_type": "Value"}
LABEL = {"names": ["neg", "pos"], "_type": "ClassLabel"}


@pytest.fixture
def repository(hub: HubServer) -> Repository:
    made = hub.datasets.add(NAME, private=False)
    made.about = {"cardData": {"license": "mit", "language": ["en"]}}
    return made


@pytest.fixture
def shown(viewer: Outside) -> Viewer:
    """Sorted by class, as many are."""
    made = Viewer(NAME, {"text": STRING, "label": LABEL})
    for split, many in (("train", 600), ("test", 60)):
        made.rows["default", split] = [
            {"text": f"a review of {split} number {n}, long enough", "label": int(n >= many // 2)}
            for n in range(many)
        ]
        made.statistics[split] = [
            frequencies("label", {"neg": many // 2, "pos": many // 2}),
        ]
    viewer.answer = made.answer
    return made


def test_the_same_report_as_for_a_file(
    repository: Repository, shown: Viewer, call: Caller, hub: HubServer
) -> None:
    report = call("inspect_dataset", source=f"hub:{NAME}")
    assert report["source"] == f"hub:{NAME}@{repository.head}"
    assert (report["kind"], report["task"]) == ("hub", "text-classification")
    assert report["recipe"] == "text_classification"
    assert (report["rows"], report["splits"]) == (660, {"train": 600, "test": 60})
    assert (report["sampled"], report["size_bytes"]) == (560, 1234)
    assert (report["mapping"]["text"], report["mapping"]["label"]) == ("text", "label")
    assert report["labels"] == {"neg": 330, "pos": 330}
    assert (report["blocking"], report["num_labels"]) == ([], 2)
    assert report["commit"] == repository.head
    assert (report["licence"]["id"], report["languages"]) == ("mit", ["en"])
    assert (report["configuration"], report["configurations"]) == ("default", ["default"])
    assert report["problems"][0].startswith("Columns, examples, repeats and leaks are those of 560")
    assert f"{hub.url}/api/datasets/{NAME}" in call.facts[-1].data["sources"]
    assert call.facts[0].kind == "dataset_inspected"
    assert call.facts[0].data["fingerprint"] == f"commit:{repository.head}"


@pytest.mark.parametrize(
    ("many", "sampled"), [(101, 101), (250, 250), (499, 499), (500, 500), (501, 500)]
)
def test_no_row_is_looked_at_twice(
    repository: Repository, shown: Viewer, call: Caller, many: int, sampled: int
) -> None:
    shown.rows = {("default", "train"): shown.rows["default", "train"][:many]}
    report = call("inspect_dataset", source=f"hub:{NAME}")
    assert (report["rows"], report["sampled"], report["duplicates"]) == (many, sampled, 0)


def test_an_id_alone_is_one_of_the_hub_where_no_such_folder_lies_here(
    repository: Repository, shown: Viewer, call: Caller
) -> None:
    assert call("inspect_dataset", source=NAME)["rows"] == 660
    (call.context.place.started_in / "ada").mkdir()
    assert "does not exist" in call("inspect_dataset", source=NAME)["error"]
    assert call("inspect_dataset", source=f"hub:{NAME}")["rows"] == 660


def test_the_address_of_its_page_names_it(
    repository: Repository, shown: Viewer, call: Caller, hub: HubServer
) -> None:
    for address in (
        f"{hub.url}/datasets/{NAME}",
        f"https://huggingface.co/datasets/{NAME}/tree/main",
    ):
        report = call("inspect_dataset", source=address)
        assert report["source"] == f"hub:{NAME}@{repository.head}"
    other = call("inspect_dataset", source=f"https://example.com/datasets/{NAME}")
    assert "is an address" in other["error"]


def test_a_pinned_source_names_the_same_again(
    repository: Repository, shown: Viewer, call: Caller
) -> None:
    first = call("inspect_dataset", source=NAME)
    assert call("inspect_dataset", source=first["source"])["fingerprint"] == first["fingerprint"]


def test_one_of_2000_configurations(repository: Repository, shown: Viewer, call: Caller) -> None:
    rows = shown.rows.pop(("default", "test"))
    shown.rows.clear()
    for number in range(2_000):
        shown.rows[f"lang-{number:04}", "test"] = rows
    report = call("inspect_dataset", source=NAME)
    assert report["configuration"] == "lang-0000"
    assert report["configurations"][-1] == "and 1,980 more"
    assert any("2,000 configurations; this is 'lang-0000'" in each for each in report["problems"])
    other = call("inspect_dataset", source=f"hub:{NAME}:lang-1234")
    assert other["configuration"] == "lang-1234"
    assert other["source"].endswith(":lang-1234")
    error = call("inspect_dataset", source=f"hub:{NAME}:lang-9999")["error"]
    assert "There is no configuration lang-9999; there are: lang-0000" in error


def test_pictures(repository: Repository, shown: Viewer, call: Caller) -> None:
    shown.features = {"image": {"_type": "Image"}, "label": LABEL}
    picture = {"src": "https://cdn.example/1.png", "height": 28, "width": 28}
    shown.rows["default", "train"] = [{"image": picture, "label": n % 2} for n in range(60)]
    shown.rows["default", "test"] = [{"image": picture, "label": n % 2} for n in range(60)]
    report = call("inspect_dataset", source=NAME)
    assert (report["task"], report["recipe"]) == ("image-classification", "image_classification")
    assert (report["mapping"]["image"], report["mapping"]["label"]) == ("image", "label")
    assert report["columns"][0] == {"name": "image", "type": "image", "missing": 0}
    assert report["blocking"] == []
    assert "cdn.example" not in json.dumps(report)


def test_sounds_are_named_and_not_taken_for_text(
    repository: Repository, shown: Viewer, call: Caller
) -> None:
    shown.features = {"audio": {"_type": "Audio", "sampling_rate": 16_000}, "text": STRING}
    sound = [{"src": "https://cdn.example/1.wav", "type": "audio/wav"}]
    for split in ("train", "test"):
        shown.rows["default", split] = [
            {"audio": sound, "text": f"words that are said, number {n}"} for n in range(40)
        ]
    report = call("inspect_dataset", source=NAME)
    assert {"name": "audio", "type": "audio"} in report["columns"]
    assert report["mapping"]["text"] == "text"


def test_nested_features_and_messages(repository: Repository, shown: Viewer, call: Caller) -> None:
    turn = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    shown.features = {"messages": [{"role": STRING, "content": STRING}], "meta": {"by": STRING}}
    shown.rows["default", "train"] = [
        {"messages": turn, "meta": {"by": f"person {n}", "deep": {"er": [n]}}} for n in range(30)
    ]
    del shown.rows["default", "test"]
    report = call("inspect_dataset", source=NAME)
    assert [column["name"] for column in report["columns"]] == [
        "messages",
        "meta.by",
        "meta.deep.er",
    ]
    assert report["fits"] == {
        "trainers": {"SFT": {"messages": "messages"}},
        "messages": {
            "column": "messages",
            "keys": ["role", "content"],
            "roles": {"user": 30, "assistant": 30},
        },
    }


def test_where_only_first_rows_are_given_the_declared_classes_count(
    repository: Repository, shown: Viewer, call: Caller
) -> None:
    shown.refusals["/rows"] = (404, "ResponseNotFound")
    for split in ("train", "test"):
        shown.rows["default", split] = [
            {"text": f"a review of {split} number {n}, long enough", "label": int(n >= 300)}
            for n in range(600)
        ]
        shown.statistics[split] = [frequencies("label", {"neg": 300, "pos": 300})]
    report = call("inspect_dataset", source=NAME)
    assert report["sampled"] == 200
    assert (report["mapping"]["label"], report["labels"]) == ("label", {"neg": 600, "pos": 600})
    assert (report["task"], report["blocking"]) == ("text-classification", [])


def test_what_is_cut_and_what_is_partial_is_said(
    repository: Repository, shown: Viewer, call: Caller
) -> None:
    shown.truncated, shown.partial = ["text"], True
    words = " ".join(call("inspect_dataset", source=NAME)["problems"])
    assert "The viewer has cut values of 'text'." in words
    assert "all counts are of that" in words


# Without a viewer


ROWS = "text,label\n" + "".join(
    f"a review with number {n} in it,{'good' if n % 2 else 'bad'}\n" for n in range(40)
)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (500, "ResponseNotReady", "has not prepared this dataset yet"),
        (501, "DatasetWithTooManyConfigsError", "too many configurations"),
        (501, "DatasetInBlockListError", "taken this dataset out"),
        (404, "ExternalAuthenticatedError", "most private datasets"),
        (401, "ExternalUnauthenticatedError", "no token that may"),
        (500, "StreamingRowsError", "fails to read the rows"),
    ],
)
def test_its_files_are_read_and_the_reason_is_said(
    repository: Repository, shown: Viewer, call: Caller, status: int, code: str, words: str
) -> None:
    repository.edit("data/train.csv", ROWS.encode())
    repository.edit("README.md", b"# x")
    shown.refusals["/splits"] = (status, code)
    report = call("inspect_dataset", source=NAME)
    assert words in report["problems"][0]
    assert f"at commit {repository.head}: data/train.csv." in report["problems"][1]
    assert (report["kind"], report["rows"]) == ("hub", 40)
    assert report["labels"] == {"good": 20, "bad": 20}
    assert report["fingerprint"] == f"commit:{repository.head}"
    assert report["licence"]["id"] == "mit"


@pytest.mark.parametrize(
    "answer",
    [
        Given(content="<html>", content_type="text/html"),
        Given(content='{"splits": "no"}'),
        Given(content='{"splits": [1, {"config": 5}], "pending": [1]}'),
        told({"splits": [], "pending": [{"config": "default"}], "failed": []}),
        Given(content='{"spl'),
    ],
)
def test_a_viewer_that_says_nothing_sensible(
    repository: Repository, viewer: Outside, call: Caller, answer: Given
) -> None:
    repository.edit("train.csv", ROWS.encode())
    viewer.answer = lambda _: answer
    report = call("inspect_dataset", source=NAME)
    assert report["problems"][0].startswith("The dataset viewer")
    assert report["rows"] == 40


def test_splits_by_file_and_by_folder(repository: Repository, call: Caller) -> None:
    repository.edit("train/part-0.csv", ROWS.encode())
    repository.edit("train/part-1.csv", ROWS.encode())
    repository.edit("test/part-0.csv", ROWS.encode())
    report = call("inspect_dataset", source=NAME)
    assert report["splits"] == {"train": 80, "test": 40}


def test_an_older_revision_is_read_from_its_files(
    repository: Repository, shown: Viewer, call: Caller
) -> None:
    repository.edit("train.csv", ROWS.encode())
    old = repository.head
    repository.edit("train.csv", b"text,label\n")
    report = call("inspect_dataset", source=f"hub:{NAME}@{old}")
    assert "the newest commit of main only" in report["problems"][0]
    assert (report["rows"], report["commit"]) == (40, old)


def test_several_configurations_in_files_are_a_question(
    repository: Repository, call: Caller
) -> None:
    for name in ("de", "en"):
        repository.edit(f"{name}/train.csv", ROWS.encode())
    error = call("inspect_dataset", source=NAME)["error"]
    assert "has files in several folders: de, en" in error
    assert call("inspect_dataset", source=f"hub:{NAME}:de")["rows"] == 40


def test_gated_data_are_not_read(repository: Repository, call: Caller) -> None:
    repository.edit("train.csv", ROWS.encode())
    repository.gated = "manual"
    error = call("inspect_dataset", source=NAME)["error"]
    assert "is gated, and the account of the token has not been let in" in error


def test_a_missing_dataset_and_one_without_rows(repository: Repository, call: Caller) -> None:
    assert "There is no dataset ada/none" in call("inspect_dataset", source="ada/none")["error"]
    error = call("inspect_dataset", source=NAME)["error"]
    assert "holds no file of rows" in error


def test_too_much_is_refused_with_its_size(repository: Repository, call: Caller) -> None:
    parts = {f"data/train-{number:05}.csv": Blob(ROWS.encode()) for number in range(65)}
    repository.commit("parts", parts)
    error = call("inspect_dataset", source=NAME)["error"]
    size = f"{65 * len(ROWS) / 1000:.1f} kB"
    assert f"are 65 files of {size} together; at most 64 of 268.4 MB are fetched" in error


def test_what_was_inspected_is_prepared_from_the_same_commit(
    repository: Repository, shown: Viewer, call: Caller
) -> None:
    lines = "".join(
        json.dumps({"text": row["text"], "label": LABEL["names"][row["label"]]}) + "\n"
        for row in shown.rows["default", "train"]
    )
    repository.edit("train.jsonl", lines.encode())
    report = call("inspect_dataset", source=NAME)
    facts: Any = call.facts
    call.with_context(facts=type(call.context.facts)(facts))
    done = call("prepare_dataset", source=report["source"])
    assert done["rows"]["train"] > 400
