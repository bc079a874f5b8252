"""A folder with a trained model: its weights and their hash.

Weights count only as safetensors, which hold numbers and no code, and only as plain files.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.protocol import Workplace
from ml_intern.tools.training.script import relative

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """A model that can be scored and published."""

    path: Path
    name: str
    """The path as the session writes it: relative to the workspace."""
    weights: tuple[Path, ...]

    def weights_sha256(self) -> str:
        """Of the weight files in the order of their names, as one stream; reads them all."""
        digest = hashlib.sha256()
        for file in self.weights:
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
        return digest.hexdigest()


def open_model(place: Workplace, model_dir: str) -> ModelFolder:
    """The model in a folder of the workspace. Raises InputError when there is none that counts."""
    path = place.writable(model_dir)
    if not path.is_dir():
        raise InputError(f"There is no folder {model_dir} in the workspace.")
    weights = tuple(sorted(path.glob("*.safetensors")))
    if not weights:
        raise InputError(
            f"{model_dir} holds no safetensors weights; save the model with save_pretrained, which "
            "writes model.safetensors."
        )
    needed = (*weights, path / "config.json")
    for file in needed:
        if file.is_symlink() or not file.is_file():
            raise InputError(f"{model_dir}/{file.name} must be a plain file; save the model again.")
    return ModelFolder(path=path, name=relative(place, path), weights=weights)
