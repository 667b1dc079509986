"""Nobody in a network operates a server that was started without a token."""

from __future__ import annotations

import pytest

from holdfast_cli.dev.gate import gate_of
from holdfast_cli.problems import UsageProblem

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.7"])
def test_an_address_that_others_reach(host: str) -> None:
    """A server that others reach is not started without a token, and one sentence says what to do."""
    with pytest.raises(UsageProblem, match="HOLDFAST_TOKEN") as problem:
        gate_of(host, None)
    assert problem.value.exit_code == 2
    gate_of(host, TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_an_address_of_this_machine(host: str) -> None:
    """On this machine alone no token is needed, and one may be asked for."""
    gate_of(host, None)
    gate_of(host, TOKEN)


def test_a_token_that_is_none() -> None:
    """A token that can be guessed is refused without showing it."""
    with pytest.raises(UsageProblem, match="16 or more") as problem:
        gate_of("127.0.0.1", "hunter2")
    assert "hunter2" not in str(problem.value)
