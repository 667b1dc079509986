"""A service's template: its version is kept and registered, it is confined to its own journals."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_engine.ids import child_id, idempotent_id, service_prefix
from holdfast_engine.records import Target
from holdfast_protocol.ids import encode_invocation_id
from tests.unit.cdk.conftest import SERVICES, Cloud


def test_a_version_is_kept_and_registered(cloud: Cloud) -> None:
    """A version that CloudFormation replaces stays, for those pinned to it; the new one is registered."""
    ((name, version),) = cloud.resources("AWS::Lambda::Version", stack="Services").items()
    assert version["UpdateReplacePolicy"] == version["DeletionPolicy"] == "Retain"
    (registration,) = cloud.resources("Custom::HoldfastRegistration", stack="Services").values()
    assert registration["Properties"]["VersionArn"] == {"Ref": name}


def test_it_is_registered_when_it_may_be_called(cloud: Cloud) -> None:
    """The registration waits for the permission by which the registrar asks the function what it serves."""
    (registration,) = cloud.resources("Custom::HoldfastRegistration", stack="Services").values()
    policies = cloud.resources("AWS::IAM::Policy", stack="Services")
    calling = [
        name
        for name, policy in policies.items()
        if "lambda:InvokeFunction" in str(policy["Properties"]["PolicyDocument"]["Statement"])
    ]
    assert set(calling) <= set(registration["DependsOn"])
    assert len(calling) == 1


def test_the_users_function_may_call_in_circles(cloud: Cloud) -> None:
    """A service's function is exempt from the guard against recursion."""
    (function,) = cloud.resources("AWS::Lambda::Function", stack="Services").values()
    assert function["Properties"]["RecursiveLoop"] == "Allow"


def test_it_may_touch_only_its_own_journals(cloud: Cloud) -> None:
    """The function's only access to tables is to items whose key begins as the ids of its services do."""
    statements = [
        statement
        for policy in cloud.resources("AWS::IAM::Policy", stack="Services").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "dynamodb" in str(statement["Action"])
    ]
    assert len(statements) == 1
    condition = statements[0]["Condition"]
    assert statements[0]["Action"] == ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    assert len(condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) == len(SERVICES)
    assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}


@given(service=st.text(min_size=1), other=st.text(min_size=1), raw=st.binary(min_size=16, max_size=16), key=st.text())
def test_leading_keys_cover_every_id_of_a_service_and_none_of_another(
    service: str, other: str, raw: bytes, key: str
) -> None:
    """The pattern of a service matches its invocations' ids however they came about, and no other service's."""
    from holdfast_cdk.journal_access import leading_key

    pattern = leading_key(service)
    target = Target(service=service, key=None, handler="run")
    ids = [
        encode_invocation_id(service_prefix(service) + raw),
        idempotent_id(target, key),
        child_id(service, parent_id=encode_invocation_id(bytes(24)), nonce="aa", completion_id=1),
    ]
    assert all(fnmatchcase(each, pattern) for each in ids)
    if other != service:
        assert not fnmatchcase(encode_invocation_id(service_prefix(other) + raw), pattern)


def test_a_function_that_outlives_its_dispatcher_is_refused(tmp_path: Any, cloud: Cloud) -> None:
    """A function that may run longer than anybody waits for it fails the synthesis, with the limit."""
    from aws_cdk import App, Duration, Stack
    from aws_cdk import aws_lambda as lambda_

    from holdfast_cdk import Holdfast, HoldfastService
    from tests.unit.cdk.handlers_only import HandlersOnly

    stack = Stack(App(outdir=str(tmp_path)), "Long")
    function = lambda_.Function(
        stack,
        "Long",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="handler.handler",
        code=HandlersOnly().code("sends"),
        timeout=Duration.minutes(15),
    )
    holdfast = Holdfast(stack, "Holdfast", bundler=HandlersOnly())
    with pytest.raises(ValueError, match="810 s"):
        HoldfastService(stack, "Service", holdfast=holdfast, function=function)
