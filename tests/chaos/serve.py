"""`ml-intern serve` with a plan: crash points set and the model scripted, then the shipped `main`.

`python -m tests.chaos.serve serve` is one daemon. `python -m tests.chaos.serve --nursery` has all
that the daemon imports in memory, and makes one for each line of standard input in a process of its
own: the import is most of the second or two (ten with LiteLLM) that a start takes, and a thousand
kills take a thousand starts. It has no thread, so that what is forked is whole.
"""

import json
import os
import select
import signal
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import ml_intern.cli.serving
from ml_intern.api.app import build_app
from ml_intern.cli.main import main
from ml_intern.daemon import models, patience, service, workers
from ml_intern.daemon.clockwork import Clockwork
from ml_intern.daemon.service import Service
from ml_intern.daemon.uploads import uploader_of
from ml_intern.llm.client import ModelClient
from ml_intern.llm.scripted import ScriptedModel
from ml_intern.queue import leases, mail
from ml_intern.session import handlers
from ml_intern.settings import Settings
from ml_intern.slack import sender, shift, teller
from ml_intern.tools.catalogue import with_own
from ml_intern.tracing.upload.uploader import Pace
from tests.chaos import mutations, paying, script, traps, witness
from tests.chaos.clock import JumpingClock
from tests.chaos.plan import Plan, read_plan
from tests.chaos.points import BY_NAME

CHORES_EVERY_S = 0.2
SLACK_HOLD_S = 2.0


def prepare(plan: Plan) -> None:
    """Wrap what the plan names; nothing else of this process is other than shipped."""
    if plan.scripted:
        _script_models()
        service.all_tools = lambda: with_own([script.send, paying.Order()])
    workers.RENEW_S = plan.renew_s
    _hurry_the_clockwork()
    _hurry_slack()
    pace = Pace(commit_every_s=plan.upload_every_s, first_pause_s=0.1, longest_pause_s=1.0)
    service.uploader_of = partial(uploader_of, pace=pace)
    leases.LEASE_S = handlers.LEASE_S = plan.lease_s  # type: ignore[attr-defined]
    if plan.clock_jumps_s:
        jumps = plan.clock_jumps_s
        ml_intern.cli.serving.SystemClock = lambda: JumpingClock(jumps)  # type: ignore[assignment,misc]
    if plan.mutation:
        mutations.BY_NAME[plan.mutation].install()
    if plan.witness:
        witness.install(Path(plan.witness))
    if plan.point:
        traps.install(BY_NAME[plan.point], plan)


def _hurry_the_clockwork() -> None:
    """What is due is seen soon, and what nobody has decided expires without a minute's grace."""
    service.Clockwork = partial(Clockwork, every_s=CHORES_EVERY_S)  # type: ignore[assignment,misc]
    patience.GRACE_S = 0.0


def _hurry_slack() -> None:
    """Whoever comes after a killed one waits a moment for its place, and nobody for the pace."""
    mail.HOLD_S = shift.HOLD_S = SLACK_HOLD_S  # type: ignore[attr-defined]
    shift.KEEP_S = teller.SAVE_S = SLACK_HOLD_S / 6
    sender.Sender._take_pace = lambda _self, _post: None  # type: ignore[method-assign]


def _script_models() -> None:
    make = models.Models._make

    def scripted(self: models.Models, name: str) -> ModelClient:
        if name in (script.MODEL, script.OTHER):
            return ScriptedModel(name, script.answer)
        if name == paying.PAID:
            answer = paying.at_a_price(script.answer)
            return ScriptedModel(name, answer, worst_cost=paying.REPLY_WORST)
        return make(self, name)

    models.Models._make = scripted  # type: ignore[method-assign]


def run(words: list[str]) -> NoReturn:
    """Be the daemon."""
    prepare(read_plan())
    sys.argv = ["ml-intern", *words]
    main()
    raise SystemExit


def nursery() -> None:
    """A daemon for each line: `{"words", "environment", "folder", "output"}`; says its number.

    Says `ended NUMBER STATUS` for each that has ended. At the end of input it ends the others.
    """
    _warm()
    heard = ""
    living: set[int] = set()
    while True:
        ready, _, _ = select.select([0], [], [], 0.02)
        if ready:
            piece = os.read(0, 1 << 16).decode()
            if not piece:
                return _end(living)
            heard += piece
        while "\n" in heard:
            line, _, heard = heard.partition("\n")
            number = _born(json.loads(line))
            living.add(number)
            _tell("started", number)
        _bury(living)


def _warm() -> None:
    """What is otherwise made at the first use: codecs, tools, the dialect of the database."""
    with tempfile.TemporaryDirectory() as folder:
        warm = Service.open(Settings(state_dir=Path(folder) / "state"))
        build_app(warm.door)
        warm.close()
    assert threading.active_count() == 1, "a nursery must not fork beside threads"


def _born(wanted: dict[str, Any]) -> int:
    number = os.fork()
    if number:
        return number
    os.setsid()
    for standard, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, wanted["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, wanted["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, standard)
        os.close(opened)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run(wanted["words"])


def _end(living: set[int]) -> None:
    """Whoever asked for them is gone."""
    for number in living:
        os.kill(number, signal.SIGKILL)


def _bury(living: set[int]) -> None:
    while True:
        try:
            number, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not number:
            return
        living.discard(number)
        _tell("ended", number, os.waitstatus_to_exitcode(status))


def _tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


if __name__ == "__main__":
    if sys.argv[1:] == ["--nursery"]:
        nursery()
    else:
        run(sys.argv[1:])
