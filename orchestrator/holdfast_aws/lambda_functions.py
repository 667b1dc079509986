"""Calling Lambda functions: by qualified ARN, in any region, with the process's own identity or an assumed role."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.credentials import DeferredRefreshableCredentials

from holdfast_aws.clients import THREADS_MAX, lambda_client, new_session
from holdfast_engine.registry import Endpoint

# What Lambda carries each way when it is waited for: 6 MB, and a little that it grants on top.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
_ANSWER_BYTES_MAX = PAYLOAD_BYTES_MAX + 1024

# A call that was given up still occupies a thread, until the function ends or the client's own time-out. There are more
# threads than calls that anybody waits for, so that a function that hangs does not keep others waiting.
_CALLS_MAX = THREADS_MAX
_THREADS_MAX = 8 * THREADS_MAX

_ARN = re.compile(r"arn:aws[a-z-]*:lambda:([a-z0-9-]+):\d{12}:function:[A-Za-z0-9_-]+:[A-Za-z0-9_$-]+")


class BadFunction(ValueError):
    """The address of an endpoint is no function's; the message is one sentence."""


class NotBegun(Exception):
    """A call waited for its turn all the time it had."""


class AnswerTooLong(Exception):
    """A function answered more than Lambda carries, which only a stand-in lets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """What a function answered; `has_failed`: it did not, and the payload says why."""

    payload: bytes
    has_failed: bool


class Functions:
    """Functions as endpoints. Calls block a thread each, in a pool of this object's own.

    `client` is that of the region where this process is; None where it is in none.
    """

    def __init__(self, client: Any | None, *, sts: Any, make_client: Callable[..., Any] = lambda_client) -> None:
        self._home = client
        self._sts = sts
        self._make_client = make_client
        self._client_by_region_and_role: dict[tuple[str, str | None], Any] = {}
        self._room = asyncio.Semaphore(_CALLS_MAX)
        self._threads = ThreadPoolExecutor(max_workers=_THREADS_MAX, thread_name_prefix="holdfast-lambda")

    async def invoke(self, endpoint: Endpoint, payload: bytes, *, timeout_s: float) -> Invoked:
        """Call a function and wait for its answer.

        Raises:
            BadFunction: The endpoint's address is no qualified ARN.
            NotBegun: The time was over before it was its turn.
            TimeoutError: The time was over; the function may go on.
            AnswerTooLong: The answer is beyond Lambda's own limit.
            Exception: One of `AWS_ERRORS`.
        """
        call = _Call(self._client(endpoint), endpoint.address, payload)
        try:
            async with asyncio.timeout(timeout_s), self._room:
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError:
            if call.is_begun:
                raise
        raise NotBegun(f"{endpoint.address} was not called: too many calls are under way")

    def close(self) -> None:
        """Begin nothing more; what is under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _client(self, endpoint: Endpoint) -> Any:
        region, role_arn = region_of(endpoint.address), endpoint.assume_role_arn
        if role_arn is None and self._home is not None and region == self._home.meta.region_name:
            return self._home
        client = self._client_by_region_and_role.get((region, role_arn))
        if client is None:
            # Made on the event loop's thread, one at a time: sessions are not made for several.
            session = new_session()
            if role_arn is not None:
                session.register_component("credential_provider", _AssumedRole(self._sts, role_arn))
            client = self._make_client(session, region_name=region)
            self._client_by_region_and_role[region, role_arn] = client
        return client


def region_of(address: str) -> str:
    """Return the region of a function.

    Raises:
        BadFunction: The address is not the ARN of a version or an alias.
    """
    parsed = _ARN.fullmatch(address)
    if parsed is None:
        raise BadFunction(
            f"{address!r} is not the qualified ARN of a function: it has to end in a version or an alias, as in"
            " arn:aws:lambda:eu-west-1:123456789012:function:greeter:3"
        )
    return parsed[1]


class _Call:
    """One call, and whether it has begun."""

    def __init__(self, client: Any, address: str, payload: bytes) -> None:
        self.is_begun = False
        self._client = client
        self._address = address
        self._payload = payload

    def __call__(self) -> Invoked:
        self.is_begun = True
        answer = self._client.invoke(
            FunctionName=self._address, InvocationType="RequestResponse", Payload=self._payload
        )
        payload = answer["Payload"].read(_ANSWER_BYTES_MAX + 1)
        if len(payload) > _ANSWER_BYTES_MAX:
            raise AnswerTooLong(f"more than {_ANSWER_BYTES_MAX} bytes")
        return Invoked(payload=payload, has_failed="FunctionError" in answer)


class _AssumedRole:
    """Where a session finds the credentials of a role; they are asked for when first needed, and again in time."""

    def __init__(self, sts: Any, role_arn: str) -> None:
        self._sts = sts
        self._role_arn = role_arn

    def load_credentials(self) -> DeferredRefreshableCredentials:
        """Return them, not yet asked for."""
        return DeferredRefreshableCredentials(refresh_using=self._assume, method="assume-role")

    def _assume(self) -> dict[str, str]:
        answer = self._sts.assume_role(RoleArn=self._role_arn, RoleSessionName=f"holdfast-{int(time.time())}")
        credentials = answer["Credentials"]
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }
