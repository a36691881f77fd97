"""The kernel that every path shares. An endpoint, a format of uploads or a command does not belong here."""

from typing import Final

VERSION: Final = "0.1.0"
"""The version in pyproject.toml, repeated here because functions on AWS have no package metadata."""
