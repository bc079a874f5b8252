"""A real model in its real process: what it answers, and what becomes of it in trouble.

The process is started as often as these tests need one; each start imports torch.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from ml_intern.errors import ContextOverflow, Interrupted, Refused, Retryable
from ml_intern.llm.weights import WeightsModel, host
from ml_intern.messages import SystemMessage, ToolMessage, ToolSpec, UserMessage
from tests.llm.weights import tiny
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(300)

PATIENCE_S = 120.0
DOUBLE = ToolSpec(
    name="double",
    description="Double a number.",
    parameters={"type": "object", "properties": {"number": {"type": "integer"}}},
)
ASKED = [SystemMessage(text="You work."), UserMessage(text="What is twice 21?")]
LONG = [UserMessage(text="so it goes on and on " * 3_000)]
"""Some 24,000 tokens, which take blocks of 49 MB while they are read."""


class Listener:
    """Hears an answer, and can stop it."""

    def __init__(self):
        self.text = ""
        self.stopped = threading.Event()
        self.heard = threading.Event()

    def take(self, piece):
        self.text += piece
        self.heard.set()


def asked_in_thread(model, listener, messages=ASKED):
    pool = ThreadPoolExecutor(1)
    return pool.submit(
        model.complete, messages, [], on_text=listener.take, cancelled=listener.stopped.is_set
    )


def test_it_calls_a_tool_and_goes_on_from_the_outcome(caller):
    listener = Listener()
    first = caller.complete(ASKED, [DOUBLE], on_text=listener.take)
    (call,) = first.message.tool_calls
    outcome = ToolMessage(call_id=call.call_id, name=call.name, text="42")
    last = caller.complete([*ASKED, first.message, outcome], [DOUBLE], on_text=listener.take)

    assert (call.name, json.loads(call.arguments)) == ("double", {"number": 21})
    assert (first.stop_reason, last.stop_reason) == ("tool_calls", "end")
    assert (last.message.text, listener.text) == (tiny.DONE, tiny.DONE)
    assert last.usage.cache_read_tokens >= first.usage.input_tokens > 10
    assert (first.usage.output_tokens > 5, last.cost_micro_usd) == (True, 0)


def test_without_tools_a_call_is_text(caller):
    assert caller.complete(ASKED, []).message.text == tiny.CALL


def test_it_costs_nothing_and_knows_its_window(caller):
    assert caller.worst_cost_micro_usd(ASKED, [DOUBLE], None) == 0
    window = caller.window()
    assert (window.tokens, window.answer) == (32_768, 8_192)
    assert window.source == "its config.json"


def test_a_conversation_that_is_longer_than_the_window_is_refused_for_its_length(caller):
    with pytest.raises(ContextOverflow, match="32,768") as caught:
        caller.complete([UserMessage(text="on and on " * 30_000)], [])
    assert (caught.value.window, caught.value.is_free) == (32_768, True)


def test_several_sessions_share_one_process(caller):
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: caller.complete(ASKED, [DOUBLE]), range(4)))
    assert {reply.message.tool_calls[0].name for reply in replies} == {"double"}
    assert len(psutil.Process(caller.pid).children()) == 0


def test_who_waits_while_it_is_loaded_can_leave(singer):
    """It is loaded all the same, for the next one."""
    with pytest.raises(Interrupted):
        singer.complete(ASKED, [], cancelled=lambda: singer._window is not None)
    pid = singer.pid
    listener = Listener()
    singing = asked_in_thread(singer, listener)
    assert listener.heard.wait(PATIENCE_S)
    listener.stopped.set()
    with pytest.raises(Interrupted):
        singing.result(PATIENCE_S)
    assert singer.pid == pid


def test_who_waits_for_another_answer_can_leave(singer):
    first, second = Listener(), Listener()
    singing = asked_in_thread(singer, first)
    assert first.heard.wait(PATIENCE_S)
    waiting = asked_in_thread(singer, second)
    second.stopped.set()
    with pytest.raises(Interrupted):
        waiting.result(PATIENCE_S)
    assert not singing.done()
    first.stopped.set()
    with pytest.raises(Interrupted) as caught:
        singing.result(PATIENCE_S)
    assert caught.value.text == first.text != ""


def test_an_answer_that_reaches_its_length_says_so(caller):
    short = WeightsModel(caller.name, caller._host, None, 5)
    reply = short.complete(ASKED, [DOUBLE])
    assert (reply.stop_reason, reply.usage.output_tokens) == ("length", 5)
    (call,) = reply.message.tool_calls
    assert tiny.CALL.find(call.arguments) > 0


def test_a_long_prompt_can_be_given_up_while_it_is_read(singer):
    pid = singer.pid
    listener = Listener()
    listener.stopped.set()
    with pytest.raises(Interrupted):
        singer.complete(LONG, [], cancelled=listener.stopped.is_set)
    again = Listener()
    singing = asked_in_thread(singer, again)
    assert again.heard.wait(PATIENCE_S)
    again.stopped.set()
    with pytest.raises(Interrupted):
        singing.result(PATIENCE_S)
    assert singer.pid == pid


def test_a_process_that_is_killed_is_an_error_of_the_model(singer):
    listener = Listener()
    singing = asked_in_thread(singer, listener)
    assert listener.heard.wait(PATIENCE_S)
    os.kill(singer.pid, signal.SIGKILL)
    with pytest.raises(Retryable, match="SIGKILL") as caught:
        singing.result(PATIENCE_S)
    assert caught.value.text.startswith(" l"), "what had arrived is kept"


def test_a_process_that_stands_still_is_waited_for_and_then_ended(make, singer_folder):
    model = make(singer_folder, stall_timeout_s=1.0, give_up_s=1.0)
    listener = Listener()
    singing = asked_in_thread(model, listener)
    assert listener.heard.wait(PATIENCE_S)
    process = psutil.Process(model.pid)
    process.suspend()
    with pytest.raises(Retryable, match="silent for 1 s"):
        singing.result(PATIENCE_S)
    with pytest.raises(Retryable, match="did not leave an earlier request"):
        model.complete(ASKED, [])
    assert not process.is_running()


def test_a_process_that_runs_out_of_memory_says_so_and_is_started_again(caller):
    caller.complete(ASKED, [DOUBLE])
    process = psutil.Process(caller.pid)
    most = process.memory_info().vms // 2
    resource.prlimit(process.pid, resource.RLIMIT_AS, (most, most))
    with pytest.raises(Retryable, match="memory ran out"):
        caller.complete(LONG, [])
    wait_until(lambda: not process.is_running())
    assert caller.complete(ASKED, [DOUBLE]).message.tool_calls


def test_one_that_dies_again_and_again_is_left_alone(make, folder, tmp_path):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho >> {tmp_path}/starts\necho No CUDA today >&2\nexit 3\n")
    python.chmod(0o700)
    model = make(folder, python=python)
    for _ in range(host.MOST_CRASHES - 1):
        with pytest.raises(Retryable, match="status 3: No CUDA today"):
            model.complete(ASKED, [])
    for _ in range(3):
        with pytest.raises(Refused, match="3 times in a row") as caught:
            model.complete(ASKED, [])
    assert caught.value.trouble == "model"
    assert len((tmp_path / "starts").read_text().splitlines()) == host.MOST_CRASHES


def test_a_python_that_is_not_there_is_refused(make, folder, tmp_path):
    with pytest.raises(Refused, match="training_python"):
        make(folder, python=tmp_path / "none").complete(ASKED, [])


def test_one_that_nobody_asks_ends_and_comes_back(make, folder):
    model = make(folder, idle_s=0.2)
    model.complete(ASKED, [DOUBLE])
    first = model.pid
    wait_until(lambda: not psutil.pid_exists(first), PATIENCE_S)
    assert model.complete(ASKED, [DOUBLE]).message.tool_calls
    assert model.pid != first


PARENT = """
import sys, threading
from pathlib import Path
from ml_intern.llm.weights import Wanted, weights_model
from ml_intern.messages import UserMessage
model = weights_model(sys.argv[1], python=Path(sys.executable), wanted=Wanted())
def hear(_): print(model.pid, flush=True)
model.complete([UserMessage(text="Sing.")], [], on_text=hear)
"""


def test_a_process_never_outlives_the_one_that_started_it(singer_folder):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, f"transformers/{singer_folder}"],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    wait_until(lambda: not child.is_running())


def test_no_key_of_ours_is_in_its_environment(make, folder, monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "HF_TOKEN", "SLACK_BOT_TOKEN", "ML_INTERN_API_KEY"):
        monkeypatch.setenv(name, "not-a-real-secret")
    model = make(folder)
    model.window()
    environment = psutil.Process(model.pid).environ()
    assert "not-a-real-secret" not in environment.values()
    assert environment["HF_HUB_OFFLINE"] == "1"
    model.close()


def test_what_cannot_be_run_is_refused_with_the_reason(make, folder, tmp_path):
    """One process: each is refused before it harms the next."""
    model = make(tiny.variant(folder, tmp_path / "odd"))
    odd = tmp_path / "odd"
    weights, config = (odd / "model.safetensors").read_bytes(), (odd / "config.json").read_text()
    window = model.window()

    tiny.configured(odd, num_hidden_layers=100_000_000)
    with pytest.raises(Refused, match=r"needs .* GB on cpu in float32 .* GB are free"):
        model.complete(ASKED, [])
    (odd / "config.json").write_text(config)
    for damaged, words in (
        (weights[:-1_000], "cannot load it"),
        (b"no weights at all", "no file of safetensors"),
    ):
        (odd / "model.safetensors").write_bytes(damaged)
        with pytest.raises(Refused, match=words) as caught:
            model.complete(ASKED, [])
        assert (caught.value.trouble, caught.value.is_free) == ("model", True)
    (odd / "model.safetensors").write_bytes(weights)
    tiny.configured(odd, model_type="new", auto_map={"AutoModelForCausalLM": "code.Model"})
    (odd / "code.py").write_text("raise SystemExit('code of a model was run')")
    with pytest.raises(Refused, match="cannot load it"):
        model.complete(ASKED, [])
    (odd / "config.json").write_text(config)
    assert model.complete(ASKED, [DOUBLE]).message.tool_calls
    assert model.window() == window
