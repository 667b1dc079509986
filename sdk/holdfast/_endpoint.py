"""An endpoint: services that are served together, by whatever carries attempts to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from holdfast._handler import Handler
from holdfast._service import Definition
from holdfast._version import SDK_VERSION
from holdfast.errors import DefinitionError, HoldfastError

if TYPE_CHECKING:
    from holdfast_protocol.attempt import AttemptRequest, Checkpoint
    from holdfast_protocol.manifest import Manifest, ProtocolMode


class HandlerNotFound(HoldfastError, LookupError):
    """An attempt asks for a service or handler that this endpoint does not serve.

    Example:
        >>> import holdfast
        >>> issubclass(holdfast.HandlerNotFound, LookupError)
        True
    """


class Endpoint:
    """Services that are served together; runs attempts for an engine in this process, or for a server.

    Example:
        >>> import holdfast
        >>> greeter = holdfast.Service("Greeter")
        >>> @greeter.handler()
        ... async def greet(ctx: holdfast.Context, name: str) -> str:
        ...     return f"Hello {name}"
        >>> holdfast.Endpoint([greeter]).manifest().services[0].name
        'Greeter'
    """

    sdk_version = SDK_VERSION

    def __init__(self, services: Iterable[Definition]) -> None:
        """Take the services.

        Raises:
            DefinitionError: two share a name, or one is no service.
        """
        self.service_by_name: dict[str, Definition] = {}
        for service in services:
            _check_service(service)
            if service.name in self.service_by_name:
                raise DefinitionError(f"Two services are named {service.name!r}; rename one of them.")
            self.service_by_name[service.name] = service

    def manifest(self, mode: ProtocolMode = "request_response") -> Manifest:
        """Return what this endpoint serves; `holdfast_protocol.manifest` turns it into any version's JSON."""
        from holdfast._discovery import manifest_of

        return manifest_of(self.service_by_name.values(), mode)

    def find(self, service: str, handler: str) -> Handler | None:
        """Return the handler of a target, or None when it is not served here."""
        definition = self.service_by_name.get(service)
        return definition.handlers.get(handler) if definition else None

    async def run(self, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        """Run one attempt and return its frames, the last of which says how it ended.

        Raises:
            HandlerNotFound: the target is not served here.
        """
        from holdfast._driver import run_attempt

        handler = self.find(request.service, request.handler)
        if handler is None:
            raise HandlerNotFound(f"{request.service}/{request.handler} is not served here.")
        return await run_attempt(handler, request, checkpoint)


def _check_service(service: Any) -> None:
    if not isinstance(service, Definition):
        raise DefinitionError(f"{service!r} is not a Service, VirtualObject or Workflow.")
    if not service.handlers:
        raise DefinitionError(f"{service.name} has no handlers; decorate at least one function.")
