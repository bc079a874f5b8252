"""Whether a daemon goes by the rules that the settings name now: it has read them at its start."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ml_intern.client.door import Door
from ml_intern.errors import ConfigError
from ml_intern.settings import Settings
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy import Rule
from ml_intern.tools.policy.settings import rules_of


@dataclass(frozen=True, kw_only=True)
class Apart:
    """In what a daemon's rules differ from those of the settings."""

    found: str = ""
    """For a person; empty where they are the same."""
    next_step: str = ""
    is_mistake: bool = False
    """Whether those of the settings cannot be used at all."""

    @property
    def words(self) -> str:
        """Both, as sentences."""
        return f"{self.found}: {self.next_step}" if self.found else ""


def between(door: Door, settings: Settings) -> Apart:
    """Compare the rules of the daemon behind `door` with those of `settings`.

    In which line a rule stands makes no difference. Raises StoreUnavailable, DaemonGone.
    """
    policy = door.policy()
    read_at = policy.read_at
    since = f" of {read_at.astimezone():%Y-%m-%d %H:%M}" if read_at is not None else ""
    still = f"The daemon (process {door.health().pid}) still uses the rules{since}"
    try:
        written = rules_of(settings.policy, all_tools())
    except ConfigError as exc:
        could_not = f"{still}, and could not start with those that the settings have now"
        return Apart(found=could_not, next_step=str(exc), is_mistake=True)
    if _without_places(written) == _without_places(policy.rules):
        return Apart()
    return Apart(found=f"{still}, and the settings have others now", next_step="restart it.")


def _without_places(rules: Sequence[Rule]) -> list[Rule]:
    return [replace(rule, place="") for rule in rules]
