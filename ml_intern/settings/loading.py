"""The settings of this process, or a sentence about what is wrong with them."""

import difflib
import tomllib
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from ml_intern.errors import ConfigError
from ml_intern.settings.explaining import explained, explained_text
from ml_intern.settings.places import config_file
from ml_intern.settings.settings import Settings
from ml_intern.settings.written import Written, all_written, place_of_rule, writing_of


def load(**given: Any) -> Settings:
    """The settings of this process; `given` are those of the caller, None meaning "not said".

    Raises ConfigError for a wrong value, an unknown name, or a file that is not TOML.
    """
    _refuse_unknown_names(all_written(given))
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as exc:
        raise ConfigError(explained(exc, all_written(given))) from exc
    except SettingsError as exc:
        raise ConfigError(explained_text(exc)) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{config_file()} is not TOML: {exc}.") from exc
    policy = writing_of("policy", all_written(given))
    rules = enumerate(settings.policy)
    placed = tuple(rule.at(place_of_rule(number, policy)) for number, rule in rules)
    return settings.model_copy(update={"policy": placed})


def _refuse_unknown_names(written: list[Written]) -> None:
    """A misspelt name would be ignored in silence otherwise."""
    for one in written:
        if one.name not in Settings.model_fields:
            raise ConfigError(f"There is no setting {one.place}.{_nearest(one.name)}")


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1)
    known = ", ".join(sorted(Settings.model_fields))
    return f" Did you mean {near[0]}?" if near else f" Known are: {known}."
