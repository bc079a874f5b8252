"""Tools made of a person's own functions: the schema from the types, the words from the docstring.

Such a function runs in the process that hosts the session, with all that this process may do; it
is not confined. What is wrong with one is said when it is decorated, not when a model calls it.
"""

import functools
import inspect
import logging
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    ParamSpec,
    TypeVar,
    cast,
    get_args,
    get_type_hints,
    overload,
)

import pydantic_core
from pydantic import ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from ml_intern.errors import ConfigError
from ml_intern.events import Effect, Exhibit, Recovery
from ml_intern.tools import docstring
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

TIMEOUT_S = 120.0
NOTHING = "(no output)"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What every provider takes as the name of a tool."""
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_EFFECTS = (
    "`read` changes nothing: it may run again after a crash, and beside other reads; `write` is "
    "recorded before it starts, and never run again by itself; `external` costs or leaves the "
    "machine: a person is asked each time, too"
)

_RECOVERIES: tuple[Recovery, ...] = ("pure", "opaque")
"""Those that need no look at what a call left behind."""


class OwnArguments(Arguments):
    """Base of the arguments that a function's types describe."""

    model_config = ConfigDict(validate_default=True)


@dataclass(frozen=True, kw_only=True)
class Says:
    """What a tool says of its calls before they run: a value, or a function of the arguments.

    The functions take the arguments of the tool by their names.
    """

    operation: str | Callable[..., str] = ""
    repository: str | Callable[..., str] = ""
    worst_cost_micro_usd: int | Callable[..., int | None] | None = 0
    cost_basis: str | Callable[..., str] = ""
    exhibits: Callable[..., Iterable[Exhibit]] | None = None
    content_sha256: Callable[..., str] | None = None


