"""The settings of Holdfast's functions: read once per process, from the environment that the CDK construct writes."""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RuntimeSettings(BaseSettings):
    """What a function is told; `HOLDFAST_JOURNAL_TABLE` sets `journal_table`, and so on.

    `lease_s`: how long the work of a process that died silently stays untouched.
    `visibility_s`: how long its messages do; beaten on while it lives, every third of it.
    `registry_s`: how old a look at the registry may be.
    `children_max`: how many invocations that it creates a dispatcher runs by itself at a time; an ingress runs none.
    `margin_s`: what is kept free of a function's time, for what has to be stored when it is over.
    """

    model_config = SettingsConfigDict(env_prefix="HOLDFAST_", frozen=True, extra="ignore")

    journal_table: str
    keys_table: str
    timers_table: str
    registry_table: str
    blobs_bucket: str
    wakeups_queue_url: str
    sends_dead_queue_url: str
    version: str = "0"
    ingress_url: str = ""
    ingress_door: Literal["function-url", "http-api"] = "function-url"
    tracing: bool = False
    lease_s: float = Field(default=30, gt=0)
    visibility_s: int = Field(default=45, ge=3, le=600)
    registry_s: float = Field(default=5, ge=0)
    children_max: int = Field(default=10, ge=0)
    margin_s: float = Field(default=10, gt=0)


@cache
def settings() -> RuntimeSettings:
    """Return the settings of this process."""
    return RuntimeSettings()  # type: ignore[call-arg]  # what is not given here is read from the environment
