"""Datasets that packages of the training environment carry, found by words about them.

No name is known beforehand: what there is, is read from the packages' own descriptions. Packages
are imported in the training environment only, confined.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.data.stop import check
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.run_script import run_python

TIMEOUT_S = 300.0
CLEAR_LEAD = 1.4
"""How many times as well as the next one the chosen dataset must fit."""
_SCRIPTS = Path(__file__).parent / "training_side"
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an and at by can carries classification classifier come comes data dataset "
        "datasets for from in included inside installed into is it its learn my of on or "
        "our package packaged sample scikit set sets ship shipped ships sklearn that the "
        "this toy train use using which with you your",
    )
)


@dataclass(frozen=True)
class Packaged:
    """A dataset as its package describes it."""

    package: str
    name: str
    title: str
    description: str
    shipped: bool
    """Its data lies in the package; else it would have to be downloaded."""
    pictures: bool = False
    """What is loaded has pictures, which can be trained on; measurements cannot."""

    @property
    def id(self) -> str:
        """The source by which it can be named again."""
        return f"{self.package}:{self.name}"


def catalogue(ctx: ToolContext, folder: Path) -> tuple[Packaged, ...]:
    """Every dataset of the training environment's packages; `folder` is empty and ours.

    Raises InputError, Stopped, SandboxError.
    """
    output = folder / "catalogue.json"
    _run(ctx, folder, _SCRIPTS / "catalogue.py", str(output))
    return tuple(Packaged(**entry) for entry in json.loads(output.read_text(encoding="utf-8")))


def export(ctx: ToolContext, chosen: Packaged, folder: Path) -> Path:
    """Write the dataset below `folder`, which is ours; the path of its file or picture folder.

    Raises InputError, Stopped, SandboxError.
    """
    if not chosen.shipped:
        raise InputError(
            f"{chosen.package} describes {chosen.title!r} but does not carry its data, and "
            "nothing is downloaded here. Name a local file or folder, or another dataset."
        )
    _run(ctx, folder, _SCRIPTS / "export.py", chosen.package, chosen.name, str(folder))
    written = [folder / name for name in ("images", "table.jsonl", "table.csv")]
    return next(path for path in written if path.exists())


def choose(query: str, entries: Sequence[Packaged]) -> Packaged:
    """The one dataset that the words speak of. Raises InputError, with candidates, when unclear."""
    for entry in entries:
        if query in (entry.id, entry.name):
            return entry
    scores = _scores(query, entries)
    ranked = sorted(scores, key=lambda entry: (-scores[entry], entry.id))
    if not ranked:
        raise InputError(f"Nothing here is called {query!r}. {_offer(entries)}")
    if len(ranked) > 1 and scores[ranked[0]] < CLEAR_LEAD * scores[ranked[1]]:
        raise InputError(f"{query!r} fits more than one dataset. {_offer(ranked[:5])}")
    return ranked[0]


def _scores(query: str, entries: Sequence[Packaged]) -> dict[Packaged, float]:
    """How well each entry fits; rare words count for more, and those in names and titles."""
    asked = set(_tokens(query))
    names = {entry: set(_tokens(f"{entry.name} {entry.title}")) for entry in entries}
    texts = {entry: set(_tokens(entry.description)) for entry in entries}
    spread = Counter(word for entry in entries for word in names[entry] | texts[entry])
    scores = {}
    for entry in entries:
        if asked & names[entry]:
            weight = {word: math.log(1 + len(entries) / (1 + spread[word])) for word in asked}
            named = sum(weight[word] for word in asked & names[entry])
            scores[entry] = 3 * named + sum(weight[word] for word in asked & texts[entry])
    return scores


def _tokens(text: str) -> Iterable[str]:
    """Words in lower case without a plural's s; words joined by a hyphen also as one."""
    for word in re.findall(r"[^\W_]+(?:-[^\W_]+)*", text.lower()):
        for part in {word.replace("-", ""), *word.split("-")}:
            if part not in _FILLERS:
                yield part.removesuffix("s") if len(part) > 3 else part


def _offer(entries: Sequence[Packaged]) -> str:
    carried = [entry for entry in entries if entry.shipped]
    fitting = [entry for entry in carried if entry.pictures] or carried
    shipped = [f"{entry.id} ({entry.title})" for entry in fitting]
    if not shipped:
        return "No installed package carries a dataset of that kind; name a local file or folder."
    return f"Name a local file or folder, or one of these: {'; '.join(shipped[:20])}."


def _run(ctx: ToolContext, folder: Path, script: Path, *arguments: str) -> None:
    """`-I` keeps the script's folder, which may shadow the standard library, off the path."""
    done = run_python(
        ctx,
        ["-I", str(script), *arguments],
        cwd=folder,
        timeout_s=TIMEOUT_S,
        extra_read=[script],
        extra_write=[folder],
    )
    check(ctx.cancelled)
    if not done.ok:
        last = (done.tail or done.head).strip().rpartition("\n")[2]
        raise InputError(
            "Reading the packages of the training environment failed "
            f"(exit code {done.exit_code}): {last or 'no output'}. Name a local file or folder."
        )
