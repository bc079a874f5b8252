"""The facts that tools establish, and how later tools look them up.

A fact is written once, in the journal, by the outcome of the tool that established it. Kinds and
fields:

forked             `session_id`: of whom the workspace was copied; stands in no journal
plan               `items`: list of `{"step", "status"}`
pin                `id`, `text`
unpin              `id`
dataset_inspected  `source`, `fingerprint`, `task` (may be null), `report`
dataset_prepared   `source`, `fingerprint`, `task`, `train`, `validation` (paths), `test` (name
                   under `held_out`), `labels`, `rows`
hardware           `report`
script_written     `path`, `sha256`, `recipe`
dummy_forward      `path`, `sha256`, `report` (the script's own line), `memory`, `fits`
smoke              `path`, `sha256`, `report`
job                `job_id`, `path`, `sha256`, `output_dir`, `environment`, `timeout_s`, `dataset`
evaluation         `split`, `model_dir`, `weights_sha256`, `fingerprint`, `metrics`, `rows`,
                   `per_class`, `unknown_labels`
card               `path`, `model_dir`, `sha256`, `weights_sha256`, `licence` (its id; may be empty)
licences_checked   `use`, `under`, `licences` (`role`, `name`, `licences`), `agreed` (the conflicts
                   that a person said yes to)
notice             `text`, `destination` (empty: the session's thread), `at`
change_agreed      `what`, `was`, `becomes`
read_outside       `sources`: addresses that an output was read from
recipe_extracted   `paper` (as it was named), `title`, `url`, `recipe` (see
                   `tools/papers/recipe/words.py`), `ambiguous`
experiment_planned `paper`, `title`, `url` (empty without a paper), and where there are any
                   `scaled_to`, `changes`, `not_followed` (`what`, `was`, `becomes`, `why`) and
                   `not_from_the_paper`
published          `repo_id`, `path`, `model_dir`, `weights_sha256`

`sha256` is that of the script's bytes: editing a script voids every check it has passed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_intern.events import Fact


class Facts:
    """The facts of one session, oldest first. Read-only for tools."""

    def __init__(self, facts: Sequence[Fact] = ()) -> None:
        self._facts = facts

    def all(self, kind: str, **match: Any) -> Iterator[dict[str, Any]]:
        """Every fact of `kind` whose fields equal `match`, oldest first."""
        return (fact.data for fact in self._facts if _is(fact, kind, match))

    def latest(self, kind: str, **match: Any) -> dict[str, Any] | None:
        """The newest such fact, or None."""
        return next((fact.data for fact in reversed(self._facts) if _is(fact, kind, match)), None)


def _is(fact: Fact, kind: str, match: Mapping[str, Any]) -> bool:
    return fact.kind == kind and all(fact.data.get(key) == match[key] for key in match)


def pinned(facts: Facts) -> dict[str, str]:
    """What the model has pinned and not unpinned, by id, oldest first."""
    pins = {fact["id"]: fact["text"] for fact in facts.all("pin")}
    for fact in facts.all("unpin"):
        pins.pop(fact["id"], None)
    return pins
