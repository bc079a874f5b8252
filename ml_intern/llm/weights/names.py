"""The model that `transformers/PLACE` names: a folder on this machine, or a repository of the Hub.

Looks at the folder, and never at what is in its files.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import ConfigError

PREFIX = "transformers/"

_REPOSITORY = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_WANTED = "a folder with config.json, *.safetensors and the tokenizer's files"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a model's files are; one of the two is empty."""

    name: str
    """As the settings write it."""
    folder: str = ""
    repository: str = ""


def place_of(name: str) -> Place:
    """Raises ConfigError for a name or a folder that no model can be loaded from."""
    place = name.removeprefix(PREFIX)
    if place.startswith(("/", "~")):
        folder = Path(place).expanduser()
        _check(name, folder)
        return Place(name=name, folder=str(folder))
    if _REPOSITORY.fullmatch(place) and ".." not in place:
        return Place(name=name, repository=place)
    raise ConfigError(
        f"{name}: write {PREFIX} and then OWNER/NAME of a model on the Hub, or the whole path, "
        f"from / on, of {_WANTED}."
    )


def _check(name: str, folder: Path) -> None:
    if folder.suffix == ".gguf":
        raise ConfigError(f"{name}: GGUF files are for llama.cpp; serve it, and use llamacpp/NAME.")
    if not folder.is_dir():
        raise ConfigError(f"{name}: there is no folder {folder}.")
    if any(folder.glob("*.safetensors")):
        if (folder / "config.json").is_file():
            return
        if (folder / "adapter_config.json").is_file():
            raise ConfigError(f"{name}: {folder} is an adapter; merge it into its base model.")
    elif any(found for pattern in _PICKLED for found in folder.glob(pattern)):
        raise ConfigError(
            f"{name}: the weights in {folder} are pickled, and pickles run code when they are "
            "read. Save the model anew as safetensors."
        )
    raise ConfigError(f"{name}: {folder} holds no model; wanted is {_WANTED}.")
