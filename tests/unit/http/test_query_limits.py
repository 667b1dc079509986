"""A query that needs only so many rows says so to the store; one that may need more of them does not."""

from __future__ import annotations

import pytest

from holdfast_http.query import worker
from holdfast_http.query.planning import wanted_of

OF_A = "FROM sys_invocation WHERE target_service_name = 'a'"


def _limit(query: str) -> int | None:
    (wanted,) = wanted_of(worker._frame(query, {}).optimized_logical_plan())
    return wanted.limit


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        (f"SELECT id {OF_A} LIMIT 100", 100),
        (f"SELECT id {OF_A} LIMIT 100 OFFSET 5", 105),
        (f"SELECT id {OF_A} AND status <> 'paused' ORDER BY created_at DESC LIMIT 7", 7),
        (f"SELECT id {OF_A} AND status IN ('paused', 'running') ORDER BY created_at DESC LIMIT 7", 7),
        ("SELECT i.id AS x FROM sys_invocation_status i ORDER BY i.created_at DESC LIMIT 7", 7),
    ],
)
def test_what_suffices_is_said(query: str, limit: int) -> None:
    """When every row with the values is one of the result, or the newest are, the limit is the store's as well."""
    assert _limit(query) == limit


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT id {OF_A} ORDER BY created_at LIMIT 7",
        f"SELECT id {OF_A} ORDER BY created_at DESC, id LIMIT 7",
        f"SELECT id {OF_A} AND length(id) > 3 LIMIT 7",
        f"SELECT id {OF_A} OR status = 'paused' LIMIT 7",
        f"SELECT id {OF_A} AND pinned_deployment_id = 'dp_1' LIMIT 7",
        f"SELECT DISTINCT status {OF_A} LIMIT 7",
        f"SELECT count(*) {OF_A} LIMIT 7",
        "SELECT id FROM sys_invocation WHERE target_service_name IN ('a', 'b') LIMIT 7",
        "SELECT id FROM sys_invocation WHERE id IN ('a', 'b') AND status = 'paused' LIMIT 1",
        "SELECT modified_at AS created_at FROM sys_invocation ORDER BY created_at DESC LIMIT 7",
        "SELECT * FROM (SELECT id, modified_at AS created_at FROM sys_invocation) i ORDER BY i.created_at DESC LIMIT 7",
        f"SELECT * FROM (SELECT id, status || 'x' AS s {OF_A}) WHERE s = 'pausedx' LIMIT 7",
        "SELECT service_key FROM sys_inbox WHERE service_name = 'a' LIMIT 7",
    ],
)
def test_what_may_take_more_is_read_whole(query: str) -> None:
    """Another order, a filter the store does not know, or rows that become fewer above: then no limit is given."""
    assert _limit(query) is None
