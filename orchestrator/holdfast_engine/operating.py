"""The engine as operators see it: what can be done to an invocation, or to a deployment, by its id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast_engine.attempt import start_run
from holdfast_engine.cancel import CancelOutcome, cancel, cancel_token
from holdfast_engine.configuring import configure
from holdfast_engine.editing import edit_state
from holdfast_engine.errors import UnknownDeployment, UnknownTarget
from holdfast_engine.kill import KillOutcome, kill
from holdfast_engine.pausing import GRACE_S, PauseOutcome, pause, resume
from holdfast_engine.ports import Converted, Converting
from holdfast_engine.pruning import drained, forget, idle, remove
from holdfast_engine.purging import purge, purge_journal
from holdfast_engine.records import KeyRef
from holdfast_engine.registration import Registration, modify, refresh, register
from holdfast_engine.registry import Deployment, Endpoint, Registry, ServiceSpec
from holdfast_engine.restarting import restart
from holdfast_engine.world import World
from holdfast_protocol.manifest import Options


class Operating:
    """Operations over a world of ports; each is durable when it returns."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def registry(self) -> Registry:
        """The deployments and services known."""
        return self.world.registry

    async def cancel(self, invocation_id: str) -> CancelOutcome:
        """Ask an invocation to stop.

        Raises:
            UnknownInvocation: There is none of that id.
        """
        outcome = await cancel(self.world, invocation_id, token=cancel_token(self.world))
        await self.world.store.flushed()
        return outcome

    async def kill(self, invocation_id: str) -> KillOutcome:
        """End an invocation at once, with the calls it waits for.

        Raises:
            UnknownInvocation: There is none of that id.
        """
        outcome = await kill(self.world, invocation_id, start_run)
        await self.world.store.flushed()
        return outcome

    async def pause(self, invocation_id: str) -> PauseOutcome:
        """Stop an invocation until somebody resumes it; a step that is under way here may end if it does so soon.

        Raises:
            UnknownInvocation: There is none of that id.
            WrongState: It has not started, or it has ended.
        """
        return await self._pause(invocation_id, grace_s=GRACE_S)

    async def pause_at_once(self, invocation_id: str) -> PauseOutcome:
        """Stop an invocation without waiting for the step that is under way, as one of many.

        Raises:
            UnknownInvocation: There is none of that id.
            WrongState: It has not started, or it has ended.
        """
        return await self._pause(invocation_id, grace_s=0)

    async def resume(self, invocation_id: str, *, deployment: str) -> None:
        """Let an invocation go on: on the deployment it has ("keep"), the latest one ("latest"), or one by its id.

        Raises:
            UnknownInvocation: There is none of that id.
            WrongState: It has not started, or it has ended.
            RequestRejected: There is no such deployment.
            DeploymentUnfit: It cannot go on with that deployment.
        """
        await resume(self.world, invocation_id, deployment=deployment)
        await self.world.store.flushed()

    async def restart(self, invocation_id: str, *, from_index: int, deployment: str | None) -> str:
        """Run an invocation that has ended again, from its input or an entry of its journal; return the new one's id.

        Raises:
            UnknownInvocation: There is none of that id.
            RequestRejected: It cannot be restarted, or not from there, or not on that deployment.
        """
        new_id = await restart(self.world, invocation_id, from_index=from_index, deployment=deployment)
        await self.world.store.flushed()
        return new_id

    async def purge(self, invocation_id: str) -> None:
        """Forget an invocation that has ended.

        Raises:
            UnknownInvocation: There is none of that id.
            WrongState: It has not ended.
        """
        await purge(self.world, invocation_id)
        await self.world.store.flushed()

    async def purge_journal(self, invocation_id: str) -> None:
        """Forget the journal of an invocation that has ended; its outcome stays.

        Raises:
            UnknownInvocation: There is none of that id.
            WrongState: It has not ended.
        """
        await purge_journal(self.world, invocation_id)
        await self.world.store.flushed()

    async def edit_state(self, key: KeyRef, *, state: Mapping[str, bytes], version: str | None) -> None:
        """Replace a key's state; with a version, only if that is the state's still.

        Raises:
            WrongState: An invocation holds the key, or the state is another by now.
        """
        await edit_state(self.world, key, state=state, version=version)
        await self.world.store.flushed()

    async def register(
        self,
        endpoint: Endpoint,
        *,
        force: bool,
        breaking: bool,
        dry_run: bool,
        metadata: tuple[tuple[str, str], ...],
    ) -> Registration:
        """Register what an endpoint serves.

        Raises:
            DiscoveryFailed: The endpoint did not say what it serves.
            RegistrationRejected: It may not be registered as asked.
        """
        return await register(self.world, endpoint, force=force, breaking=breaking, dry_run=dry_run, metadata=metadata)

    async def refresh(self, endpoint: Endpoint) -> Registration:
        """Register what an endpoint serves now that this server starts; the same code again changes nothing.

        Raises:
            DiscoveryFailed: The endpoint did not say what it serves.
            RegistrationRejected: It may not be registered.
        """
        return await refresh(self.world, endpoint)

    async def modify_deployment(
        self, deployment_id: str, endpoint: Endpoint, *, overwrite: bool, dry_run: bool
    ) -> Deployment:
        """Change where a deployment is and which headers it gets; with `overwrite`, what it serves as well.

        Raises:
            UnknownDeployment: There is none of that id.
            DiscoveryFailed: The endpoint did not say what it serves.
            RegistrationRejected: It does not serve what the deployment is known for.
        """
        known = self._deployment(deployment_id)
        return await modify(self.world, known, endpoint, overwrite=overwrite, dry_run=dry_run)

    async def configure(self, service: str, change: Options) -> ServiceSpec:
        """Change options of a service until its next revision.

        Raises:
            UnknownTarget: There is no such service.
            RequestRejected: An option makes no sense for its kind.
        """
        return await configure(self.world, service, change)

    async def convert(self, service: str, path: Sequence[str], content: bytes) -> Converted | None:
        """Let a service's SDK convert a value; None where its endpoint cannot be asked for that.

        Raises:
            UnknownTarget: There is no such service.
            DiscoveryFailed: The endpoint did not answer.
        """
        discovery, spec = self.world.discovery, self.registry.service(service)
        if spec is None:
            raise UnknownTarget(f"there is no service {service!r}; GET /services lists those that are registered")
        if not isinstance(discovery, Converting):
            return None
        return await discovery.convert(spec.deployment.endpoint, path, content)

    async def drained_deployments(self) -> Sequence[Deployment]:
        """Return those that nothing needs any more; reads every invocation that has not ended."""
        return await drained(self.world, idle(self.registry))

    async def forget_deployment(self, deployment_id: str, *, force: bool) -> None:
        """Take a deployment out of the registry; with `force`, whatever still runs on it.

        Raises:
            UnknownDeployment: There is none of that id.
            WrongState: It is still needed, and `force` is not set.
        """
        await (forget if force else remove)(self.world, self._deployment(deployment_id))

    async def _pause(self, invocation_id: str, *, grace_s: float) -> PauseOutcome:
        outcome = await pause(self.world, invocation_id, grace_s=grace_s)
        await self.world.store.flushed()
        return outcome

    def _deployment(self, deployment_id: str) -> Deployment:
        deployment = self.registry.deployment(deployment_id)
        if deployment is None:
            raise UnknownDeployment(f"there is no deployment {deployment_id!r}; GET /deployments lists those there are")
        return deployment
