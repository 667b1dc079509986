"""Lambda and STS in this process: versions of functions whose handlers are ours, and roles that anybody may assume."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse

from holdfast.aws_lambda import LambdaHandler
from tests.support.function_world import Context
from tests.support.small_cloud.wire import json_response, response

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:tested"
ROLE = "arn:aws:iam::999999999999:role/caller"


class Lambda:
    """All versions of one function; an instance runs one request at a time, and one that is idle is used again."""

    def __init__(self, deploy: Callable[[], LambdaHandler]) -> None:
        self._deploy = deploy
        self._idle: list[LambdaHandler] = []
        self.deleted: list[str] = []
        self.keys: set[str] = set()
        self._lock = threading.Lock()

    def serve(self, operation: str, request: Any) -> AWSResponse:
        """Answer a request."""
        parts = urlsplit(request.url)
        name = unquote(parts.path).split("/")[3]
        if operation == "DeleteFunction":
            self.deleted.append(f"{name}?{parts.query}")
            return response(204, b"")
        assert operation == "Invoke", f"nobody serves {operation} here"
        assert name.startswith(FUNCTION)
        credential = str(request.headers["Authorization"]).partition("Credential=")[2]
        self.keys.add(credential.partition("/")[0])
        with self._lock:
            handler = self._idle.pop() if self._idle else self._deploy()
        answer = handler(json.loads(request.body), Context(lambda: 60_000))
        with self._lock:
            self._idle.append(handler)
        return json_response(answer)


class Sts:
    """Hands out credentials of roles, which last an hour."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def serve(self, operation: str, request: Any) -> AWSResponse:
        """Answer a request."""
        assert operation == "AssumeRole", f"nobody serves {operation} here"
        body = request.body if isinstance(request.body, str) else request.body.decode()
        self.asked.append(unquote(body.partition("RoleArn=")[2].partition("&")[0]))
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {"AccessKeyId": "assumed", "SecretAccessKey": "secret", "SessionToken": "token", "Expiration": until}
        credentials = "".join(f"<{name}>{value}</{name}>" for name, value in keys.items())
        result = f"<AssumeRoleResult><Credentials>{credentials}</Credentials></AssumeRoleResult>"
        return response(200, f"<AssumeRoleResponse>{result}</AssumeRoleResponse>".encode())
