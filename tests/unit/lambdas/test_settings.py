"""Settings come from the environment, and a wrong one is named before anything is done with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast_aws.runtime.checked_settings import check, checked
from holdfast_aws.runtime.settings import REQUIRED, RuntimeSettings, plain, settings

NAMES = {f"HOLDFAST_{name.upper()}": f"its-{name}" for name in REQUIRED}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment with what every installation gives, and settings that nobody has read yet."""
    for name, value in NAMES.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def test_names_need_no_check(environment: pytest.MonkeyPatch) -> None:
    """Both ways of reading agree on an environment that only names things."""
    environment.setenv("HOLDFAST_VERSION", "7")
    environment.setenv("HOLDFAST_SOMETHING_ELSE", "of no interest")
    found = plain(NAMES | {"HOLDFAST_VERSION": "7", "PATH": "/bin"})
    assert found == checked() == settings()
    assert (settings().keys_table, settings().version, settings().lease_s) == ("its-keys_table", "7", 30)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("lease_s", "2.5", 2.5),
        ("visibility_s", "600", 600),
        ("tracing", "true", True),
        ("tracing", "false", False),
        ("ingress_door", "http-api", "http-api"),
        ("children_max", "0", 0),
    ],
)
def test_what_is_no_text_is_read_as_what_it_is(
    environment: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    """Numbers, flags and choices are read by pydantic-settings."""
    environment.setenv(f"HOLDFAST_{name.upper()}", text)
    assert plain(NAMES | {f"HOLDFAST_{name.upper()}": text}) is None
    assert getattr(settings(), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lease_s", "0"),
        ("lease_s", "soon"),
        ("visibility_s", "2"),
        ("visibility_s", "601"),
        ("visibility_s", "4.5"),
        ("registry_s", "-1"),
        ("children_max", "-1"),
        ("margin_s", "0"),
        ("tracing", "perhaps"),
        ("ingress_door", "back"),
    ],
)
def test_a_wrong_setting_is_named(environment: pytest.MonkeyPatch, name: str, text: str) -> None:
    """What cannot be is refused by name, from the environment as well as before it is deployed."""
    environment.setenv(f"HOLDFAST_{name.upper()}", text)
    with pytest.raises(ValueError, match=name):
        settings()
    environment.delenv(f"HOLDFAST_{name.upper()}")
    with pytest.raises(ValueError, match=name):
        checked(**{name: text})


def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch) -> None:
    """A function that was not told where its tables are says which one it misses."""
    environment.delenv("HOLDFAST_TIMERS_TABLE")
    with pytest.raises(ValueError, match="timers_table"):
        settings()


def test_every_setting_has_a_sensible_default() -> None:
    """The defaults are within the bounds that are set for everybody."""
    found = plain(NAMES)
    assert isinstance(found, RuntimeSettings)
    numbers = {name: str(getattr(found, name)) for name in ("lease_s", "visibility_s", "registry_s", "margin_s")}
    names = {name: f"its-{name}" for name in REQUIRED}
    assert checked(**names, **numbers) == found


def test_settings_are_checked_before_they_are_deployed() -> None:
    """An environment that is about to be deployed may hold other things, but no setting that is wrong or unknown."""
    check(NAMES | {"HOLDFAST_LEASE_S": "5", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    with pytest.raises(ValueError, match="there is no setting HOLDFAST_LEASES_S"):
        check(NAMES | {"HOLDFAST_LEASES_S": "5"})
    with pytest.raises(ValueError, match="lease_s"):
        check(NAMES | {"HOLDFAST_LEASE_S": "never"})
