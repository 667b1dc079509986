"""A user's function as services of Holdfast: its versions, what may call it, what it may touch, its registration."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from holdfast_cdk.access import key_statement
from holdfast_cdk.holdfast import Holdfast
from holdfast_cdk.journal_access import journal_statement
from holdfast_cdk.nag import accept_wildcard
from holdfast_cdk.registration import Registration

# What the dispatcher needs around an attempt: to store its answer, and to hand over when its own time ends.
_MARGIN_SECONDS = 30


class HoldfastService(Construct):
    """Registers a function with an orchestrator at every change of its code or configuration.

    Each deployment publishes a version and registers that: an invocation stays with the version it began on, while new
    ones take the newest. Versions on which nothing runs any more are removed later, except the last two.

    Args:
        scope: Where it belongs; any stack of the same account and region.
        construct_id: Its name there.
        holdfast: The orchestrator.
        function: The function, in any language for which there is an SDK.
        services: The services it serves with `holdfast.aws_lambda`, which writes finished steps to the journal by
            itself. Leave it out for other SDKs: then the function gets no access to any table.
        prune: Whether drained versions are removed.
        is_breaking: Whether a service may become one of another kind, say a service an object.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        holdfast: Holdfast,
        function: lambda_.Function,
        services: Sequence[str] = (),
        prune: bool = True,
        is_breaking: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check_timeout(function, most=holdfast.options.engine_timeout.to_seconds() - _MARGIN_SECONDS)
        _allow_recursion(function)
        if services:
            statements = [journal_statement(holdfast.tables.journal, services)]
            if holdfast.options.encryption_key is not None:
                statements.append(key_statement(holdfast.options.encryption_key))
            iam.Policy(self, "Journals", statements=statements, roles=[_role(function)])
            function.add_environment("HOLDFAST_JOURNAL_TABLE", holdfast.tables.journal.table_name)
        self.version = function.current_version
        # An invocation may be at home on it for months; the registrar removes it when it is drained.
        self.version.apply_removal_policy(RemovalPolicy.RETAIN)
        calls = self._grant_calls(holdfast, function)
        self.registration = Registration(
            self,
            "Registration",
            registrar=holdfast.registrar,
            version=self.version,
            prune=prune,
            is_breaking=is_breaking,
        )
        self.registration.node.add_dependency(calls)
        if prune:
            self.registration.node.add_dependency(self._grant_pruning(holdfast, function))

    def _grant_calls(self, holdfast: Holdfast, function: lambda_.Function) -> iam.Policy:
        # In this construct's stack, so that a service in another stack makes no circle of the two.
        statement = iam.PolicyStatement(
            actions=["lambda:InvokeFunction"], resources=[function.function_arn, f"{function.function_arn}:*"]
        )
        roles: list[iam.IRole] = [each.role for each in holdfast.callers]
        policy = iam.Policy(self, "Calls", statements=[statement], roles=roles)
        accept_wildcard(
            policy, f"{function.function_arn}:*", "Every version of this one function: invocations stay with theirs."
        )
        return policy

    def _grant_pruning(self, holdfast: Holdfast, function: lambda_.Function) -> iam.Policy:
        statement = iam.PolicyStatement(actions=["lambda:DeleteFunction"], resources=[f"{function.function_arn}:*"])
        policy = iam.Policy(self, "Pruning", statements=[statement], roles=[holdfast.registrar.role])
        accept_wildcard(
            policy, f"{function.function_arn}:*", "Single versions of this one function, never the function itself."
        )
        return policy


def _check_timeout(function: lambda_.Function, *, most: float) -> None:
    if function.timeout is not None and function.timeout.to_seconds() > most:
        raise ValueError(
            f"{function.node.path} may run for {function.timeout.to_seconds():.0f} s, but whoever waits for an attempt"
            f" has {most:.0f} s: set its timeout to that or less; a durable sleep may last for years"
        )


def _allow_recursion(function: lambda_.Function) -> None:
    """Keep Lambda from taking a durable invocation's many attempts for a loop."""
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    resource.recursive_loop = "Allow"


def _role(function: lambda_.Function) -> iam.IRole:
    assert function.role is not None, f"{function.node.path} has no role"
    return function.role
