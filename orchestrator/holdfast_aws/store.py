"""The `Store` on DynamoDB: journals, keys, permits and deployments over the tables of one deployment of Holdfast."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from holdfast_aws.deployments import DeploymentStore
from holdfast_aws.dynamo import Dynamo
from holdfast_aws.interventions import InterventionStore
from holdfast_aws.lifetimes import USUAL_LIFETIMES, Lifetimes
from holdfast_aws.models import TableNames
from holdfast_aws.part import Models
from holdfast_aws.permits import PermitStore
from holdfast_aws.promises import PromiseStore
from holdfast_aws.retention import RetentionStore
from holdfast_aws.values import ValueBlobs
from holdfast_engine.meter import Meter
from holdfast_engine.ports import Clock

if TYPE_CHECKING:
    from holdfast_aws.listing import DynamoListing


class DynamoStore(InterventionStore, RetentionStore, DeploymentStore, PermitStore, PromiseStore):
    """The whole port; `meter` holds what DynamoDB has billed."""

    def __init__(
        self,
        client: Any,
        tables: TableNames,
        *,
        clock: Clock,
        blobs: ValueBlobs,
        lifetimes: Lifetimes = USUAL_LIFETIMES,
    ) -> None:
        self.meter = Meter()
        super().__init__(Dynamo(client, meter=self.meter), Models.of(tables), clock, lifetimes, blobs=blobs)

    @cached_property
    def listing(self) -> DynamoListing:
        """What finds invocations for people; imported when somebody looks."""
        from holdfast_aws.listing import DynamoListing

        return DynamoListing(self)

    async def flushed(self) -> None:
        """Return at once: what DynamoDB has acknowledged is durable."""

    def close(self) -> None:
        """Wait for the requests under way."""
        self.dynamo.close()
