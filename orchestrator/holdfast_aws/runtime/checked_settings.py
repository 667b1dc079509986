"""Settings read by pydantic-settings: what each may be, and a message that names every one that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, get_type_hints

from pydantic import Field, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from holdfast_aws.runtime.settings import PREFIX, RuntimeSettings

_BOUNDS: dict[str, Any] = {
    "lease_s": Field(gt=0),
    # SQS counts in seconds, and a beat is every third of it.
    "visibility_s": Field(ge=3, le=600),
    "registry_s": Field(ge=0),
    "children_max": Field(ge=0),
    # Pages are born with a time to live for a day, and the walk shall pass by twice behind that.
    "spare_days": Field(ge=5),
    "margin_s": Field(gt=0),
}


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")


def checked(**given: str) -> RuntimeSettings:
    """Return the settings of the environment, over which go those that are given by name.

    Raises:
        ValueError: A setting is missing or wrong; the message names each of them.
    """
    return RuntimeSettings(**_model()(**given).model_dump())


def check(environment: Mapping[str, str]) -> None:
    """See that functions with this environment will find their settings right; what is not ours is of no interest.

    Raises:
        ValueError: A setting is missing or wrong, or there is none of that name; the message names it.
    """
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    unknown = given.keys() - {each.name for each in fields(RuntimeSettings)}
    if unknown:
        names = ", ".join(sorted(PREFIX + name.upper() for name in unknown))
        raise ValueError(f"there is no setting {names}; those there are: {', '.join(_variables())}")
    checked(**given)


def _variables() -> list[str]:
    return [PREFIX + each.name.upper() for each in fields(RuntimeSettings)]


def _model() -> type[_Environment]:
    hints = get_type_hints(RuntimeSettings)
    members: dict[str, Any] = {}
    for each in fields(RuntimeSettings):
        kind = Annotated[hints[each.name], _BOUNDS[each.name]] if each.name in _BOUNDS else hints[each.name]
        members[each.name] = (kind, ... if each.default is MISSING else each.default)
    return create_model("EnvironmentSettings", __base__=_Environment, **members)
