"""The orchestrator's template: what is stored how, what may do what, what is watched."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

import pytest

from holdfast_aws import dynamo, listing_index
from holdfast_aws.sweeper import HORIZON_MS
from holdfast_http.query import on_lambda
from tests.unit.cdk.conftest import ELSEWHERE, SECRET, Cloud

# Which permission each request of the store's client needs; a transaction needs those of its parts.
ACTION_BY_REQUEST = {
    "batch_get_item": "dynamodb:BatchGetItem",
    "batch_write_item": "dynamodb:BatchWriteItem",
    "delete_item": "dynamodb:DeleteItem",
    "get_item": "dynamodb:GetItem",
    "put_item": "dynamodb:PutItem",
    "query": "dynamodb:Query",
    "scan": "dynamodb:Scan",
    "transact_write_items": "dynamodb:ConditionCheckItem",
    "update_item": "dynamodb:UpdateItem",
}
FUNCTIONS = ("ingress", "dispatcher", "sends", "sweeper", "admin", "registrar")


def test_tables_are_on_demand_restorable_and_kept(cloud: Cloud) -> None:
    """Every table bills by request, can be restored to any second, and survives the stack."""
    tables = cloud.resources("AWS::DynamoDB::Table")
    assert len(tables) == 4
    for table in tables.values():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["DeletionProtectionEnabled"] is True
        assert table["DeletionPolicy"] == "Retain"


def test_tables_and_bucket_take_a_key_of_ones_own(cloud: Cloud) -> None:
    """With an encryption key, whatever holds values is encrypted with it."""
    for table in cloud.resources("AWS::DynamoDB::Table", stack="Options").values():
        assert table["Properties"]["SSESpecification"]["SSEType"] == "KMS"
    (bucket,) = cloud.resources("AWS::S3::Bucket", stack="Options").values()
    (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_every_queue_is_encrypted_and_has_its_dead_letters(cloud: Cloud) -> None:
    """Each of the two queues parks what fails too often; all four are encrypted."""
    queues = cloud.resources("AWS::SQS::Queue")
    assert all(queue["Properties"]["SqsManagedSseEnabled"] for queue in queues.values())
    redriven = [
        queue["Properties"]["RedrivePolicy"] for queue in queues.values() if "RedrivePolicy" in queue["Properties"]
    ]
    assert len(queues) == 4
    assert len(redriven) == 2


def test_a_put_back_message_does_not_end_in_the_dead_letters(cloud: Cloud) -> None:
    """The dispatcher sends a message anew before its receives reach the queue's limit."""
    from holdfast_aws.runtime.dispatcher import PUT_BACKS_MAX
    from holdfast_cdk.queues import RECEIVES_MAX

    assert PUT_BACKS_MAX < RECEIVES_MAX


