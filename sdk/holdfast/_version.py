"""The version of this distribution, where a zip without package metadata can read it as well."""

from typing import Final

__version__: Final = "0.1.0"

SDK_VERSION: Final = f"restate-sdk-holdfast/{__version__}"
"""How this SDK names itself to a server; stock Restate servers and their UI read `restate-sdk-<name>/<version>`."""
