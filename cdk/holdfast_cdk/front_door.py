"""How requests reach a function: a function URL, or an HTTP API where something in front of it asks for one."""

from __future__ import annotations

import json
from enum import StrEnum

from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from holdfast_cdk.nag import accept


class Door(StrEnum):
    """What a door is made of. A call may wait for minutes behind a function URL, for 30 seconds behind an HTTP API."""

    FUNCTION_URL = "function-url"
    HTTP_API = "http-api"


class FrontDoor(Construct):
    """One URL; only callers whom IAM lets in, unless it is opened to everybody."""

    def __init__(
        self, scope: Construct, construct_id: str, *, function: lambda_.Function, door: Door, is_public: bool
    ) -> None:
        super().__init__(scope, construct_id)
        match door:
            case Door.FUNCTION_URL:
                self.url = self._function_url(function, is_public=is_public)
            case Door.HTTP_API:
                self.url = self._http_api(function, is_public=is_public)

    def _function_url(self, function: lambda_.Function, *, is_public: bool) -> str:
        auth = lambda_.FunctionUrlAuthType.NONE if is_public else lambda_.FunctionUrlAuthType.AWS_IAM
        return lambda_.FunctionUrl(self, "Url", function=function, auth_type=auth).url

    def _http_api(self, function: lambda_.Function, *, is_public: bool) -> str:
        api = gateway.HttpApi(
            self,
            "Api",
            create_default_stage=False,
            default_integration=integrations.HttpLambdaIntegration("Function", function),
            default_authorizer=None if is_public else authorizers.HttpIamAuthorizer(),
        )
        stage = gateway.HttpStage(self, "Stage", http_api=api, auto_deploy=True)
        self._log_access(stage)
        if is_public:
            accept(api, "AwsSolutions-APIG4", "It was opened to everybody on purpose: is_public=True.")
        return stage.url

    def _log_access(self, stage: gateway.HttpStage) -> None:
        log_group = logs.LogGroup(self, "AccessLogs", retention=logs.RetentionDays.ONE_MONTH)
        resource = stage.node.default_child
        assert isinstance(resource, gateway.CfnStage)
        resource.access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group.log_group_arn, format=_LOG_FORMAT
        )


_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "time": "$context.requestTime",
        "caller": "$context.identity.caller",
        "method": "$context.httpMethod",
        "path": "$context.path",
        "status": "$context.status",
        "latency": "$context.responseLatency",
        "error": "$context.integrationErrorMessage",
    }
)
