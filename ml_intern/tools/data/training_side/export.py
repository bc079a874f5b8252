"""Writes a dataset that an installed package carries as plain files.

Usage: python -I export.py PACKAGE NAME FOLDER
Pictures: FOLDER/images/*.pgm or *.ppm with FOLDER/images/metadata.csv; values scaled to 0..255.
Texts: FOLDER/table.jsonl with text and label. Anything else: FOLDER/table.csv.
"""

import csv
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def export(package: str, name: str, folder: Path) -> None:
    """Load `package.datasets.load_NAME()` and write it below `folder`."""
    bunch = getattr(importlib.import_module(f"{package}.datasets"), f"load_{name}")()
    labels = class_names(bunch)
    if hasattr(bunch, "images"):
        write_pictures(bunch.images, labels, folder / "images")
    elif isinstance(bunch.data[0], str):
        write_texts(bunch.data, labels, folder / "table.jsonl")
    else:
        write_table(bunch, labels, folder / "table.csv")


def class_names(bunch: Any) -> list[str]:
    """Each row's class by its name, where the target is a class; else the target as it is."""
    if getattr(bunch.target, "ndim", 1) != 1:
        return [" ".join(map(str, row)) for row in bunch.target]
    names = getattr(bunch, "target_names", None)
    is_class = getattr(bunch.target, "dtype", None) is not None and bunch.target.dtype.kind in "iu"
    if names is None or not is_class:
        return [str(value) for value in bunch.target]
    return [str(names[value]) for value in bunch.target]


def write_pictures(images: Any, labels: Sequence[str], folder: Path) -> None:
    """Pictures in a format that needs no library, and the file that names their classes."""
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "label"])
        for number, (pixels, label) in enumerate(zip(scaled(images), labels, strict=True)):
            colour = pixels.ndim == 3 and pixels.shape[-1] == 3
            name = f"{number:07d}.{'ppm' if colour else 'pgm'}"
            height, width = pixels.shape[:2]
            head = f"{'P6' if colour else 'P5'} {width} {height} 255\n".encode()
            (folder / name).write_bytes(head + pixels.tobytes())
            writer.writerow([name, label])


def scaled(images: Any) -> Any:
    """The pixels as bytes: lowest value 0, highest 255, what lies between in proportion."""
    lowest, highest = min(0, images.min()), images.max()
    if images.dtype.kind == "u" and images.dtype.itemsize == 1 and highest > 127:
        return images
    if 127 < highest <= 255 and lowest == 0:
        return images.round().astype("uint8")
    return ((images - lowest) * (255 / (highest - lowest or 1))).round().astype("uint8")


def write_texts(texts: Sequence[str], labels: Sequence[str], path: Path) -> None:
    """One object per text."""
    with path.open("w", encoding="utf-8") as file:
        for text, label in zip(texts, labels, strict=True):
            file.write(json.dumps({"text": text, "label": label}) + "\n")


def write_table(bunch: Any, labels: Sequence[str], path: Path) -> None:
    """The measurements under their names, and the target last."""
    names = getattr(bunch, "feature_names", None)
    header = list(names) if names is not None else [f"x{n}" for n in range(len(bunch.data[0]))]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*header, "target"])
        writer.writerows([*row, label] for row, label in zip(bunch.data, labels, strict=True))


if __name__ == "__main__":
    export(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
