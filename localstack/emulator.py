"""The stand-in's AWS with another DynamoDB: run by the Python of the stand-in's own virtual environment, as a script.

ministack's CloudFormation makes tables in ministack's own DynamoDB, whose queries get slow with size. Here every table
it makes or deletes is made or deleted on `HOLDFAST_DYNAMODB_URL` as well; the functions find that one by the variable
`AWS_ENDPOINT_URL_DYNAMODB`, which they inherit from this process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import boto3
from ministack.app import main
from ministack.services.cloudformation import provisioners

_TYPE = "AWS::DynamoDB::Table"
_SCHEMA = ("KeySchema", "AttributeDefinitions")


def _mirrored(handlers: dict[str, Any], client: Any) -> None:
    create: Callable[..., tuple[str, dict[str, Any]]] = handlers["create"]
    delete: Callable[..., Any] = handlers["delete"]

    def create_both(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        name, attributes = create(logical_id, props, stack_name)
        client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **{each: props[each] for each in _SCHEMA})
        return name, attributes

    def delete_both(physical_id: str, props: dict[str, Any]) -> Any:
        client.delete_table(TableName=physical_id)
        return delete(physical_id, props)

    handlers["create"], handlers["delete"] = create_both, delete_both


if __name__ == "__main__":
    if url := os.environ.get("HOLDFAST_DYNAMODB_URL"):
        _mirrored(provisioners._RESOURCE_HANDLERS[_TYPE], boto3.client("dynamodb", endpoint_url=url))
    main()
