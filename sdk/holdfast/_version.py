"""The version of this distribution, where a zip without package metadata can read it as well."""

from typing import Final

VERSION: Final = "0.1.0"

SDK_VERSION: Final = f"restate-sdk-holdfast/{VERSION}"
"""How this SDK names itself to a server; stock Restate servers and their UI read `restate-sdk-<name>/<version>`."""
