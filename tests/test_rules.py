"""Rules of the policy in the settings: where they stand, and what a wrong one says."""

import json
from pathlib import Path

import pytest

from ml_intern import settings
from ml_intern.errors import ConfigError
from ml_intern.rules import places_in

THREE = '''\
model = "autopilot"
note = """
[[policy]]
tool = "not this"
"""
[[policy]] # the first
tool = "bash"
verdict = "ask"
reason = """
verdict = "allow"
[[policy]]
"""

[[ "policy" ]]
verdict = "allow"
tool = "publish"
arguments.private = true
[policy.arguments]
repo_name = "m-*"
tool = "an argument"

[other]
tool = "not a rule"

  [[policy]]
  tool = "read"
  arguments = {path = "x"}
  verdict = "deny"
'''


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config/ml-intern/config.toml"
    path.parent.mkdir(parents=True)
    return path


def test_every_rule_and_key_is_found_by_its_line() -> None:
    first, second, third = places_in(Path("/c/config.toml"), THREE)
    assert first.short == "config.toml line 6"
    assert [first.of(key) for key in ("tool", "verdict", "reason")] == [
        f"/c/config.toml, line {line}" for line in (7, 8, 9)
    ]
    assert second.of("tool").endswith("line 16")
    assert second.of("arguments", "private").endswith("line 17")
    assert second.of("arguments", "repo_name").endswith("line 19")
    assert second.of("arguments", "tool").endswith("line 20")
    assert third.long == "/c/config.toml, line 25"
    assert third.of("arguments", "path").endswith("line 27")
    assert third.of("verdict").endswith("line 28")
    assert third.of("absent") == third.long


def test_rules_are_read_in_their_order_and_know_their_line(config: Path) -> None:
    config.write_text(
        'workers = 2\n[[policy]]\ntool = "a"\nverdict = "ask"\n'
        '[[policy]]\ntool = "b"\nverdict = "deny"\ncost_above_usd = 1\narguments = {n = 3}\n'
    )
    first, second = settings.load().policy
    assert (first.tool, first.place.short) == ("a", "config.toml line 2")
    assert (second.verdict, second.place.long) == ("deny", f"{config}, line 5")
    assert second.arguments == {"n": 3}


def test_rules_of_the_environment_take_the_place_of_those_of_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('[[policy]]\ntool = "a"\nverdict = "ask"\n')
    monkeypatch.setenv("ML_INTERN_POLICY", json.dumps([{"tool": "b", "verdict": "deny"}]))
    (rule,) = settings.load().policy
    assert (rule.tool, rule.place.short) == ("b", "ML_INTERN_POLICY, rule 1")
    monkeypatch.setenv("ML_INTERN_POLICY", json.dumps([{"tool": "b", "verdct": "deny"}]))
    with pytest.raises(ConfigError, match=r"`verdct` \(ML_INTERN_POLICY, rule 1\)"):
        settings.load()
    monkeypatch.setenv("ML_INTERN_POLICY", "")
    assert settings.load().policy[0].place.short == "config.toml line 1"
    monkeypatch.setenv("ML_INTERN_POLICY", "[{")
    with pytest.raises(ConfigError, match="written as JSON"):
        settings.load()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('tool = "a"\nverdct = "ask"', r"no `verdct` \(.*config\.toml, line 4\).*mean verdict"),
        ('tool = "a"\nverdct = "ask"', r"rule of the policy at .*line 2 needs `verdict`"),
        ('tool = "a"\nverdict = "yes"', r"`verdict` = 'yes'.*config\.toml, line 4"),
        ('tool = ""\nverdict = "ask"', r"`tool` = ''.*line 3"),
        ('tool = "a"\nverdict = "ask"\ncost_up_to_usd = -1', r"`cost_up_to_usd` = -1.*line 5"),
        (
            'tool = "a"\nverdict = "ask"\ncost_above_usd = 1e305',
            r"`cost_above_usd` = 1e\+305.*line 5",
        ),
        ('tool = "a"\nverdict = "ask"\ncost_up_to_usd = nan', r"`cost_up_to_usd` = nan.*line 5"),
        ('tool = "a"\nverdict = "ask"\narguments = {n = [1]}', r"`arguments\.n`.*true.*line 5"),
        ('tool = "a"\nverdict = "ask"\n[policy.arguments]\nn = [1]', r"`arguments\.n`.*line 6"),
        ('tool = "a"\nverdict = "ask"\nx = 1', r"no `x`.*line 5.*Known are: tool, verdict"),
    ],
)
def test_a_wrong_name_or_value_is_said_with_its_line(config: Path, keys: str, words: str) -> None:
    config.write_text(f"workers = 2\n[[policy]]\n{keys}\n")
    with pytest.raises(ConfigError, match=words) as raised:
        settings.load()
    assert len(str(raised.value).splitlines()) <= 2


@pytest.mark.parametrize(
    "text", ['[policy]\ntool = "a"\n', 'policy = "ask"\n', 'policy = ["ask"]\n']
)
def test_what_is_no_list_of_rules_is_refused(config: Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError, match="policy"):
        settings.load()


def test_a_rule_in_a_list_of_one_line_is_found_by_its_number(config: Path) -> None:
    config.write_text('policy = [{tool = "a", verdict = "ask"}, {tool = "b", verdict = "x"}]\n')
    with pytest.raises(ConfigError, match=r"`policy` in .*config\.toml, line 1, rule 2"):
        settings.load()


def test_one_table_is_told_how_rules_are_written(config: Path) -> None:
    config.write_text('[policy]\ntool = "bash"\nverdict = "ask"\n')
    with pytest.raises(ConfigError, match=r"config.toml, line 1.*\[\[policy\]\]"):
        settings.load()
