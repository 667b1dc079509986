"""A deployment is a version of a function: what has begun on one stays with it, what begins goes to the newest."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.e2e.aws.cloud import Cloud
from tests.e2e.aws.door import put_box
from tests.support.site import eventually


def test_a_run_stays_with_the_code_it_began_on(cloud: Cloud) -> None:
    """A workflow waits while its function is deployed anew: it ends on the old version, the next runs on the new."""
    before = _versions(cloud)
    assert sorted(before.values()) == [1, 1, 1]
    waiting = cloud.site.send("/PythonPinned/one/run")
    assert eventually(lambda: _status(cloud, waiting) == "suspended")
    cloud.redeploy()
    assert (_versions(cloud) - before).total() == 1
    for key, invocation_id in (("one", waiting), ("two", cloud.site.send("/PythonPinned/two/run"))):
        cloud.site.call(f"/PythonPinned/{key}/go")
        expected = ["1", "1"] if key == "one" else ["2", "2"]
        assert cloud.site.attach(invocation_id).json() == expected


def test_drained_versions_are_removed(cloud: Cloud) -> None:
    """Of versions on which nothing runs any more only the last two stay, in the registry and in Lambda."""
    lambda_ = cloud.client("lambda")
    (name,) = [
        each["FunctionName"]
        for each in lambda_.list_functions()["Functions"]
        if each["FunctionName"].startswith("Services-Official")
    ]
    for revision in ("third", "fourth"):
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {"REVISION": revision}})
        published = lambda_.publish_version(FunctionName=name)["FunctionArn"]
        answer = _registered(cloud, published)
        assert answer["Status"] == "SUCCESS", answer
    kept = sorted(arn for arn in _arns(cloud) if f":{name}:" in arn)
    assert len(kept) == 2
    assert published in kept
    versions = lambda_.list_versions_by_function(FunctionName=name)["Versions"]
    assert sorted(each["FunctionArn"] for each in versions if each["Version"] != "$LATEST") == kept
    assert cloud.site.call("/PythonTour/visit", 1) == ["stop 0", "twice as many are 2"]


def _registered(cloud: Cloud, version_arn: str) -> dict[str, Any]:
    """Have the registrar register a version as CloudFormation does; return what it answers."""
    (name,) = [
        each["FunctionName"]
        for each in cloud.client("lambda").list_functions()["Functions"]
        if "Registrar" in each["FunctionName"]
    ]
    with put_box() as (url, box):
        event = {
            "RequestType": "Update",
            "ResourceProperties": {"VersionArn": version_arn, "Prune": "true", "Breaking": "false"},
            "ResponseURL": url,
            **dict.fromkeys(("StackId", "RequestId", "LogicalResourceId"), "none"),
        }
        cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        (answer,) = box
    told: dict[str, Any] = json.loads(answer)
    return told


def _arns(cloud: Cloud) -> list[str]:
    return [each["arn"] for each in cloud.site.admin.get("/deployments").json()["deployments"]]


def _versions(cloud: Cloud) -> Counter[str]:
    """Return how many versions of each function are registered."""
    arns = [arn.rpartition(":") for arn in _arns(cloud)]
    assert all(version.isdigit() for _, _, version in arns)
    return Counter(function for function, _, _ in arns)


def _status(cloud: Cloud, invocation_id: str) -> str:
    return str(cloud.site.admin.get(f"/invocations/{invocation_id}").json()["status"])
