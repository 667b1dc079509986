"""From a grant to a checkpoint: the connections and the thread that all attempts of a function's process share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from holdfast._dynamo import DynamoClient
from holdfast._dynamo_credentials import CredentialSource
from holdfast._dynamo_http import Address
from holdfast._lambda_checkpoint import LambdaCheckpoint
from holdfast._lambda_journal import JournalWriter
from holdfast_protocol.grants import JournalGrant


class Journals:
    """Access to journals, region by region; nearly always there is one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._client_by_region: dict[str, DynamoClient] = {}
        # One function serves one attempt at a time, and an attempt's appends never overlap.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="holdfast-journal")
        region = environ.get("AWS_REGION")
        if region:
            self._client(region)

    def checkpoint(
        self, grant: JournalGrant, *, invocation_id: str, entries: Sequence[bytes], remaining_ms: Callable[[], int]
    ) -> LambdaCheckpoint:
        """Return the checkpoint of an attempt that was granted one.

        Raises:
            ValueError: it cannot be told where the table is.
        """
        client = self._client(_region_of(grant.table) or self._environ.get("AWS_REGION", ""))
        return LambdaCheckpoint(
            JournalWriter(client, grant, invocation_id=invocation_id),
            sent=entries,
            durable=grant.durable,
            taken=grant.taken,
            thread=self._thread,
            remaining_ms=remaining_ms,
        )

    def close(self) -> None:
        """End the thread and its connections."""
        self._thread.shutdown()
        for client in self._client_by_region.values():
            client.close()

    def _client(self, region: str) -> DynamoClient:
        if not region:
            raise ValueError("the environment has no AWS_REGION, and the journal's table is no ARN that names one")
        client = self._client_by_region.get(region)
        if client is None:
            client = DynamoClient(Address.of(region, self._environ), CredentialSource(self._environ))
            self._client_by_region[region] = client
        return client


def _region_of(table: str) -> str | None:
    """Return the region of a table that is given as an ARN."""
    parts = table.split(":", 5)
    return parts[3] if len(parts) == 6 and parts[0] == "arn" else None
