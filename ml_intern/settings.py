"""Every setting, with its meaning, in one class.

Read from (first wins): what the command line says, environment variables `ML_INTERN_*`, `.env` in
the working directory, `LLM_ENDPOINT` (for the model), `config.toml`, the defaults here.
`docs/settings.md` is generated from this class.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from ml_intern.effort import Effort
from ml_intern.errors import ConfigError
from ml_intern.patterns import usable
from ml_intern.rules import PolicyRule, RulePlace, numbered, places_in, problem

ENV_PREFIX = "ML_INTERN_"
MOST_USD = 1_000_000.0
"""Of a cap, and of a million tokens."""
MOST_TOKENS = 100_000_000
"""Of one answer: at the highest price it can still be reserved."""
LEAST_WINDOW = 1024
"""Tokens; a model that takes less holds no task."""
_DOTENV_LINE = re.compile(rf"\s*(?:export\s+)?(?P<name>{ENV_PREFIX}\w+)\s*=", re.IGNORECASE)

_ONE_BRACKET = re.compile(r"^\s*\[\s*policy\s*\]", re.MULTILINE)
_BRACKETS = " Write the head of each rule of the policy with two brackets: [[policy]]."


Listed = Annotated[tuple[str, ...], NoDecode]
"""In a variable with commas or spaces between, or as a list in JSON."""


def _address(given: str) -> str:
    if not given.startswith(("http://", "https://")):
        raise ValueError("give an address that begins with https://")
    return given.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
Expressions = tuple[Annotated[str, AfterValidator(usable)], ...]
_REPOSITORY = re.compile(r"(?:\{user\}|[\w.-])+/(?:\{user\}|[\w.-])+")
_NO_FALLBACK = re.compile(r"(autopilot|by-hand)$|replay/")
"""Models that do not go by the conversation, so they cannot go on with what another one began."""
_SLACK_ID = re.compile(r"[UWTES][A-Z0-9]{2,}")


def config_file() -> Path:
    """`config.toml` under the XDG configuration directory, whether it exists or not."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "ml-intern" / "config.toml"


