"""Where settings come from, and what a wrong one says."""

from pathlib import Path

import pytest

from ml_intern import settings
from ml_intern.errors import ConfigError
from ml_intern.queue.rows import MOST_AMOUNT


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "ML_INTERN_STATE_DIR", "ML_INTERN_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def write_config(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config/ml-intern/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_state_lies_under_the_xdg_directory(tmp_path, monkeypatch):
    assert settings.load().state_dir == tmp_path / ".local/state/ml-intern"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "x"))
    assert settings.load().state_dir == tmp_path / "x/ml-intern"


def test_systemd_says_where_state_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/one:{tmp_path}/two")
    assert settings.load().state_dir == tmp_path / "one"


def test_the_command_line_wins_over_environment_over_dotenv_over_file(tmp_path, monkeypatch):
    write_config(tmp_path, "workers = 2\n")
    assert settings.load().workers == 2
    (tmp_path / ".env").write_text("ML_INTERN_WORKERS=3\n")
    assert settings.load().workers == 3
    monkeypatch.setenv("ML_INTERN_WORKERS", "5")
    assert settings.load().workers == 5
    assert settings.load(workers=7).workers == 7
    assert settings.load(workers=None).workers == 5


def test_a_misspelt_name_is_answered_with_the_nearest(tmp_path, monkeypatch):
    monkeypatch.setenv("ML_INTERN_WORKER", "5")
    with pytest.raises(ConfigError, match="Did you mean workers"):
        settings.load()


def test_a_misspelt_name_in_the_file_names_the_file(tmp_path):
    write_config(tmp_path, "modle = 'autopilot'\n")
    with pytest.raises(ConfigError, match=r"modle.*config\.toml.*Did you mean model"):
        settings.load()


def test_a_wrong_value_says_what_was_wrong_and_where_to_set_it(monkeypatch):
    monkeypatch.setenv("ML_INTERN_WORKERS", "many")
    with pytest.raises(ConfigError, match=r"workers = 'many'.*ML_INTERN_WORKERS"):
        settings.load()


@pytest.mark.parametrize("text", ["workers = \n", "\xff\xfe"])
def test_a_file_that_is_not_toml_is_named(tmp_path, text):
    write_config(tmp_path, "")
    (tmp_path / "config/ml-intern/config.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"config\.toml is not TOML"):
        settings.load()


@pytest.mark.parametrize("heads", [("[policy]", "[[policy]]"), ("[[policy]]", "[policy]")])
def test_a_rule_whose_head_has_one_bracket_beside_others_is_told_of_two(tmp_path, heads):
    rule = 'tool = "bash"\nverdict = "ask"\n'
    write_config(tmp_path, "".join(f"{head}\n{rule}" for head in heads))
    with pytest.raises(ConfigError, match=r"is not TOML.*two brackets: \[\[policy\]\]"):
        settings.load()


def test_a_wrong_name_or_value_in_a_file_is_found_by_its_line(tmp_path):
    write_config(tmp_path, "# mine\nmodel = 'autopilot'\nworkers = 'many'\n")
    with pytest.raises(ConfigError, match=r"workers = 'many'.*config\.toml, line 3"):
        settings.load()
    (tmp_path / "config/ml-intern/config.toml").write_text("\n\nwrokers = 2\n")
    with pytest.raises(ConfigError, match=r"config\.toml, line 3.*Did you mean workers"):
        settings.load()


@pytest.mark.parametrize(
    "wrong",
    [
        "input_usd_per_million = 1e308\noutput_usd_per_million = 1",
        "input_usd_per_million = 1\noutput_usd_per_million = nan",
        "input_usd_per_million = 1\noutput_usd_per_million = 1\nmax_output_tokens = 10000000000000",
    ],
)
def test_a_price_that_nothing_could_be_reserved_at_is_refused(tmp_path, wrong):
    write_config(tmp_path, f"[model_prices.m]\n{wrong}\n")
    with pytest.raises(ConfigError, match=r"model_prices.*config\.toml, line"):
        settings.load()


def test_at_the_highest_price_the_longest_answer_can_be_reserved():
    assert settings.MOST_USD * settings.MOST_TOKENS <= MOST_AMOUNT / 10


def test_a_pattern_that_cannot_be_used_is_found_by_its_line(tmp_path):
    write_config(tmp_path, "# mine\nredact_patterns = [\n  'a]b',  # not the end ]\n  '(',\n]\n")
    with pytest.raises(ConfigError, match=r"'\('.*no regular expression.*config\.toml, line 4\)"):
        settings.load()


def test_a_pattern_in_the_environment_is_found_by_its_number(monkeypatch):
    monkeypatch.setenv("ML_INTERN_REDACT_PATTERNS", '["a", "x*"]')
    with pytest.raises(ConfigError, match=r"ML_INTERN_REDACT_PATTERNS, item 2"):
        settings.load()


def test_a_misspelt_name_in_dotenv_is_not_ignored(tmp_path):
    (tmp_path / ".env").write_text("OTHER=1\nexport ML_INTERN_MODLE=autopilot\n")
    with pytest.raises(ConfigError, match=r"ML_INTERN_MODLE.*\.env, line 2.*Did you mean model"):
        settings.load()


def test_a_table_in_the_file_is_a_wrong_name(tmp_path):
    write_config(tmp_path, "[serve]\nworkers = 2\n")
    with pytest.raises(ConfigError, match=r"`serve` in .*config\.toml, line 1"):
        settings.load()


def test_a_secret_that_does_not_fit_is_not_shown(tmp_path):
    write_config(tmp_path, "api_key = 1234567890123\n")
    with pytest.raises(ConfigError) as told:
        settings.load()
    assert "1234567890123" not in str(told.value)
    assert "api_key" in str(told.value)


def test_a_path_may_begin_with_the_home_folder(tmp_path):
    write_config(tmp_path, "state_dir = '~/state'\nsocket = 'here/s'\n")
    found = settings.load()
    assert found.state_dir == tmp_path / "state"
    assert found.socket == tmp_path / "here/s"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("PROJ-1", r"ML_INTERN_REDACT_PATTERNS is no JSON .* written as JSON there, e\.g\. "),
        ('["a",', r"e\.g\. ML_INTERN_REDACT_PATTERNS='\[\"PROJ-"),
        ('"a"', "must be a list"),
    ],
)
def test_a_list_that_is_malformed_in_a_variable_says_how_one_is_written(
    monkeypatch: pytest.MonkeyPatch, written: str, words: str
) -> None:
    monkeypatch.setenv("ML_INTERN_REDACT_PATTERNS", written)
    with pytest.raises(ConfigError, match=words):
        settings.load()


