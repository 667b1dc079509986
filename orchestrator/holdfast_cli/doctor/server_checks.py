"""Checks of a running server through its own APIs, be it on this machine or on AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from holdfast_cli.doctor.findings import Check, Verdict
from holdfast_cli.ingress_client import IngressClient
from holdfast_cli.printing import harmless
from holdfast_cli.problems import RequestFailed

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient

_API = "v3"
# Once or twice is what retries are for.
_FAILED_ATTEMPTS_MAX = 3
# What may begin begins within seconds.
_READY_MS_MAX = 5 * 60 * 1000
# Five thousand and more of those that need a look, or ten thousand on AWS that do not.
_PAGE, _PAGES_MAX = 500, 10
_EXAMPLES = 3
_ENDPOINTS_ASKED_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """Invocations that may need a look; of a great many only the newest were looked at."""

    found: list[dict[str, Any]]
    is_all: bool

    @property
    def scope(self) -> str:
        return "" if self.is_all else " among the newest"


class ServerChecks:
    """The checks of one server."""

    def __init__(self, connect: Callable[[], AdminClient], *, now_ms: int) -> None:
        self._connect = connect
        self._now_ms = now_ms

    @cached_property
    def _client(self) -> AdminClient:
        return self._connect()

    def all(self) -> list[Check]:
        """Return them in the order in which a reader wants to know."""
        return [
            Check(name="admin API", find=self._admin, is_vital=True),
            Check(name="ingress", find=self._ingress),
            Check(name="services", find=self._services),
            Check(name="endpoints", find=self._endpoints),
            Check(name="paused", find=self._paused),
            Check(name="failing", find=self._failing),
            Check(name="waiting to begin", find=self._unbegun),
        ]

    def function_arns(self) -> list[str]:
        """Return the ARNs of the functions that are registered."""
        deployments = self._client.request("GET", _API, "deployments")["deployments"]
        return [each["arn"] for each in deployments if each.get("arn")]

    def _admin(self) -> Iterator[tuple[Verdict, str]]:
        theirs, ours = self._client.request("GET", "version")["version"], version("holdfast")
        if theirs == ours:
            yield Verdict.OK, f"Version {theirs} answers at {self._client.url}."
        else:
            yield Verdict.WARNING, f"It has version {theirs} and this command {ours}: deploy or install the same."

    def _ingress(self) -> Iterator[tuple[Verdict, str]]:
        url = self._client.request("GET", "version")["ingress_endpoint"]
        if not url:
            yield Verdict.WARNING, "The server does not say where its ingress is."
            return
        IngressClient(url).services()
        yield Verdict.OK, f"It answers at {url}."

    def _services(self) -> Iterator[tuple[Verdict, str]]:
        names = [each["name"] for each in self._client.request("GET", _API, "services")["services"]]
        if names:
            yield Verdict.OK, f"{len(names)} registered: {', '.join(names)}."
        else:
            yield Verdict.WARNING, "None are registered; `holdfast deployments register` does that."

    def _endpoints(self) -> Iterator[tuple[Verdict, str]]:
        """Ask every endpoint that serves new invocations what it serves, as registering would."""
        services = self._client.request("GET", _API, "services")["services"]
        serving = {each["deployment_id"] for each in services}
        found = [
            each
            for each in self._client.request("GET", _API, "deployments")["deployments"]
            if each["id"] in serving and not str(each.get("uri", "")).startswith("in-process:")
        ]
        answering = 0
        for each in found[:_ENDPOINTS_ASKED_MAX]:
            try:
                self._client.request("POST", _API, "deployments", body=_asking(each))
                answering += 1
            except RequestFailed as error:
                address = harmless(each.get("uri") or each.get("arn") or each["id"])
                yield Verdict.FAILURE, f"{address} does not say what it serves: {error.message}"
        if answering:
            yield Verdict.OK, f"{answering} answer{'s' * (answering == 1)}."

    def _paused(self) -> Iterator[tuple[Verdict, str]]:
        paused = self._in_status("paused")
        if paused:
            yield Verdict.WARNING, self._told(paused, "paused; `holdfast invocations resume` lets one go on")
        else:
            yield Verdict.OK, f"No invocation{self._unmoving.scope} is paused."

    def _failing(self) -> Iterator[tuple[Verdict, str]]:
        failing = [each for each in self._in_status("backing-off") if each["failed_attempts"] >= _FAILED_ATTEMPTS_MAX]
        if failing:
            yield Verdict.WARNING, self._told(failing, f"failing for the {_FAILED_ATTEMPTS_MAX}rd time or more")
        else:
            yield Verdict.OK, f"No invocation{self._unmoving.scope} fails again and again."

    def _unbegun(self) -> Iterator[tuple[Verdict, str]]:
        waiting = [each for each in self._in_status("ready") if self._age_ms(each) > _READY_MS_MAX]
        if waiting:
            yield Verdict.FAILURE, self._told(waiting, "ready for five minutes or more, and not begun")
        else:
            yield Verdict.OK, f"Every invocation{self._unmoving.scope} that may begin has begun."

    def _in_status(self, status: str) -> list[dict[str, Any]]:
        return [each for each in self._unmoving.found if each["status"] == status]

    @cached_property
    def _unmoving(self) -> _Looked:
        """What may need a look, found in one walk: where statuses have no index, each look at an invocation is paid."""
        query = {"status": "paused,backing-off,ready", "why": "true", "limit": str(_PAGE)}
        found: list[dict[str, Any]] = []
        for _ in range(_PAGES_MAX):
            answer = self._client.request("GET", "invocations", query=query)
            found += answer["invocations"]
            if "next" not in answer:
                return _Looked(found=found, is_all=True)
            query["after"] = answer["next"]
        return _Looked(found=found, is_all=False)

    def _told(self, invocations: Sequence[dict[str, Any]], what: str) -> str:
        count = f"{len(invocations)}{'' if self._unmoving.is_all else ' or more'}"
        examples = "; ".join(
            f"{each['id']} of {harmless(each['target'])}" + (f" {harmless(each['why'])}" if "why" in each else "")
            for each in invocations[:_EXAMPLES]
        )
        return f"{count} {'is' if count == '1' else 'are'} {what}: {examples}{'; …' * (len(invocations) > _EXAMPLES)}"

    def _age_ms(self, invocation: dict[str, Any]) -> float:
        return self._now_ms - datetime.fromisoformat(invocation["modified_at"]).timestamp() * 1000


def _asking(deployment: dict[str, Any]) -> dict[str, Any]:
    names = ("uri", "arn", "assume_role_arn", "additional_headers")
    asking = {name: deployment[name] for name in names if deployment.get(name)}
    is_older_http = deployment.get("http_version") == "HTTP/1.1"
    return {**asking, **({"use_http_11": True} if is_older_http else {}), "dry_run": True, "force": True}
