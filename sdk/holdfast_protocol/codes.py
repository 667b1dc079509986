"""Codes: every number and id that names an error on the wire, in an answer or in a log, each listed once."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Self


class FailureCode(IntEnum):
    """Codes of a `Failure`, and of the `Error` that ends an attempt; below 570 they are HTTP's."""

    meaning: str

    def __new__(cls, value: int, meaning: str = "") -> Self:
        """Attach the meaning to the number; it may be left out in a look-up, `FailureCode(409)`."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    BAD_REQUEST = 400, "The input is not what the handler takes."
    NOT_FOUND = 404, "The service, handler or invocation does not exist."
    CONFLICT = 409, "The invocation was cancelled or killed, or its workflow has run already."
    GONE = 410, "It existed and does no more."
    UNSUPPORTED_MEDIA_TYPE = 415, "The protocol version or content type is not accepted."
    NOT_READY = 470, "The invocation exists and has not completed."
    INTERNAL = 500, "The default of terminal errors and of failures that name no code."
    JOURNAL_MISMATCH = 570, "The code no longer asks what the journal recorded."
    PROTOCOL_VIOLATION = 571, "A peer sent what the protocol forbids at that point."
    AWAITING_TWO_RESULTS = 572, "An attempt awaits two results at once, outside a combinator."
    UNSUPPORTED_FEATURE = 573, "The negotiated version has no such feature."
    CLOSED = 598, "The attempt's machine has ended already."
    SUSPENDED = 599, "The attempt is suspended; nothing more may run."


class _ExplainedId(StrEnum):
    """An id with its meaning."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """Attach the meaning to the id; it may be left out in a look-up."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class RestateCode(_ExplainedId):
    """Ids that Restate's documentation explains, for tools that link to it; sent as `restate_code`."""

    RT0001 = "RT0001", "The attempt was cut off at its abort timeout."
    RT0003 = "RT0003", "A message is larger than the limit."
    RT0006 = "RT0006", "The attempt failed, and nothing more is known."
    RT0007 = "RT0007", "The handler ended its attempt with an error that is not terminal."
    RT0010 = "RT0010", "The endpoint could not be reached, or its function failed."
    RT0011 = "RT0011", "No deployment has the service."
    RT0012 = "RT0012", "The endpoint broke the protocol."
    RT0015 = "RT0015", "The endpoint does not accept the protocol version."
    RT0016 = "RT0016", "The code no longer asks what the journal recorded."
    RT0017 = "RT0017", "The command is not allowed in this kind of handler."
    RT0018 = "RT0018", "The called service or handler is not registered."
    RT0019 = "RT0019", "The endpoint's platform refused the size of the request."
    RT0020 = "RT0020", "The SDK is too old for new calls."
    RT0021 = "RT0021", "The endpoint cannot honour an inactivity timeout."
    RT0022 = "RT0022", "A retention was cut down to the allowed maximum."
    RT0023 = "RT0023", "The endpoint limits the rate of attempts."
    RT0024 = "RT0024", "The request's flow control settings are not valid."
    META0003 = "META0003", "The address answers, and not as an SDK endpoint."
    META0006 = "META0006", "A service changed its type, which breaks its callers."
    META0012 = "META0012", "The endpoint's protocol versions and ours have none in common."
    META0013 = "META0013", "The endpoint's discovery response is not a usable manifest."
    META0015 = "META0015", "The endpoint wants a bidirectional stream where its transport has none."


class HoldfastCode(_ExplainedId):
    """Ids of our own errors; each is the anchor of an entry in the documentation.

    The hundreds group them: 01 definitions, 02 handlers at run time, 04 the caller's fault, 05 ours or a dependency's.
    """

    DEFINITION = "HF-0101", "A service or handler is defined in a way that cannot work."
    SERDE = "HF-0201", "A value could not be serialised, or bytes could not be read as the type."
    CLIENT = "HF-0202", "The client got no usable answer from the orchestrator."
    REQUEST_REJECTED = "HF-0400", "The request cannot be served as it is."
    KEY_MISSING = "HF-0401", "A keyed service was called without a key, or a plain one with a key."
    BAD_PAYLOAD = "HF-0402", "The body or its content type is not what the handler declared."
    UNKNOWN_TARGET = "HF-0404", "No registered service or handler has that name."
    UNKNOWN_INVOCATION = "HF-0405", "No invocation has that id."
    WRONG_STATE = "HF-0406", "The invocation does not stand where the operation could be done to it."
    JOURNAL_GONE = "HF-0407", "The journal that the operation needs is no longer kept."
    RULES_CONFLICT = "HF-0408", "The rules are not as the change of them asks for."
    ALREADY_INVOKED = "HF-0409", "The workflow has run for that key."
    PAYLOAD_TOO_LARGE = "HF-0413", "A body is beyond a limit."
    REGISTRATION_REJECTED = "HF-0420", "A deployment cannot be registered as asked."
    DEPLOYMENT_UNFIT = "HF-0421", "The invocation cannot run on the deployment that was named."
    NOT_RESTARTABLE = "HF-0422", "An invocation of that kind, or one that far, cannot be restarted."
    UNKNOWN_DEPLOYMENT = "HF-0423", "No deployment has that id."
    NOT_STARTED = "HF-0425", "The operation needs an invocation that has begun, and this one waits."
    OVERLOADED = "HF-0429", "As many requests wait for invocations as the server allows."
    JOURNAL_FULL = "HF-0430", "A journal has reached the allowed number of entries; the invocation is paused."
    JOURNAL_DAMAGED = "HF-0431", "Of a journal that is still needed a part is missing; the invocation is paused."
    ORCHESTRATOR = "HF-0500", "The orchestrator failed in a way it has no better name for."
    UNAVAILABLE = "HF-0503", "A dependency does not answer; the driver tries again."
    STORE_UNREACHABLE = "HF-0510", "The store did not answer, or said that it cannot."
    DISCOVERY_FAILED = "HF-0511", "An endpoint did not answer discovery with a usable manifest."
    THROTTLED = "HF-0512", "A dependency limits the rate of requests."
    WAKEUPS_UNREACHABLE = "HF-0513", "The queue of wake-ups did not answer, or said that it cannot."
    JOURNAL_MISMATCH = "HF-0570", "The code no longer asks what the journal recorded."
    PROTOCOL_VIOLATION = "HF-0571", "The SDK sent what the protocol forbids."
