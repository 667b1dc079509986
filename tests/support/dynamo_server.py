"""An engine in this process whose store is DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast_aws.store import DynamoStore
from holdfast_engine.ports import Blobs
from holdfast_engine.world import Settings
from holdfast_local.in_process import LocalEndpoint
from tests.support.store_server import StoreServer


class DynamoServer(StoreServer):
    """Handlers of this process over a store that goes with it; the tables may be shared with other servers."""

    def __init__(
        self,
        store: DynamoStore,
        *,
        blobs: Blobs,
        endpoints: Mapping[str, LocalEndpoint],
        settings: Settings | None = None,
    ) -> None:
        super().__init__(store, blobs=blobs, endpoints=endpoints, settings=settings)
        self.store = store

    async def stop(self, *, within_s: float = 10.0) -> None:
        """Stop, and close the store."""
        await super().stop(within_s=within_s)
        self.store.close()
