"""What came of a session, as one value for a program. The same fold as the one that people see."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_intern.client.view import Step, View
from ml_intern.events import ApprovalRequested, Outcome
from ml_intern.messages import SessionId, Usage


@dataclass(frozen=True, kw_only=True)
class Result:
    """A session at rest. Waiting is not done, and a limit is not a failure: see `status`."""

    session_id: SessionId
    status: Outcome
    """`finished`; `waiting` for a person; `stopped` at a limit; `interrupted`; `failed`."""
    text: str
    """The session's last words; unless it is `finished`, what it waits for or why it ended."""
    metrics: dict[str, dict[str, Any]] = field(hash=False)
    """By split, as our own evaluation measured it; never what a script printed."""
    artefacts: dict[str, Path] = field(hash=False)
    """`weights`, `loss_curve`, `model_card`, `reproduce`, `published`: those that there are."""
    workspace: Path
    """Where everything else lies that the session wrote."""
    trace: Path
    """Every step, as JSON lines."""
    usage: Usage
    cost_usd: float | None
    """What models cost; None: the price of some call is unknown."""
    open_approvals: tuple[ApprovalRequested, ...] = field(hash=False)
    """Calls that wait for a yes."""
    question: str | None
    """What the session wants to know in words."""
    open_unknowns: tuple[Step, ...] = field(default=(), hash=False)
    """Calls that may have taken effect or not; `MLIntern.resolve` says which."""

    @property
    def ok(self) -> bool:
        """Whether it came to its own end."""
        return self.status == "finished"


def result_of(view: View, trace: Path) -> Result:
    """What has come of a session so far; one that no turn has begun or ended waits."""
    return Result(
        session_id=view.session_id,
        status=view.outcome or "waiting",
        text=view.detail,
        metrics=view.metrics,
        artefacts=view.results,
        workspace=view.workspace,
        trace=trace,
        usage=view.usage,
        cost_usd=view.cost_usd,
        open_approvals=tuple(view.approvals.values()),
        question=next(iter(view.questions.values()), None),
        open_unknowns=tuple(view.unknowns.values()),
    )
