"""A deployment is a version of a function: what has begun on one stays with it, what begins goes to the newest."""

from __future__ import annotations

from collections import Counter

from tests.e2e.aws.cloud import Cloud
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


def _versions(cloud: Cloud) -> Counter[str]:
    """Return how many versions of each function are registered."""
    deployments = cloud.site.admin.get("/deployments").json()["deployments"]
    arns = [each["arn"].rpartition(":") for each in deployments]
    assert all(version.isdigit() for _, _, version in arns)
    return Counter(function for function, _, _ in arns)


def _status(cloud: Cloud, invocation_id: str) -> str:
    return str(cloud.site.admin.get(f"/invocations/{invocation_id}").json()["status"])