def test_no_queue_gives_a_message_away_while_its_function_may_run(cloud: Cloud) -> None:
    """A queue's visibility timeout is no shorter than its consumer's timeout, or Lambda refuses the mapping."""
    queues = cloud.resources("AWS::SQS::Queue")
    functions = cloud.resources("AWS::Lambda::Function")
    mappings = cloud.resources("AWS::Lambda::EventSourceMapping")
    assert len(mappings) == 2
    for mapping in mappings.values():
        properties = mapping["Properties"]
        queue = queues[properties["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        function = functions[properties["FunctionName"]["Ref"]]["Properties"]
        assert queue["VisibilityTimeout"] >= function["Timeout"]
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert properties["BatchSize"] == 10
        # Waiting to fill a batch would delay every wake-up.
        assert properties.get("MaximumBatchingWindowInSeconds", 0) == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_run_on_arm_and_may_call_in_circles(cloud: Cloud, name: str) -> None:
    """Every function runs on arm64 and is exempt from the guard against recursion."""
    function = cloud.function(name)
    assert function["Architectures"] == ["arm64"]
    assert function["RecursiveLoop"] == "Allow"
    assert function["Runtime"] == "python3.13"
    assert "LogGroup" in function["LoggingConfig"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_told_what_their_settings_ask_for(cloud: Cloud, name: str) -> None:
    """The environment has every setting that has no default, and nothing that no setting reads."""
    from holdfast_aws.runtime.settings import REQUIRED, RuntimeSettings

    environment = cloud.function(name)["Environment"]["Variables"]
    given = {key.removeprefix("HOLDFAST_").lower() for key in environment if key.startswith("HOLDFAST_")}
    assert given >= REQUIRED
    assert given <= {field.name for field in dataclasses.fields(RuntimeSettings)}


def test_options_reach_the_functions(cloud: Cloud) -> None:
    """Sizes, reserved concurrency, tracing and settings are what the options say."""
    dispatcher, ingress = cloud.function("dispatcher", stack="Options"), cloud.function("ingress", stack="Options")
    assert dispatcher["ReservedConcurrentExecutions"] == 11
    assert ingress["MemorySize"] == 1769
    assert ingress["TracingConfig"] == {"Mode": "Active"}
    assert ingress["Environment"]["Variables"]["HOLDFAST_LEASE_S"] == "60"
    mappings = cloud.resources("AWS::Lambda::EventSourceMapping", stack="Options").values()
    scalings = [each["Properties"].get("ScalingConfig") for each in mappings]
    assert {"MaximumConcurrency": 7} in scalings


def test_functions_elsewhere_are_called_as_their_role(cloud: Cloud) -> None:
    """Whoever calls handlers may assume the role that it was given for that, and no other one."""
    assumed = [each for each in _allowed(cloud, "Options") if "sts:AssumeRole" in _listed(each["Action"])]
    assert [each["Resource"] for each in assumed] == [ELSEWHERE] * 4
    assert not [each for each in _allowed(cloud, "Main") if "sts:AssumeRole" in _listed(each["Action"])]


def test_no_statement_allows_everything(cloud: Cloud) -> None:
    """No policy of an orchestrator without tracing names `*` as its resource, or an action with a wildcard."""
    for stack in ("Main", "Services"):
        for statement in _allowed(cloud, stack):
            assert "*" not in _listed(statement["Resource"]), statement
            assert not any("*" in action for action in _listed(statement["Action"])), statement


def test_tables_are_named_one_by_one(cloud: Cloud) -> None:
    """Who may touch a table may touch that one; registrar and sweeper look through all journals, admin through keys."""
    scans = [statement for statement in _allowed(cloud, "Main") if "dynamodb:Scan" in _listed(statement["Action"])]
    assert sorted(re.findall("Tables([A-Z][a-z]+)", str([each["Resource"] for each in scans]))) == [
        "Journal",
        "Journal",
        "Keys",
    ]
    for statement in _allowed(cloud, "Main"):
        if any(action.startswith("dynamodb:") for action in _listed(statement["Action"])):
            assert all("Fn::GetAtt" in resource or _is_index(resource) for resource in _listed(statement["Resource"]))


def test_only_admin_lists(cloud: Cloud) -> None:
    """The journal table has one index, which holds nothing but keys, and only the admin function may ask it."""
    tables = cloud.resources("AWS::DynamoDB::Table").values()
    (index,) = [index for table in tables for index in table["Properties"].get("GlobalSecondaryIndexes", ())]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert {each["AttributeName"] for each in index["KeySchema"]} == {listing_index.PARTITION, listing_index.SORT}
    askers = [
        name
        for name, policy in cloud.resources("AWS::IAM::Policy").items()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if any(_is_index(resource) for resource in _listed(statement["Resource"]))
    ]
    assert len(askers) == 1
    assert "Admin" in askers[0]


def test_sql_is_a_function_when_it_is_asked_for(cloud: Cloud) -> None:
    """Only with the option there is a query function; admin may call it and knows where it is."""
    assert "HOLDFAST_QUERY_FUNCTION" not in cloud.function("admin")["Environment"]["Variables"]
    told = cloud.function("admin", stack="Options")["Environment"]["Variables"]["HOLDFAST_QUERY_FUNCTION"]
    calls = [each for each in _allowed(cloud, "Options") if "lambda:InvokeFunction" in _listed(each["Action"])]
    assert [each["Resource"] for each in calls if "Query" in str(each["Resource"])] == [told]
    assert cloud.function("query", stack="Options")["Timeout"] > on_lambda.SECONDS_MAX


def test_only_who_calls_handlers_signs(cloud: Cloud) -> None:
    """With a secret, the functions that call handlers may read just that, know it, and carry what signing takes."""
    callers = ("ingress", "dispatcher", "admin", "registrar")
    variable = "HOLDFAST_IDENTITY_SECRET_ARN"
    for name in FUNCTIONS:
        told = cloud.function(name, stack="Options")["Environment"]["Variables"].get(variable)
        assert told == (SECRET if name in callers else None), name
        assert cloud.more[name] == (("cryptography",) if name in callers else ()), name
        assert variable not in cloud.function(name)["Environment"]["Variables"]
    readers = [each for each in _allowed(cloud, "Options") if "secretsmanager" in str(each["Action"])]
    assert [(each["Action"], each["Resource"]) for each in readers] == [
        ("secretsmanager:GetSecretValue", SECRET)
    ] * len(callers)
    assert not [each for each in _allowed(cloud, "Main") if "secretsmanager" in str(each["Action"])]


def _is_index(resource: Any) -> bool:
    return str(resource).endswith(f"'/index/{listing_index.NAME}']]}}")


def test_no_rule_of_the_bucket_deletes_what_is_current(cloud: Cloud) -> None:
    """The bucket keeps versions, and by itself deletes only those that were replaced or deleted before."""
    (bucket,) = cloud.resources("AWS::S3::Bucket").values()
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]:
        assert not {"ExpirationInDays", "ExpirationDate", "Transitions"} & rule.keys()


def test_a_key_of_ones_own_may_be_used_by_those_who_need_it(cloud: Cloud) -> None:
    """With a customer-managed key, every function of the orchestrator may use that key, and so may a service's."""
    for stack, users in (("Options", len(FUNCTIONS) + 1), ("KeyedServices", 1)):
        statements = [each for each in _allowed(cloud, stack) if "kms:Decrypt" in _listed(each["Action"])]
        assert len(statements) == users, stack
        assert all("Fn::ImportValue" in str(each["Resource"]) for each in statements)
    for stack in ("Main", "Services"):
        assert not any("kms:" in str(each["Action"]) for each in _allowed(cloud, stack))


def test_doors_ask_who_is_there(cloud: Cloud) -> None:
    """Function URLs ask for IAM's leave; so does the HTTP API."""
    assert [url["Properties"]["AuthType"] for url in cloud.resources("AWS::Lambda::Url").values()] == ["AWS_IAM"] * 2
    routes = cloud.resources("AWS::ApiGatewayV2::Route", stack="Options").values()
    assert [route["Properties"]["AuthorizationType"] for route in routes] == ["AWS_IAM"]
    stages = cloud.resources("AWS::ApiGatewayV2::Stage", stack="Options").values()
    assert all("AccessLogSettings" in stage["Properties"] for stage in stages)


def test_two_sweeps_may_fail_before_a_timer_is_late(cloud: Cloud) -> None:
    """Within the time that a message can be delayed by, the sweeper runs three times."""
    (schedule,) = cloud.resources("AWS::Scheduler::Schedule").values()
    minutes = int(schedule["Properties"]["ScheduleExpression"].removeprefix("rate(").split()[0])
    assert 3 * 60_000 * minutes <= HORIZON_MS


def test_what_goes_wrong_rings(cloud: Cloud) -> None:
    """Alarms watch parked and old messages of each queue, walks, and throttles, errors and drops of each function."""
    metrics = [each["Properties"]["MetricName"] for each in cloud.resources("AWS::CloudWatch::Alarm").values()]
    counts = {name: metrics.count(name) for name in set(metrics)}
    assert counts == {
        "ApproximateNumberOfMessagesVisible": 2,
        "ApproximateAgeOfOldestMessage": 2,
        "WalksBehind": 1,
        "Throttles": len(FUNCTIONS),
        "Errors": len(FUNCTIONS),
        "RecursiveInvocationsDropped": len(FUNCTIONS),
    }


def _allowed(cloud: Cloud, stack: str) -> list[dict[str, Any]]:
    return [
        statement
        for policy in cloud.resources("AWS::IAM::Policy", stack=stack).values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_store_may_do_what_it_does(cloud: Cloud) -> None:
    """The roles that run the engine have every action on the journal that the store's requests need."""
    requests = set(re.findall(r"self\._client\.(\w+)", inspect.getsource(dynamo)))
    needed = {ACTION_BY_REQUEST[each] for each in requests} - {"dynamodb:Scan"}
    journal = next(name for name in cloud.resources("AWS::DynamoDB::Table") if "Journal" in name)
    for name in ("Ingress", "Dispatcher", "Sends", "Admin"):
        policies = cloud.resources("AWS::IAM::Policy").items()
        statements = [
            statement
            for policy_id, policy in policies
            if name in policy_id
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if {"Fn::GetAtt": [journal, "Arn"]} in _listed(statement["Resource"])
        ]
        allowed = {action for statement in statements for action in _listed(statement["Action"])}
        assert needed <= allowed, name
