"""The `Blobs` port on S3: large values as objects, named by who owns them and by their content."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from holdfast_aws.errors import AWS_ERRORS, code_of, store_error
from holdfast_engine.errors import StoreUnreachable

T = TypeVar("T")

# Requests under way at a time, as many as the client has connections.
_THREADS_MAX = 10

# An invocation has no more blobs than its journal has entries, and those are paused at a hundred thousand; S3 lists and
# deletes a thousand at a time. What is beyond is left to whoever looks at the bucket.
_LISTS_MAX = 200


# Digits, owner and name.
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an object: whose it is, and when it was written."""

    owner: str
    key: str
    version_id: str
    written_ms: int

    @property
    def name(self) -> str:
        """What its owner calls it."""
        return self.key.rpartition("/")[2]


class S3Blobs:
    """Blobs as objects `<two hex digits>/<owner>/<name>`.

    The digits are derived from the owner. S3 spreads a bucket over its machines by what names begin with, and all
    invocations of one service begin alike.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._threads = ThreadPoolExecutor(max_workers=_THREADS_MAX, thread_name_prefix="holdfast-s3")

    async def put(self, owner: str, name: str, content: bytes) -> None:
        """Store a blob durably; the same one again is the same object.

        Raises:
            StoreUnreachable: S3 did not take it.
        """
        await self._ask(owner, self._client.put_object, Key=_prefix(owner) + name, Body=content)

    async def get(self, owner: str, name: str) -> bytes:
        """Return a blob.

        Raises:
            StoreUnreachable: There is no such blob, or S3 did not answer.
        """

        def get() -> bytes:
            answer = self._client.get_object(Bucket=self._bucket, Key=_prefix(owner) + name)
            content: bytes = answer["Body"].read()
            return content

        return await self._in_thread(owner, get)

    async def drop(self, owner: str, name: str) -> None:
        """Delete a blob, if it is there.

        Raises:
            StoreUnreachable: S3 did not do it.
        """
        await self._ask(owner, self._client.delete_object, Key=_prefix(owner) + name)

    async def forget(self, owner: str) -> None:
        """Delete all blobs of an owner; one that has none is fine.

        Raises:
            StoreUnreachable: S3 did not do it, or not for all of them.
        """
        for _ in range(_LISTS_MAX):
            listed = await self._ask(owner, self._client.list_objects_v2, Prefix=_prefix(owner))
            # From the beginning each time: what has been deleted is not listed again.
            if not (objects := [{"Key": each["Key"]} for each in listed.get("Contents", ())]):
                return
            answer = await self._ask(owner, self._client.delete_objects, Delete={"Objects": objects, "Quiet": True})
            _check_deleted(answer, owner)
            if not listed.get("IsTruncated"):
                return
        raise StoreUnreachable(f"{owner} has more blobs than can be deleted at once: {_LISTS_MAX} thousand are gone")

    async def versions(self, place: Mapping[str, str]) -> tuple[list[Version], dict[str, str]]:
        """Return up to a thousand versions of objects behind a place, and the place they end at; empty at the end.

        Raises:
            StoreUnreachable: S3 did not answer.
        """
        listed = await self._ask("all", self._client.list_object_versions, **place)
        found = [
            Version(
                owner=each["Key"].split("/")[1],
                key=each["Key"],
                version_id=each["VersionId"],
                written_ms=int(each["LastModified"].timestamp() * 1000),
            )
            for each in listed.get("Versions", ())
            if each["Key"].count("/") == _PARTS - 1
        ]
        if not listed.get("IsTruncated"):
            return found, {}
        markers = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
        return found, {name: listed[at] for name, at in markers.items() if listed.get(at)}

    async def delete_versions(self, versions: Sequence[Version]) -> None:
        """Delete versions, up to a thousand, and no others of the same objects.

        Raises:
            StoreUnreachable: S3 did not do it, or not for all of them.
        """
        objects = [{"Key": each.key, "VersionId": each.version_id} for each in versions]
        answer = await self._ask(
            "what is gone", self._client.delete_objects, Delete={"Objects": objects, "Quiet": True}
        )
        _check_deleted(answer, "what is gone")

    def close(self) -> None:
        """Wait for the requests under way."""
        self._threads.shutdown()

    async def _ask(self, owner: str, method: Callable[..., Any], **parameters: Any) -> Any:
        return await self._in_thread(owner, lambda: method(Bucket=self._bucket, **parameters))

    async def _in_thread(self, owner: str, do: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, do)
        except AWS_ERRORS as error:
            if code_of(error) == "NoSuchKey":
                raise StoreUnreachable(f"a blob of {owner} is not in the bucket {self._bucket}") from error
            raise store_error(error, f"the blobs of {owner} cannot be reached") from error


def _check_deleted(answer: Mapping[str, Any], owner: str) -> None:
    if errors := answer.get("Errors"):
        first = errors[0]
        raise StoreUnreachable(
            f"{len(errors)} blobs of {owner} could not be deleted, the first of them because:"
            f" {first.get('Code')}: {first.get('Message')}"
        )


def _prefix(owner: str) -> str:
    return f"{sha256(owner.encode()).hexdigest()[:2]}/{owner}/"
