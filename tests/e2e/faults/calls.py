"""The calls to AWS that the orchestrator makes, each of which is struck; and those that its sources name."""

from __future__ import annotations

import ast

import holdfast_aws
from tests.support.dynamo_stores import aws_session
from tests.support.tree import ROOT

_SERVICES = ("dynamodb", "sqs", "lambda", "s3", "sts")
# What no function does: finding an installation from a shell, where somebody looks on.
_OUTSIDE = {"installation.py", "stack.py"}

CALLS = {
    "dynamodb.BatchGetItem",
    "dynamodb.BatchWriteItem",
    "dynamodb.DeleteItem",
    "dynamodb.GetItem",
    "dynamodb.PutItem",
    "dynamodb.Query",
    "dynamodb.Scan",
    "dynamodb.TransactWriteItems",
    "dynamodb.UpdateItem",
    "lambda.DeleteFunction",
    "lambda.Invoke",
    "s3.DeleteObject",
    "s3.DeleteObjects",
    "s3.GetObject",
    "s3.ListObjectVersions",
    "s3.ListObjectsV2",
    "s3.PutObject",
    "sqs.ChangeMessageVisibilityBatch",
    "sqs.SendMessage",
    "sqs.SendMessageBatch",
    "sts.AssumeRole",
    # A function's own appends to its journal, with a client of their own.
    "signed.UpdateItem",
}


def calls_in_the_sources() -> set[str]:
    """Return every operation of the services in use whose method is named anywhere in the package."""
    operations: dict[str, set[str]] = {}
    session = aws_session()
    for service in _SERVICES:
        methods = session.create_client(service).meta.method_to_api_mapping
        for method, operation in methods.items():
            operations.setdefault(method, set()).add(f"{service}.{operation}")
    named = _named()
    return set().union(*(calls for method, calls in operations.items() if method in named))


def _named() -> set[str]:
    names: set[str] = set()
    folder = ROOT / "orchestrator" / holdfast_aws.__name__
    for path in folder.rglob("*.py"):
        if path.name in _OUTSIDE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
    return names
