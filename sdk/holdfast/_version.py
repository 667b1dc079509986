"""The version of this distribution, where a zip without package metadata can read it as well."""

from typing import Final

VERSION: Final = "0.1.0"
