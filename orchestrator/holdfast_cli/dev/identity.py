"""The key that requests to endpoints are signed with, read from a file."""

from __future__ import annotations

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
