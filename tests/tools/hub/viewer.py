"""The dataset viewer, as far as its answers go: in the shapes of its OpenAPI description."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.outside import Asked, Given

ROW_LIMIT = 100


class Viewer:
    """Tells of one dataset; `answer` is given to `Outside`."""

    def __init__(self, dataset: str, features: Mapping[str, Any]) -> None:
        self.dataset = dataset
        self.features = features
        self.rows: dict[tuple[str, str], Sequence[Mapping[str, Any]]] = {}
        """By configuration and split."""
        self.statistics: dict[str, list[dict[str, Any]]] = {}
        """By split."""
        self.refusals: dict[str, tuple[int, str]] = {}
        """By path: status, and its code."""
        self.partial = False
        self.truncated: list[str] = []

    def answer(self, asked: Asked) -> Given:
        found = urlsplit(asked.path)
        given = {name: values[0] for name, values in parse_qs(found.query).items()}
        if found.path in self.refusals:
            return refusal(*self.refusals[found.path])
        if given["dataset"] != self.dataset:
            return refusal(404, "ExternalAuthenticatedError")
        where = (given.get("config", ""), given.get("split", ""))
        match found.path:
            case "/splits":
                return told(self._splits())
            case "/size":
                return told(self._size())
            case "/first-rows":
                rows = self._rows(self.rows[where], 0)
                return told({**self._of(where), "features": self._features(), "rows": rows})
            case "/rows":
                offset, length = int(given["offset"]), int(given["length"])
                assert length <= ROW_LIMIT
                rows = self._rows(self.rows[where][offset : offset + length], offset)
                return told({"features": self._features(), "rows": rows, "partial": self.partial})
            case "/statistics":
                if where[1] not in self.statistics:
                    return refusal(404, "ResponseNotFound")
                return told(
                    {
                        "num_examples": len(self.rows[where]),
                        "statistics": self.statistics[where[1]],
                        "partial": self.partial,
                    }
                )
        return Given(status=404)

    def _of(self, where: tuple[str, str]) -> dict[str, Any]:
        return {"dataset": self.dataset, "config": where[0], "split": where[1], "truncated": False}

    def _splits(self) -> dict[str, Any]:
        known = [
            {"dataset": self.dataset, "config": config, "split": split}
            for config, split in self.rows
        ]
        return {"splits": known, "pending": [], "failed": []}

    def _size(self) -> dict[str, Any]:
        splits = [
            {
                "dataset": self.dataset,
                "config": config,
                "split": split,
                "num_rows": len(rows),
                "num_columns": len(self.features),
            }
            for (config, split), rows in self.rows.items()
        ]
        configs = [
            {"dataset": self.dataset, "config": config, "num_bytes_parquet_files": 1234}
            for config in dict.fromkeys(config for config, _ in self.rows)
        ]
        size = {"dataset": {"num_rows": 0}, "configs": configs, "splits": splits}
        return {"size": size, "pending": [], "failed": [], "partial": self.partial}

    def _features(self) -> list[dict[str, Any]]:
        return [
            {"feature_idx": number, "name": name, "type": kind}
            for number, (name, kind) in enumerate(self.features.items())
        ]

    def _rows(self, rows: Sequence[Mapping[str, Any]], offset: int) -> list[dict[str, Any]]:
        return [
            {"row_idx": offset + number, "row": row, "truncated_cells": self.truncated}
            for number, row in enumerate(rows[:ROW_LIMIT])
        ]


def told(document: Any) -> Given:
    return Given(content=json.dumps(document))


def refusal(status: int, code: str) -> Given:
    return Given(
        content=json.dumps({"error": f"Refused: {code}"}),
        status=status,
        headers={"X-Error-Code": code},
    )


def frequencies(name: str, counts: Mapping[str, int], missing: int = 0) -> dict[str, Any]:
    """The statistics of a column of classes."""
    return {
        "column_name": name,
        "column_type": "class_label",
        "column_statistics": {
            "nan_count": missing,
            "no_label_count": 0,
            "n_unique": len(counts),
            "frequencies": dict(counts),
        },
    }
