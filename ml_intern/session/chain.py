"""Which of a session's models is asked next: the first that may be."""

from collections.abc import Callable, Iterable, Sequence

from ml_intern.errors import ConfigError, MLInternError, ModelError, OverBudget, Refused
from ml_intern.llm.client import ModelClient
from ml_intern.llm.health import Health

UNUSABLE = ("authentication", "billing", "model")
"""Troubles that a person has to mend: nobody waits for them to pass."""


class AllAway(MLInternError):
    """No model may be asked for the next `wait_s` seconds; one may be then."""

    def __init__(self, message: str, *, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Chain:
    """The models of one session, first to last. Owned by one turn; not thread-safe."""

    def __init__(
        self, names: Sequence[str], health: Health, client: Callable[[str], ModelClient]
    ) -> None:
        """`client`: by the name in the settings. Raises ConfigError for one that cannot be used."""
        self._names = tuple(names)
        self._health = health
        self._client = client
        self._passed: dict[str, MLInternError] = {}
        """Not asked any more in this turn, and why."""
        self._unusable: dict[str, ModelError] = {}
        """Asked again only when its circuit is closed, or beside one that can be used."""
        self._unmade: list[tuple[str, ConfigError]] = []
        self._picked = ""
        """Of which it has not been heard yet how it went."""

    def pick(self) -> tuple[str, ModelClient]:
        """The model to be asked now, with its name.

        Raises AllAway, or, where none can be hoped for, what went wrong: OverBudget where a person
        may allow one, else the failure of the only one, else Refused with all of them.
        """
        self.give_back()
        self._picked, client = self._first()
        return self._picked, client

    def give_back(self) -> None:
        """Whoever was picked last is not asked after all, unless it was heard how it went."""
        if self._picked:
            self._health.give_back(self._picked)
            self._picked = ""

    def _first(self) -> tuple[str, ModelClient]:
        for name in self._left():
            if self._health.take(name) and (client := self._made(name)) is not None:
                return name, client
        for name in self._left():
            # It was found so in another turn. Perhaps it is mended; else people read why not.
            is_news = name not in self._unusable and self._health.trouble(name) in UNUSABLE
            if is_news and (client := self._made(name)) is not None:
                self._health.ask_all_the_same(name)
                return name, client
        self._demand_hope()
        raise AllAway(self._told(filter(self.why_not, self._names)), wait_s=self.wait_s())

    def failed(self, name: str, exc: ModelError) -> None:
        """It did not answer, or refused for a reason that lies with itself."""
        self._picked = ""
        self._health.failed(name, exc)
        if exc.trouble in UNUSABLE:
            self._unusable[name] = exc

    def worked(self, name: str) -> None:
        """It answered."""
        self._picked = ""
        self._health.worked(name)
        self._unusable.pop(name, None)

    def pass_over(self, name: str, exc: MLInternError) -> None:
        """It is not asked again in this turn."""
        self._passed[name] = exc

    def wait_s(self) -> float:
        """Seconds until one may be asked for which there is hope; 0.0: now, or there is none."""
        waits = [self._health.wait_s(name) for name in self._hoped_for()]
        return min(waits, default=0.0)

    def after(self, name: str) -> str:
        """Who is asked when this one is not; empty when nobody else may be now."""
        for other in self._hoped_for():
            is_well = other != name and not self._health.wait_s(other)
            if is_well and self._made(other) is not None:
                return other
        return ""

    def next_up(self) -> tuple[str, float] | None:
        """Who may be asked first of those for whom there is hope, and in how many seconds."""
        hoped_for = self._hoped_for()
        if not hoped_for:
            return None
        name = min(hoped_for, key=self._health.wait_s)
        return name, self._health.wait_s(name)

    def unusable_by_settings(self) -> list[tuple[str, ConfigError]]:
        """Those that cannot be asked for want of a key or a name, each told once."""
        found, self._unmade = self._unmade, []
        return found if len(self._names) > 1 else []

    def is_away(self, name: str) -> bool:
        """Whether it is left alone for a while."""
        return self._health.wait_s(name) > 0

    def own(self) -> tuple[str, ModelClient]:
        """The one that the session was given, asked or not. Raises ConfigError."""
        return self._names[0], self._client(self._names[0])

    def is_first(self, name: str) -> bool:
        """Whether it is the one that the session was given."""
        return name == self._names[0]

    def why_not(self, name: str) -> str:
        """What is wrong with a model, for people; empty where nothing is known."""
        passed = self._passed.get(name)
        return str(passed) if passed is not None else self._health.why(name)

    def _left(self) -> list[str]:
        return [name for name in self._names if name not in self._passed]

    def _hoped_for(self) -> list[str]:
        return [name for name in self._left() if name not in self._unusable]

    def _made(self, name: str) -> ModelClient | None:
        try:
            return self._client(name)
        except ConfigError as exc:
            self._passed[name] = exc
            self._unmade.append((name, exc))
            return None

    def _demand_hope(self) -> None:
        if self._hoped_for():
            return
        for exc in self._passed.values():
            if isinstance(exc, OverBudget):
                raise exc
        if len(self._names) == 1:
            raise (self._passed | self._unusable)[self._names[0]]
        raise Refused(self._told(self._names))

    def _told(self, names: Iterable[str]) -> str:
        return "; ".join(self.told(name).removesuffix(".") for name in names)

    def told(self, name: str) -> str:
        """What is wrong with it, with its name, which most sentences begin with anyway."""
        why = self.why_not(name)
        return why if why.startswith(name) else f"{name}: {why}"
