"""The kernel that every path shares."""

from typing import Final

VERSION: Final = "0.1.0"
"""The version that pyproject.toml names; functions on AWS come without a package's metadata."""
