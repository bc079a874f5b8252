"""`policy explain`, `list` and `revoke`, from the command line's words to what is printed."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.cli import policies
from ml_intern.cli.doctor import running
from ml_intern.clock import SystemClock
from ml_intern.daemon.service import Service
from ml_intern.errors import ConfigError, InputError
from ml_intern.events import SessionStarted
from ml_intern.messages import SessionId
from ml_intern.ops import UserInput
from ml_intern.queue.store import Store
from ml_intern.settings import load
from tests.queue.given import granted
from tests.support.serving import served

SESSION = SessionId("11111111-1111-4111-8111-111111111111")
RULES = """
[[policy]]
tool = "publish"
operation = "*_public"
verdict = "deny"
reason = "the release team does that"

[[policy]]
tool = "bash"
verdict = "ask"
cost_above_usd = 0.5
arguments = {command = "*curl*"}
"""


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ML_INTERN_SANDBOX", "process")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config/ml-intern/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(RULES)
    return path


@pytest.fixture
def session(tmp_path: Path) -> SessionId:
    """One for which bash was approved in general."""
    (tmp_path / "state").mkdir(mode=0o700)
    store = Store.open(tmp_path / "state/ml-intern.db", SystemClock())
    started = SessionStarted(
        title="t", model="autopilot", workspace=str(tmp_path / "w"), started_in="/", version="0"
    )
    store.create_session(SESSION, started, UserInput(text="t", author="ada"))
    claim = store.claim(0)
    assert claim is not None
    rule = replace(granted("rule-1"), tool="publish", operation="create_private")
    store.append(claim.lease, replace(rule, repository="local/m"))
    store.finish(claim)
    store.close()
    return SESSION


def explained(capsys: pytest.CaptureFixture[str], *asked: str, session: str | None = None) -> dict:
    tool, arguments = asked
    assert policies.explain(tool, arguments, session, as_json=True, debug=False) == 0
    return json.loads(capsys.readouterr().out)


def test_a_call_is_explained_with_the_rule_that_decides(capsys, tmp_path: Path) -> None:
    call = '{"model_dir": "m", "repo_name": "m", "private": false}'
    assert policies.explain("publish", call, None, as_json=False, debug=False) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("publish create_public of local/m: deny\n")
    assert "rule   config.toml line 2: the release team does that\n" in shown
    assert not (tmp_path / "state/sessions").exists(), "nothing is made for a question"


@pytest.mark.parametrize(
    ("tool", "arguments", "verdict", "rule"),
    [
        ("bash", '{"command": "ls"}', "allow", "default: work inside the workspace"),
        ("read", '{"path": "x"}', "allow", "default: reads"),
        ("publish", '{"model_dir": "m", "repo_name": "m"}', "ask", "default: what acts outside"),
        ("launch_training", '{"path": "a", "output_dir": "b"}', "allow", "default: work"),
        (
            "propose_change",
            '{"what": "lr", "was": "1", "becomes": "2", "why": "x"}',
            "ask",
            "default: a question",
        ),
    ],
)
def test_explanations_are_those_of_a_real_call(capsys, tool, arguments, verdict, rule) -> None:
    found = explained(capsys, tool, arguments)
    assert found["verdict"] == verdict
    assert found["rule"].startswith(rule)


def test_without_a_sandbox_code_is_asked_about(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_INTERN_SANDBOX", "none")
    found = explained(capsys, "bash", '{"command": "ls"}')
    assert (found["verdict"], found["like_this"]) == ("ask", False)
    assert "without a sandbox" in found["reason"]


def test_an_open_network_makes_code_ask(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_INTERN_SANDBOX_NETWORK", "true")
    assert explained(capsys, "smoke_test", '{"path": "a.py"}')["verdict"] == "ask"
    assert explained(capsys, "read", '{"path": "a.py"}')["verdict"] == "allow"


def test_without_arguments_those_of_the_tool_and_the_rules_about_it_are_shown(capsys) -> None:
    assert policies.explain("publish", None, None, as_json=False, debug=False) == 0
    shown = capsys.readouterr().out
    assert "  model_dir  text, required: Folder in the workspace with the weights.\n" in shown
    assert "  private    true or false, default true\n" in shown
    assert "deny publish where operation *_public (config.toml line 2)" in shown
    assert "curl" not in shown, "a rule about another tool"
    call = """policy explain publish '{"model_dir": "...", "repo_name": "..."}'"""
    assert shown.endswith(call + "\n")
    assert policies.explain("publish", None, None, as_json=True, debug=False) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["arguments"]["required"] == ["model_dir", "repo_name"]
    assert [rule["verdict"] for rule in document["rules"]] == ["deny"]


def test_a_tool_that_needs_no_arguments_is_judged_without_any(capsys) -> None:
    assert policies.explain("survey_hardware", None, None, as_json=False, debug=False) == 0
    assert capsys.readouterr().out.startswith("survey_hardware: allow\n")
    with pytest.raises(InputError, match="no tool"):
        policies.explain("publsh", None, None, as_json=False, debug=False)


def test_what_a_person_would_read_is_told_apart_from_why_they_are_asked(capsys) -> None:
    call = '{"model_dir": "m", "repo_name": "m"}'
    assert policies.explain("publish", call, None, as_json=False, debug=False) == 0
    shown = capsys.readouterr().out
    assert "  asks   Publish local/m. It would be refused now: There is no folder m" in shown
    assert "  rule   default: what acts outside the workspace needs a yes\n" in shown


@pytest.mark.parametrize("arguments", ["{", "[" * 100_000, "[]", '{"comand": "ls"}'])
def test_arguments_that_do_not_fit_are_explained(arguments: str) -> None:
    with pytest.raises(InputError, match=r"JSON|comand"):
        policies.explain("bash", arguments, None, as_json=False, debug=False)


def test_the_rules_are_listed_with_their_lines(capsys, session: SessionId) -> None:
    assert policies.show(session, as_json=False, debug=False) == 0
    shown = capsys.readouterr().out
    assert "deny publish where operation *_public (config.toml line 2): the release" in shown
    assert "command = *curl*, cost above $0.50, or unknown" in shown
    assert "rule-1 publish create_private of local/m, free (approved by ada)" in shown
    assert policies.show(session, as_json=True, debug=False) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [rule["verdict"] for rule in listed["rules"]] == ["deny", "ask"]
    assert listed["granted"][0]["rule_id"] == "rule-1"


def test_a_revoked_rule_holds_no_more(capsys, session: SessionId) -> None:
    call = ("publish", '{"model_dir": "m", "repo_name": "m"}')
    assert explained(capsys, *call, session=session[:4])["rule"] == "approved by ada (rule rule-1)"
    assert policies.revoke(session[:4], "rule", debug=False) == 0
    assert "is revoked" in capsys.readouterr().out
    assert explained(capsys, *call, session=session[:4])["verdict"] == "ask"
    with pytest.raises(InputError, match="was revoked before"):
        policies.revoke(session[:4], "rule-1", debug=False)


def test_a_wrong_rule_is_refused_before_anything_is_opened(config: Path, tmp_path: Path) -> None:
    config.write_text('[[policy]]\nverdict = "deny"\ntool = "pubish"\n')
    with pytest.raises(ConfigError, match=r"no tool `pubish`.*config\.toml, line 3.*mean publish"):
        Service.open(load())
    assert not (tmp_path / "state").exists()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[None]:
    """Goes by the rules of RULES, whatever the settings say later."""
    service = Service.open(load())
    try:
        with served(service.door, load().socket_path):
            yield
    finally:
        service.close()


CALL = '{"model_dir": "m", "repo_name": "m", "private": false}'


def test_a_daemon_that_goes_by_the_same_rules_is_not_spoken_of(capsys, daemon, config: Path):
    config.write_text("# a line more\n" + RULES)
    assert policies.show(None, as_json=False, debug=False) == 0
    assert "daemon" not in capsys.readouterr().out
    assert running.policy(load()).verdict == "ok"


def test_it_is_said_that_a_daemon_still_goes_by_older_rules(capsys, daemon, config: Path) -> None:
    config.write_text(RULES + '[[policy]]\ntool = "bash"\nverdict = "deny"\n')
    note = rf"The daemon \(process {os.getpid()}\) still uses the rules of \d{{4}}-.*: restart it\."
    assert policies.show(None, as_json=False, debug=False) == 0
    assert re.search(note, capsys.readouterr().out)
    assert policies.explain("publish", CALL, None, as_json=False, debug=False) == 0
    assert re.search(note, capsys.readouterr().out)
    assert re.search(note, explained(capsys, "publish", CALL)["daemon"])
    check = running.policy(load())
    assert (check.verdict, check.next_step) == ("warn", "restart it.")
    assert check.found.startswith("3 rules of the settings")


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [
        ('tool = "publsh"\nverdict = "deny"', "no tool `publsh`"),
        ('tool = "publish"\noperation = "create"\nverdict = "deny"', "no operation `create`"),
        (
            'tool = "bash"\nverdict = "allow"\narguments = {command = "make *"}',
            "cannot allow the pattern",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_beside_a_running_daemon(
    capsys, daemon, config: Path, rule: str, mistake: str
) -> None:
    config.write_text(f"{RULES}[[policy]]\n{rule}\n")
    assert policies.show(None, as_json=False, debug=False) == 78
    listed = capsys.readouterr().out
    assert "deny publish where operation *_public" in listed
    assert mistake in listed
    assert policies.explain("publish", CALL, None, as_json=False, debug=False) == 78
    told = capsys.readouterr().out
    assert told.startswith("publish create_public of local/m: deny\n")
    assert mistake in told
