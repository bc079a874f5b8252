"""`ml-intern serve` with a plan: crash points set and the model scripted, then the shipped `main`.

`python -m tests.chaos.serve serve` is one daemon.
"""

import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

import ml_intern.cli.serving
from ml_intern.cli.main import main
from ml_intern.daemon import models, patience, service, workers
from ml_intern.daemon.clockwork import Clockwork
from ml_intern.daemon.uploads import uploader_of
from ml_intern.llm.client import ModelClient
from ml_intern.llm.scripted import ScriptedModel
from ml_intern.queue import leases, mail
from ml_intern.session import handlers
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


if __name__ == "__main__":
    run(sys.argv[1:])
