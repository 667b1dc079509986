"""The engine's failures: what the caller, the SDK or a dependency did; outcomes are values and live with the port."""

from __future__ import annotations


class OrchestratorError(Exception):
    """The root of the engine's failures."""

    code = "HF-0500"
    http_status = 500
    is_retryable = False


class RequestRejected(OrchestratorError):
    """The caller's fault; never retried."""

    code = "HF-0400"
    http_status = 400


class UnknownTarget(RequestRejected):
    """No registered service or handler has that name."""

    code = "HF-0404"
    http_status = 404


class UnknownInvocation(RequestRejected):
    """No invocation has that id."""

    code = "HF-0405"
    http_status = 404


class KeyMissing(RequestRejected):
    """A keyed service was called without a key, or a plain one with a key."""

    code = "HF-0401"


class BadPayload(RequestRejected):
    """The body or its content type is not what the handler declared."""

    code = "HF-0402"


class PayloadTooLarge(RequestRejected):
    """A body beyond a limit; the message names the limit."""

    code = "HF-0413"
    http_status = 413


class WrongState(RequestRejected):
    """The invocation does not stand where the operation could be done to it."""

    code = "HF-0406"
    http_status = 409


class NotStarted(WrongState):
    """The invocation waits for its time or its key, and what is asked for needs one that has begun."""

    code = "HF-0425"
    http_status = 425


class JournalGone(RequestRejected):
    """The journal that the operation needs is no longer kept."""

    code = "HF-0407"
    http_status = 410


class DeploymentUnfit(RequestRejected):
    """The invocation cannot run on the deployment that was named."""

    code = "HF-0421"
    http_status = 422


class UnknownDeployment(RequestRejected):
    """No deployment has that id."""

    code = "HF-0423"
    http_status = 404


class NotRestartable(RequestRejected):
    """An invocation of that kind, or one that far, cannot be restarted."""

    code = "HF-0422"
    http_status = 422


class RulesConflict(RequestRejected):
    """The rules are not as the change asks for."""

    code = "HF-0408"
    http_status = 409


class AlreadyInvoked(RequestRejected):
    """A workflow runs once per key."""

    code = "HF-0409"
    http_status = 409


class RegistrationRejected(RequestRejected):
    """A deployment cannot be registered as asked."""

    code = "HF-0420"

    def __init__(self, message: str, *, meta_code: str | None = None, http_status: int = 400) -> None:
        super().__init__(message)
        self.meta_code = meta_code
        self.http_status = http_status


class ProtocolViolation(OrchestratorError):
    """The SDK sent what the protocol forbids; counts as a failed attempt."""

    code = "HF-0571"


class JournalDamaged(OrchestratorError):
    """Of a journal that is still needed a part is missing; its invocation is paused, and nobody guesses."""

    code = "HF-0431"

    def __init__(self, message: str, *, invocation_id: str) -> None:
        super().__init__(message)
        self.invocation_id = invocation_id


class Unavailable(OrchestratorError):
    """A dependency's fault; the driver tries again."""

    code = "HF-0503"
    http_status = 503
    is_retryable = True


class StoreUnreachable(Unavailable):
    """The store did not answer, or said that it cannot."""

    code = "HF-0510"


class Throttled(Unavailable):
    """A dependency limits the rate of requests, and patience was not enough: whoever asks shall ask less often."""

    code = "HF-0512"
    http_status = 429


class WakeupsUnreachable(Unavailable):
    """The queue of wake-ups did not answer, or said that it cannot."""

    code = "HF-0513"


class DiscoveryFailed(Unavailable):
    """An endpoint did not answer discovery with a usable manifest."""

    code = "HF-0511"
    http_status = 502

    def __init__(self, message: str, *, meta_code: str, is_retryable: bool) -> None:
        super().__init__(message)
        self.meta_code = meta_code
        self.is_retryable = is_retryable
