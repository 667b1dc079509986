"""The state of one key as the admin API has it: read with its version, written only over that version."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Which key."""

    service: str
    key: str
    scope: str | None

    def __str__(self) -> str:
        """Return it as people say it."""
        return f"{self.service}/{self.key}" + (f" of scope {self.scope}" if self.scope is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A state as it was read; `holder` is the invocation that has the key, and may be writing."""

    values: Mapping[str, bytes]
    version: str
    holder: str | None


def read(client: AdminClient, named: Named) -> Read:
    """Return the state of a key; one that was never used has none.

    Raises:
        RequestFailed: There is no such service, or it has no keys.
    """
    query = None if named.scope is None else {"scope": named.scope}
    answer = client.request("GET", "keys", named.service, named.key, query=query)
    values = {name: _bytes(shown) for name, shown in answer["state"].items()}
    holder = answer["holder"]
    return Read(values=values, version=answer["version"], holder=None if holder is None else holder["id"])


def write(client: AdminClient, named: Named, values: Mapping[str, bytes], *, over: Read) -> None:
    """Replace a state, if it is still the one that was read.

    Between reading and writing an invocation may come and write: then the version differs, and nothing is written.

    Raises:
        RequestFailed: It is another one by now, or an invocation holds the key.
    """
    body: dict[str, Any] = {
        "object_key": named.key,
        "version": over.version,
        "new_state": {name: list(value) for name, value in values.items()},
    }
    if named.scope is not None:
        body["scope"] = named.scope
    client.request("POST", "services", named.service, "state", body=body)


def _bytes(shown: dict[str, str]) -> bytes:
    return shown["text"].encode() if "text" in shown else b64decode(shown["base64"])
