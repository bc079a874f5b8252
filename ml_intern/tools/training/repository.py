"""A model's folder as the Hub would have it: which files belong there, under which name.

Only files on a list of ours are taken; everything else (checkpoints, pickles, logs, `.env`) stays.
A link anywhere among them is refused: it could lead to a file that nobody means to publish.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import InputError

_FILES = re.compile(
    r"README\.md|loss_curve\.png|config\.json|generation_config\.json"
    r"|model\.safetensors|model-\d+-of-\d+\.safetensors|model\.safetensors\.index\.json"
    r"|adapter_model\.safetensors|adapter_config\.json"
    r"|(preprocessor|processor|feature_extractor|image_processor)_config\.json"
    r"|tokenizer(_config)?\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json"
    r"|vocab\.(txt|json)|merges\.txt|spiece\.model|sentencepiece\.bpe\.model|chat_template\.jinja"
)
_BUNDLE_FILES = re.compile(
    r"(train|reproduce|score_classifier)\.py|(run|metrics|dataset|hardware)\.json"
    r"|requirements\.txt|README\.md|data/[^/.][^/]*/.+\.(jsonl|png|jpg|jpeg|bmp|gif|webp|tif|tiff)",
    re.IGNORECASE,
)
BUNDLE = "reproduce"
"""Folder of the reproduce bundle in a repository."""
_LARGE = ("*.safetensors", "*.bin", "*.model", "*.png", "*.jpg", "*.jpeg", "*.webp")
ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in _LARGE)
_LONGEST_ID = 96
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The files of one repository, by their names in it."""

    root: Path
    files: tuple[str, ...]
    left_out: tuple[str, ...]
    """Top-level names in the folder that are not published."""

    def sha256(self) -> str:
        """Of the names and bytes of all files; reads them all."""
        digest = hashlib.sha256()
        for name in self.files:
            with (self.root / name).open("rb") as file:
                own = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{name}\0{own}\n".encode())
        return digest.hexdigest()

    def size_bytes(self) -> int:
        """Of all files together."""
        return sum((self.root / name).stat().st_size for name in self.files)


def check_repo_id(author: str, name: str) -> str:
    """`author/name`. Raises InputError unless both follow the Hub's rules."""
    repo_id = f"{check_name(author)}/{check_name(name)}"
    if len(repo_id) > _LONGEST_ID:
        raise InputError(
            f"{repo_id} cannot be a repository id: it has more than {_LONGEST_ID} characters."
        )
    return repo_id


def check_name(name: str) -> str:
    """`name`, if the Hub takes it as either part of a repository id. Raises InputError."""
    if not _NAME.fullmatch(name) or name[0] in "-." or name[-1] in "-.":
        raise InputError(
            f"{name!r} cannot be part of a repository id: use letters, digits, '-', '_' and '.', "
            "with neither '-' nor '.' at the ends."
        )
    if "--" in name or ".." in name or name.endswith(".git") or len(name) > _LONGEST_ID:
        raise InputError(
            f"{name!r} cannot be part of a repository id: '--' and '..' are not allowed, nor "
            f"'.git' at the end, nor more than {_LONGEST_ID} characters."
        )
    return name


def open_repository(root: Path) -> Repository:
    """What of the folder `root` is published. Raises InputError at a symbolic link."""
    files = sorted([*_chosen(root, root, _FILES), *_chosen(root / BUNDLE, root, _BUNDLE_FILES)])
    tops = {name.split("/")[0] for name in files}
    left_out = sorted(entry.name for entry in root.iterdir() if entry.name not in tops)
    return Repository(root=root, files=tuple(files), left_out=tuple(left_out))


def _chosen(folder: Path, root: Path, wanted: re.Pattern[str]) -> Iterator[str]:
    """Names, from `root`, of the files below `folder` whose names from `folder` are wanted."""
    if folder.is_symlink():
        raise InputError(f"{folder.name} is a symbolic link; publish plain files only.")
    deep = folder != root
    for path in sorted(folder.rglob("*") if deep else folder.glob("*")):
        if not wanted.fullmatch(path.relative_to(folder).as_posix()) and not path.is_symlink():
            continue
        if path.is_symlink():
            raise InputError(f"{path.name} is a symbolic link; publish plain files only.")
        if path.is_file():
            yield path.relative_to(root).as_posix()


def lay_out(repository: Repository, folder: Path, texts: Mapping[str, str]) -> None:
    """Copy the files to a new `folder`, with `.gitattributes`, all of it on disk on return.

    `texts` are files that have another text there. After an OSError, of a full disk for instance,
    nothing of it stays.
    """
    try:
        _fill(folder, repository, {**texts, ".gitattributes": ATTRIBUTES})
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _fill(folder: Path, repository: Repository, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    for name in repository.files:
        if name not in texts:
            _copy(repository.root / name, folder / name)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        _sync(folder / name)


def _copy(source: Path, target: Path) -> None:
    """Copy one plain file; a link put there meanwhile is not followed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(partial: Path, target: Path) -> None:
    """Let `target` be what `partial` is, at once; what stood there goes away afterwards."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)
