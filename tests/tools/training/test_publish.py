"""What is published, what is not, and who is asked for what."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from ml_intern.errors import InputError
from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.router import Prepared
from ml_intern.tools.training.repository import check_repo_id, open_repository
from tests.tools.training.sessions import Session

pytestmark = pytest.mark.timeout(240)  # the first test here may be the one that trains


def out(session: Session) -> Path:
    return session.place.workspace / "out"


def published(session: Session, name: str = "halves") -> Path:
    return session.place.published / "local" / name


def test_the_repository_is_laid_out_as_on_the_hub(publishable: Session) -> None:
    answer = publishable.answer("publish", model_dir="out", repo_name="halves")
    assert answer["repo_id"] == "local/halves"
    assert answer["path"] == str(published(publishable))
    assert {path.name for path in published(publishable).iterdir()} == {
        *(".gitattributes", "README.md", "config.json", "loss_curve.png", "model.safetensors"),
        *("preprocessor_config.json", "reproduce"),
    }
    assert "reproduce/data/ (93 files)" in answer["files"]
    assert "*.safetensors filter=lfs" in (published(publishable) / ".gitattributes").read_text()
    fact = publishable.facts[-1]
    assert (fact.kind, fact.data["repo_id"]) == ("published", "local/halves")


def test_the_card_is_published_under_the_name_of_the_repository(publishable: Session) -> None:
    """Whatever it was called when it was written: the name that was approved counts."""
    written = (out(publishable) / "README.md").read_text()
    publishable.answer("publish", model_dir="out", repo_name="shape-net")
    text = (published(publishable, "shape-net") / "README.md").read_text()
    assert ModelCard(text).data.model_name == "shape-net"
    assert "\n# shape-net\n" in text
    assert text == written.replace("Halves", "shape-net")
    assert (out(publishable) / "README.md").read_text() == written


def test_checkpoints_pickles_and_secrets_stay_where_they_are(publishable: Session) -> None:
    for name in (".env", "training_args.bin", "checkpoint-8/model.safetensors", "notes.txt"):
        publishable.write(f"out/{name}", "HF_TOKEN=hf_x")
    publishable.write("out/reproduce/.env", "HF_TOKEN=hf_x")
    answer = publishable.answer("publish", model_dir="out", repo_name="halves")
    assert set(answer["left_out"]) >= {".env", "training_args.bin", "checkpoint-8", "notes.txt"}
    names = {path.name for path in published(publishable).rglob("*")}
    assert names.isdisjoint({".env", "training_args.bin", "notes.txt", "checkpoint-8"})


def test_the_person_reads_what_would_be_published(publishable: Session) -> None:
    reason = publishable.reason("publish", model_dir="out", repo_name="halves")
    assert reason.startswith("Publish local/halves (private): ")
    assert "): 108 files, " in reason
    assert "93 of the files are the data itself: the rows of all splits" in reason
    answer = publishable.answer("publish", model_dir="out", repo_name="halves")
    assert (answer["file_count"], answer["data_file_count"]) == (108, 93)
    copied = [path for path in published(publishable).rglob("*") if path.is_file()]
    assert len(copied) == 108
    assert "validation accuracy" in reason
    assert "test accuracy" in reason
    public = publishable.reason("publish", model_dir="out", repo_name="halves", private=False)
    assert "(public)" in public


def test_the_policy_knows_where_it_goes_and_the_person_sees_the_files_and_the_card(
    publishable: Session,
) -> None:
    ctx = publishable.context()
    call = publishable.settled("publish", model_dir="out", repo_name="shape-net", overwrite=True)
    case = publishable.router.case(call, ctx)
    assert (case.operation, case.repository) == ("replace_private", "local/shape-net")
    files, card, licences = publishable.router.exhibits(call, ctx)
    assert "model.safetensors\n" in files.text
    assert "reproduce/data/ (93 files)" in files.text
    assert (card.kind, "\n# shape-net\n" in card.text) == ("markdown", True)
    assert "train.py: apache-2.0 a recipe of ml-intern" in licences.text


def test_a_yes_holds_for_the_files_as_they_were(publishable: Session) -> None:
    router, ctx = publishable.router, publishable.context()
    call = publishable.settled("publish", model_dir="out", repo_name="halves")
    before = router.content_sha256(call, ctx)
    publishable.write("out/notes.txt", "is not published")
    assert router.content_sha256(call, ctx) == before
    publishable.write("out/README.md", (out(publishable) / "README.md").read_text() + "\nMore.")
    assert router.content_sha256(call, ctx) != before
    assert len(before) == 64


def test_the_person_reads_that_it_would_be_refused(publishable: Session) -> None:
    reason = publishable.reason("publish", model_dir="nothing", repo_name="halves")
    assert "It would be refused now: There is no folder nothing" in reason


def refusals(session: Session, **changed: Any) -> dict[str, str]:
    given = {"model_dir": "out", "repo_name": "halves", **changed}
    call = session.router.prepare("publish", given)
    assert isinstance(call, Prepared), call
    return session.router.refusals(call, session.context())


def test_what_would_be_refused_is_known_before_it_runs(publishable: Session) -> None:
    assert refusals(publishable) == {}
    none = refusals(publishable, model_dir="runs/9")
    assert none == {"model_dir": "There is no folder runs/9 in the workspace."}
    taken = published(publishable) / "README.md"
    taken.parent.mkdir(parents=True)
    taken.write_text("of somebody else")
    assert "local/halves is taken" in refusals(publishable)["repo_name"]
    assert refusals(publishable, overwrite=True) == {}
    assert [path.name for path in taken.parent.iterdir()] == ["README.md"], "nothing was started"


def test_without_a_score_of_these_weights_nothing_is_published(publishable: Session) -> None:
    publishable.facts = [fact for fact in publishable.facts if fact.kind != "evaluation"]
    answer = publishable.refusal("publish", model_dir="out", repo_name="halves")
    assert "were not measured" in answer["error"]
    assert not publishable.place.published.exists()


def test_other_weights_than_the_scored_ones_are_not_published(publishable: Session) -> None:
    weights = out(publishable) / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    answer = publishable.refusal("publish", model_dir="out", repo_name="halves")
    assert "were not measured" in answer["error"]


def test_without_a_card_nothing_is_published(publishable: Session) -> None:
    (out(publishable) / "README.md").unlink()
    answer = publishable.refusal("publish", model_dir="out", repo_name="halves")
    assert "has no model card for these weights: call write_model_card first" in answer["error"]


def test_a_card_that_was_edited_is_not_published(publishable: Session) -> None:
    card = out(publishable) / "README.md"
    card.write_text(card.read_text().replace("validation", "test"))
    answer = publishable.refusal("publish", model_dir="out", repo_name="halves")
    assert "was changed after it was written" in answer["error"]


def test_without_the_bundle_that_the_card_promises_nothing_is_published(
    publishable: Session,
) -> None:
    shutil.rmtree(out(publishable) / "reproduce")
    answer = publishable.refusal("publish", model_dir="out", repo_name="halves")
    assert "call write_reproduce_bundle first" in answer["error"]


@pytest.mark.parametrize("name", ["loss_curve.png", "extra", "reproduce/train.py"])
def test_a_symbolic_link_is_not_published(publishable: Session, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    (out(publishable) / name).unlink(missing_ok=True)
    (out(publishable) / name).symlink_to(secret)
    answer = publishable.refusal("publish", model_dir="out", repo_name="halves")
    assert "is a symbolic link" in answer["error"]


def test_publishing_the_same_again_changes_nothing(publishable: Session) -> None:
    first = publishable.answer("publish", model_dir="out", repo_name="halves")
    again = publishable.answer("publish", model_dir="out", repo_name="halves")
    assert again == first
    assert [path.name for path in published(publishable).parent.iterdir()] == ["halves"]


def occupied(session: Session, name: str) -> Path:
    other = published(session, name) / "README.md"
    other.parent.mkdir(parents=True)
    other.write_text("another model")
    return other


def test_a_name_that_holds_something_else_is_not_taken(publishable: Session) -> None:
    other = occupied(publishable, "halves")
    answer = publishable.refusal("publish", model_dir="out", repo_name="halves")
    assert "Choose another repo_name" in answer["error"]
    assert other.read_text() == "another model"
    assert [path.name for path in published(publishable).parent.iterdir()] == ["halves"]


def test_the_person_is_asked_for_a_name_that_is_free(publishable: Session) -> None:
    occupied(publishable, "halves")
    occupied(publishable, "halves-2")
    arguments = {"model_dir": "out", "repo_name": "halves"}
    assert publishable.settled("publish", **arguments).arguments["repo_name"] == "halves-3"
    reason = publishable.reason("publish", **arguments)
    assert reason.startswith("Publish local/halves-3 (private): ")
    assert "The name halves is taken by something else; to replace that, edit" in reason
    assert publishable.answer("publish", model_dir="out", repo_name="halves-3")["path"] == str(
        published(publishable, "halves-3")
    )


def test_a_number_that_nothing_has_forced_is_no_news(publishable: Session) -> None:
    reason = publishable.reason("publish", model_dir="out", repo_name="halves-2")
    assert "taken" not in reason


def test_a_session_may_publish_under_its_own_name_again(publishable: Session) -> None:
    arguments = {"model_dir": "out", "repo_name": "halves"}
    publishable.answer("publish", **arguments)
    assert publishable.settled("publish", **arguments).arguments["repo_name"] == "halves"


def test_a_person_is_asked_before_something_is_replaced(publishable: Session) -> None:
    other = published(publishable) / "old.txt"
    other.parent.mkdir(parents=True)
    other.write_text("another model")
    arguments = {"model_dir": "out", "repo_name": "halves", "overwrite": True}
    assert publishable.reason("publish", **arguments).endswith("It replaces what is there.")
    publishable.answer("publish", **arguments)
    assert not other.exists()
    assert (published(publishable) / "model.safetensors").exists()


def test_after_a_crash_the_publication_is_there_once(publishable: Session) -> None:
    """Cut off while files were copied, and cut off right after the last step."""
    leftover = published(publishable).with_name(".halves.partial") / "half"
    leftover.mkdir(parents=True)
    arguments = {"model_dir": "out", "repo_name": "halves"}
    first = publishable.recover("publish", "call_9", **arguments)
    again = publishable.recover("publish", "call_9", **arguments)
    assert again == first
    assert [path.name for path in published(publishable).parent.iterdir()] == ["halves"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "../x",
        "-a",
        "a-",
        ".a",
        "a.",
        "a--b",
        "a..b",
        "x.git",
        "ä",
        "a b",
        "x" * 97,
    ],
)
def test_names_follow_the_rules_of_the_hub(name: str) -> None:
    with pytest.raises(InputError):
        check_repo_id("local", name)


@pytest.mark.parametrize("name", ["a b/c", "someone/halves", "halves-"])
def test_a_name_that_no_repository_may_have_never_becomes_a_question(
    session: Session, name: str
) -> None:
    refused = session.router.prepare("publish", {"model_dir": "out", "repo_name": name})
    assert isinstance(refused, ToolOutcome)
    (problem,) = json.loads(refused.output)["problems"]
    assert problem.startswith(f"repo_name: {name!r} cannot be part of a repository id: use letters")
    assert problem.endswith("The owner is the setting `author`.") == ("/" in name)


@pytest.mark.parametrize("name", ["a", "Digits_ViT-2.0", "0", "x" * 90])
def test_names_that_the_hub_takes_are_taken(name: str) -> None:
    assert check_repo_id("local", name) == f"local/{name}"


def test_an_author_that_the_hub_would_refuse_is_named(publishable: Session) -> None:
    publishable.place = replace(publishable.place, author="no one")
    answer = publishable.refusal("publish", model_dir="out", repo_name="halves")
    assert "'no one' cannot be part of a repository id" in answer["error"]


def test_every_kind_of_file_that_transformers_saves_is_taken(tmp_path: Path) -> None:
    names = [
        *("config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json"),
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"),
        *("preprocessor_config.json", "processor_config.json", "chat_template.jinja"),
    ]
    for name in [*names, "optimizer.pt", "done.json", "metrics.jsonl"]:
        (tmp_path / name).touch()
    found = open_repository(tmp_path)
    assert set(found.files) == set(names)
    assert found.left_out == ("done.json", "metrics.jsonl", "optimizer.pt")
