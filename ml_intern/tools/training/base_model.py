"""A pretrained model in a folder of the person's: copied to where training code may see it."""

import shutil

from ml_intern.errors import InputError
from ml_intern.tools.protocol import Workplace

FOLDER = "models"


def brought(place: Workplace, name: str) -> str:
    """What `model_name_or_path` should be: a path in the workspace, or `name` where it is a Hub id.

    Raises InputError for a folder without `config.json`, and for one that must not be read.
    """
    if not name or not _is_path(place, name):
        return name
    source = place.readable(name)
    if not (source / "config.json").is_file():
        raise InputError(f"{name} is no saved model: there is no config.json in it.")
    workspace = place.workspace.resolve()
    if source.is_relative_to(workspace):
        return str(source.relative_to(workspace))
    target = place.writable(f"{FOLDER}/{source.name}")
    if not target.exists():
        partial = target.with_name(f".{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial, ignore=shutil.ignore_patterns(".*"))
        partial.rename(target)
    return str(target.relative_to(workspace))


def _is_path(place: Workplace, name: str) -> bool:
    """Hub ids look like relative paths; only what exists is one."""
    if name.startswith(("/", "./", "../", "~")):
        return True
    return any((folder / name).exists() for folder in (place.workspace, place.started_in))
