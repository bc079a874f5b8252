"""The tiny model, trained once."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.llm.weights import Wanted, WeightsModel, weights_model
from tests.llm.weights import tiny

Make = Callable[..., WeightsModel]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that calls `double`, and then is done."""
    return tiny.build(tmp_path_factory.mktemp("tiny") / "caller")


@pytest.fixture(scope="session")
def singer_folder(folder: Path) -> Path:
    """The same weights, with a template that makes it sing without end."""
    return tiny.variant(folder, folder.parent / "singer", tiny.SINGS)


@pytest.fixture(scope="module")
def make() -> Iterator[Make]:
    """Makes clients of models in folders, and ends their processes."""
    made: list[WeightsModel] = []

    def of(folder: Path, *, python: Path = Path(sys.executable), **wanted: Any) -> WeightsModel:
        model = weights_model(f"transformers/{folder}", python=python, wanted=Wanted(**wanted))
        made.append(model)
        return model

    yield of
    for model in made:
        model.close()


@pytest.fixture(scope="module")
def caller(make: Make, folder: Path) -> WeightsModel:
    """That calls a tool; its process is started when it is first asked."""
    return make(folder)


@pytest.fixture(scope="module")
def singer(make: Make, singer_folder: Path) -> WeightsModel:
    """That never ends by itself."""
    return make(singer_folder)
