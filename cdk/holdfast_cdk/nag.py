"""cdk-nag: which checks run over an application, and one reason for each finding that is meant to be there."""

from __future__ import annotations

from aws_cdk import Acknowledgment, App, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

_WILDCARD = "AwsSolutions-IAM5"


def check(app: App) -> None:
    """Have cdk-nag look at everything in the application when it is synthesised."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))


def accept(construct: IConstruct, finding: str, reason: str) -> None:
    """Say why a finding on a construct is no fault."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))


def accept_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Say why a policy of a construct names several resources at once; `resource` is the one it names, `*` included."""
    accept(construct, f"{_WILDCARD}[Resource::{_shown(Stack.of(construct).resolve(resource))}]", reason)


def _shown(value: object) -> str:
    """Return a resolved ARN as cdk-nag shows it: `<LogicalId.Arn>` for what the template has a reference for."""
    match value:
        case {"Fn::Join": [_, [*parts]]}:
            return "".join(_shown(part) for part in parts)
        case {"Fn::GetAtt": [str(logical_id), str(attribute)]}:
            return f"<{logical_id}.{attribute}>"
        case {"Ref": str(logical_id)}:
            return f"<{logical_id}>"
        case {"Fn::ImportValue": str(name)}:
            return f"<{name}>"
        case _:
            return str(value)
