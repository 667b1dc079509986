"""One orchestrator with the handlers of one SDK: started once, and played on by all cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from holdfast_engine.endpoints.identity import RequestSigner
from holdfast_local.surroundings import SystemClock
from tests.conformance.blackbox.handlers.versions import VERSION_VARIABLE
from tests.conformance.blackbox.launch import MODULES, VERSIONS, Endpoint, FunctionsProcess, is_function
from tests.conformance.blackbox.orchestrators import Holdfast, Orchestrator, Restate, Trust
from tests.support.certificates import Certificates
from tests.support.lambda_service import settings

ORCHESTRATORS = ("holdfast", "restate")
# The handlers inside the server's own process; there is no such thing with Restate.
IN_PROCESS = "in-process"
PYTHON_SDKS = (IN_PROCESS, "holdfast", "restate-sdk", "restate-sdk-lambda")
NODE_SDKS = ("node", "node-lambda")
SDKS = (*PYTHON_SDKS, *NODE_SDKS)
# Whose handlers are reached over HTTP.
HTTP_SDKS = ("holdfast", "restate-sdk", "node")
# Whose requests may be larger than Lambda takes: Python's function has them compressed, Node's only from Node 22 on.
ROOMY_SDKS = tuple(sdk for sdk in SDKS if sdk != "node-lambda")
# Whose handlers are not in the server's process.
REMOTE_SDKS = tuple(sdk for sdk in SDKS if sdk != IN_PROCESS)


class Arena:
    """The processes, and the file in which the handlers note what they do; `endpoints` are killed with it.

    `starting_s`: how long the orchestrator took to start again within a case, which is no time of the case's.
    """

    def __init__(self, orchestrator: str, sdk: str, *, folder: Path, has_scopes: bool) -> None:
        self.sdk = sdk
        self.folder = folder
        self.log = folder / "world.log"
        self.log.touch()
        key_file, self.public_key = _new_identity(folder)
        self._certificates = Certificates(folder)
        self._functions = FunctionsProcess(folder=folder) if is_function(sdk) else None
        env = settings(self._functions.url) if self._functions else {}
        trust = Trust(identity_key_file=key_file, ca_file=self._certificates.ca_file)
        self.orchestrator: Orchestrator = (
            Restate(folder=folder, trust=trust, has_scopes=has_scopes, env=env)
            if orchestrator == "restate"
            else Holdfast(folder=folder, log=self.log, trust=trust, has_handlers=sdk == IN_PROCESS, env=env)
        )
        self.endpoints: list[Endpoint] = []
        self.starting_s = 0.0
        self._versions: dict[str, Endpoint] = {}

    async def start(self) -> None:
        """Start everything."""
        if self._functions is not None:
            self._functions.start()
        self.orchestrator.process.start()
        if self.sdk != IN_PROCESS:
            await self.register(self.add_endpoint())

    def stop(self) -> None:
        """Stop everything."""
        self.orchestrator.process.kill()
        for endpoint in self.endpoints:
            endpoint.kill()
        if self._functions is not None:
            self._functions.kill()

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint with the handlers; there is none when they are in the server's process."""
        return self.endpoints[0]

    def add_endpoint(
        self,
        *,
        modules: Sequence[str] = MODULES,
        identity_key: str | None = None,
        env: dict[str, str] | None = None,
        is_https: bool = False,
        use_http_11: bool = False,
    ) -> Endpoint:
        """Start one more endpoint with this arena's SDK."""
        endpoint = Endpoint(
            "holdfast" if self.sdk == IN_PROCESS else self.sdk,
            folder=self.folder,
            log=self.log,
            modules=modules,
            identity_key=identity_key,
            env=env,
            certificate=self._certificates.server_file if is_https else None,
            use_http_11=use_http_11,
        )
        self.endpoints.append(endpoint)
        endpoint.start()
        return endpoint

    def version(self, number: str) -> Endpoint:
        """Return the endpoint with a version of the services that have some; started when it is first asked for."""
        if number not in self._versions:
            self._versions[number] = self.add_endpoint(modules=[VERSIONS], env={VERSION_VARIABLE: number})
        return self._versions[number]

    async def register(self, endpoint: Endpoint, **options: bool) -> str:
        """Register an endpoint, and return the id of its deployment."""
        body = {**endpoint.place, **options}
        async with httpx.AsyncClient(base_url=self.orchestrator.admin_url, verify=False) as admin:
            answer = await admin.post("/deployments", json=body)
        assert answer.is_success, answer.text
        return str(answer.json()["id"])


def _new_identity(folder: Path) -> tuple[Path, str]:
    """Return a file with a fresh private key, and its public key as SDKs take it."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key_file = folder / "identity.pem"
    key_file.write_bytes(pem)
    return key_file, RequestSigner(pem, clock=SystemClock()).public_key
