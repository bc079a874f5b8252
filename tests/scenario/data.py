"""Small data sets that a small model learns in a second."""

import json
import random
from pathlib import Path

from PIL import Image

COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}


def image_folder(folder: Path, *, each: int = 60, side: int = 8) -> Path:
    """A folder of pictures for each of three colours, no two alike."""
    chance = random.Random(side)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(each):
            picture = Image.new("RGB", (side, side), colour)
            for _ in range(max(6, side)):
                spot = (chance.randrange(side), chance.randrange(side))
                picture.putpixel(spot, tuple(chance.randrange(256) for _ in range(3)))
            picture.save(folder / name / f"{number:04d}.png")
    return folder


def json_lines(path: Path, *, rows: int = 200) -> Path:
    """Texts of two kinds."""
    chance = random.Random(rows)
    words = {"good": ["lovely", "great", "happy"], "bad": ["awful", "poor", "grim"]}
    lines = []
    for number in range(rows):
        label = chance.choice(list(words))
        text = f"{' '.join(chance.choices(words[label], k=4))} number {number}"
        lines.append(json.dumps({"text": text, "label": label}) + "\n")
    path.write_text("".join(lines))
    return path
