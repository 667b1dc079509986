"""The registrar: CloudFormation asks it to register a version of a function, and to clear away versions of old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast_aws.runtime.cloudformation import ResourceAnswer, send_answer
from holdfast_engine.errors import DiscoveryFailed, OrchestratorError, Unavailable
from holdfast_engine.registry import Deployment, Endpoint

if TYPE_CHECKING:
    from holdfast_aws.runtime.process import Process
    from holdfast_aws.runtime.pruning import Pruning

_LOG = logging.getLogger("holdfast.aws")

# A permission that CloudFormation has just attached is not known everywhere yet: half a minute in all.
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)


class Registrar:
    """Handles the requests of `Custom::HoldfastRegistration`."""

    def __init__(self, process: Process, *, pruning: Pruning) -> None:
        self._process = process
        self._pruning = pruning

    async def handle(self, event: Mapping[str, Any], _: object) -> None:
        """Do what CloudFormation asks for, and tell it what came of it: a failure is an answer, too."""
        answer = await self._answer(event)
        # Nothing else happens in this process meanwhile, so the loop may stand still.
        send_answer(event, answer)

    async def _answer(self, event: Mapping[str, Any]) -> ResourceAnswer:
        properties = event["ResourceProperties"]
        version_arn = properties["VersionArn"]
        function_arn = _function_of(version_arn)
        try:
            data = await self._handle(event["RequestType"], version_arn, properties)
        except OrchestratorError as error:
            return ResourceAnswer(physical_id=function_arn, reason=f"{version_arn} cannot be registered: {error}")
        except Exception as error:  # noqa: BLE001 - without an answer CloudFormation waits for an hour.
            _LOG.exception("%s of %s failed", event["RequestType"], version_arn)
            return ResourceAnswer(physical_id=function_arn, reason=f"the registrar failed: {error!r}; its log says why")
        # The function is the resource: with an id per version, CloudFormation would ask to delete each former one.
        return ResourceAnswer(physical_id=function_arn, data=data)

    async def _handle(self, request: str, version_arn: str, properties: Mapping[str, Any]) -> dict[str, str]:
        function_arn = _function_of(version_arn)
        await self._process.look()
        if request == "Delete":
            await self._pruning.prune(function_arn, keep=0)
            return {}
        deployment = await self._register(version_arn, is_breaking=_flag(properties, "Breaking"))
        if _flag(properties, "Prune"):
            await self._clear_away(function_arn)
        return {"DeploymentId": deployment.id}

    async def _clear_away(self, function_arn: str) -> None:
        try:
            await self._pruning.prune(function_arn, keep=2)
        except Unavailable:
            # What has been registered is in use by now: that something old is still there is no reason to take it back.
            _LOG.warning("old versions of %s stay until it is deployed again", function_arn, exc_info=True)

    async def _register(self, version_arn: str, *, is_breaking: bool) -> Deployment:
        endpoint = Endpoint(transport="lambda", address=version_arn)
        for pause in (*_PAUSES_S, None):
            try:
                registration = await self._process.engine.register(
                    endpoint, force=False, breaking=is_breaking, dry_run=False, metadata=()
                )
            except DiscoveryFailed as error:
                if pause is None:
                    raise
                _LOG.warning("%s did not say what it serves; asked again in %s s: %s", version_arn, pause, error)
                await asyncio.sleep(pause)
            else:
                return registration.deployment
        raise AssertionError("the last try returns or raises")


def _function_of(version_arn: str) -> str:
    return version_arn.rpartition(":")[0]


def _flag(properties: Mapping[str, Any], name: str) -> bool:
    # CloudFormation hands every value on as a string.
    return str(properties.get(name, "false")).lower() == "true"
