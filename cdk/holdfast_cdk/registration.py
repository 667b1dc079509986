"""The custom resource that registers a version of a function whenever there is a new one."""

from __future__ import annotations

from aws_cdk import CustomResource
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from holdfast_cdk.functions import SIZES, EngineFunction

RESOURCE_TYPE = "Custom::HoldfastRegistration"


class Registration(Construct):
    """Asks the registrar to register a version; a version that cannot be registered fails the deployment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        registrar: EngineFunction,
        version: lambda_.Version,
        prune: bool,
        is_breaking: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        resource = CustomResource(
            self,
            "Resource",
            resource_type=RESOURCE_TYPE,
            # Without an answer, from a registrar that cannot even start, CloudFormation would wait for an hour.
            service_timeout=SIZES["registrar"].timeout,
            service_token=registrar.function.function_arn,
            properties={"VersionArn": version.function_arn, "Prune": prune, "Breaking": is_breaking},
        )
        self.deployment_id = resource.get_att_string("DeploymentId")
