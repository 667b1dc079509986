"""Names of services and handlers that the protocol allows or refuses."""

from __future__ import annotations

import pytest

from holdfast_protocol.names import handler_name_problem, service_name_problem


@pytest.mark.parametrize(
    "name", ["A", "greeter", "Greeter2", "_a", "_1", "my.pkg.Greeter", "a-b_c.d", "a" * 500, "OpenAPI"]
)
def test_service_names_that_pass(name: str) -> None:
    """Letters, digits, dot, underscore and hyphen make a service name."""
    assert service_name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "1a", "_", "__a", "-a", ".a", "a b", "a/b", "a\n", "ä", "a:b", "restate", "Restate", "RESTATEful", "openapi"],
)
def test_service_names_that_fail(name: str) -> None:
    """Anything else is refused in one sentence that shows the name, and so are reserved names."""
    problem = service_name_problem(name)
    assert problem is not None
    assert repr(name) in problem


@pytest.mark.parametrize("name", ["a", "run", "_a", "_1", "getUserById2", "restate", "openapi"])
def test_handler_names_that_pass(name: str) -> None:
    """Letters, digits and underscore make a handler name; none is reserved."""
    assert handler_name_problem(name) is None


@pytest.mark.parametrize("name", ["", "_", "1", "a-b", "a.b", "a b", "run\n", "naïve"])
def test_handler_names_that_fail(name: str) -> None:
    """Dots and hyphens, which service names may have, are refused in handler names."""
    problem = handler_name_problem(name)
    assert problem is not None
    assert repr(name) in problem


def test_a_name_of_megabytes_gives_a_short_sentence() -> None:
    """What is refused is shown, and never at length."""
    problem = service_name_problem("!" * 10_000_000)
    assert problem is not None
    assert len(problem) < 300
