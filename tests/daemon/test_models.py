"""Which client a name in the settings means."""

import pytest

from ml_intern.daemon.models import Models, known_price
from ml_intern.errors import ConfigError
from ml_intern.llm.weights import WeightsModel
from ml_intern.settings import Settings


def test_a_model_from_weights_is_made_once_costs_nothing_and_starts_nothing():
    name = "transformers/org/tiny"
    models = Models(Settings())
    model = models.named(name)
    assert isinstance(model, WeightsModel)
    assert (models.named(name), model.name, model.pid) == (model, name, None)
    assert known_price(name, Settings()).origin == "free"
    models.close()


def test_a_folder_that_holds_no_model_is_an_error_of_the_settings(tmp_path):
    with pytest.raises(ConfigError, match="holds no model"):
        Models(Settings()).named(f"transformers/{tmp_path}")
