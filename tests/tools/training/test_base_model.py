"""A pretrained model in the person's folder comes to where training code may see it."""

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.training.base_model import brought
from tests.support.contexts import a_place


@pytest.fixture
def place(tmp_path):
    place = a_place(tmp_path)
    place.workspace.mkdir()
    model = place.started_in / "small-model"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    (model / ".git").mkdir()
    return place


def test_a_model_beside_the_task_is_copied_without_what_is_hidden(place):
    assert brought(place, "small-model") == "models/small-model"
    names = {path.name for path in (place.workspace / "models/small-model").iterdir()}
    assert names == {"config.json", "model.safetensors"}


def test_bringing_it_again_changes_nothing(place):
    assert brought(place, "./small-model") == brought(place, "small-model")


def test_a_hub_id_stays_what_it_is(place):
    assert brought(place, "google/vit-base-patch16-224") == "google/vit-base-patch16-224"
    assert brought(place, "") == ""


def test_a_model_in_the_workspace_is_used_where_it_is(place):
    brought(place, "small-model")
    assert brought(place, "models/small-model") == "models/small-model"


def test_a_folder_without_a_model_is_refused(place):
    (place.started_in / "empty").mkdir()
    with pytest.raises(InputError, match=r"config\.json"):
        brought(place, "./empty")


def test_a_model_that_nobody_named_is_refused(place, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/config.json").write_text("{}")
    with pytest.raises(InputError, match="nobody named it"):
        brought(place, str(tmp_path / "elsewhere"))


def test_a_folder_that_leads_out_of_the_workspace_is_not_written_to(place, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (place.workspace / "models").symlink_to(victim)
    with pytest.raises(InputError, match="outside the workspace"):
        brought(place, "small-model")
    assert list(victim.iterdir()) == []
