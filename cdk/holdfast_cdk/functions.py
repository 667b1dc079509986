"""The functions of the orchestrator: code, sizes, roles and logs; what each may touch is granted elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from holdfast_cdk.nag import accept, accept_wildcard
from holdfast_cdk.wheels import Platform

# A watchdog is an SQS message with a delay of the sender's remaining time and a margin, and a delay is 15 minutes at
# most: so the functions that run attempts end a minute before Lambda's own limit.
ENGINE_TIMEOUT = Duration.minutes(14)
_RUN_ATTEMPTS = frozenset(("ingress", "dispatcher"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How big a function is. Waiting for handlers costs by memory, starting and signing by processor share."""

    memory_mb: int
    timeout: Duration


SIZES: Mapping[str, Size] = {
    "ingress": Size(memory_mb=512, timeout=ENGINE_TIMEOUT),
    "dispatcher": Size(memory_mb=512, timeout=ENGINE_TIMEOUT),
    "sends": Size(memory_mb=256, timeout=Duration.seconds(60)),
    "sweeper": Size(memory_mb=256, timeout=Duration.minutes(5)),
    "admin": Size(memory_mb=512, timeout=Duration.seconds(60)),
    "registrar": Size(memory_mb=256, timeout=Duration.minutes(5)),
    # Its worker may take 1.5 GB, and two processors load its libraries faster than one.
    "query": Size(memory_mb=3008, timeout=Duration.seconds(45)),
}


def size_of(name: str, *, engine_timeout: Duration, memory_mb: int | None) -> Size:
    """Return the size of a function where an installation wants another one than the usual."""
    usual = SIZES[name]
    timeout = engine_timeout if name in _RUN_ATTEMPTS else usual.timeout
    return Size(memory_mb=memory_mb or usual.memory_mb, timeout=timeout)


class EngineFunction(Construct):
    """One function of the orchestrator with a role and a log group of its own."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        code: lambda_.Code,
        platform: Platform,
        environment: Mapping[str, str],
        size: Size,
        reserved_concurrency: int | None,
        tracing: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        # The role that CDK would make has an AWS managed policy, which allows writing to any log group.
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            description=f"Holdfast: {name}",
            runtime=lambda_.Runtime(f"python{platform.python}", lambda_.RuntimeFamily.PYTHON),
            architecture=_ARCHITECTURES[platform.architecture],
            code=code,
            handler="handler.handler",
            role=self.role,
            log_group=self.log_group,
            memory_size=size.memory_mb,
            timeout=size.timeout,
            reserved_concurrent_executions=reserved_concurrency,
            # A chain of invocations is what this is for; the alarm on dropped ones says if this was lost.
            recursive_loop=lambda_.RecursiveLoop.ALLOW,
            tracing=lambda_.Tracing.ACTIVE if tracing else lambda_.Tracing.DISABLED,
            environment={"POWERTOOLS_SERVICE_NAME": f"holdfast-{name}", **environment},
        )
        if tracing:
            accept_wildcard(self.role, "*", "X-Ray knows no resources: a segment belongs to none.")
        accept(
            self.function,
            "AwsSolutions-L1",
            f"It runs Python {platform.python}, for which its wheels were chosen and on which it was tested.",
        )


_ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
