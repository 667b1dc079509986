"""The clients of AWS's services: made once per process, with time limits and retries that somebody chose."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

# Within a region a connection stands after a few milliseconds, and DynamoDB answers in tens: what takes seconds will
# not come. The longest of all is an attempt, which a Lambda function may run for 15 minutes.
_CONNECT_TIMEOUT_S = 2
_READ_TIMEOUT_S = 5
_INVOKE_TIMEOUT_S = 905

# Threads that call DynamoDB, and connections to it.
THREADS_MAX = 32


class _Later:
    """A client that is made when somebody first asks it for something, which with most events nobody does."""

    def __init__(self, make: Callable[[], Any], turn: Lock) -> None:
        self._make = make
        self._turn = turn
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now(), name)

    def now(self) -> Any:
        """Return the client."""
        if self._made is None:
            # Whoever needs it may be in any thread, and a session makes one client at a time.
            with self._turn:
                self._made = self._made or self._make()
        return self._made


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """One botocore client per service that an orchestrator's process uses.

    Making a client takes up to a tenth of a second of CPU and is not safe from several threads. What every event needs
    is made at the cold start, when Lambda lends a function a whole processor; the others make themselves when they are
    used. Endpoints and credentials come from where botocore looks for them: `AWS_ENDPOINT_URL` or
    `AWS_ENDPOINT_URL_DYNAMODB` point to a stand-in.
    """

    dynamodb: Any
    sqs: Any
    functions: Any
    s3: Any
    sts: Any
    secrets: Any


def make_clients(session: Any = None, *, calls_functions: bool = True) -> Clients:
    """Return the clients of this process; who calls functions with most events gets that client at once."""
    session = session or new_session()
    turn = Lock()
    functions = _Later(lambda: lambda_client(session), turn)
    return Clients(
        dynamodb=dynamodb_client(session),
        sqs=sqs_client(session),
        functions=functions.now() if calls_functions else functions,
        s3=_Later(lambda: s3_client(session), turn),
        sts=sts_client_when_needed(session, turn),
        secrets=_Later(lambda: session.create_client("secretsmanager", config=_config(retries=2)), turn),
    )


def new_session() -> Any:
    """Return a session that makes clients of the services known here without looking for all there are."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _Known())
    return session


class _Known(Loader):  # type: ignore[misc]  # botocore has no types
    """Where botocore finds what it knows of a service.

    To tell a service from a typing error, botocore lists the folders of all four hundred of them, twice: half the time
    that making the first client takes.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """Return the services that this package uses."""
        return ["dynamodb", "lambda", "s3", "secretsmanager", "sqs", "sts"]


def dynamodb_client(session: Any, **options: Any) -> Any:
    """Return a client that tries once: whether a write may be repeated blindly is the store's to know."""
    # The store's requests are made by pynamodb; checking them against the service's model takes half their CPU.
    config = _config(retries=0, pool=THREADS_MAX, parameter_validation=False)
    return session.create_client("dynamodb", config=config, **options)


def sqs_client(session: Any, **options: Any) -> Any:
    """Return a client whose messages start traces of their own; a message sent twice is harmless, so it retries."""
    return _with_fresh_traces(session.create_client("sqs", config=_config(retries=3, pool=10), **options))


def lambda_client(session: Any, **options: Any) -> Any:
    """Return a client that tries once: the retry policy of the invocation is what counts attempts."""
    config = _config(retries=0, pool=THREADS_MAX, read_timeout=_INVOKE_TIMEOUT_S)
    return _with_fresh_traces(session.create_client("lambda", config=config, **options))


def sts_client_when_needed(session: Any, turn: Lock) -> Any:
    """Return a client that makes itself when a role is first assumed; `turn` is that of all clients of the session."""
    return _Later(lambda: session.create_client("sts", config=_config(retries=2)), turn)


def s3_client(session: Any, **options: Any) -> Any:
    """Return a client that retries: blobs are named by their content."""
    return session.create_client("s3", config=_config(retries=3, pool=10, read_timeout=30), **options)


def _config(
    *, retries: int, pool: int = 10, read_timeout: int = _READ_TIMEOUT_S, parameter_validation: bool = True
) -> Config:
    return Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=read_timeout,
        max_pool_connections=pool,
        retries={"total_max_attempts": 1 + retries, "mode": "standard"},
        parameter_validation=parameter_validation,
        tcp_keepalive=True,
    )


def _with_fresh_traces(client: Any) -> Any:
    """Have every request of a client begin a trace.

    Lambda counts how often a chain of requests comes back to a function and stops it at about sixteen
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html). The count rides in the trace header, which
    botocore copies into every request of a function. An invocation that sleeps twenty times is no runaway loop, so each
    message and each attempt is the first of its chain. botocore leaves a header alone that is there already.
    """
    client.meta.events.register_first("before-call", _set_trace)
    return client


def _set_trace(params: Mapping[str, Any], **_: Any) -> None:
    params["headers"]["X-Amzn-Trace-Id"] = fresh_trace()


def fresh_trace() -> str:
    """Return a trace header that no request carried before; not sampled, for nobody asked for it."""
    return f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()};Sampled=0"
