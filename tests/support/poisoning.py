"""Poison for a site that has `services/poison.py`: it is parked with its reason, and nobody else waits for it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tests.support.services.poison import TRIES
from tests.support.site import Site, eventually


def poison_is_parked_and_starves_nobody(site: Site, log: Path, *, count: int) -> None:
    """See that each poison is tried as often as the policy says and pauses, and that all the others complete."""
    names = [f"poison-{number}" for number in range(count)]
    poisoned = [site.send("/Desk/take", name) for name in names]
    poisoned += [site.send(f"/Till/{number}/put", f"{name}-at-a-key") for number, name in enumerate(names)]
    names += [f"{name}-at-a-key" for name in names]
    # One behind each of the poisons at a key, and as many beside them.
    behind = [site.send(f"/Till/{number}/put", "bread") for number in range(count)]
    for number in range(count):
        assert site.call("/Desk/take", f"bread-{number}") == f"bread-{number}"
        assert site.call(f"/Till/other-{number}/put", "bread") == "bread"
    for invocation_id, name in zip(poisoned, names, strict=True):
        paused = eventually(partial(_paused, site, invocation_id), within_s=60)
        assert paused, site.invocation(invocation_id)
        assert f"{name} cannot be swallowed" in paused["last_failure"]["message"]
    looked = [line.split(" ")[0] for line in log.read_text().splitlines() if line.endswith(" looked")]
    assert [looked.count(name) for name in names] == [TRIES] * len(names)
    # A key has one order: who is killed there makes room for the next.
    for invocation_id in poisoned:
        site.admin.patch(f"/invocations/{invocation_id}/kill").raise_for_status()
    assert [site.attach(each).json() for each in behind] == ["bread"] * count


def _paused(site: Site, invocation_id: str) -> dict[str, Any] | None:
    view = site.invocation(invocation_id)
    return view if view and view["status"] == "paused" else None
