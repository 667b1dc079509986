"""Requests to an installation on AWS, signed: its URLs let in whom IAM lets in."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from holdfast_cli.problems import UsageProblem

# A function URL, or an HTTP API; both say in their names where they are.
_HOST = re.compile(r".+\.(?P<service>lambda-url|execute-api)\.(?P<region>[a-z0-9-]+)\.(on\.aws|amazonaws\.com)")
_SIGNED_AS = {"lambda-url": "lambda", "execute-api": "execute-api"}


def signed_headers(method: str, address: str, body: bytes) -> dict[str, str]:
    """Return the headers that a request of these credentials needs; none where nobody asks for a signature.

    Without credentials none are returned either: an ingress may be open to everybody, and whoever is not says so.

    Raises:
        UsageProblem: What signing takes is not installed.
    """
    host = _HOST.fullmatch(urlsplit(address).hostname or "")
    if host is None:
        return {}
    try:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
    except ImportError as error:
        raise UsageProblem(f"A URL of AWS needs pip install 'holdfast[aws]': {error.name} is missing.") from error
    credentials = _credentials()
    if credentials is None:
        return {}
    request = AWSRequest(method=method, url=address, data=body)
    SigV4Auth(credentials, _SIGNED_AS[host["service"]], host["region"]).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@cache
def _credentials() -> Any:
    import botocore.session

    return botocore.session.get_session().get_credentials()
