"""The invoker of Lambda functions: one attempt is one invocation, waited for.

A function whose SDK can append to its own journal is sent the leave to do so as headers, and its answer says how far it
got; any other SDK ignores what it does not know, so it is not sent any.
"""

from __future__ import annotations

from dataclasses import replace

from holdfast_aws.compression import TooLong, Undecodable, decompressed, has_zstd
from holdfast_aws.errors import AWS_ERRORS
from holdfast_aws.lambda_failures import answer_too_large, call_failed, function_failed
from holdfast_aws.lambda_functions import AnswerTooLong, BadFunction, Functions, NotBegun
from holdfast_aws.lambda_request import RequestTooLarge, attempt_path, attempt_payload
from holdfast_aws.lifetimes import USUAL_LIFETIMES, Lifetimes
from holdfast_engine import records
from holdfast_engine.endpoints import failures
from holdfast_engine.endpoints.headers import attempt_headers
from holdfast_engine.endpoints.identity import RequestSigner, signed
from holdfast_engine.endpoints.reply import Reply
from holdfast_engine.ports import Answer, AttemptFailure, Clock, Grant, GrantedCheckpoint
from holdfast_engine.registry import Deployment
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.codes import RestateCode
from holdfast_protocol.envelope import LambdaResponse, parse_response
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.grants import JournalGrant, PageLife, Slot, grant_headers, reached_from_headers, takes_grants

# What an answer may grow to when it is decompressed; what it holds in memory. As much as over HTTP.
RESPONSE_BYTES_MAX = 64 * 1024 * 1024

# Beyond its abort timeout an attempt is waited for no longer than a function can run.
_TIMEOUT_MS_MAX = 15 * 60 * 1000


class LambdaInvoker:
    """Sends attempts to functions, in any language's SDK, signed if there is somebody to sign them."""

    def __init__(
        self,
        functions: Functions,
        *,
        journal_table: str,
        clock: Clock,
        signer: RequestSigner | None = None,
        lifetimes: Lifetimes = USUAL_LIFETIMES,
    ) -> None:
        self._functions = functions
        self._signer = signer
        self._journal_table = journal_table
        self._lifetimes = lifetimes
        self._clock = clock

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        """Return whether the deployment's SDK appends to its journal by itself."""
        return takes_grants(deployment.sdk_version)

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        """Invoke the function and return what it answered, as far as it is whole frames."""
        where = deployment.endpoint.address
        takes_zstd = deployment.manifest.lambda_compression == "zstd" and has_zstd()
        headers = attempt_headers(deployment.endpoint, request)
        headers |= signed(self._signer, attempt_path(request))
        if takes_zstd:
            headers["accept-encoding"] = "zstd"
        if checkpoint is not None:
            headers |= grant_headers(self._granted(checkpoint.grant))
        timeout_ms = min(timeout_ms, _TIMEOUT_MS_MAX)
        try:
            payload = attempt_payload(request, headers, takes_zstd=takes_zstd)
            invoked = await self._functions.invoke(deployment.endpoint, payload, timeout_s=timeout_ms / 1000)
        except RequestTooLarge as error:
            return _failed(failures.never_fits(str(error)))
        except BadFunction as error:
            return _unsent(str(error))
        except NotBegun as error:
            return _unsent(str(error), code=503)
        except TimeoutError:
            answer = _failed(failures.timed_out(where, timeout_ms=timeout_ms))
        except AnswerTooLong as error:
            answer = _failed(answer_too_large(where, str(error)))
        except AWS_ERRORS as error:
            failure = call_failed(where, error)
            # What has not run has not appended either.
            return replace(_failed(failure), is_direct=checkpoint is not None and failure.is_counted)
        else:
            if invoked.has_failed:
                answer = _failed(function_failed(where, invoked.payload))
            else:
                answer = self._answer(invoked.payload, where, wanted=headers["accept"], takes_zstd=takes_zstd)
        return replace(answer, is_direct=checkpoint is not None)

    def _granted(self, grant: Grant) -> JournalGrant:
        slot = grant.slot
        life = self._lifetimes.of(
            created_ms=grant.created_ms, retention_ms=grant.retention_ms, first_epoch=grant.first_epoch
        )
        # An attempt that goes on while its invocation grows old ends before the first lift of what it has marked.
        is_young = self._lifetimes.is_young(life, self._clock.now_ms())
        return JournalGrant(
            table=self._journal_table,
            epoch=grant.epoch,
            slot=Slot(page=slot.page, count=slot.count, base=slot.base, frames_bytes=slot.frames_bytes),
            durable=grant.durable,
            taken=grant.taken,
            life=PageLife(expires_s=life.expires_s, is_marked=is_young, first_epoch=life.first_epoch),
        )

    def _answer(self, payload: bytes, where: str, *, wanted: str, takes_zstd: bool) -> Answer:
        try:
            response = parse_response(payload)
            if response.status != 200:
                return _failed(self._refused(response, where))
            if (problem := _strangeness(response, wanted, takes_zstd=takes_zstd)) is not None:
                return _failed(failures.not_an_answer(where, problem, wanted=wanted, body=response.body))
            body = response.body
            if response.content_encoding is not None:
                body = decompressed(body, bytes_max=RESPONSE_BYTES_MAX)
            reached = reached_from_headers(response.headers)
        except (DecodeError, Undecodable) as error:
            return _failed(failures.garbage(where, error))
        except TooLong:
            return _failed(failures.too_large(where, bytes_max=RESPONSE_BYTES_MAX))
        answer = _read(body, where)
        if reached is None:
            return answer
        slot = reached.slot
        place = records.Slot(page=slot.page, count=slot.count, base=slot.base, frames_bytes=slot.frames_bytes)
        return replace(answer, slot=place, is_certain=reached.is_certain)

    def _refused(self, response: LambdaResponse, where: str) -> AttemptFailure:
        retry_after = response.headers.get("retry-after")
        return failures.refused(
            where, response.status, retry_after=retry_after, body=response.body, now_ms=self._clock.now_ms()
        )


def _read(body: bytes, where: str) -> Answer:
    reply = Reply()
    try:
        reply.feed(body)
        problem = reply.problem_at_end()
    except DecodeError as error:
        return Answer(frames=reply.frames, failure=failures.garbage(where, error))
    return Answer(frames=reply.frames, failure=failures.truncated(where, problem) if problem else None)


def _strangeness(response: LambdaResponse, wanted: str, *, takes_zstd: bool) -> str | None:
    """Return what is strange about a body whose reader would not understand it; None when there is nothing."""
    content_type = response.headers.get("content-type")
    if (content_type or "").partition(";")[0].strip().lower() != wanted:
        return f"content type {content_type!r}"
    encoding = response.content_encoding
    if encoding is not None and not (takes_zstd and encoding == "zstd"):
        return f"content encoding {encoding!r}, which nobody asked for"
    return None


def _failed(failure: AttemptFailure) -> Answer:
    return Answer(frames=(), failure=failure)


def _unsent(problem: str, *, code: int = 500, rt_code: str = RestateCode.RT0010) -> Answer:
    return _failed(failures.not_sent(problem, code=code, rt_code=rt_code))
