"""The invoker of HTTP endpoints: one attempt is one request with the whole journal and one response read to its end."""

from __future__ import annotations

import asyncio

from holdfast_endpoints import http_failures
from holdfast_endpoints.http_address import Address, BadAddress, address_of
from holdfast_endpoints.http_exchange import Exchange, ResponseTooLarge
from holdfast_endpoints.http_pool import HttpPool
from holdfast_engine.endpoints import failures
from holdfast_engine.endpoints.headers import attempt_headers
from holdfast_engine.endpoints.identity import RequestSigner, signed
from holdfast_engine.endpoints.reply import Reply
from holdfast_engine.ports import Answer, AttemptFailure, Clock
from holdfast_engine.registry import Deployment
from holdfast_protocol.attempt import AttemptRequest, Checkpoint
from holdfast_protocol.codes import RestateCode
from holdfast_protocol.errors import DecodeError, FrameTooLargeError
from holdfast_protocol.messages import encode

# Twice the largest message, so that an attempt can answer with one of those and more besides; what it holds in memory.
RESPONSE_BYTES_MAX = 64 * 1024 * 1024


class HttpInvoker:
    """Sends attempts to endpoints over HTTP, in any language's SDK, signed if there is somebody to sign them."""

    def __init__(self, pool: HttpPool, *, clock: Clock, signer: RequestSigner | None = None) -> None:
        self._pool = pool
        self._clock = clock
        self._signer = signer

    def takes_checkpoints(self, deployment: Deployment) -> bool:  # noqa: ARG002 - it is the same for all of them.
        """Return False: what an attempt did comes back with the response and not before."""
        return False

    async def invoke(
        self,
        deployment: Deployment,
        request: AttemptRequest,
        *,
        checkpoint: Checkpoint | None,  # noqa: ARG002 - see takes_checkpoints.
        timeout_ms: int,
    ) -> Answer:
        """Send the request, read the response as far as it goes, and return its whole frames."""
        try:
            address = address_of(deployment.endpoint, "invoke", request.service, request.handler)
            body = b"".join((encode(request.start), *request.entries))
        except BadAddress as error:
            return Answer(frames=(), failure=failures.not_sent(str(error)))
        except FrameTooLargeError as error:
            problem = f"the state of {request.service} does not fit into one message: {error}"
            return Answer(frames=(), failure=failures.not_sent(problem, code=413, rt_code=RestateCode.RT0003))
        reply = Reply()
        headers = attempt_headers(deployment.endpoint, request)
        headers |= signed(self._signer, f"/invoke/{request.service}/{request.handler}")
        failure = await self._attempt(address, headers, body, reply, timeout_ms)
        # Once the endpoint has said how the attempt ended, nothing that happens to the connection takes it back.
        return Answer(frames=reply.frames, failure=None if reply.is_ended else failure)

    async def _attempt(
        self, address: Address, headers: dict[str, str], body: bytes, reply: Reply, timeout_ms: int
    ) -> AttemptFailure | None:
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                async with self._pool.exchange(address, method="POST", headers=headers, content=body) as exchange:
                    return await self._read(exchange, address, headers["accept"], reply)
        except TimeoutError:
            return failures.timed_out(str(address), timeout_ms=timeout_ms)
        except DecodeError as error:
            return failures.garbage(str(address), error)
        except ResponseTooLarge:
            return failures.too_large(str(address), bytes_max=RESPONSE_BYTES_MAX)
        except Exception as error:  # noqa: BLE001 - the HTTP/2 library lets its own errors through; none is ours.
            return http_failures.network_failed(error, address)

    async def _read(self, exchange: Exchange, address: Address, wanted: str, reply: Reply) -> AttemptFailure | None:
        if exchange.status != 200:
            return await http_failures.refused(exchange, address, now_ms=self._clock.now_ms())
        if not http_failures.is_answer(exchange, wanted):
            return await http_failures.not_an_answer(exchange, address, wanted=wanted)
        async for chunk in exchange.chunks(bytes_max=RESPONSE_BYTES_MAX):
            reply.feed(chunk)
        problem = reply.problem_at_end()
        return failures.truncated(str(address), problem) if problem else None
