"""A server as the cases see it: an ingress, an admin API, and what the handlers did to the world."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from tests.conformance.blackbox.arena import Arena
from tests.conformance.blackbox.programs import Op

T = TypeVar("T")

# Long enough for a loaded machine; what does not come by then does not come.
_PATIENCE_S = 30.0
_POLL_S = 0.02
_ANSWER_WITHIN_S = 25.0


class Server:
    """What a case is given."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.is_restate = arena.orchestrator.name == "restate"
        self.ingress = _client(arena.orchestrator.ingress_url)
        self.admin = _client(arena.orchestrator.admin_url)

    async def __aenter__(self) -> Self:
        """Return the server."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.ingress.aclose()
        await self.admin.aclose()

    # Calls and their results.

    async def post(self, path: str, payload: Any = None, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Post JSON, or nothing when the payload is None, and return the answer whatever its status."""
        content = {} if payload is None else {"json": payload}
        return await self.ingress.post(path, headers=headers, **content)

    async def call(self, path: str, payload: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """Call a handler and return what it returned."""
        return value_of(await self.post(path, payload, headers=headers))

    async def send(self, path: str, payload: Any = None, *, headers: Mapping[str, str] | None = None) -> str:
        """Send to a handler and return the invocation's id; a query may follow the path."""
        path, mark, query = path.partition("?")
        answer = await self.post(f"{path}/send{mark}{query}", payload, headers=headers)
        assert answer.status_code == 202, f"{path}: {answer.status_code} {answer.text}"
        return str(answer.json()["invocationId"])

    async def play(self, *program: Op) -> list[Any]:
        """Play a program on a plain service."""
        return list(await self.call("/Player/play", list(program)))

    async def act(self, key: str, *program: Op) -> list[Any]:
        """Play a program on a key of a virtual object."""
        return list(await self.call(f"/Actor/{key}/play", list(program)))

    async def start(self, *program: Op, path: str = "/Player/play") -> str:
        """Play a program without waiting, and return the invocation's id."""
        return await self.send(path, list(program))

    async def attach(self, invocation_id: str) -> httpx.Response:
        """Wait for an invocation and return its answer."""
        return await self.ingress.get(f"/restate/invocation/{invocation_id}/attach")

    async def result(self, invocation_id: str) -> Any:
        """Wait for an invocation and return what it returned."""
        return value_of(await self.attach(invocation_id))

    async def output(self, invocation_id: str) -> httpx.Response:
        """Ask for an invocation's result without waiting."""
        return await self.ingress.get(f"/restate/invocation/{invocation_id}/output")

    async def has_ended(self, invocation_id: str) -> bool:
        """Return whether an invocation has a result."""
        return (await self.output(invocation_id)).status_code != 470

    async def resolve(self, awakeable_id: str, value: Any) -> None:
        """Resolve an awakeable."""
        answer = await self.ingress.post(f"/restate/awakeables/{awakeable_id}/resolve", json=value)
        assert answer.status_code == 202, answer.text

    async def reject(self, awakeable_id: str, message: str) -> None:
        """Reject an awakeable."""
        answer = await self.ingress.post(f"/restate/awakeables/{awakeable_id}/reject", content=message)
        assert answer.status_code == 202, answer.text

    # Operations.

    async def operate(self, verb: str, invocation_id: str, **query: str | int) -> httpx.Response:
        """Cancel, kill, pause, resume, purge or restart an invocation, and return the answer."""
        return await self.admin.patch(f"/invocations/{invocation_id}/{verb}", params=query)

    async def operate_all(self, verb: str, invocation_ids: list[str], **options: str) -> dict[str, list[Any]]:
        """Do it to many at once, and return who succeeded and who did not."""
        body = {"invocation_ids": invocation_ids, **options}
        answer = await self.admin.post(f"/internal/invocations_batch_operations/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def status(self, invocation_id: str) -> str | None:
        """Return how an invocation stands, in Restate's words; None when there is none of that id."""
        return await self.arena.orchestrator.status(self.admin, invocation_id)

    async def until(self, invocation_id: str, *statuses: str) -> None:
        """Return once an invocation stands so."""

        async def stands() -> bool:
            return await self.status(invocation_id) in statuses

        assert await eventually(stands), f"{invocation_id} is {await self.status(invocation_id)}, not {statuses}"

    # The world.

    def notes(self, start: str) -> list[str]:
        """Return how the noted lines that begin so go on, oldest first."""
        lines = self.arena.log.read_text(encoding="utf-8").splitlines()
        return [line.removeprefix(start).strip() for line in lines if line.startswith(start)]

    async def noted(self, start: str, *, times: int = 1) -> list[str]:
        """Wait until lines that begin so have been noted, and return how they go on."""

        async def are_there() -> list[str]:
            lines = self.notes(start)
            return lines if len(lines) >= times else []

        lines = await eventually(are_there)
        assert lines, f"{start!r} was noted {len(self.notes(start))} times, not {times}"
        return lines

    async def awakeable(self, name: str, *, besides: str | None = None) -> str:
        """Wait for the id of an awakeable, besides one that another invocation noted under that name."""

        async def ids() -> list[str]:
            return [each for each in self.notes(f"awakeable {name} ") if each != besides]

        found = await eventually(ids)
        assert found, f"no awakeable {name!r} was noted"
        return found[-1]


def _client(url: str) -> httpx.AsyncClient:
    # Without TLS there is nothing to verify, and each set of certificates would take a while to read.
    return httpx.AsyncClient(base_url=url, timeout=_ANSWER_WITHIN_S, trust_env=False, verify=False)


def value_of(answer: httpx.Response) -> Any:
    """Return the JSON of a good answer."""
    assert answer.status_code == 200, f"{answer.request.url.path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def failure_of(answer: httpx.Response) -> tuple[int, str]:
    """Return status and message of a failed answer."""
    assert answer.status_code >= 400, answer.text
    return answer.status_code, str(answer.json()["message"])


def new(word: str) -> str:
    """Return a name that no other case uses."""
    return f"{word}-{uuid.uuid4().hex[:10]}"


async def eventually(probe: Callable[[], Awaitable[T]]) -> T:
    """Return the first true value of the probe; the last one when time is up, for an assertion to show."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (value := await probe()) and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_S)
    return value
