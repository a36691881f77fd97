"""The kernel that every path shares. Endpoints, upload formats and commands do not belong here."""

from typing import Final

VERSION: Final = "0.1.0"
"""The version in pyproject.toml, repeated here because functions on AWS have no package metadata."""
