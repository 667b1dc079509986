"""Lambda as its callers reach it over HTTP: functions are processes on ports of this machine, named after them.

`python -m tests.support.lambda_service PORT` calls `function:on-9080` by posting the event to port 9080.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any
from urllib.parse import unquote

import httpx
import uvicorn

# A function ends somewhere, here sooner than whoever waits for it gives up.
_TIMEOUT_S = 10.0

_FUNCTION = re.compile(r".*:function:on-(\d+):1")


def arn_of(port: int) -> str:
    """Return the ARN of the function that is served on a port."""
    return f"arn:aws:lambda:eu-west-1:123456789012:function:on-{port}:1"


def settings(url: str) -> dict[str, str]:
    """Return the environment of a server that is to find its functions here."""
    return {
        "AWS_ENDPOINT_URL_LAMBDA": url,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class LambdaService:
    """The service as an ASGI app."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, verify=False, limits=httpx.Limits())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request to invoke a function."""
        event, more = b"", True
        while more:
            message = await receive()
            event, more = event + message.get("body", b""), message.get("more_body", False)
        named = _FUNCTION.fullmatch(unquote(scope["path"]).split("/")[3])
        assert named is not None, scope["path"]
        headers = [(b"content-type", b"application/json")]
        try:
            answer = await self._client.post(f"http://127.0.0.1:{named[1]}/", content=event)
            payload, has_failed = answer.content, answer.status_code != httpx.codes.OK
        except httpx.TransportError as error:
            # What Lambda says when a function's process ends, or takes too long.
            report = {"errorType": "Runtime.ExitError", "errorMessage": f"Runtime exited: {error!r}"}
            payload, has_failed = json.dumps(report).encode(), True
        if has_failed:
            headers.append((b"x-amz-function-error", b"Unhandled"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": payload})


def main() -> None:
    """Serve until stopped."""
    uvicorn.run(LambdaService(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
