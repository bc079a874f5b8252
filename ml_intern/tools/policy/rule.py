"""One rule of the settings, and which calls it is about.

Patterns are those of a shell: `*`, `?` and `[...]`; `*` also stands for slashes and line breaks.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from ml_intern.tools.policy.case import Case

Verdict = Literal["allow", "ask", "deny"]
_WILD = re.compile(r"[*?\[]")
_UPWARDS = re.compile(r"(^|[/\\])\.\.([/\\]|$)")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a person has settled beforehand. None, and an empty mapping, match every call."""

    tool: str
    verdict: Verdict
    place: str
    """For people: where it is written, e.g. `config.toml line 12`."""
    operation: str | None = None
    repository: str | None = None
    """Never matches a call that is about no repository."""
    arguments: Mapping[str, str] = field(default_factory=dict, hash=False)
    cost_up_to_micro_usd: int | None = None
    cost_above_micro_usd: int | None = None
    reason: str = ""

    def matches(self, case: Case) -> bool:
        """Whether it is about this call."""
        return (
            self.is_about(case.tool)
            and (self.operation is None or fnmatchcase(case.operation, self.operation))
            and (self.repository is None or self._is_same(case.repository, self.repository))
            and self._fits_cost(case.cost_micro_usd)
            and all(
                name in case.arguments and self._fits(case.arguments[name], pattern)
                for name, pattern in self.arguments.items()
            )
        )

    def is_about(self, tool: str) -> bool:
        """Whether it may match calls of this tool."""
        return fnmatchcase(tool, self.tool)

    def _fits_cost(self, micro_usd: int | None) -> bool:
        """An unknown cost is above every limit."""
        known = math.inf if micro_usd is None else micro_usd
        up_to, above = self.cost_up_to_micro_usd, self.cost_above_micro_usd
        return (up_to is None or known <= up_to) and (above is None or known > above)

    def _fits(self, value: Any, pattern: str) -> bool:
        text = as_text(value)
        if self._leads_upwards(text, pattern):
            return False
        return text == pattern or fnmatchcase(text, pattern)

    def _is_same(self, repository: str, pattern: str) -> bool:
        """The Hub takes names that differ only in case for one."""
        if not repository or self._leads_upwards(repository, pattern):
            return False
        return fnmatchcase(repository.casefold(), pattern.casefold())

    def _leads_upwards(self, text: str, pattern: str) -> bool:
        """`models/*` is not meant to allow `models/../elsewhere`."""
        is_upwards = _UPWARDS.search(text) is not None
        return self.verdict == "allow" and is_wild(pattern) and is_upwards


def is_wild(pattern: str) -> bool:
    """Whether a pattern stands for more than one text."""
    return _WILD.search(pattern) is not None


def as_text(value: Any) -> str:
    """The value of an argument as patterns see it: text as it is, anything else as JSON.

    A number is the same however it is written, 8 or 8.0: a rule that denies one denies both.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
