"""What a server logs tells where something went wrong, and never what callers, handlers and keys keep to themselves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from examples.demo.processes import DevServer
from tests.e2e.stages import HandlerServer
from tests.support.site import Site, eventually

SECRET = "s3cr3t-t0k3n"
SERVICES = f"""
from datetime import timedelta

import holdfast

policy = holdfast.InvocationRetryPolicy(initial_interval=timedelta(milliseconds=10), max_attempts=2)
vault = holdfast.VirtualObject("Vault", invocation_retry_policy=policy)

@vault.handler()
async def put(ctx: holdfast.ObjectContext, what: str) -> str:
    ctx.set("what", what)
    return await ctx.run_typed("keep", lambda: what)

@vault.handler()
async def refuse(ctx: holdfast.ObjectContext, what: str) -> str:
    raise holdfast.TerminalError(f"no room for {{what}}", status_code=409)

@vault.handler()
async def fail(ctx: holdfast.ObjectContext, what: str) -> str:
    raise ValueError(f"cannot keep {{what}}")

@vault.handler()
async def fail_in_step(ctx: holdfast.ObjectContext, what: str) -> str:
    def step() -> str:
        raise ValueError(f"cannot keep {{what}}")
    return await ctx.run_typed("{SECRET}", step)

@vault.handler()
async def unserialisable(ctx: holdfast.ObjectContext, what: str) -> object:
    return {{what: object()}}

@vault.handler()
async def wait(ctx: holdfast.ObjectContext, what: str) -> str:
    awakeable_id, answer = ctx.awakeable()
    ctx.set("awakeable", awakeable_id)
    return str(await answer)

services = [vault]
"""
HEADERS = {
    "authorization": f"Bearer {SECRET}",
    "cookie": f"session={SECRET}",
    "idempotency-key": SECRET,
    "x-api-key": SECRET,
}
# The admin API's own, which contains the secret, too.
TOKEN = f"{SECRET}-of-the-admin-api"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A private key that requests are signed with."""
    path = tmp_path / "identity.pem"
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.fixture
def server(tmp_path: Path, key_file: Path) -> Iterator[DevServer]:
    """A server that signs, with handlers that fail in each way there is."""
    (tmp_path / "leaking.py").write_text(SERVICES)
    options = ["--identity-key-file", str(key_file)]
    environment = {"PYTHONPATH": str(tmp_path), "HOLDFAST_TOKEN": TOKEN}
    server = DevServer(["leaking"], folder=tmp_path, env=environment, options=options)
    server.start()
    yield server
    server.kill()


def test_no_secret_is_logged(server: DevServer, key_file: Path, tmp_path: Path) -> None:
    """Neither bodies, headers, idempotency keys, state nor failures are logged, nor the key or what it signed."""
    handlers = HandlerServer(["tests.support.services.odd"], sdk="holdfast", folder=tmp_path)
    handlers.start()
    try:
        with Site(server.ingress_url, server.admin_url) as site:
            _strangers(site)
            site.admin.headers["authorization"] = f"Bearer {TOKEN}"
            _callers(site)
            _endpoints(site, handlers)
            _operators(site)
        # What had not ended is read again at a start.
        assert server.stop() == 0
        server.start()
        assert server.stop() == 0
    finally:
        handlers.kill()
    logged = server.output(bytes_max=10_000_000) + handlers.output(bytes_max=10_000_000)
    assert "Vault" in logged, "the log is not empty"
    assert SECRET not in logged
    private_key = "".join(key_file.read_text().splitlines()[1:-1])
    assert private_key not in logged
    # How each signature begins: it is a JSON Web Token.
    assert "eyJ" not in logged


def _strangers(site: Site) -> None:
    assert site.admin.get("/services", headers={"authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert site.admin.get("/services", headers={"cookie": f"holdfast_80={SECRET}"}).status_code == 401
    assert site.admin.post("/ui/", data={"token": f"{TOKEN}x"}).status_code == 401
    assert site.admin.post("/ui/", data={"token": TOKEN}).status_code == 303
    site.admin.cookies.clear()


def _callers(site: Site) -> None:
    for handler, status in {"put": 200, "refuse": 409, "unserialisable": 500, "nothing": 404}.items():
        assert site.post(f"/Vault/{handler}/{handler}", SECRET, headers=HEADERS).status_code == status, handler
    for handler in ("fail", "fail_in_step"):
        invocation_id = site.send(f"/Vault/{handler}/{handler}", SECRET, headers=HEADERS)
        assert eventually(partial(_is_paused, site, invocation_id)), handler
    for body in (f'{{"{SECRET}', f'{{"x": "{SECRET}"}}', f'"{SECRET}' + "x" * 40_000_000 + '"'):
        answer = site.ingress.post(
            "/Vault/k/put", content=body, headers={**HEADERS, "content-type": "application/json"}
        )
        assert answer.status_code in {400, 413}
    assert site.post(f"/Vault/k/put/send?delay={SECRET}", SECRET, headers=HEADERS).status_code == 400
    waiting = site.send("/Vault/waiting/wait", SECRET)
    assert site.ingress.post(f"/restate/awakeables/{SECRET}/resolve", json=SECRET).status_code == 400
    site.admin.patch(f"/invocations/{waiting}/cancel").raise_for_status()
    assert site.attach(waiting).status_code == 409
    site.send("/Vault/waiting/wait", SECRET)


def _endpoints(site: Site, handlers: HandlerServer) -> None:
    asked = {"uri": handlers.uri, "use_http_11": True, "additional_headers": HEADERS}
    site.admin.post("/deployments", json=asked).raise_for_status()
    assert site.call("/Odd/size", SECRET, headers=HEADERS) == len(SECRET)
    handlers.kill()
    invocation_id = site.send("/Odd/size", SECRET)
    assert eventually(lambda: (site.invocation(invocation_id) or {}).get("last_failure"))
    assert site.admin.post("/deployments", json={**asked, "force": True}).status_code >= 400


def _operators(site: Site) -> None:
    query = f"SELECT * FROM nowhere WHERE password = '{SECRET}'"
    assert site.admin.post("/query", json={"query": query}).status_code in {400, 501}
    assert (
        site.admin.post("/query", content=f"{{{SECRET}", headers={"content-type": "application/json"}).status_code
        == 400
    )
    headers = {**HEADERS, "authorization": f"Bearer {TOKEN}"}
    assert site.admin.patch(f"/invocations/{SECRET}/kill", headers=headers).status_code == 400


def _is_paused(site: Site, invocation_id: str) -> bool:
    return (site.invocation(invocation_id) or {}).get("status") == "paused"
