"""A CloudFormation stack as an operator's machine sees it: what is in it, and which function does what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# The construct describes its functions so, whatever their names and the name of the stack are.
_DESCRIBED = "Holdfast: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a stack by its kind, such as `AWS::SQS::Queue`, and by the name that it has on AWS."""

    kind: str
    physical_id: str


class Stack:
    """A stack by its name, looked at when it is asked for something; what AWS refuses is raised as it comes."""

    def __init__(self, name: str, session: Any) -> None:
        self.name = name
        self._session = session
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a client of one of AWS's services."""
        if service not in self._clients:
            self._clients[service] = self._session.create_client(service)
        return self._clients[service]

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Everything in the stack that has been made."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        return tuple(
            Resource(kind=each["ResourceType"], physical_id=each["PhysicalResourceId"])
            for page in pages
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId")
        )

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Return the names of the resources of a kind."""
        return tuple(each.physical_id for each in self.resources if each.kind == kind)

    @cached_property
    def functions(self) -> Mapping[str, dict[str, Any]]:
        """The configurations of the orchestrator's functions by what they do: `ingress`, `dispatcher` and so on."""
        found = {}
        for name in self.of_kind("AWS::Lambda::Function"):
            configuration = self.client("lambda").get_function_configuration(FunctionName=name)
            description = str(configuration.get("Description", ""))
            if description.startswith(_DESCRIBED):
                found[description.removeprefix(_DESCRIBED)] = configuration
        return found


def variables_of(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a function."""
    return dict(configuration.get("Environment", {}).get("Variables", {}))
