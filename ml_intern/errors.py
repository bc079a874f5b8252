"""Every error that we raise, sorted by who must act.

MLInternError
├── ConfigError          the person changes a setting
├── InputError           the person changes what was typed
├── QueueError
│   ├── Busy             the caller comes back after `retry_after_s`
│   │   └── Draining     the caller comes back when the service has been started again
│   ├── LeaseLost        nobody: another owner has the session; the worker drops its work
│   ├── StateConflict    nobody: somebody else was first; the answer is what stands in the store
│   ├── UnknownSession   the person names another session
│   └── StoreUnavailable the person frees the disk or repairs permissions; nothing was accepted
│       ├── MaybeStored  the caller looks whether it is there before it repeats it
│       └── EventUnreadable  the person takes a backup; what is of other sessions can be read
├── ModelError
│   ├── Retryable        the turn tries again after `retry_after_s`
│   ├── ContextOverflow  the context is compacted
│   └── Refused          the person changes model, key or account
├── ApiError             the caller mends the request
│   └── DaemonGone       the person starts the daemon again, or looks why it does not answer
├── OverBudget           a person gives more room under the cap
├── SlackError           Slack did not do what was asked of it
│   ├── SlackLimited     the caller comes back after `retry_after_s`
│   ├── SlackRefused     the person mends token, scope or channel; `error` is Slack's word for it
│   └── SlackUnclear     nobody knows whether it was done; the caller looks before it repeats it
├── HubError             the Hugging Face Hub did not do what was asked of it
│   ├── HubAway          the caller comes back after `retry_after_s`, and looks what was done
│   ├── HubOvertaken     the caller looks again: somebody else was first
│   └── HubRefused       the person mends token or repository; `reason` says which
├── SandboxError         the person installs or allows a sandbox
├── ComputeError         a job could not be started, found or stopped
└── Overtaken            nobody: the turn takes up what is new and decides again
Interrupted (BaseException): the session was told to stop; only the turn may catch it.
"""

from typing import Literal


class MLInternError(Exception):
    """Base of all errors that the product raises on purpose; its text says what to do next."""


class ConfigError(MLInternError):
    """A setting is missing, misspelt or impossible."""


class InputError(MLInternError):
    """A task, path, id or argument that a person gave cannot be used."""


class QueueError(MLInternError):
    """The store did not do what was asked; nothing was half done."""


class Busy(QueueError):
    """A bound of the queue is reached; come back later."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Draining(Busy):
    """The service is stopping and accepts nothing more."""


class LeaseLost(QueueError):
    """A write came with a fencing token that is no longer the session's."""


class StateConflict(QueueError):
    """A compare-and-set found another state than the one it was to leave."""


class UnknownSession(QueueError):
    """No session has this id."""


class StoreUnavailable(QueueError):
    """The database cannot be written (full disk, wrong permissions, damaged or newer file)."""


class MaybeStored(StoreUnavailable):
    """The connection broke: what was to be written may have been, or not."""


class EventUnreadable(StoreUnavailable):
    """An event of one session is damaged, or of a kind that only a newer ml-intern knows."""

    def __init__(self, message: str, *, position: int, session_id: str) -> None:
        super().__init__(message)
        self.position = position
        self.session_id = session_id


Trouble = Literal[
    "away",
    "rate",
    "authentication",
    "billing",
    "model",
    "content",
    "context",
    "effort",
    "thinking",
    "request",
]
"""What is wrong with a model: out of reach or broken off, our rate, the key, the account, no such
model, what was said, its length, the reasoning effort, the signature of a thought, the request.
"""


class ModelError(MLInternError):
    """A model did not answer, or broke off after `text`."""

    is_free = False
    """Whether it has certainly cost nothing: the request never arrived, or was turned away."""

    def __init__(self, message: str, *, text: str = "", trouble: Trouble = "request") -> None:
        super().__init__(message)
        self.text = text
        self.trouble = trouble


class Retryable(ModelError):
    """The provider is overloaded, unreachable, broke off or limits our rate."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        text: str = "",
        trouble: Trouble = "away",
    ) -> None:
        super().__init__(message, text=text, trouble=trouble)
        self.retry_after_s = retry_after_s


class ContextOverflow(ModelError):
    """The request was longer than the model's window; `window`: tokens, if the provider said."""

    def __init__(self, message: str, *, text: str = "", window: int | None = None) -> None:
        super().__init__(message, text=text, trouble="context")
        self.window = window


class Refused(ModelError):
    """The provider will not answer this request however often it is sent."""


class ApiError(MLInternError):
    """The daemon did not understand what was asked of it."""


class DaemonGone(ApiError):
    """Nobody answers at the daemon's socket, or the answer broke off."""


class OverBudget(MLInternError):
    """A step would pass a cap; it was not recorded, so it does not begin.

    `cap` as in `BudgetReached`; the numbers in its unit.
    """

    def __init__(self, *, cap: str, used: int, limit: int, needed: int) -> None:
        super().__init__(
            f"The next step may need {needed:,} under {cap}, of which {used:,} of {limit:,} are "
            "used. Extend it, or wait until there is room."
        )
        self.cap = cap
        self.used = used
        self.limit = limit
        self.needed = needed


class SlackError(MLInternError):
    """Slack did not do what was asked of it."""


class SlackLimited(SlackError):
    """We are too fast for Slack."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SlackRefused(SlackError):
    """Slack will not do it; `error` is its word for the reason."""

    def __init__(self, message: str, *, error: str) -> None:
        super().__init__(message)
        self.error = error


class SlackUnclear(SlackError):
    """Slack is out of reach, or broke off: it may have been done."""


class HubError(MLInternError):
    """The Hugging Face Hub did not do what was asked of it."""


class HubAway(HubError):
    """The Hub is out of reach, limits our rate, or broke off: it may have been done."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class HubOvertaken(HubError):
    """The repository is not as it was when it was looked at; nothing was done."""


class HubRefused(HubError):
    """The Hub will not do it, or we will not take it.

    `reason`: `token` (is none), `right` (of it), `missing`, `large`, `content` (what was sent),
    `other`.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


OutsideTrouble = Literal[
    "away", "limited", "forbidden", "missing", "refused", "broken", "large", "address", "stopped"
]
"""What is wrong with a service outside: out of reach or in trouble itself, our rate, our rights,
nothing is there, what was asked, what it answered, how long that is, where it would be; or nobody
waits for it any more.
"""


class OutsideError(MLInternError):
    """A service outside did not answer, or not with what was asked for; for people and models.

    `code`: its own word for the reason (`X-Error-Code` of the Hub), empty where it gives none.
    """

    def __init__(
        self,
        message: str,
        *,
        trouble: OutsideTrouble,
        retry_after_s: float | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.retry_after_s = retry_after_s
        self.code = code


class SandboxError(MLInternError):
    """Code cannot be confined as the settings demand."""


class ComputeError(MLInternError):
    """A job could not be started, found or stopped."""


class Overtaken(MLInternError):
    """A step was decided on without something that has happened since; nothing was stored."""


class Interrupted(BaseException):
    """The session was told to stop while a model answered; `text` is what had arrived.

    Not an `Exception`, so that nobody swallows it.
    """

    def __init__(self, *, text: str = "") -> None:
        super().__init__("the session was told to stop")
        self.text = text
