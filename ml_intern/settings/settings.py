"""Every setting, with its meaning, in one class. `docs/settings.md` is generated from it."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ml_intern.effort import Effort
from ml_intern.rules import PolicyRule
from ml_intern.settings.kinds import (
    LEAST_WINDOW,
    MOST_TOKENS,
    MOST_USD,
    Address,
    Expressions,
    Listed,
    ModelPrice,
    json_list,
)
from ml_intern.settings.places import ENV_PREFIX, config_file, default_state_dir

_REPOSITORY = re.compile(r"(?:\{user\}|[\w.-])+/(?:\{user\}|[\w.-])+")
_NO_FALLBACK = re.compile(r"(autopilot|by-hand)$|replay/")
"""Models that do not go by the conversation, so they cannot go on with what another one began."""
_SLACK_ID = re.compile(r"[UWTES][A-Z0-9]{2,}")


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
            return json_list(given)
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
