"""`ml-intern prices`, as a process: `HF_ENDPOINT` is read once in each."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ml_intern.cli.doctor.models import prices as prices_of
from ml_intern.daemon.models import known_price
from ml_intern.errors import ConfigError
from ml_intern.settings import ModelPrice, Settings
from tests.support.hub import HubServer, a_machine


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.jobs.hardware = [
            a_machine("h200", 83_333, 1, "H200", "141 GB"),
            a_machine("odd", 5, unitLabel="hour"),
        ]
        yield server


def typed(
    hub: HubServer, state: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(state),
        "HF_ENDPOINT": hub.url,
        "ML_INTERN_STATE_DIR": str(state),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-m", "ml_intern", "prices", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_what_is_known_is_shown_with_its_date(hub: HubServer, tmp_path: Path) -> None:
    done = typed(hub, tmp_path, ML_INTERN_FREE_MODELS='["openai/ours-*", "openai/mine"]')
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Models, for a million tokens (the list is that of LiteLLM ")
    assert [each.split() for each in lines[1:3]] == [["autopilot", "free"], ["openai/mine", "free"]]
    assert lines[3] == "Free by the settings: openai/ours-*, openai/mine"
    assert lines[5].split(maxsplit=2) == ["h200", "$5.00", "1 x H200, 141 GB"]
    assert "unknown: its price is for 'hour'" in lines[6]
    assert (
        lines[7]
        == f"Hardware of the Hub: the list of {hub.url}, read on {datetime.now(UTC).date()}."
    )


def test_fallbacks_are_among_the_models_of_the_settings(hub: HubServer, tmp_path: Path) -> None:
    variables = {"ML_INTERN_MODEL": "vllm/a", "ML_INTERN_FALLBACK_MODELS": "gpt-4o,vllm/a"}
    document = json.loads(typed(hub, tmp_path, "--json", **variables).stdout)
    assert [each["model"] for each in document["models"]] == ["vllm/a", "gpt-4o"]


def test_the_column_of_names_is_as_wide_as_the_longest(hub: HubServer, tmp_path: Path) -> None:
    long = "openai/a-name-that-is-longer-than-most"
    variables = {"ML_INTERN_FREE_MODELS": f'["{long}", "vllm/a"]'}
    rows = typed(hub, tmp_path, **variables).stdout.splitlines()[1:4]
    assert {row.index("free") for row in rows} == {len(f"  {long} ")}


def test_programs_read_it_as_json_and_offline_the_kept_list_counts(
    hub: HubServer, tmp_path: Path
) -> None:
    first = json.loads(typed(hub, tmp_path, "--json").stdout)
    again = json.loads(typed(hub, tmp_path, "--json", HF_HUB_OFFLINE="1").stdout)
    assert again == first
    assert hub.asked("/api/jobs/hardware") == 1
    assert first["models"] == [
        {"model": "autopilot", "origin": "free", "price": None, "longest_answer": None}
    ]
    hardware = first["hardware"]
    assert (hardware["endpoint"], hardware["trouble"]) == (hub.url, "")
    assert hardware["read_at"].endswith("Z")
    prices = {each["name"]: each["micro_usd_per_minute"] for each in hardware["flavors"]}
    assert prices == {"h200": 83_333, "odd": None}


def test_offline_and_without_a_list_it_says_why_there_is_none(
    hub: HubServer, tmp_path: Path
) -> None:
    done = typed(hub, tmp_path, HF_HUB_OFFLINE="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[2:] == [
        f"Hardware of the Hub: the list of {hub.url} was never read: HF_HUB_OFFLINE is set."
    ]
    assert hub.requests == []


def test_a_model_that_cannot_be_is_refused(hub: HubServer, tmp_path: Path) -> None:
    done = typed(hub, tmp_path, "nobody/knows")
    assert done.returncode == 78
    assert "There is no model 'nobody/knows'" in done.stderr


def test_a_name_that_is_no_model_hides_none_of_the_others(hub: HubServer, tmp_path: Path) -> None:
    names = ("claude-opus-4-8", "nobody/knows", "gpt-4o")
    done = typed(hub, tmp_path, *names)
    assert done.returncode == 78
    rows = [each.split()[0] for each in done.stdout.splitlines()[1:3]]
    assert rows == ["claude-opus-4-8", "gpt-4o"]
    assert done.stderr.startswith("There is no model 'nobody/knows'")
    assert done.stderr.count("\n") == 1
    document = json.loads(typed(hub, tmp_path, *names, "--json").stdout)
    assert list(document["unknown_models"]) == ["nobody/knows"]


@pytest.mark.parametrize(
    ("name", "settings", "origin", "longest"),
    [
        ("autopilot", {}, "free", None),
        ("claude-opus-4-8", {}, "list", 16_384),
        ("claude-opus-4-8", {"max_output_tokens": 50}, "list", 50),
        ("openai/ours", {}, "unknown", None),
        ("openai/ours", {"free_models": ["openai/*"]}, "free", None),
        ("openai/ours", {"model": "openai/ours", "api_base": "http://127.0.0.1:9/v1"}, "unknown",
         None),
        ("vllm/ours", {"model": "vllm/ours", "api_base": "http://127.0.0.1:9/v1"}, "free", None),
        ("hf/Qwen/Qwen3-32B", {}, "unknown", None),
        ("hf/Qwen/Qwen3-32B", {"model_prices": {"hf/Qwen/Qwen3-32B": ModelPrice(
            input_usd_per_million=1, output_usd_per_million=2)}}, "settings", 16_384),
    ],
)  # fmt: skip
def test_a_price_is_looked_up_without_a_key(
    name: str,
    settings: dict[str, Any],
    origin: str,
    longest: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    found = known_price(name, Settings(**settings))
    assert (found.origin, found.longest_answer) == (origin, longest)
    assert (found.price is None) == (origin in ("free", "unknown"))


def test_no_price_is_looked_up_for_what_is_no_model() -> None:
    with pytest.raises(ConfigError):
        known_price("nobody/knows", Settings())


def test_doctor_warns_of_a_model_whose_price_is_unknown() -> None:
    at = {"model": "openai/ours", "api_base": "http://127.0.0.1:9/v1"}
    found = prices_of(Settings(**at))
    assert found.verdict == "warn"
    assert 'free_models = ["openai/ours"]' in found.next_step
    assert prices_of(Settings(**at, free_models=["openai/ours"])).verdict == "ok"
