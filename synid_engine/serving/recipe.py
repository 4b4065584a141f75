"""How characters are made where the usual budgets do not fit: a JSON file of the settings that differ.

For example `{"projector": {"training": {"steps": 30}}}`: settings have the names of `DistillConfig` and of
the stages' configurations in it, and what the file does not name stays as the base model usually has it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from synid_engine.errors import InvalidSettingError
from synid_engine.synid.pipeline import DistillConfig

_CONFIG = TypeAdapter(DistillConfig)


def read_recipe(file: Path, usual: DistillConfig) -> DistillConfig:
    """Read how characters are made.

    Args:
        file: JSON.
        usual: What the file does not name stays as it is here.

    Raises:
        InvalidSettingError: The file is not there or no JSON object, names an unknown setting, or a value is
            outside its range.
    """
    try:
        changes: object = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidSettingError(field="recipe", value=str(file), allowed="a JSON file") from error
    settings = _changed(asdict(usual), changes, field="recipe")
    try:
        return _CONFIG.validate_python(settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidSettingError(field=field, value=first["input"], allowed=first["msg"]) from error


def _changed(settings: Mapping[str, Any], changes: object, *, field: str) -> dict[str, Any]:
    """Return settings with some changed, groups within groups."""
    if not isinstance(changes, dict):
        raise InvalidSettingError(field=field, value=changes, allowed="a group of settings")
    named = cast("dict[str, object]", changes)
    unknown = sorted(set(named) - set(settings))
    if unknown:
        raise InvalidSettingError(field=field, value=unknown[0], allowed=", ".join(settings))
    found = dict(settings)
    for name, value in named.items():
        is_group = isinstance(settings[name], dict)
        found[name] = _changed(settings[name], value, field=f"{field}.{name}") if is_group else value
    return found
