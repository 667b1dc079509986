"""An installation on AWS by the name of its CloudFormation stack: what is in it, and where it is spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from holdfast_cli.problems import RequestFailed, UsageProblem

# The construct describes its functions so, whatever their names and the name of the stack are.
_DESCRIBED = "Holdfast: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a stack: the name it has in the template, and the one it has on AWS."""

    kind: str
    logical_id: str
    physical_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Where an installation is spoken to."""

    admin: str
    ingress: str


class Stack:
    """A stack, looked at when it is asked for something."""

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
        """Everything in the stack."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        return tuple(
            Resource(
                kind=each["ResourceType"],
                logical_id=each["LogicalResourceId"],
                physical_id=each.get("PhysicalResourceId", ""),
            )
            for page in pages
            for each in page["StackResourceSummaries"]
        )

    def of_kind(self, kind: str) -> tuple[Resource, ...]:
        """Return the resources of a kind, such as `AWS::SQS::Queue`."""
        return tuple(each for each in self.resources if each.kind == kind and each.physical_id)

    @cached_property
    def functions(self) -> Mapping[str, dict[str, Any]]:
        """The configurations of the orchestrator's functions by what they do: `ingress`, `dispatcher` and so on."""
        found = {}
        for each in self.of_kind("AWS::Lambda::Function"):
            configuration = self.client("lambda").get_function_configuration(FunctionName=each.physical_id)
            description = str(configuration.get("Description", ""))
            if description.startswith(_DESCRIBED):
                found[description.removeprefix(_DESCRIBED)] = configuration
        return found

    def urls(self) -> Urls:
        """Return where its two APIs are.

        Raises:
            RequestFailed: It cannot be found out.
        """
        from holdfast_aws.errors import AWS_ERRORS

        try:
            admin = self.functions.get("admin")
            if admin is None:
                raise RequestFailed(
                    f"The stack {self.name!r} has no Holdfast in it: no function of it is the admin API."
                )
            name = admin["FunctionName"]
            url = self.client("lambda").get_function_url_config(FunctionName=name)["FunctionUrl"]
        except AWS_ERRORS as error:
            raise RequestFailed(f"The stack {self.name!r} could not be looked at: {error}") from error
        return Urls(admin=url, ingress=variables_of(admin).get("HOLDFAST_INGRESS_URL", ""))


def variables_of(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a function."""
    return dict(configuration.get("Environment", {}).get("Variables", {}))


def open_stack(name: str) -> Stack:
    """Return a stack, to be looked at with the credentials and in the region that the AWS CLI would take.

    Raises:
        UsageProblem: What that takes is not installed.
    """
    try:
        import botocore.session
    except ImportError as error:
        raise UsageProblem(f"This needs what is in pip install 'holdfast[aws]': {error.name} is missing.") from error
    return Stack(name, botocore.session.get_session())
