"""What processes of `ml-intern` have in memory before they begin."""

import importlib
import tempfile
from pathlib import Path

from ml_intern.api.app import build_app
from ml_intern.daemon.service import Service
from ml_intern.llm.hosted import offline
from ml_intern.settings import Settings

AT_HAND = (
    "ml_intern.cli.deciding",
    "ml_intern.cli.doctor",
    "ml_intern.cli.foreground",
    "ml_intern.cli.listing",
    "ml_intern.cli.resolving",
    "ml_intern.cli.revising",
    "ml_intern.cli.serving",
    "ml_intern.cli.traces.exporting",
    "ml_intern.cli.traces.showing",
    "ml_intern.llm.hosted.model",
    "tests.chaos.serve",
    "tests.scenario.runner",
)
"""What processes import in their course; the rest comes with it."""


def warm() -> None:
    """Imports, and what is made at the first use: codecs, tools, the dialect of the database."""
    for name in AT_HAND:
        importlib.import_module(name)
    offline.warm()
    with tempfile.TemporaryDirectory() as folder:
        service = Service.open(Settings(state_dir=Path(folder) / "state"))
        build_app(service.door)
        service.close()
