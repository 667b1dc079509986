"""An invocation that can only fail is put aside for a person, and whoever comes beside it is served."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from examples.demo.processes import DevServer
from tests.support.site import Site, eventually

SERVICES = """
from datetime import timedelta

import holdfast

policy = holdfast.InvocationRetryPolicy(initial_interval=timedelta(milliseconds=10), max_attempts=3)
desk = holdfast.Service("Desk", invocation_retry_policy=policy)
counter = holdfast.VirtualObject("Till", invocation_retry_policy=policy)

@desk.handler()
async def take(ctx: holdfast.Context, what: str) -> str:
    return await ctx.run_typed("look", lambda: look(what))

@counter.handler()
async def put(ctx: holdfast.ObjectContext, what: str) -> str:
    return await ctx.run_typed("look", lambda: look(what))

def look(what: str) -> str:
    print(f"looked at {what}.", flush=True)
    if what.startswith("poison"):
        raise ValueError(f"{what} cannot be swallowed")
    return what

services = [desk, counter]
"""
POISONS = 20


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server with handlers that fail for some inputs, three times and then no more."""
    folder = tmp_path_factory.mktemp("poisoned")
    (folder / "poisoned.py").write_text(SERVICES)
    server = DevServer(["poisoned"], folder=folder, env={"PYTHONPATH": str(folder)})
    server.start()
    yield server
    server.kill()


def test_poison_is_parked_and_starves_nobody(server: DevServer) -> None:
    """Each poison is tried as often as the policy says and pauses with its reason; all the others complete."""
    with Site(server.ingress_url, server.admin_url) as site:
        names = [f"poison {number}" for number in range(POISONS)]
        poisoned = [site.send("/Desk/take", name) for name in names]
        poisoned += [site.send(f"/Till/{number}/put", f"{name} at a key") for number, name in enumerate(names)]
        names += [f"{name} at a key" for name in names]
        # One behind each of the poisons at a key, and as many beside them.
        behind = [site.send(f"/Till/{number}/put", "bread") for number in range(POISONS)]
        for number in range(POISONS):
            assert site.call("/Desk/take", f"bread {number}") == f"bread {number}"
            assert site.call(f"/Till/other-{number}/put", "bread") == "bread"
        for invocation_id, name in zip(poisoned, names, strict=True):
            paused = eventually(partial(_paused, site, invocation_id))
            assert paused, site.invocation(invocation_id)
            assert f"{name} cannot be swallowed" in paused["last_failure"]["message"]
        output = server.output(bytes_max=1_000_000)
        assert [output.count(f"looked at {name}.") for name in names] == [3] * len(names)
        # A key has one order: who is killed there makes room for the next.
        for invocation_id in poisoned:
            site.admin.patch(f"/invocations/{invocation_id}/kill").raise_for_status()
        assert [site.attach(each).json() for each in behind] == ["bread"] * POISONS


def _paused(site: Site, invocation_id: str) -> dict[str, Any] | None:
    view = site.invocation(invocation_id)
    return view if view and view["status"] == "paused" else None