def test_the_list_that_is_shown_as_an_example_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_INTERN_REDACT_PATTERNS", "no list")
    with pytest.raises(ConfigError) as refused:
        settings.load()
    example = str(refused.value).partition("='")[2].removesuffix("'.")
    monkeypatch.setenv("ML_INTERN_REDACT_PATTERNS", example)
    assert settings.load().redact_patterns == (r"PROJ-\d{4}", r"badge (?P<secret>\d+)")


@pytest.mark.parametrize("name", ["context_windows", "model_prices", "notify_channels"])
def test_a_table_in_the_form_of_the_file_says_how_one_is_written_in_a_variable(monkeypatch, name):
    variable = f"ML_INTERN_{name.upper()}"
    monkeypatch.setenv(variable, '{"vllm/*" = 32768}')
    with pytest.raises(ConfigError, match="A table is written as JSON there") as refused:
        settings.load()
    example = str(refused.value).partition("='")[2].removesuffix("'.")
    monkeypatch.setenv(variable, example)
    assert getattr(settings.load(), name)


@pytest.mark.parametrize(
    ("name", "written", "words"),
    [
        (
            "context_windows",
            '{"vllm/*": "x"}',
            """context_windows."vllm/*" = 'x': it must be a whole number.""",
        ),
        (
            "context_windows",
            '{"m": 3}',
            "context_windows.m = 3: it should be greater than or equal to 1024.",
        ),
        ("context_windows", "[1]", 'it must be a table, in a variable as {"ollama/*": 32768}.'),
        ("model_prices", '{"m": {"x": 1}}', "model_prices.m.input_usd_per_million: it is missing."),
        ("model_prices", '{"m": {"x": 1}}', "model_prices.m.x = 1: there is no such key."),
        ("reminder_s", '["a"]', "reminder_s, item 1 = 'a': it must be a number."),
    ],
)
def test_a_wrong_value_in_a_table_is_named_by_its_key(monkeypatch, name, written, words):
    monkeypatch.setenv(f"ML_INTERN_{name.upper()}", written)
    with pytest.raises(ConfigError) as refused:
        settings.load()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("vllm/a;vllm/b", "write commas between them"),
        ('["vllm/a",', "it is no list in JSON .* write first, second or"),
        ("[1]", "it must be a list of texts"),
    ],
)
def test_fallbacks_in_another_form_say_the_right_one(monkeypatch, written, words):
    monkeypatch.setenv("ML_INTERN_FALLBACK_MODELS", written)
    with pytest.raises(ConfigError, match=words):
        settings.load()


def test_fallbacks_stand_in_a_variable_as_json_as_well(monkeypatch):
    monkeypatch.setenv("ML_INTERN_FALLBACK_MODELS", '["gpt-5.5", "transformers//a, b"]')
    assert settings.load().fallback_models == ("gpt-5.5", "transformers//a, b")


def test_fallbacks_stand_in_a_variable_with_commas_between(monkeypatch):
    monkeypatch.setenv("ML_INTERN_FALLBACK_MODELS", "gpt-5.5, ollama/qwen2.5-coder:32b")
    assert settings.load().fallback_models == ("gpt-5.5", "ollama/qwen2.5-coder:32b")


def test_fallbacks_stand_in_the_file_as_a_list(tmp_path):
    write_config(tmp_path, "fallback_models = ['vllm/a', 'transformers//a folder, with commas']\n")
    found = settings.load().fallback_models
    assert found == ("vllm/a", "transformers//a folder, with commas")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('["vllm/a", "autopilot"]', "autopilot cannot go on with what another model began"),
        ('["replay//a.jsonl"]', "replay//a.jsonl cannot go on with what another model began"),
        ('["vllm/a", "gpt-5.5", " vllm/a"]', "vllm/a stands there twice"),
        ('["vllm/a", " "]', "one of the names is empty"),
        ("[1]", "it must be text"),
    ],
)
def test_a_fallback_that_can_be_none_is_an_error_of_the_setting(tmp_path, written, why):
    write_config(tmp_path, f"workers = 2\nfallback_models = {written}\n")
    with pytest.raises(ConfigError) as raised:
        settings.load()
    assert f": {why}" in str(raised.value)
    assert "config.toml, line 2;" in str(raised.value)


def test_a_model_whose_name_begins_like_the_autopilot_may_be_a_fallback():
    assert settings.load(fallback_models=("autopilot-8b",)).fallback_models == ("autopilot-8b",)
