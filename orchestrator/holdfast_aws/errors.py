"""What the exceptions of botocore mean, in the engine's words; no other file knows them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BrokenConnection
from botocore.parsers import ResponseParserError

from holdfast_engine.errors import OrchestratorError, PayloadTooLarge, StoreUnreachable, Throttled, Unavailable

# Everything that a client raises; they have no common base of their own.
AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequestsException",
        "SlowDown",
        "LimitExceededException",
    }
)
# Two transactions, or a transaction and a write, met at one item; nothing was written.
_CONFLICT = frozenset({"TransactionInProgressException", "TransactionConflictException"})
# Raised before anything has left: the request cannot have been carried out.
_UNSENT = (ConnectTimeoutError, EndpointConnectionError, CredentialRetrievalError)
# An answer that broke off or came garbled says nothing about what was done.
_UNCERTAIN = (BrokenConnection, HTTPClientError, IncompleteReadError, ChecksumError, ResponseParserError)
_ITEM_SIZE = ("item size", "maximum allowed size", "collection size")


class Trouble(Enum):
    """What kind of failure it is: whether to try again, and what a first try may have left behind.

    `REFUSED`: a condition did not hold, which is an outcome and no failure. `THROTTLED`: not done, try again later.
    `UNSENT`: not done, try again. `UNCERTAIN`: it may have been done. `FINAL`: trying again changes nothing.
    """

    REFUSED = "refused"
    THROTTLED = "throttled"
    UNSENT = "unsent"
    UNCERTAIN = "uncertain"
    FINAL = "final"


def trouble_of(error: Exception) -> Trouble:
    """Return what kind of failure an exception of a client is."""
    if isinstance(error, ClientError):
        return _answered_trouble(error)
    if isinstance(error, _UNSENT):
        return Trouble.UNSENT
    return Trouble.UNCERTAIN if isinstance(error, _UNCERTAIN) else Trouble.FINAL


def _answered_trouble(error: ClientError) -> Trouble:
    code = code_of(error)
    if code == "ConditionalCheckFailedException":
        return Trouble.REFUSED
    if code == "TransactionCanceledException":
        return _cancelled_trouble(error)
    if code in _THROTTLED or code in _CONFLICT:
        return Trouble.THROTTLED
    return Trouble.UNCERTAIN if status_of(error) >= 500 else Trouble.FINAL


def _cancelled_trouble(error: ClientError) -> Trouble:
    """Read a cancelled transaction by its reasons: a failed condition is an outcome, all else passes."""
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
    return Trouble.REFUSED if "ConditionalCheckFailed" in reasons else Trouble.THROTTLED


def code_of(error: Exception) -> str:
    """Return the service's name for an error; empty when the service did not answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def status_of(error: Exception) -> int:
    """Return the HTTP status of an answer; 0 when there was none."""
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def wait_of(error: Exception) -> int | None:
    """Return for how many milliseconds a service asks to be left alone; None when it does not say."""
    seconds = str(error.response.get("retryAfterSeconds", "")) if isinstance(error, ClientError) else ""
    return int(seconds) * 1000 if seconds.isascii() and seconds.isdigit() else None


def item_in(error: Exception) -> Mapping[str, Any] | None:
    """Return the item whose state refused a write, as far as DynamoDB sent it along."""
    return error.response.get("Item") if isinstance(error, ClientError) else None


def is_too_large(error: Exception) -> bool:
    """Return whether DynamoDB refused a write because the item would get too large."""
    text = str(error).lower()
    return code_of(error) == "ValidationException" and any(words in text for words in _ITEM_SIZE)


def store_error(error: Exception, doing: str) -> OrchestratorError:
    """Return what a failed request to DynamoDB or S3 is to the engine."""
    if is_too_large(error):
        return PayloadTooLarge(f"{doing}: an item of DynamoDB holds 400 KB, and this one would hold more")
    return _unavailable(error, doing, StoreUnreachable)


def unavailable(error: Exception, doing: str, kind: type[Unavailable]) -> Unavailable:
    """Return what a failed request to another service is to the engine."""
    return _unavailable(error, doing, kind)


def said(error: Exception) -> str:
    """Return what a client's exception says, in one line."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        reason = details.get("Message") or details.get("message") or "it gave no reason"
        return f"{code_of(error) or status_of(error)}: {reason}"
    return " ".join(str(error).split()) or type(error).__name__


def _unavailable(error: Exception, doing: str, kind: type[Unavailable]) -> Unavailable:
    if trouble_of(error) is Trouble.THROTTLED:
        return Throttled(f"{doing}: the rate of requests is limited ({said(error)})")
    return kind(f"{doing}: {said(error)}")
