"""The tools of the product: the one list."""

from collections.abc import Iterable
from typing import Any

from ml_intern.errors import ConfigError
from ml_intern.tools.bash import Bash
from ml_intern.tools.data.inspect import InspectDataset
from ml_intern.tools.data.prepare import PrepareDataset
from ml_intern.tools.documentation.docs import Docs
from ml_intern.tools.files.edit import Edit
from ml_intern.tools.files.read import Read
from ml_intern.tools.files.write import Write
from ml_intern.tools.github.github import GitHub
from ml_intern.tools.hub.change import HubChange
from ml_intern.tools.hub.check_licences import CheckLicences
from ml_intern.tools.hub.details import HubDetails
from ml_intern.tools.hub.files import HubFiles
from ml_intern.tools.hub.search import HubSearch
from ml_intern.tools.library.library import Library
from ml_intern.tools.memory import Memory
from ml_intern.tools.notify import Notify
from ml_intern.tools.papers.papers import Papers
from ml_intern.tools.papers.read_paper import ReadPaper
from ml_intern.tools.papers.recipe.extract_recipe import ExtractRecipe
from ml_intern.tools.papers.recipe.plan_experiment import PlanExperiment
from ml_intern.tools.person import AskPerson, ProposeChange, WithdrawRequest
from ml_intern.tools.plan import Plan
from ml_intern.tools.protocol import Tool
from ml_intern.tools.training.cancel_job import CancelJob
from ml_intern.tools.training.dummy_forward import DummyForward
from ml_intern.tools.training.estimate_memory import EstimateMemory
from ml_intern.tools.training.evaluate import Evaluate
from ml_intern.tools.training.launch_training import LaunchTraining
from ml_intern.tools.training.publish import Publish
from ml_intern.tools.training.smoke_test import SmokeTest
from ml_intern.tools.training.survey_hardware import SurveyHardware
from ml_intern.tools.training.watch_job import WatchJob
from ml_intern.tools.training.write_model_card import WriteModelCard
from ml_intern.tools.training.write_recipe import WriteRecipe
from ml_intern.tools.training.write_reproduce_bundle import WriteReproduceBundle


def all_tools() -> list[Tool[Any]]:
    """Fresh instances of every tool, in the order in which work usually goes."""
    return [
        Plan(),
        Memory(),
        AskPerson(),
        ProposeChange(),
        Notify(),
        WithdrawRequest(),
        Read(),
        Write(),
        Edit(),
        Bash(),
        Papers(),
        ReadPaper(),
        ExtractRecipe(),
        HubSearch(),
        HubDetails(),
        HubFiles(),
        HubChange(),
        CheckLicences(),
        Docs(),
        Library(),
        GitHub(),
        InspectDataset(),
        PrepareDataset(),
        SurveyHardware(),
        PlanExperiment(),
        EstimateMemory(),
        WriteRecipe(),
        DummyForward(),
        SmokeTest(),
        LaunchTraining(),
        WatchJob(),
        CancelJob(),
        Evaluate(),
        WriteModelCard(),
        WriteReproduceBundle(),
        Publish(),
    ]


def with_own(own: Iterable[Tool[Any]]) -> list[Tool[Any]]:
    """Every tool of the product, and those of a person. Raises ConfigError for a name twice."""
    tools = {tool.name: tool for tool in all_tools()}
    for tool in own:
        if not isinstance(tool, Tool):
            raise ConfigError(f'{tool!r} is not a tool; write @tool(effect="read") above it.')
        if tool.name in tools:
            raise ConfigError(f"There is a tool {tool.name} already; give yours another name.")
        tools[tool.name] = tool
    return list(tools.values())