def default_state_dir() -> Path:
    """systemd's `STATE_DIRECTORY`, else `ml-intern` under the XDG state directory."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given.split(":")[0])
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "ml-intern"


class ModelPrice(BaseModel):
    """What a model costs, in US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_usd_per_million: float = Field(gt=0, le=MOST_USD, allow_inf_nan=False)
    output_usd_per_million: float = Field(gt=0, le=MOST_USD, allow_inf_nan=False)
    cache_read_usd_per_million: float | None = Field(None, ge=0, le=MOST_USD, allow_inf_nan=False)
    cache_write_usd_per_million: float | None = Field(None, ge=0, le=MOST_USD, allow_inf_nan=False)
    max_output_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    model: str = Field(
        "autopilot",
        description="Which model plans the work: `autopilot` needs no key; others as LiteLLM and "
        "the field write them, e.g. `claude-opus-4-8`, `ollama/qwen2.5-coder:32b`, `vllm/NAME`. "
        "Also read from `LLM_ENDPOINT`.",
    )
    fallback_models: Listed = Field(
        (),
        description="Models that are asked in its place while it is away, in this order; in the "
        "variable with commas between, or as JSON. Each at the address and with the key of its "
        "provider's own variables. See `docs/models.md`.",
    )
    api_base: str | None = Field(
        None, description="Address of the model's server, when it is not the provider's own."
    )
    api_key: SecretStr | None = Field(
        None,
        description="Key for the model's server. Default, without `api_base`: the provider's own "
        "variable, e.g. `ANTHROPIC_API_KEY`, or the systemd credential of that name.",
    )
    request_timeout_s: float = Field(
        600.0, gt=0, description="Seconds until a model must have begun to answer."
    )
    stall_timeout_s: float = Field(
        120.0, gt=0, description="Seconds of silence after which a streaming answer is given up."
    )
    max_output_tokens: int | None = Field(
        None,
        ge=1,
        le=MOST_TOKENS,
        description="Longest answer of a model, in tokens. Default: 16384, less where it cannot "
        "give so many. Never more than a quarter of what it takes.",
    )
    context_windows: dict[str, Annotated[int, Field(ge=LEAST_WINDOW, le=MOST_TOKENS)]] = Field(
        {},
        description='Tokens that models take, as patterns: `{"ollama/*" = 32768}`. For those that '
        "neither their server nor LiteLLM's list knows; where one of them does, a smaller number "
        "here wins. Default for the rest: 8192. See `docs/models.md`.",
    )
    reasoning_effort: Effort | None = Field(
        None,
        description="How hard models are asked to think: `none`, `minimal`, `low`, `medium`, "
        "`high`, `xhigh` or `max`; a model that has no such level gets its nearest. Default: as "
        "each does by itself.",
    )
    weights_device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="Where a model `transformers/…` runs: `cpu`, `cuda`, `cuda:1`, `mps`. `auto`: "
        "the GPU with the most free memory, else the processor.",
    )
    weights_dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Its number format. `auto`: `bfloat16` on a GPU that has it, else `float16`; "
        "`float32` on a processor.",
    )
    weights_4bit: bool = Field(
        False, description="Whether its weights are made 4 bit (bitsandbytes; CUDA only)."
    )
    weights_idle_s: float = Field(
        600.0, gt=0, description="Seconds without a request after which it leaves the memory."
    )
    state_dir: Path = Field(
        default_factory=default_state_dir,
        description="Database, workspaces, traces. Created with mode 0700. "
        "Default: `$STATE_DIRECTORY`, or `ml-intern` in `$XDG_STATE_HOME` or `~/.local/state`.",
    )
    database: SecretStr | None = Field(
        None,
        description="`postgresql://USER@HOST/NAME`: a PostgreSQL database, which the daemons of "
        "several machines may share. Default: a SQLite file in `state_dir`.",
    )
    sessions_dir: Path | None = Field(
        None,
        description="Workspaces and training jobs of all sessions. Daemons that share `database` "
        "and this folder finish each other's sessions. Default: `sessions` in `state_dir`.",
    )
    publish_dir: Path | None = Field(
        None,
        description="Where `publish` puts repositories. Default: `published` in `state_dir`.",
    )
    author: str = Field(
        "local",
        description="The name before the slash in repository ids: on the Hub yours, or that of an "
        "organisation of yours. `local` publishes into a folder only.",
    )
    socket: Path | None = Field(
        None,
        description="The daemon's Unix socket. Default: `daemon.sock` in `state_dir`.",
    )
    drain_s: float = Field(
        60.0, ge=0, description="Seconds that running steps get when the daemon is told to stop."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="How `serve` logs: `auto` is JSON under systemd, text in a terminal."
    )
    workers: int = Field(4, ge=1, le=256, description="Threads that run turns.")
    max_iterations: int = Field(
        300,
        ge=1,
        description="Model calls without a word from a person, before the session asks whether to "
        "go on. It gives itself a third more as long as the work makes progress.",
    )
    iteration_ceiling: int = Field(
        3000, ge=1, description="Model calls without a word from a person, at which a turn stops."
    )
    max_turn_s: float = Field(
        43_200, gt=0, description="Seconds one turn may compute before it stops."
    )
    session_cap_usd: float | None = Field(
        10.0, ge=0, le=MOST_USD, description="What one session may spend. `run --max-cost` for one."
    )
    day_cap_usd: float | None = Field(
        30.0, ge=0, le=MOST_USD, description="What all sessions may spend in one day (UTC)."
    )
    daemon_cap_usd: float | None = Field(
        None, ge=0, le=MOST_USD, description="What all sessions of the database may spend, ever."
    )
    session_max_tokens: int | None = Field(
        None, ge=1, description="Tokens of one session, read and written."
    )
    session_max_s: float | None = Field(
        None, gt=0, description="Seconds one session may work, without waits for a person."
    )
    free_models: list[str] = Field(
        [],
        description="Models that cost nothing, as patterns: `vllm/*`. Beside these only "
        "`autopilot` and servers on this machine are free.",
    )
    model_prices: dict[str, ModelPrice] = Field(
        {},
        description="Prices of models by name, where LiteLLM's list has none or others; see "
        "`docs/budgets.md`.",
    )
    approval_timeout_s: float = Field(
        43_200,
        ge=0,
        description="Seconds until a call that nobody has decided about is denied, and a question "
        "that nobody has answered is given up. `0`: never.",
    )
    reminder_s: tuple[float, ...] = Field(
        (3600, 21_600),
        description="After how many seconds people are reminded of what waits for them, each time "
        "counted from the question. Ascending; `[]`: never.",
    )
    sandbox: Literal["auto", "bubblewrap", "process", "none"] = Field(
        "auto",
        description="How code is confined: bubblewrap where it is installed, else Landlock with "
        "rlimits. `none` lets code do whatever you may do.",
    )
    sandbox_network: bool = Field(
        False, description="Whether confined code may open TCP connections."
    )
    memory_limit_bytes: int | None = Field(
        None, gt=0, description="Address space of every process that confined code starts."
    )
    training_python: Path | None = Field(
        None,
        description="Interpreter of the environment that training runs in. "
        "Default: the one that runs ml-intern, which needs the `train` extra.",
    )
    job_timeout_s: float = Field(86_400, gt=0, description="Seconds a training job may run.")
    policy: tuple[PolicyRule, ...] = Field(
        (),
        description="Rules on what may run, what is asked and what is refused, as `[[policy]]` in "
        "`config.toml`: see [policy.md](policy.md). In the environment a JSON list.",
    )
    redact_patterns: Expressions = Field(
        (),
        description="Regular expressions of what else is kept out of traces, logs, Slack and "
        "errors: all that matches, or its group `(?P<secret>…)`. See `docs/redaction.md`.",
    )
    redact_allow: tuple[str, ...] = Field(
        (),
        description="Texts that look like secrets and are none. They are never replaced; the "
        "values of the secrets that ml-intern holds are, all the same.",
    )
    redact_home: bool = Field(
        False,
        description="Whether home folders and the name of the user are kept out as well: "
        "`/home/ada/x` becomes `~/x`.",
    )
    slack_bot_token: SecretStr | None = Field(
        None,
        description="`xoxb-…`, with which sessions are told in Slack. Default: the variable or "
        "systemd credential `SLACK_BOT_TOKEN`. See `docs/slack.md`.",
    )
    slack_app_token: SecretStr | None = Field(
        None,
        description="`xapp-…`, with which we hear what people do in Slack. Default: the variable "
        "or systemd credential `SLACK_APP_TOKEN`.",
    )
    slack_channel: str | None = Field(
        None,
        description="Id or `#name` of the channel in which sessions that were not started in Slack "
        "are told. Default: those are not told.",
    )
    slack_may_start: Listed = Field(
        (),
        description="Who may start, steer and stop sessions from Slack: ids of users (`U…`), teams "
        "(`T…`) and user groups (`S…`), with commas between. Default: nobody.",
    )
    slack_may_decide: Listed = Field(
        (),
        description="Who may approve, deny and edit, and extend budgets, from Slack: ids as above. "
        "Default: nobody.",
    )
    slack_folder: Path | None = Field(
        None,
        description="Folder in which relative paths of tasks from Slack begin, and which they may "
        "read. Default: an empty one.",
    )
    slack_api_url: str | None = Field(
        None, description="Address of Slack's Web API. Default: `https://slack.com/api/`."
    )
    notify_channels: dict[str, str] = Field(
        {},
        description="Channels that the model may send notices to: a name that it reads, and the "
        'id or `#name` of the channel, e.g. `{team = "C0123456789"}`. Default: only the thread.',
    )
    notify_per_hour: int = Field(
        10, ge=0, description="Notices that the model may send in an hour, in one session."
    )

    hf_token: SecretStr | None = Field(
        None,
        description="Token of the Hugging Face Hub. Default: the variable or systemd credential "
        "`HF_TOKEN`, or what `hf auth login` has stored.",
    )
    hf_endpoint: Address | None = Field(
        None,
        description="Address of the Hub. Default: `$HF_ENDPOINT`, or `https://huggingface.co`.",
    )
    web_contact: str = Field(
        "",
        description="How services outside (arXiv, Semantic Scholar, GitHub, …) can reach whoever "
        "runs this, e.g. a mail address; stands in the `User-Agent` of every request.",
    )
    arxiv_url: Address = Field(
        "https://export.arxiv.org", description="Address of arXiv's interface."
    )
    arxiv_site_url: Address = Field(
        "https://arxiv.org", description="Where arXiv has papers as HTML, LaTeX and PDF."
    )
    ar5iv_url: Address = Field(
        "https://ar5iv.labs.arxiv.org",
        description="Where papers of arXiv are as HTML that arXiv itself has not as HTML.",
    )
    semantic_scholar_url: Address = Field(
        "https://api.semanticscholar.org", description="Address of Semantic Scholar's interface."
    )
    semantic_scholar_api_key: SecretStr | None = Field(
        None, description="Its key. Default: the variable or credential `S2_API_KEY`."
    )
    datasets_server_url: Address = Field(
        "https://datasets-server.huggingface.co", description="Address of the dataset viewer."
    )
    github_url: Address = Field(
        "https://api.github.com", description="Address of GitHub's interface."
    )
    github_token: SecretStr | None = Field(
        None,
        description="Token of GitHub. Default: the variable or credential `GITHUB_TOKEN`. Without "
        "one, GitHub answers 60 requests an hour.",
    )
    traces_upload: bool = Field(
        True,
        description="Whether the daemon sends traces to a private dataset on the Hub, once it has "
        "a token: see [traces.md](traces.md).",
    )
    traces_repo: str = Field(
        "{user}/ml-intern-sessions",
        description="That dataset; `{user}` is whose token it is.",
    )

    traces_fetch_bytes: int = Field(
        256 << 20,
        gt=0,
        description="The largest trace that `traces` commands fetch from the Hub, with its later "
        "parts.",
    )

    @field_validator("traces_repo")
    @classmethod
    def _repository(cls, given: str) -> str:
        if not _REPOSITORY.fullmatch(given):
            raise ValueError("give OWNER/NAME, with {user} for the owner of the token")
        return given

    @field_validator("fallback_models", "slack_may_start", "slack_may_decide", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        """A variable holds several with commas between, or as a list in JSON."""
        if not isinstance(given, str):
            return given
        if given.lstrip().startswith("["):
            return _json_list(given)
        if ";" in given:
            raise ValueError("write commas between them: first, second")
        return tuple(one for one in re.split(r"[\s,]+", given.strip()) if one)

    @field_validator("fallback_models")
    @classmethod
    def _can_replace(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.strip() for name in given)
        if "" in names:
            raise ValueError("one of the names is empty")
        for number, name in enumerate(names):
            if _NO_FALLBACK.match(name):
                raise ValueError(
                    f"{name} cannot go on with what another model began; leave it out, or make it "
                    "`model`"
                )
            if name in names[:number]:
                raise ValueError(f"{name} stands there twice")
        return names

    @field_validator("slack_may_start", "slack_may_decide")
    @classmethod
    def _ids(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        """Names can be taken by others; ids cannot."""
        for one in given:
            if not _SLACK_ID.fullmatch(one):
                raise ValueError(
                    f"{one!r} is no id of Slack; they begin with U, W, T, E or S and stand in "
                    "people's profiles"
                )
        return given

    @field_validator(
        "state_dir", "sessions_dir", "publish_dir", "socket", "training_python", "slack_folder"
    )
    @classmethod
    def _whole(cls, path: Path | None) -> Path | None:
        """`~` is the home folder, and what is relative begins where the process was started."""
        try:
            return None if path is None else path.expanduser().absolute()
        except RuntimeError:
            raise ValueError(f"{path} names the home of a user that is not here") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the command line says, the environment, `.env`, `LLM_ENDPOINT`, the TOML file."""
        endpoint = os.environ.get("LLM_ENDPOINT")
        field_name = InitSettingsSource(settings_cls, {"model": endpoint} if endpoint else {})
        toml = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, dotenv_settings, field_name, toml

    @field_validator("reminder_s")
    @classmethod
    def _ascending(cls, after_s: tuple[float, ...]) -> tuple[float, ...]:
        if list(after_s) != sorted(after_s) or any(each <= 0 for each in after_s):
            raise ValueError("give positive numbers in ascending order")
        return after_s

    @property
    def sessions_path(self) -> Path:
        """The folder that holds a folder for each session."""
        return self.sessions_dir or self.state_dir / "sessions"

    @property
    def socket_path(self) -> Path:
        """Where the daemon listens."""
        return self.socket or self.state_dir / "daemon.sock"


def load(**given: Any) -> Settings:
    """The settings of this process; `given` are those of the caller, None meaning "not said".

    Raises ConfigError for a wrong value, an unknown name, or a file that is not TOML.
    """
    _refuse_unknown_names(_written(given))
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as exc:
        raise ConfigError(_explain(exc, _written(given))) from exc
    except SettingsError as exc:
        raise ConfigError(_explain_text(exc)) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{config_file()} is not TOML: {exc}.") from exc
    rules = enumerate(settings.policy)
    written = _writing_of("policy", _written(given))
    placed = tuple(rule.at(_place_of_rule(number, written)) for number, rule in rules)
    return settings.model_copy(update={"policy": placed})


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A setting that somebody wrote down."""

    name: str
    place: str
    """For people: in which file and line, or as which variable."""
    rules: Sequence[RulePlace] = ()
    """Where each one stands, of rules of the policy in a file."""
    lines: Sequence[int] = ()
    """Of its items, for a list of texts in a file."""


def _written(given: Iterable[str]) -> list[_Written]:
    """All that were, in the order in which they count."""
    return [
        *(_Written(name=name, place=f"`{name}`") for name in given),
        *(_variable(name, name) for name in os.environ if name.startswith(ENV_PREFIX)),
        *_in_dotenv(),
        *_in_toml(),
    ]


def _variable(variable: str, place: str) -> _Written:
    return _Written(name=variable.removeprefix(ENV_PREFIX).lower(), place=place)


def _in_dotenv() -> list[_Written]:
    path = Path(".env")
    text = _text(path, "is not text in UTF-8") if path.is_file() else ""
    return [
        _variable(found["name"], f"{found['name']} in {path.absolute()}, line {number}")
        for number, line in enumerate(text.splitlines(), 1)
        if (found := _DOTENV_LINE.match(line))
    ]


def _in_toml() -> list[_Written]:
    path = config_file()
    text = _text(path, "is not TOML") if path.is_file() else ""
    try:
        names = list(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        hint = _BRACKETS if _ONE_BRACKET.search(text) else ""
        raise ConfigError(f"{path} is not TOML: {exc}.{hint}") from exc
    lines = text.splitlines()
    return [
        _Written(
            name=name,
            place=f"`{name}` in {path}{_line(lines, name)}",
            rules=places_in(path, text) if name == "policy" else (),
            lines=_lines_of_texts(text, name) if name == "redact_patterns" else (),
        )
        for name in names
    ]


def _line(lines: list[str], name: str) -> str:
    """Where a name of the top level stands; nothing for one that is written in an unusual way."""
    begins = re.compile(rf"\s*\[*\s*[\"']?{re.escape(name)}[\"']?\s*[=.\]]")
    return next((f", line {n}" for n, line in enumerate(lines, 1) if begins.match(line)), "")


_TOML_PIECE = re.compile(
    r"""
      \#[^\n]* | \]
    | (?P<text> \'{3}.*?\'{3} | "{3}.*?"{3} | '[^'\n]*' | "(?:\\.|[^"\\\n])*" )
    """,
    re.VERBOSE | re.DOTALL,
)


def _lines_of_texts(toml: str, name: str) -> list[int]:
    """The line of each text in a list that is a setting."""
    begins = re.search(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*=[ \t]*\[", toml, re.MULTILINE)
    found: list[int] = []
    for piece in _TOML_PIECE.finditer(toml, begins.end()) if begins else ():
        if piece.group() == "]":
            break
        if piece["text"]:
            found.append(toml.count("\n", 0, piece.start()) + 1)
    return found


def _text(path: Path, trouble: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path} {trouble}: {exc}.") from exc


def _explain_text(exc: SettingsError) -> str:
    """Of a variable that holds no JSON where it must."""
    found = re.search(r'field "(\w+)"', str(exc))
    if found is None:
        return f"{exc}: {exc.__cause__}."
    variable = f"{ENV_PREFIX}{found[1].upper()}"
    shown = EXAMPLES.get(found[1], '["first", "second"]')
    return (
        f"{variable} is no JSON ({exc.__cause__}). A {_kind(shown)} is written as JSON there, e.g. "
        f"{variable}='{shown}'."
    )


def _kind(example: str) -> str:
    return "table" if example.startswith("{") else "list"


def _json_list(given: str) -> tuple[str, ...]:
    try:
        found = json.loads(given)
    except ValueError as exc:
        raise ValueError(
            f'it is no list in JSON ({exc}); write first, second or ["first", "second"]'
        ) from exc
    if not all(isinstance(one, str) for one in found):
        raise ValueError('it must be a list of texts, e.g. ["first", "second"]')
    return tuple(found)


EXAMPLES = {
    "context_windows": '{"ollama/*": 32768}',
    "model_prices": '{"vllm/mine": {"input_usd_per_million": 0.2, "output_usd_per_million": 0.6}}',
    "notify_channels": '{"team": "C0123456789"}',
    "redact_patterns": r'["PROJ-\\d{4}", "badge (?P<secret>\\d+)"]',
    "policy": '[{"verdict": "ask", "tool": "bash"}]',
}
"""Of variables that hold lists and tables in JSON."""


def _explain(exc: ValidationError, written: list[_Written]) -> str:
    # What fits none of several types is an error for each of them.
    return "\n".join(dict.fromkeys(_one_problem(error, written) for error in exc.errors()))


def _one_problem(error: ErrorDetails, written: list[_Written]) -> str:
    match error["loc"]:
        case ("policy", int() as number, *key):
            place = _place_of_rule(number, _writing_of("policy", written))
            return problem(error, place, tuple(str(part) for part in key[:2]))
        case ("redact_patterns", int() as number, *_):
            return _bad_pattern(error, number, _writing_of("redact_patterns", written))
        case _:
            pass
    name = str(error["loc"][0])
    if name == "policy" and isinstance(error["input"], dict):
        return (
            "The policy is a list of rules, but stands as one table in "
            f"{_writing_of(name, written).place}. Write the head of "
            "each rule with two brackets: [[policy]]."
        )
    secret = "secret" in str(Settings.model_fields[name].annotation).lower()
    value = "(not shown)" if secret else repr(error["input"])
    given = "" if error["type"] == "missing" else f" = {value}"
    return (
        f"Setting {_key(error['loc'])}{given}: {_why(error, name)}. It comes from "
        f"{_writing_of(name, written).place}; "
        f"set it in {config_file()} or as {ENV_PREFIX}{name.upper()}."
    )


def _key(loc: tuple[int | str, ...]) -> str:
    """As TOML writes it: `context_windows."vllm/*"`; items of lists by their number, from 1."""
    name, *inner = loc
    shown = str(name)
    for part in inner:
        if isinstance(part, int):
            shown += f", item {part + 1}"
        else:
            shown += f".{part}" if _BARE_KEY.fullmatch(part) else f".{json.dumps(part)}"
    return shown


_BARE_KEY = re.compile(r"[\w-]+")
_MUST_BE = {
    "dict": "a table",
    "model": "a table",
    "tuple": "a list",
    "list": "a list",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "bool": "true or false",
}


def _why(error: ErrorDetails, name: str) -> str:
    """What is wrong with a value, in words of ours where the library's are about Python."""
    kind, _, what = error["type"].partition("_")
    if error["type"] == "missing":
        return "it is missing"
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    if kind in _MUST_BE and what in ("type", "parsing", "from_float"):
        example = EXAMPLES.get(name, "") if kind in ("dict", "model") else ""
        shown = f", in a variable as {example}" if example else ""
        return f"it must be {_MUST_BE[kind]}{shown}"
    words = error["msg"].removeprefix("Value error, ")
    return re.sub("^Input should", "it should", words)


def _bad_pattern(error: ErrorDetails, number: int, written: _Written) -> str:
    """Numbers begin with 0."""
    at = (
        f", line {written.lines[number]}" if number < len(written.lines) else f", item {number + 1}"
    )
    place = re.sub(r", line \d+$", "", written.place) + at
    why = error["msg"].removeprefix("Value error, ")
    return f"The pattern {error['input']!r} of redact_patterns cannot be used: {why} ({place})."


def _writing_of(name: str, written: list[_Written]) -> _Written:
    """The one that counts; an empty variable says nothing."""
    counting = (one for one in written if one.name == name and os.environ.get(one.place) != "")
    return next(counting, _Written(name=name, place=name))


def _place_of_rule(number: int, written: _Written) -> RulePlace:
    """Numbers begin with 0; tables in a list of one line have no lines of their own."""
    if number < len(written.rules):
        return written.rules[number]
    return numbered(written.place, number + 1)


def _refuse_unknown_names(written: list[_Written]) -> None:
    """A misspelt name would be ignored in silence otherwise."""
    for one in written:
        if one.name not in Settings.model_fields:
            raise ConfigError(f"There is no setting {one.place}.{_nearest(one.name)}")


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1)
    known = ", ".join(sorted(Settings.model_fields))
    return f" Did you mean {near[0]}?" if near else f" Known are: {known}."
