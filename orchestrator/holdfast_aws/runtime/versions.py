"""Published versions of functions, by boto's client."""

from __future__ import annotations

import asyncio
from typing import Any

from holdfast_aws.errors import AWS_ERRORS, code_of, unavailable
from holdfast_engine.errors import Unavailable


class LambdaVersions:
    """Deletes versions, never a function."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def delete(self, version_arn: str) -> None:
        """Delete a version; one that is gone is no matter.

        Raises:
            Unavailable: Lambda did not do it.
        """
        version = version_arn.rpartition(":")[2]
        # Without a version the request would delete the whole function. It is named twice: in the ARN, as only the
        # versions of functions are what the registrar may delete, and as the parameter that says so.
        assert version.isdigit(), f"{version_arn} names no version"
        try:
            await asyncio.to_thread(self._client.delete_function, FunctionName=version_arn, Qualifier=version)
        except AWS_ERRORS as error:
            if code_of(error) != "ResourceNotFoundException":
                raise unavailable(error, f"deleting {version_arn}", Unavailable) from error
