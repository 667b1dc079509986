"""What went wrong with an attempt on Lambda: the function failed, or Lambda did not call it."""

from __future__ import annotations

import json

from holdfast_aws.errors import Trouble, code_of, said, status_of, trouble_of, wait_of
from holdfast_aws.lambda_functions import PAYLOAD_BYTES_MAX
from holdfast_engine.endpoints.failures import never_fits
from holdfast_engine.ports import AttemptFailure
from holdfast_protocol.codes import FailureCode, RestateCode

# The engine keeps less; what is beyond is not worth carrying there.
_TEXT_CHARACTERS_MAX = 8 * 1024

# A function that fails so has not come to any handler: its code could not be loaded.
_UNLOADED = (
    "Runtime.ImportModuleError",
    "Runtime.HandlerNotFound",
    "Runtime.MalformedHandlerName",
    "Runtime.UserCodeSyntaxError",
    "Runtime.InvalidEntrypoint",
    "Extension.",
)
_ANSWER_TOO_LARGE = "Function.ResponseSizeTooLarge"

# Lambda's own names for what a deployment can do something about.
_ADVICE_BY_CODE = {
    "ResourceNotFoundException": "there is no such function or version any more",
    "AccessDeniedException": "this orchestrator may not invoke it: grant its role lambda:InvokeFunction",
    # STS says it so, Lambda the other way.
    "AccessDenied": "this orchestrator may not assume the deployment's role: the role has to trust it",
    "RecursiveInvocationException": "Lambda takes the chain of calls for a runaway loop: set RecursiveLoop to Allow",
}
_TOO_LARGE_CODE = "RequestTooLargeException"


def function_failed(where: str, payload: bytes) -> AttemptFailure:
    """Return the failure of a function that raised, ran out of time or memory, or could not be started."""
    kind, message, stacktrace = _report(payload)
    if kind == _ANSWER_TOO_LARGE:
        return answer_too_large(where, message)
    return AttemptFailure(
        code=FailureCode.INTERNAL,
        message=f"{where} failed: {': '.join(filter(None, (kind, message))) or 'it said nothing'}",
        rt_code=RestateCode.RT0010,
        stacktrace=stacktrace,
        is_counted=not kind.startswith(_UNLOADED),
    )


def answer_too_large(where: str, message: str) -> AttemptFailure:
    """Return the failure of an answer that Lambda does not carry."""
    return AttemptFailure(
        code=413,
        message=(
            f"{where} answered more than the {PAYLOAD_BYTES_MAX} bytes (6 MB) that Lambda carries: let steps and"
            f" handlers return less, and keep what is large in a bucket ({message})"
        ),
        rt_code=RestateCode.RT0003,
    )


def call_failed(where: str, error: Exception) -> AttemptFailure:
    """Return the failure that an exception of the client stands for.

    What Lambda refuses has not run. When it fails itself, or the connection does, the function may have.
    """
    status, code = status_of(error), code_of(error)
    trouble = trouble_of(error)
    if code == _TOO_LARGE_CODE or status == 413:
        problem = f"the request to {where} is larger than the {PAYLOAD_BYTES_MAX} bytes (6 MB) that Lambda carries"
        return never_fits(f"{problem} ({said(error)})")
    if trouble is Trouble.THROTTLED:
        status = 429
        problem = f"Lambda limits how often {where} may be called, or how much of it at a time"
    elif code in _ADVICE_BY_CODE:
        problem = f"{where} cannot be called: {_ADVICE_BY_CODE[code]}"
    elif trouble is Trouble.UNSENT:
        status = 503
        problem = f"Lambda cannot be reached to call {where}"
    else:
        problem = f"calling {where} failed"
    return AttemptFailure(
        code=status or FailureCode.INTERNAL,
        message=f"{problem} ({said(error)})",
        rt_code=RestateCode.RT0010,
        retry_after_ms=wait_of(error),
        is_counted=trouble is Trouble.UNCERTAIN,
    )


def _report(payload: bytes) -> tuple[str, str, str]:
    """Return type, message and stack trace of a failed function's report, in whatever form its runtime writes it."""
    try:
        report = json.loads(payload)
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict):
        return "", payload[:_TEXT_CHARACTERS_MAX].decode("utf-8", errors="replace"), ""
    trace = report.get("stackTrace") or report.get("trace") or ()
    lines = trace if isinstance(trace, list) else [trace]
    stacktrace = "\n".join(str(line).rstrip("\n") for line in lines)
    return (
        _text(report.get("errorType")),
        _text(report.get("errorMessage")),
        # Where it happened is at the end.
        stacktrace[-_TEXT_CHARACTERS_MAX:],
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)[:_TEXT_CHARACTERS_MAX]
