"""A server asked for more than it takes on says so, keeps what it has, and is itself again afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from examples.demo.processes import DevServer
from tests.support.site import Site, eventually

SERVICES = """
import holdfast

shop = holdfast.Service("Shop")

@shop.handler()
async def wait(ctx: holdfast.Context, name: str) -> str:
    awakeable_id, answer = ctx.awakeable()
    print(f"waiting {awakeable_id}", flush=True)
    return name + str(await answer)

services = [shop]
"""
BOUND = 3


def test_one_more_than_may_wait(tmp_path: Path) -> None:
    """With as many requests waiting as allowed the next gets 429 and when to come back, and then it is served."""
    (tmp_path / "crowded.py").write_text(SERVICES)
    options = ["--waiting-max", str(BOUND)]
    server = DevServer(["crowded"], folder=tmp_path, env={"PYTHONPATH": str(tmp_path)}, options=options)
    server.start()
    try:
        with Site(server.ingress_url, server.admin_url) as site, ThreadPoolExecutor(BOUND) as pool:
            calls = [pool.submit(site.call, "/Shop/wait", f"{number}") for number in range(BOUND)]
            assert eventually(lambda: len(_waiting(server)) == BOUND)
            for path in ("/Shop/wait", "/Shop/wait/send"):
                refused = site.post(path, "one more")
                assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
                problem = refused.json()
                assert (problem["code"], problem["source"], problem["holdfast_code"]) == (429, "ingress", "HF-0429")
                assert f"{BOUND} requests are waiting" in problem["message"]
            # What others wait for is let in all the while: it makes room.
            for awakeable_id in _waiting(server):
                site.ingress.post(f"/restate/awakeables/{awakeable_id}/resolve", json="!").raise_for_status()
            assert sorted(call.result() for call in calls) == ["0!", "1!", "2!"]
            assert site.post("/Shop/wait/send", "after").status_code == 202
            # Of what was refused nothing had begun.
            assert eventually(lambda: len(_waiting(server)) == BOUND + 1)
    finally:
        server.kill()


def _waiting(server: DevServer) -> set[str]:
    lines = server.output(bytes_max=100_000).splitlines()
    # A handler that goes on says it again.
    return {line.removeprefix("waiting ") for line in lines if line.startswith("waiting ")}
