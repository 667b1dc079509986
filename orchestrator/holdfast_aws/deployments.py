"""The registry's table: deployments as compressed records."""

from __future__ import annotations

import zlib

from msgspec.msgpack import Decoder, Encoder

from holdfast_aws.part import Part
from holdfast_engine.errors import PayloadTooLarge
from holdfast_engine.registry import Deployment

# An item holds 400 KB; a manifest with JSON schemas is several times smaller compressed.
_CONTENT_BYTES_MAX = 350_000
_KIND = "d"

_encode = Encoder().encode
_decode = Decoder(Deployment).decode


class DeploymentStore(Part):
    """Deployments, few and small."""

    async def save_deployment(self, deployment: Deployment) -> None:
        """Put a deployment."""
        content = zlib.compress(_encode(deployment))
        if len(content) > _CONTENT_BYTES_MAX:
            raise PayloadTooLarge(
                f"the manifest of {deployment.endpoint.address} has {len(content)} bytes compressed; the limit is"
                f" {_CONTENT_BYTES_MAX}: give fewer or smaller JSON schemas, or split the deployment"
            )
        await self.services.note(service.name for service in deployment.manifest.services)
        await self.dynamo.put(self.models.deployment(id=deployment.id, content=content), None)

    async def forget_deployment(self, deployment_id: str) -> None:
        """Delete a deployment; one that is not there is no matter."""
        await self.dynamo.delete(self.models.deployment(id=deployment_id), None, is_retention=False)

    async def deployments(self) -> list[Deployment]:
        """Return all deployments, oldest first."""
        raws = await self.dynamo.query(self.models.deployment, "p = :kind", {":kind": _KIND})
        found = [_decode(zlib.decompress(raw["v"]["B"])) for raw in raws]
        self.services.deployed(service.name for each in found for service in each.manifest.services)
        return sorted(found, key=lambda deployment: (deployment.created_ms, deployment.id))
