"""S3 in this process: one bucket of objects, one version of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

from botocore.awsrequest import AWSResponse

from tests.support.small_cloud.wire import response

_LONG_AGO = "2020-01-01T00:00:00.000Z"


class S3:
    """Objects by key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def serve(self, operation: str, request: Any) -> AWSResponse:
        """Answer a request."""
        parts = urlsplit(request.url)
        # The first segment is the bucket's.
        key = unquote(parts.path).lstrip("/").partition("/")[2]
        prefix = parse_qs(parts.query).get("prefix", [""])[0]
        match operation:
            case "PutObject":
                self.objects[key] = _content(request.body)
                return response(200, b"")
            case "GetObject" if key in self.objects:
                return response(200, self.objects[key])
            case "GetObject":
                return response(404, b"<Error><Code>NoSuchKey</Code><Message>because</Message></Error>")
            case "DeleteObject":
                self.objects.pop(key, None)
                return response(204, b"")
            case "ListObjectsV2":
                found = "".join(f"<Contents><Key>{each}</Key></Contents>" for each in self._keys(prefix))
                return response(200, f"<ListBucketResult>{found}</ListBucketResult>".encode())
            case "ListObjectVersions":
                found = "".join(_version(each) for each in self._keys(prefix))
                return response(200, f"<ListVersionsResult>{found}</ListVersionsResult>".encode())
            case "DeleteObjects":
                for each in ET.fromstring(_content(request.body)).iter():
                    if each.tag.endswith("Key") and each.text is not None:
                        self.objects.pop(each.text, None)
                return response(200, b"<DeleteResult></DeleteResult>")
        raise AssertionError(f"nobody serves {operation} here")

    def _keys(self, prefix: str) -> Iterator[str]:
        return (key for key in sorted(self.objects) if key.startswith(prefix))


def _version(key: str) -> str:
    return f"<Version><Key>{key}</Key><VersionId>1</VersionId><LastModified>{_LONG_AGO}</LastModified></Version>"


def _content(body: Any) -> bytes:
    content = body.read() if hasattr(body, "read") else body
    return content if isinstance(content, bytes) else str(content or "").encode()
