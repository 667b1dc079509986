"""The least client of DynamoDB that is safe to write with: one conditional update at a time, tried until it is decided.

A handler function pays for every import when it starts cold and for every millisecond at a seventh of a core, so this
stands in for boto3 on the one path that is taken once per step. What a try means:

* An answer that refuses the condition is an outcome. So is success.
* Throttling, errors of the server, damaged answers and dead connections are tried again, with growing random pauses,
  until the budget is used up. The same update is sent again: if an earlier one took effect, its condition does not
  hold any more, and the refusal brings the item as it is now, by which the caller knows its own write.
* A clock that is wrong is set right by the server's, and credentials that have ended are read anew; once each.
* Everything else is not going to get better by trying.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from typing import Any, Final

from holdfast._dynamo_credentials import CredentialSource, NoCredentials
from holdfast._dynamo_http import Address, Connection, NoReply, Reply
from holdfast._dynamo_signing import Signer

CONNECT_S_MAX: Final = 1.0
READ_S_MAX: Final = 2.0
# Each pause is random between nothing and a bound that doubles from the first number to the second.
_PAUSE_S_MIN: Final = 0.025
_PAUSE_S_MAX: Final = 1.0
# Below this there is no point in starting another try.
_TRY_S_MIN: Final = 0.05
# Together with the pauses between them some eight seconds; more never helps an attempt whose function is waiting.
_TRIES_MAX: Final = 20

_THROTTLED: Final = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ReplicatedWriteConflictException",
        "Throttling",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_CLOCK_IS_WRONG: Final = frozenset({"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed"})
_CREDENTIALS_ENDED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)

Item = Mapping[str, Any]
"""An item in DynamoDB's JSON: each value under the name of its type."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The condition did not hold; `item` is the item as it is, if there is one and the server sent it.

    `is_repeat`: an earlier try of this update may have taken effect.
    """

    item: Item | None
    is_repeat: bool


class Undecided(Exception):
    """The update was given up. `is_certain`: it has not taken effect, and will not."""

    def __init__(self, what: str, *, is_certain: bool) -> None:
        super().__init__(what)
        self.is_certain = is_certain


class DynamoClient:
    """Sends updates, one at a time, over one connection; for one thread."""

    def __init__(
        self,
        address: Address,
        credentials: CredentialSource,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._connection = Connection(address, now_s=now_s)
        self._signer = Signer(host=address.host_header, region=address.region)
        self._credentials = credentials
        self._sleep = sleep
        self._now_s = now_s
        self._clock_offset_s = 0.0

    def update_item(self, update: Mapping[str, Any], *, budget_s: float) -> Refused | None:
        """Send a conditional update until it is decided; return None when it took effect.

        Raises:
            Undecided: it was not, within the budget.
        """
        body = json.dumps(update, separators=(",", ":")).encode()
        return _Update(self, body, budget_s).decide()

    def close(self) -> None:
        """Cut the connection off."""
        self._connection.drop()

    def try_once(self, body: bytes, *, timeout_s: float) -> Reply:
        """Sign and send one request.

        Raises:
            NoReply: there was no answer.
            NoCredentials: it cannot be signed.
        """
        now_s = self._now_s()
        credentials = self._credentials.get(now_s=now_s)
        headers = self._signer.headers("UpdateItem", body, credentials=credentials, now_s=now_s + self._clock_offset_s)
        connect_s, read_s = min(timeout_s, CONNECT_S_MAX), min(timeout_s, READ_S_MAX)
        return self._connection.post(headers, body, connect_s=connect_s, read_s=read_s)

    def pause(self, seconds: float) -> None:
        """Wait."""
        self._sleep(seconds)

    def set_clock_by(self, reply: Reply) -> bool:
        """Take over the server's time; False when it does not tell."""
        parsed = parsedate_tz(reply.date)
        if parsed is None:
            return False
        self._clock_offset_s = mktime_tz(parsed) - self._now_s()
        return True

    def renew_credentials(self) -> None:
        """Read them anew for the next try."""
        self._credentials.forget()


class _Update:
    """One update on its way to being decided."""

    __slots__ = ("_body", "_client", "_ends_at_s", "_is_certain", "_last", "_left", "_pauses")

    def __init__(self, client: DynamoClient, body: bytes, budget_s: float) -> None:
        self._client = client
        self._body = body
        self._ends_at_s = time.monotonic() + budget_s
        self._is_certain = True
        self._pauses = 0
        self._last = "there was no time to try"
        # What is done once, and not again.
        self._left = {"reconnect", "clock", "credentials"}

    def decide(self) -> Refused | None:
        for _ in range(_TRIES_MAX):
            left_s = self._ends_at_s - time.monotonic()
            if left_s < _TRY_S_MIN:
                break
            try:
                reply = self._client.try_once(self._body, timeout_s=left_s)
            except NoReply as error:
                self._last = str(error)
                self._is_certain = self._is_certain and not error.is_sent
                if error.was_reused and self._once("reconnect"):
                    continue
            except NoCredentials as error:
                raise self._given_up(str(error)) from error
            else:
                if reply.status == 200:
                    return None
                code, answer = _error_in(reply)
                if code == "ConditionalCheckFailedException":
                    return Refused(item=answer.get("Item"), is_repeat=not self._is_certain)
                self._last = _sentence(code, answer, reply)
                if self._can_be_mended(code, reply):
                    continue
                if reply.status < 500 and code not in _THROTTLED:
                    raise self._given_up(self._last)
                # The server may have failed behind the write.
                self._is_certain = self._is_certain and reply.status < 500
            self._pause()
        raise self._given_up(self._last)

    def _can_be_mended(self, code: str, reply: Reply) -> bool:
        """Do what makes another try worth while."""
        if code in _CLOCK_IS_WRONG and self._once("clock"):
            return self._client.set_clock_by(reply)
        if code in _CREDENTIALS_ENDED and self._once("credentials"):
            self._client.renew_credentials()
            return True
        return False

    def _once(self, what: str) -> bool:
        if what not in self._left:
            return False
        self._left.remove(what)
        return True

    def _pause(self) -> None:
        bound_s = min(_PAUSE_S_MAX, _PAUSE_S_MIN * 2**self._pauses, max(0.0, self._ends_at_s - time.monotonic()))
        self._pauses += 1
        self._client.pause(random.uniform(0.0, bound_s))

    def _given_up(self, why: str) -> Undecided:
        return Undecided(why, is_certain=self._is_certain)


def _error_in(reply: Reply) -> tuple[str, Mapping[str, Any]]:
    """Return the name of the error in an answer, without the model it comes from, and the answer."""
    try:
        answer = json.loads(reply.body)
        code = answer["__type"]
    except (ValueError, LookupError, TypeError):
        return "", {}
    return str(code).rpartition("#")[2], answer


def _sentence(code: str, answer: Mapping[str, Any], reply: Reply) -> str:
    said = answer.get("message") or answer.get("Message") or ""
    return f"DynamoDB answered {reply.status} {code} (request {reply.request_id or 'without an id'}): {said}"
