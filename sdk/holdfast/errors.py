"""The exception tree: what handlers raise and catch, and how an attempt ends.

```
HoldfastError
  TerminalError          journaled and final: nothing retries it
    InvocationCancelled    somebody cancelled this invocation
    InvocationTimedOut     `or_timeout` ran out; also a TimeoutError
  RetryableError         try again, after a delay if one is given
  UsageError             the SDK was used in a way that no replay could repeat
  DefinitionError        a service or handler is declared wrongly
  SerdeError             a value does not fit its type
  ClientError            a call from outside failed
    InvocationFailed       because the handler failed for good
    NotCompleted           there is no output yet
    NotFound               there is no such service, handler or invocation
    IngressUnreachable     there was no answer
AttemptEnded             control flow, a BaseException: handlers must let it pass
  Suspended              the attempt waits for something that is not there yet
  JournalMismatch        the code no longer asks what the journal recorded
  Superseded             a newer attempt has taken over
  AttemptFailed          the attempt goes back to the server, which tries again
```
"""

from __future__ import annotations

from datetime import timedelta

__all__ = [
    "AttemptEnded",
    "AttemptFailed",
    "ClientError",
    "DefinitionError",
    "HoldfastError",
    "IngressUnreachable",
    "InvocationCancelled",
    "InvocationFailed",
    "InvocationTimedOut",
    "JournalMismatch",
    "NotCompleted",
    "NotFound",
    "RetryLater",
    "RetryableError",
    "SdkInternalBaseException",
    "SerdeError",
    "Superseded",
    "Suspended",
    "TerminalError",
    "UsageError",
    "is_internal_exception",
]


class HoldfastError(Exception):
    """Whatever handler code may meet and catch.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.TerminalError, holdfast.HoldfastError)
        True
    """


class TerminalError(HoldfastError):
    """The invocation, or the step, has failed for good: it is journaled and never retried.

    Raise it from a handler to end the invocation with a failure, or from a step to end the step with one. A caller
    gets it as a TerminalError with the same message, status code and metadata.

    Example:
        >>> import holdfast
        >>> error = holdfast.TerminalError("card declined", status_code=402, metadata={"reason": "limit"})
        >>> error.message, error.status_code, error.metadata
        ('card declined', 402, {'reason': 'limit'})
    """

    def __init__(self, message: str, status_code: int = 500, metadata: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.metadata = metadata


class InvocationCancelled(TerminalError):
    """Somebody asked this invocation to stop; raised where it waits, so that it can clean up.

    Example:
        >>> import holdfast
        >>> holdfast.InvocationCancelled().status_code
        409
    """

    def __init__(
        self, message: str = "cancelled", status_code: int = 409, metadata: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, status_code, metadata)


class InvocationTimedOut(TerminalError, TimeoutError):
    """What a future waited for did not come before its `or_timeout`.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.InvocationTimedOut, TimeoutError), holdfast.InvocationTimedOut().status_code
        (True, 408)
    """

    def __init__(
        self, message: str = "timed out", status_code: int = 408, metadata: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, status_code, metadata)


class RetryableError(HoldfastError):
    """Try again: the invocation, or the step, after `retry_after` if that is given.

    Any other exception that is not a TerminalError is retried as well; this one chooses the delay.

    Example:
        >>> from datetime import timedelta
        >>> import holdfast
        >>> holdfast.RetryableError("rate limited", status_code=429, retry_after=timedelta(seconds=30)).retry_after
        datetime.timedelta(seconds=30)
    """

    def __init__(self, message: str, status_code: int = 500, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.retry_after = retry_after


RetryLater = RetryableError


class UsageError(HoldfastError):
    """The SDK was used in a way that no replay could repeat; the message says what to write instead.

    Example:
        >>> import holdfast
        >>> raise holdfast.UsageError("ctx.sleep was called inside the step 'charge'")
        Traceback (most recent call last):
        holdfast.errors.UsageError: ctx.sleep was called inside the step 'charge'
    """


class DefinitionError(HoldfastError):
    """A service or a handler is declared wrongly; raised while the module is imported.

    Example:
        >>> import holdfast
        >>> holdfast.Service("no spaces allowed")
        Traceback (most recent call last):
        ...
        holdfast.errors.DefinitionError: ...
    """


class SerdeError(HoldfastError):
    """A value does not fit the type it should be read or written as.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.SerdeError, holdfast.HoldfastError)
        True
    """


class ClientError(HoldfastError):
    """A call from outside the orchestrator failed; `status_code` is HTTP's, or 0 when there was no answer.

    Example:
        >>> import holdfast
        >>> holdfast.ClientError("no such path", status_code=400).status_code
        400
    """

    def __init__(self, message: str, status_code: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code


class InvocationFailed(ClientError):
    """The handler that was called from outside has failed for good; calling it again with the same key tells the same.

    Example:
        >>> import holdfast
        >>> error = holdfast.InvocationFailed("card declined", status_code=402, metadata={"reason": "limit"})
        >>> error.message, error.status_code, error.metadata
        ('card declined', 402, {'reason': 'limit'})
    """

    def __init__(self, message: str, status_code: int = 500, metadata: dict[str, str] | None = None) -> None:
        super().__init__(message, status_code)
        self.metadata = metadata


class NotCompleted(ClientError):
    """The invocation whose output was asked for has not ended yet.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.NotCompleted, holdfast.ClientError)
        True
    """


class NotFound(ClientError):
    """There is no such service, handler or invocation.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.NotFound, holdfast.ClientError)
        True
    """


class IngressUnreachable(ClientError):
    """The ingress did not answer; whether it got the request is unknown, so repeat it with an idempotency key.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.IngressUnreachable, holdfast.ClientError)
        True
    """


class AttemptEnded(BaseException):
    """The attempt is over while handler code is still on the stack; not an Exception, so that `except` lets it pass.

    Once it was raised, the attempt's answer is fixed: whatever the handler does afterwards changes nothing.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.AttemptEnded, Exception)
        False
    """


SdkInternalBaseException = AttemptEnded


class Suspended(AttemptEnded):
    """The handler waits for something that is not there yet; it is started again when it is.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.Suspended, holdfast.AttemptEnded)
        True
    """

    def __init__(self) -> None:
        super().__init__(
            "The invocation is suspended until what it waits for arrives. If you see this, an `except:` or "
            "`except BaseException:` around an await has caught it: catch TerminalError or Exception instead."
        )


class JournalMismatch(AttemptEnded):
    """The code no longer asks what the journal recorded; the message has both sides and what to do.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.JournalMismatch, holdfast.AttemptEnded)
        True
    """


class Superseded(AttemptEnded):
    """A newer attempt of the invocation has taken over, so this one must do nothing more.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.Superseded, holdfast.AttemptEnded)
        True
    """

    def __init__(self) -> None:
        super().__init__("A newer attempt of this invocation has taken over; this one stops here.")


class AttemptFailed(AttemptEnded):
    """The attempt cannot go on and goes back to the server, which tries again by the retry policy.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.AttemptFailed, holdfast.AttemptEnded)
        True
    """


def is_internal_exception(error: BaseException) -> bool:
    """Return whether this is the SDK's own control flow, which handler code must let pass.

    Example:
        >>> import holdfast
        >>> holdfast.is_internal_exception(ValueError("mine"))
        False
    """
    return isinstance(error, AttemptEnded)
