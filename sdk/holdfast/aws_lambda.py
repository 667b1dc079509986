"""Handlers on AWS Lambda: services as the function that Lambda invokes."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from holdfast._endpoint import Endpoint
from holdfast._identity import IdentityVerifier
from holdfast._service import Definition

if TYPE_CHECKING:
    from holdfast._lambda_grants import Journals

__all__ = ["LambdaHandler", "handler"]

LambdaHandler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
"""What Lambda calls: with the event, and with the context that knows how much time is left."""


def handler(services: Iterable[Definition], identity_keys: Iterable[str] | None = None) -> LambdaHandler:
    """Return the Lambda function that serves these services.

    Invoked by Holdfast's dispatcher it makes each step durable by itself and goes on, so that many steps are one
    invocation. Invoked by a Restate server it behaves as Restate's own SDK does. All requests of a process share one
    event loop: clients that were made for it stay usable.

    An attempt ends early, and is continued in a new one at once, when the function's time is nearly up: when less than
    five seconds are left (of a function that may run for less than twenty, a quarter of its time), or less than the
    longest step of the attempt has taken. A single step must fit into the function's time-out.

    Args:
        services: What to serve.
        identity_keys: Public keys of trusted servers; requests of others are refused. Those who may invoke the function
            are chosen by its policy, so most do without.

    Raises:
        DefinitionError: two services share a name, or a key is malformed.

    Example:
        >>> import holdfast, holdfast.aws_lambda
        >>> greeter = holdfast.Service("Greeter")
        >>> @greeter.handler()
        ... async def greet(ctx: holdfast.Context, name: str) -> str:
        ...     return f"Hello {name}"
        >>> handler = holdfast.aws_lambda.handler([greeter])  # the function's handler is module.handler
    """
    # What attempts need is imported now: a function has a whole core while it starts, and a part of one afterwards.
    from holdfast._lambda_grants import Journals
    from holdfast._lambda_serving import LambdaServing

    loop = asyncio.new_event_loop()
    journals = Journals(os.environ)
    served = LambdaServing(Endpoint(services), IdentityVerifier(identity_keys or ()), journals)

    def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        return loop.run_until_complete(served.answer(event, context)).envelope()

    weakref.finalize(lambda_handler, _close, loop, journals)
    return lambda_handler


def _close(loop: asyncio.AbstractEventLoop, journals: Journals) -> None:
    journals.close()
    loop.close()
