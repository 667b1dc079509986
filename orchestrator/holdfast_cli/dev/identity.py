"""Who this server is to endpoints, and who they are to it: the key it signs with, the authorities it trusts."""

from __future__ import annotations

import ssl
from pathlib import Path

from holdfast_cli.problems import UsageProblem
from holdfast_engine.endpoints.identity import BadIdentityKey, RequestSigner
from holdfast_local.surroundings import SystemClock


def signer_of(path: Path | None) -> RequestSigner | None:
    """Return who signs with the private key in a file; None when there is no file.

    Raises:
        UsageProblem: The file cannot be read, or holds no such key.
    """
    if path is None:
        return None
    try:
        return RequestSigner(path.read_bytes(), clock=SystemClock())
    except (OSError, BadIdentityKey) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageProblem(f"The identity key file {path} cannot be used: {reason}.") from error


def checked_ca_file(path: Path | None) -> Path | None:
    """Return the path, if the file there holds certificates; None when there is no file.

    Raises:
        UsageProblem: The file cannot be read, or holds none.
    """
    if path is None:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        reason = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageProblem(f"The file of authorities {path} cannot be used: {reason}.") from error
    return path
