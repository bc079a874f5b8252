"""Whether a call may run: pure functions of what the call is, the person's rules and their yes."""

from ml_intern.tools.policy.case import Case
from ml_intern.tools.policy.judge import Judgement, judge
from ml_intern.tools.policy.rule import Rule

__all__ = ["Case", "Judgement", "Rule", "judge"]
