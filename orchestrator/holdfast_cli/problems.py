"""Problems that a person at the prompt can mend: one clear sentence on stderr, and the exit code that says so."""

from __future__ import annotations

import click

from holdfast_cli.printing import harmless


class UsageProblem(click.ClickException):
    """Something was asked for that cannot be done as asked."""

    exit_code = 2


class RequestFailed(click.ClickException):
    """A server refused a request, or could not be reached."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        # The words of handlers and of others are in there.
        super().__init__(harmless(message))


class ServerUnreachable(RequestFailed):
    """Nobody answered; whether the request arrived is unknown."""


class ServerStopped(click.ClickException):
    """The server could not go on."""

    exit_code = 1