class FunctionTool(Tool[Arguments], Generic[P, R]):
    """One function as a tool; calling it calls the function."""

    def __init__(
        self, function: Callable[P, R], contexts: tuple[str, ...], says: Says | None = None
    ) -> None:
        """`contexts`: the parameters that are given the context of the call."""
        self._says = says or Says()
        self._function = function
        self._contexts = contexts
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself."""
        return self._function(*args, **kwargs)

    def operation(self, args: Arguments) -> str:
        """See `Tool.operation`."""
        return _said(self._says.operation, args)

    def repository(self, args: Arguments, ctx: ToolContext) -> str:
        """See `Tool.repository`."""
        return _said(self._says.repository, args)

    def worst_cost_micro_usd(self, args: Arguments, ctx: ToolContext) -> int | None:
        """See `Tool.worst_cost_micro_usd`."""
        return _said(self._says.worst_cost_micro_usd, args)

    def cost_basis(self, args: Arguments, ctx: ToolContext) -> str:
        """See `Tool.cost_basis`."""
        return _said(self._says.cost_basis, args)

    def exhibits(self, args: Arguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """See `Tool.exhibits`."""
        return tuple(_said(self._says.exhibits or (), args))

    def content_sha256(self, args: Arguments, ctx: ToolContext) -> str:
        """See `Tool.content_sha256`."""
        return _said(self._says.content_sha256 or "", args)

    def run(self, args: Arguments, ctx: ToolContext) -> ToolOutcome:
        """Whatever the function raises is an answer: a stray SystemExit must not end a worker."""
        given: dict[str, Any] = {**dict(args), **dict.fromkeys(self._contexts, ctx)}
        function = cast("Callable[..., Any]", self._function)
        try:
            value = function(**given)
        except BaseException as exc:
            # The border around a foreign function, which may also call `exit`.
            log.info("own_tool_raised", extra={"tool": self.name}, exc_info=True)
            return fail(f"{self.name} raised {type(exc).__name__}: {exc}")
        return self._answer(value)

    def _answer(self, value: object) -> ToolOutcome:
        if value is None:
            return succeed(NOTHING)
        if isinstance(value, str):
            return succeed(value)
        try:
            return succeed(pydantic_core.to_json(value).decode())
        except (ValueError, RecursionError) as exc:
            return fail(
                f"{self.name} ran, but what it returned ({type(value).__name__}) cannot be written "
                f"as JSON: {exc}. It must return text, or what JSON can hold."
            )


def _said(said: S | Callable[..., S], args: Arguments) -> S:
    return said(**dict(args)) if callable(said) else said


@overload
def tool(
    function: Callable[P, R],
    *,
    effect: Effect,
    recovery: Literal["pure", "opaque"] | None = None,
    timeout_s: float = TIMEOUT_S,
    runs_code: bool = False,
    says: Says | None = None,
) -> FunctionTool[P, R]: ...


@overload
def tool(
    *,
    effect: Effect,
    recovery: Literal["pure", "opaque"] | None = None,
    timeout_s: float = TIMEOUT_S,
    runs_code: bool = False,
    says: Says | None = None,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...


def tool(
    function: Callable[..., Any] | None = None,
    *,
    effect: Effect | None = None,
    recovery: Recovery | None = None,
    timeout_s: float = TIMEOUT_S,
    runs_code: bool = False,
    says: Says | None = None,
) -> Any:
    """Make a tool of a typed function: `@tool(effect="read")`.

    Its name is the function's, its description the first paragraph of the docstring. Arguments are
    checked against the types; words on them come from `Args:` or from `Annotated[..., Field()]`.
    It returns text, or what JSON can hold (pydantic models and dataclasses too). A parameter of
    type `ToolContext` is given the call's context: a long function looks at `cancelled`, and
    writes below `place.workspace`. Reads may run side by side, so they must be thread-safe.

    `effect`: `read` changes nothing, and may run again after a crash; `write` is recorded before
    it starts and never run again by itself; `external` costs or leaves the machine, and needs a
    person's yes each time. `runs_code`: it runs what the model wrote, which is asked about where
    there is no sandbox. `says`: what the policy and a person are told of a call, such as its cost.

    `recovery`: what a crash in the middle of a call means. `opaque`, what holds for all but reads
    unless something else is said: nobody knows whether it took effect, so it is not run again (the
    model is told, or for `external` a person is asked). `pure`, what holds for reads: running it
    once more with the same arguments is as good as once, as with a file that is written whole or a
    request that bears its own key; so it is run again. Raises ConfigError.
    """
    if function is None:
        return functools.partial(
            tool,
            effect=effect,
            recovery=recovery,
            timeout_s=timeout_s,
            runs_code=runs_code,
            says=says,
        )
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        raise ConfigError(f"@tool makes a tool of a function, not of {function!r}.")
    name = function.__name__
    _demand_usable(function)
    if effect is None or effect not in get_args(Effect):
        raise ConfigError(
            f"Say what {name} does to the world: @tool(effect=...). {_EFFECTS}."
            + ("" if effect is None else f" There is no {effect!r}.")
        )
    if recovery not in (None, *_RECOVERIES):
        raise ConfigError(
            f"{name} cannot have recovery={recovery!r}; give {' or '.join(_RECOVERIES)}. What "
            "looks for traces of a call is a `Tool` of its own with a `recover`."
        )
    if not timeout_s > 0:
        raise ConfigError(f"The timeout_s of {name} is {timeout_s}; give seconds above 0.")
    traits = {
        "effect": effect,
        "recovery": recovery or ("pure" if effect == "read" else "opaque"),
        "timeout_s": timeout_s,
        "runs_code": runs_code,
    }
    return _made(function, traits, says or Says())


def _demand_usable(function: Callable[..., Any]) -> None:
    name = function.__name__
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a tool; use a function whose name has at most 64 "
            "letters a-z, digits and underscores."
        )
    if (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise ConfigError(
            f"{name} is asynchronous or a generator; a tool is a plain function that returns its "
            "answer. Write one that calls asyncio.run(...) or collects what it yields."
        )
    if not docstring.summary(inspect.getdoc(function) or ""):
        raise ConfigError(
            f"{name} has no docstring; its first paragraph is what a model knows of the tool."
        )


def _made(function: Callable[P, R], given: Mapping[str, Any], says: Says) -> FunctionTool[P, R]:
    """An instance of a class of its own, because a tool's traits are those of its class."""
    words = inspect.getdoc(function) or ""
    hints = _hints(function)
    contexts = tuple(name for name, hint in hints.items() if _is_context(hint))
    fields = {name: hint for name, hint in hints.items() if name not in contexts}
    traits = {
        **given,
        "name": function.__name__,
        "description": docstring.summary(words),
        "arguments": _arguments(function, fields, docstring.parameters(words)),
        "operations": () if callable(says.operation) else (says.operation,),
    }
    kind = cast("type[FunctionTool[P, R]]", type(function.__name__, (FunctionTool,), traits))
    return kind(function, contexts, says)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of the parameters, in their order. Raises ConfigError where one is missing."""
    name = function.__name__
    try:
        found = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as exc:
        raise ConfigError(
            f"The types of {name} cannot be read: {exc}. Define and import them where the module "
            "can see them while it runs."
        ) from exc
    parameters = inspect.signature(function).parameters
    for parameter in parameters.values():
        if parameter.kind not in _NAMED:
            raise ConfigError(
                f"{name} has the parameter {parameter}; a model gives every argument by its name. "
                "Name each of them, without *, ** and /."
            )
        if parameter.name not in found:
            raise ConfigError(
                f"The parameter {parameter.name} of {name} has no type; the model is told which "
                f"values it may give. Write e.g. `{parameter.name}: str`."
            )
    return {parameter: found[parameter] for parameter in parameters}


def _is_context(hint: object) -> bool:
    return hint is ToolContext or ToolContext in get_args(hint)


def _arguments(
    function: Callable[..., Any], hints: Mapping[str, Any], words: Mapping[str, str]
) -> type[Arguments]:
    """The schema of a call. Raises ConfigError for types that JSON cannot hold."""
    name = function.__name__
    given = inspect.signature(function).parameters
    fields: dict[str, Any] = {
        parameter: (
            _described(hint, given[parameter].default, words.get(parameter)),
            ...
            if given[parameter].default is inspect.Parameter.empty
            else given[parameter].default,
        )
        for parameter, hint in hints.items()
    }
    try:
        with warnings.catch_warnings():  # a parameter may be called `copy` or `schema`
            warnings.simplefilter("ignore", UserWarning)
            model = create_model(f"{name}_arguments", __base__=OwnArguments, **fields)
            model.model_json_schema()
    except (PydanticUserError, NameError, TypeError, ValueError) as exc:
        raise ConfigError(
            f"The parameters of {name} cannot be described to a model: {exc}. Use what JSON can "
            "hold: str, int, float, bool, list, dict, Literal, dataclasses, pydantic models."
        ) from exc
    if hidden := [parameter for parameter in fields if parameter not in model.model_fields]:
        raise ConfigError(
            f"The parameter {hidden[0]} of {name} cannot be described to a model; give it a name "
            "that does not begin with an underscore."
        )
    _demand_fitting_defaults(name, model)
    return model


def _described(hint: Any, default: object, words: str | None) -> Any:
    """`hint` with the words of the docstring, where its own `Field` has none."""
    own = [default, *getattr(hint, "__metadata__", ())]
    if words is None or any(isinstance(one, FieldInfo) and one.description for one in own):
        return hint
    return Annotated[hint, Field(description=words)]


def _demand_fitting_defaults(name: str, model: type[Arguments]) -> None:
    """What is stored of a call is complete with defaults, and is checked when it is read again."""
    try:
        model.model_validate({})
    except ValidationError as exc:
        for error in exc.errors():
            if error["type"] != "missing" or len(error["loc"]) > 1:
                parameter = error["loc"][0]
                raise ConfigError(
                    f"The default of {parameter} in {name} does not fit its type: {error['msg']}. "
                    f"For None write e.g. `{parameter}: str | None = None`."
                ) from exc
