"""What passes into the environment of confined commands."""

import os
from pathlib import Path

import pytest

from ml_intern.sandbox.environment import scrubbed_environment, short_names_folder


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "WANDB_API_KEY", "LC_TOKEN", "NCCL_SECRET", "LC_PASSWORDS", "ML_INTERN_MODEL"],
)
def test_secrets_and_unknown_names_do_not_pass(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "value")
    assert name not in scrubbed_environment(tmp_path, {})


@pytest.mark.parametrize("name", ["LC_ALL", "CUDA_VISIBLE_DEVICES", "TOKENIZERS_PARALLELISM"])
def test_what_computing_needs_passes(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "C")
    assert scrubbed_environment(tmp_path, {})[name] == "C"


def test_an_address_with_a_password_in_it_does_not_pass(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://ada:secret@proxy:3128")
    monkeypatch.setenv("HF_ENDPOINT", "http://localhost:8080")
    environment = scrubbed_environment(tmp_path, {})
    assert "HTTPS_PROXY" not in environment
    assert environment["HF_ENDPOINT"] == "http://localhost:8080"


def test_what_is_given_wins_over_everything(tmp_path):
    environment = scrubbed_environment(tmp_path, {"PATH": "/x", "HF_TOKEN": "granted"})
    assert (environment["PATH"], environment["HF_TOKEN"]) == ("/x", "granted")


def test_there_is_a_path_when_we_have_none(tmp_path, monkeypatch):
    monkeypatch.delenv("PATH")
    assert "/usr/bin" in scrubbed_environment(tmp_path, {})["PATH"]


def test_every_folder_of_libraries_lies_below_home(tmp_path):
    environment = scrubbed_environment(tmp_path, {})
    for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME", "MPLCONFIGDIR", "TMPDIR"):
        assert Path(environment[name]).resolve().is_relative_to(tmp_path)
    assert Path(environment["TMPDIR"]).is_dir()


def test_a_long_temporary_folder_gets_one_short_name(tmp_path):
    home = tmp_path / ("long" * 20)
    first, second = (scrubbed_environment(home, {})["TMPDIR"] for _ in range(2))
    assert first == second
    assert len(first) < 64
    assert Path(first).resolve() == home / "tmp"
    assert short_names_folder().stat().st_mode & 0o777 == 0o700


def test_short_names_go_with_their_workspaces(tmp_path):
    long = "long" * 20
    gone = Path(scrubbed_environment(tmp_path / f"{long}-1", {})["TMPDIR"])
    (tmp_path / f"{long}-1").rename(tmp_path / "elsewhere")
    scrubbed_environment(tmp_path / f"{long}-2", {})
    assert not gone.is_symlink()


def test_short_names_that_somebody_else_holds_are_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    held = short_names_folder()
    held.mkdir()
    try:
        home = tmp_path / ("long" * 20)
        os.chown(held, 4_000_001, -1)
        assert scrubbed_environment(home, {})["TMPDIR"] == str(home / "tmp")
    except PermissionError:
        pytest.skip("only root can give a folder away")
    finally:
        held.rmdir()
