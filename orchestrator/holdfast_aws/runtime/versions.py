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
        function_arn, _, version = version_arn.rpartition(":")
        # Without a qualifier the request would delete the whole function.
        assert version.isdigit(), f"{version_arn} names no version"
        try:
            await asyncio.to_thread(self._client.delete_function, FunctionName=function_arn, Qualifier=version)
        except AWS_ERRORS as error:
            if code_of(error) != "ResourceNotFoundException":
                raise unavailable(error, f"deleting {version_arn}", Unavailable) from error
